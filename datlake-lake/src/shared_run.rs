//! Which processes were started together, by the variables of whoever started them; and whether all are one build.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use datlake_core::run::{Scheduled, SharedRun};

/// What `datlake run` calls the processes that it starts.
const RUN: &str = "DATLAKE_RUN";
/// How many it starts.
const SIZE: &str = "DATLAKE_RUN_SIZE";
/// The program's file name, a colon, and the digest of its content.
const PROGRAM: &str = "DATLAKE_RUN_PROGRAM";
/// The longest name of a shared run.
const LONGEST: usize = 64;

/// The shared run of this process, if it was not started alone.
pub fn here() -> Option<&'static SharedRun> {
    static HERE: OnceLock<Option<SharedRun>> = OnceLock::new();
    HERE.get_or_init(|| of(|name| std::env::var_os(name))).as_ref()
}

fn of(variable: impl Fn(&str) -> Option<OsString>) -> Option<SharedRun> {
    let text = |name: &str| variable(name)?.into_string().ok().filter(|value| is_name(value));
    let number = |name: &&str| text(name)?.parse::<u64>().ok();
    let job = || {
        let job = text("SLURM_ARRAY_JOB_ID").or_else(|| text("SLURM_JOB_ID"))?;
        // A job may start one program after another.
        Some(format!("slurm-{job}.{}", text("SLURM_STEP_ID").unwrap_or_else(|| "batch".to_owned())))
    };
    Some(SharedRun {
        id: text(RUN).or_else(job)?,
        rank: ["DATLAKE_RANK", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "SLURM_PROCID"].iter().find_map(number),
        of: [SIZE, "SLURM_ARRAY_TASK_COUNT", "SLURM_NTASKS"].iter().find_map(number),
    })
}

/// Where a scheduler put this process.
pub(crate) fn place() -> Option<Scheduled> {
    place_of(|name| std::env::var_os(name))
}

fn place_of(variable: impl Fn(&str) -> Option<OsString>) -> Option<Scheduled> {
    let text = |name: &str| variable(name)?.into_string().ok().filter(|value| is_name(value));
    let by = |by: &str, cluster, node, job| Scheduled { by: by.to_owned(), cluster, node, job };
    // First: a cluster of Ray's may itself be a job of Slurm's. `datlake run` says what it calls the job, and the node.
    if let Some(job) = text("RAY_JOB_ID") {
        return Some(by("ray", None, text("DATLAKE_RAY_NODE"), text("DATLAKE_RAY_JOB").or(Some(job))));
    }
    if let Some(job) = text("SLURM_JOB_ID") {
        let task =
            text("SLURM_ARRAY_JOB_ID").zip(text("SLURM_ARRAY_TASK_ID")).map(|(job, task)| format!("{job}_{task}"));
        return Some(by("slurm", text("SLURM_CLUSTER_NAME"), text("SLURMD_NODENAME"), task.or(Some(job))));
    }
    // A pod's host is the pod.
    text("KUBERNETES_SERVICE_HOST").map(|_| by("kubernetes", None, text("NODE_NAME"), text("HOSTNAME")))
}

/// How many CPUs this process was given, where somebody says so.
pub fn cpus() -> Option<usize> {
    cpus_of(|name| std::env::var_os(name))
}

fn cpus_of(variable: impl Fn(&str) -> Option<OsString>) -> Option<usize> {
    let text = |name: &str| variable(name)?.into_string().ok();
    let own =
        || text("DATLAKE_RESOURCES")?.split(',').find_map(|given| given.trim().strip_prefix("cpus=")?.parse().ok());
    own().or_else(|| text("SLURM_CPUS_PER_TASK")?.parse().ok()).filter(|cpus| *cpus > 0)
}

fn is_name(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&text.len()) && text.chars().all(fine)
}

/// Whether this process is another build of the program that the shared run was started with: code is part of a call's key, so its calls
/// would be made twice. Asked once; it reads the program's file. `true` is answered once.
pub fn is_another_build() -> bool {
    static ASKED: OnceLock<()> = OnceLock::new();
    let mut another = false;
    ASKED.get_or_init(|| another = std::env::var(PROGRAM).is_ok_and(|program| differs(&program, running().as_deref())));
    another
}

/// The file that runs, also where another has taken its place.
fn running() -> Option<std::path::PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() { Some(itself.to_owned()) } else { std::env::current_exe().ok() }
}

