//! Which processes were started together, by the variables of whoever started them; and whether all are one build.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use datlake_core::Digest;
use datlake_core::run::{BodyProcess, ProcessUsage, Scheduled, SharedRun};
use datlake_store::{cpu_time, hash_file, peak_memory};

use crate::rank::Numbered;
use crate::resources;

/// What `datlake run` calls the processes that it starts.
const RUN: &str = "DATLAKE_RUN";
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
    let job = || {
        let job = text("SLURM_ARRAY_JOB_ID").or_else(|| text("SLURM_JOB_ID"))?;
        // A job may start one program after another.
        Some(format!("slurm-{job}.{}", text("SLURM_STEP_ID").unwrap_or_else(|| "batch".to_owned())))
    };
    // What Open MPI calls the processes of one `mpirun`.
    let mpi = || {
        let name = variable("PMIX_NAMESPACE")?.into_string().ok()?;
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Some(format!("mpi-{}", name.chars().map(plain).collect::<String>())).filter(|name| is_name(name))
    };
    let Numbered { number, of } = Numbered::of(&variable);
    Some(SharedRun { id: text(RUN).or_else(job).or_else(mpi)?, rank: number, of })
}

/// Where a scheduler put this process.
pub(crate) fn place() -> Option<Scheduled> {
    place_of(|name| std::env::var_os(name))
}

/// This process as the one in which a body ran, before which it had used so much of CPUs; `None` where it was started alone.
pub fn process(cpu_before: Option<Duration>) -> Option<BodyProcess> {
    let shared = here()?.clone();
    let cpu = cpu_time().zip(cpu_before).map(|(now, before)| now.saturating_sub(before));
    let cpu_ms = cpu.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let used = Some(ProcessUsage { peak_memory: peak_memory(), cpu_ms });
    Some(BodyProcess { shared: Some(shared), place: place(), given: resources::given().ok(), used })
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

/// Whether this process is another build of the program that the shared run was started with, where that is known: code is part of a call's
/// key, so its calls would be made twice. It reads the program's file.
pub(crate) fn is_told_to_be_another_build() -> Option<bool> {
    let program = std::env::var(PROGRAM).ok()?;
    let (name, digest) = program.rsplit_once(':')?;
    // A program of another name was started by that one, such as a script.
    Some(program_name()?.as_str() == name && build()?.to_string() != digest)
}

/// The digest of the file that runs, also where another has taken its place: two processes with one are one build.
pub(crate) fn build() -> Option<Digest> {
    static BUILD: OnceLock<Option<Digest>> = OnceLock::new();
    *BUILD.get_or_init(|| {
        let itself = Path::new("/proc/self/exe");
        let file = if itself.exists() { itself.to_owned() } else { std::env::current_exe().ok()? };
        Some(hash_file(&file).ok()?.0)
    })
}

fn program_name() -> Option<String> {
    let name = std::env::current_exe().ok()?.file_name()?.to_string_lossy().into_owned();
    // What was deleted is called so.
    Some(name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned())
}

fn is_name(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&text.len()) && text.chars().all(fine)
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
            (
                &[("PMIX_NAMESPACE", "prterun-n1-4711@1"), ("PMIX_RANK", "3"), ("OMPI_COMM_WORLD_SIZE", "8")],
                is("mpi-prterun-n1-4711-1", Some(3), Some(8)),
            ),
        ] {
            assert_eq!(shared(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn each_engine_says_where_a_process_is() {
        let variables = |variables: &'static [(&str, &str)]| {
            move |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        let slurm = &[
            ("SLURM_JOB_ID", "9"),
            ("SLURM_ARRAY_JOB_ID", "7"),
            ("SLURM_ARRAY_TASK_ID", "2"),
            ("SLURM_CLUSTER_NAME", "c"),
            ("SLURMD_NODENAME", "n1"),
        ];
        let some = |text: &str| Some(text.to_owned());
        let place = Scheduled { by: "slurm".to_owned(), cluster: some("c"), node: some("n1"), job: some("7_2") };
        assert_eq!(place_of(variables(slurm)), Some(place));
        assert_eq!(place_of(variables(&[])), None);
        let ray = &[
            ("SLURM_JOB_ID", "9"),
            ("RAY_JOB_ID", "02000000"),
            ("DATLAKE_RAY_NODE", "10.0.0.7"),
            ("DATLAKE_RAY_JOB", "datlake-1"),
        ];
        let place = Scheduled { by: "ray".to_owned(), cluster: None, node: some("10.0.0.7"), job: some("datlake-1") };
        assert_eq!(place_of(variables(ray)), Some(place));
    }
}