/// Whether the file is of the name of `program` and has other content. A program of another name was started by that one, such as a script.
fn differs(program: &str, file: Option<&Path>) -> bool {
    let Some(((name, digest), file)) = program.rsplit_once(':').zip(file) else { return false };
    let called = std::env::current_exe().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    // What was deleted is called so.
    let called = called.as_deref().map(|called| called.strip_suffix(" (deleted)").unwrap_or(called));
    let mut hasher = blake3::Hasher::new();
    let hashed = std::fs::File::open(file).and_then(|file| hasher.update_reader(file).map(drop));
    called == Some(name) && hashed.is_ok() && hasher.finalize().to_hex().as_str() != digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(variables: &[(&str, &str)]) -> Option<(String, Option<u64>, Option<u64>)> {
        let run = of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))?;
        Some((run.id, run.rank, run.of))
    }

    #[test]
    fn each_engine_says_what_was_started_together() {
        let is = |id: &str, rank, of| Some((id.to_owned(), rank, of));
        for (variables, expected) in [
            (&[][..], None),
            (&[("DATLAKE_RANK", "1")], None),
            (&[("DATLAKE_RUN", "no name")], None),
            (
                &[("DATLAKE_RUN", "3f9a"), ("DATLAKE_RANK", "1"), ("DATLAKE_RUN_SIZE", "4")],
                is("3f9a", Some(1), Some(4)),
            ),
            (&[("DATLAKE_RUN", "3f9a"), ("JOB_COMPLETION_INDEX", "2")], is("3f9a", Some(2), None)),
            (
                &[("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0"), ("SLURM_PROCID", "3"), ("SLURM_NTASKS", "8")],
                is("slurm-7.0", Some(3), Some(8)),
            ),
            (
                &[
                    ("SLURM_JOB_ID", "9"),
                    ("SLURM_ARRAY_JOB_ID", "7"),
                    ("SLURM_ARRAY_TASK_ID", "2"),
                    ("SLURM_PROCID", "0"),
                ],
                is("slurm-7.batch", Some(2), None),
            ),
        ] {
            assert_eq!(shared(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn each_engine_says_where_a_process_is_and_what_it_was_given() {
        let variables = |variables: &'static [(&str, &str)]| {
            move |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        let slurm = &[
            ("SLURM_JOB_ID", "9"),
            ("SLURM_ARRAY_JOB_ID", "7"),
            ("SLURM_ARRAY_TASK_ID", "2"),
            ("SLURM_CLUSTER_NAME", "c"),
            ("SLURMD_NODENAME", "n1"),
            ("SLURM_CPUS_PER_TASK", "4"),
        ];
        let some = |text: &str| Some(text.to_owned());
        let place = Scheduled { by: "slurm".to_owned(), cluster: some("c"), node: some("n1"), job: some("7_2") };
        assert_eq!((place_of(variables(slurm)), cpus_of(variables(slurm))), (Some(place), Some(4)));
        assert_eq!((place_of(variables(&[])), cpus_of(variables(&[]))), (None, None));
        let ray = &[
            ("SLURM_JOB_ID", "9"),
            ("RAY_JOB_ID", "02000000"),
            ("DATLAKE_RAY_NODE", "10.0.0.7"),
            ("DATLAKE_RAY_JOB", "datlake-1"),
        ];
        let place = Scheduled { by: "ray".to_owned(), cluster: None, node: some("10.0.0.7"), job: some("datlake-1") };
        assert_eq!(place_of(variables(ray)), Some(place));
        let given = &[("DATLAKE_RESOURCES", "memory=7, cpus=3"), ("SLURM_CPUS_PER_TASK", "4")];
        assert_eq!(cpus_of(variables(given)), Some(3));
        assert_eq!(cpus_of(variables(&[("DATLAKE_RESOURCES", "cpus=0")])), None);
    }

    #[test]
    fn another_build_is_the_same_program_with_other_content() {
        let running = running().unwrap();
        let name = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let digest = blake3::hash(&std::fs::read(&running).unwrap()).to_hex();
        let other = blake3::hash(b"another build").to_hex();
        for (program, expected) in [
            (format!("{name}:{digest}"), false),
            (format!("{name}:{other}"), true),
            (format!("mpirun:{other}"), false),
            ("nothing".to_owned(), false),
        ] {
            assert_eq!(differs(&program, Some(&running)), expected, "{program}");
        }
    }
}
