//! What this process was given of its machine: by whoever started it, or else all that there is.

use std::ffi::OsString;
use std::sync::OnceLock;

#[cfg(doc)]
use datlake_core::ErrorKind;
use datlake_core::{Given, Result};
use datlake_store::machine;

use crate::config::{RESOURCES as OWN, resources_of as parse};

/// What the largest process has of those that were started together, where they were not given the same.
const LARGEST: &str = "DATLAKE_RUN_RESOURCES";

/// What this process was given of its machine: by `DATLAKE_RESOURCES`, else by Slurm or Ray, or else all that there is. What bodies
/// ask for is taken of it.
///
/// # Errors
/// [`ErrorKind::Config`] where `DATLAKE_RESOURCES` is not understood.
///
/// ```
/// println!("{}", datlake::given()?); // as `4 CPUs, 0 GPUs and 16 GiB of memory`
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn given() -> Result<Given> {
    static HERE: OnceLock<Result<Given>> = OnceLock::new();
    HERE.get_or_init(|| {
        let told = told(|name| std::env::var_os(name))?;
        Ok(told.or(of_machine()))
    })
    .clone()
}

/// What the largest process of this one's run was given, where somebody says so, or all were given the same.
///
/// # Errors
/// [`ErrorKind::Config`] where `DATLAKE_RUN_RESOURCES` is not understood.
pub fn largest() -> Result<Option<Given>> {
    Ok(match largest_of(|name| std::env::var_os(name))? {
        Largest::Is(known) => Some(known.or(given()?)),
        Largest::AllAlike => Some(given()?),
        Largest::Unknown => None,
    })
}

/// What is known of the processes that were started together.
#[derive(Debug, PartialEq, Eq)]
enum Largest {
    Is(Given),
    AllAlike,
    Unknown,
}

fn largest_of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Largest> {
    if let Some(text) = text(&variable, LARGEST) {
        return Ok(Largest::Is(parse(LARGEST, &text)?));
    }
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    // Of a job of several parts each has resources of its own. What was set for a process by itself may be its own, too.
    let by_slurm = is_set("SLURM_JOB_ID") && !is_set("SLURM_HET_SIZE") && !is_set(OWN);
    let by_kubernetes = is_set("JOB_COMPLETION_INDEX");
    let by_datlake = is_set("DATLAKE_RUN_PROGRAM");
    Ok(if by_slurm || by_kubernetes || by_datlake { Largest::AllAlike } else { Largest::Unknown })
}

/// How many CPUs this process was given.
pub fn cpus() -> usize {
    // What is wrong with it is reported where the lake is opened.
    let cpus = given().ok().and_then(|given| usize::try_from(given.cpus?).ok());
    cpus.or_else(machine::cpus).unwrap_or(1)
}

fn of_machine() -> Given {
    Given { cpus: machine::cpus().map(|cpus| cpus as u64), gpus: Some(machine::gpus()), memory: machine::memory() }
}

fn text(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<String> {
    Some(variable(name)?.to_string_lossy().into_owned()).filter(|text| !text.is_empty())
}

/// What the variables of whoever started this process say.
///
/// # Errors
/// [`ErrorKind::Config`] where `DATLAKE_RESOURCES` is not understood.
fn told(variable: impl Fn(&str) -> Option<OsString>) -> Result<Given> {
    let own = text(&variable, OWN).map(|text| parse(OWN, &text)).transpose()?.unwrap_or_default();
    // A cluster of Ray's may itself be a job of Slurm's.
    let by_ray = text(&variable, "RAY_JOB_ID").is_some();
    let by_engine = if by_ray { ray(&variable) } else { slurm(&variable) };
    let visible = Given { gpus: visible(&variable), ..Given::default() };
    Ok(own.or(by_engine).or(visible))
}

/// A job's memory is that of each node, or of each CPU, in MiB; 0 is all that a node has.
fn slurm(variable: &impl Fn(&str) -> Option<OsString>) -> Given {
    if text(variable, "SLURM_JOB_ID").is_none() {
        return Given::default();
    }
    let number = |name: &str| text(variable, name)?.parse::<u64>().ok();
    // `2(x3),1` are three nodes with two tasks, and one with one.
    let first = |name: &str| text(variable, name)?.split(['(', ',']).next()?.parse::<u64>().ok();
    let tasks = first("SLURM_STEP_TASKS_PER_NODE").or_else(|| first("SLURM_TASKS_PER_NODE")).unwrap_or(1).max(1);
    let share = |whole: u64| (whole / tasks).max(1);
    let cpus = number("SLURM_CPUS_PER_TASK").or_else(|| number("SLURM_CPUS_ON_NODE").map(share));
    let some = |number: &u64| *number > 0;
    let per_cpu =
        || number("SLURM_MEM_PER_CPU").filter(some).zip(cpus).map(|(memory, cpus)| memory.saturating_mul(cpus));
    let memory = number("SLURM_MEM_PER_NODE").filter(some).map(share).or_else(per_cpu);
    // With a type before it: `a100:2`.
    let per_task = || text(variable, "SLURM_GPUS_PER_TASK")?.rsplit(':').next()?.parse::<u64>().ok();
    let gpus = per_task().or_else(|| number("SLURM_GPUS_ON_NODE").map(|gpus| gpus / tasks));
    Given { cpus: cpus.filter(some), gpus, memory: memory.map(|mib| mib.saturating_mul(1 << 20)) }
}

/// Ray holds nobody to its CPUs. It tells programs how many threads are theirs.
fn ray(variable: &impl Fn(&str) -> Option<OsString>) -> Given {
    let threads = || text(variable, "OMP_NUM_THREADS")?.parse::<u64>().ok().filter(|threads| *threads > 0);
    Given { cpus: threads(), ..Given::default() }
}

/// The GPUs that programs of this process may see.
fn visible(variable: &impl Fn(&str) -> Option<OsString>) -> Option<u64> {
    let value = variable("CUDA_VISIBLE_DEVICES")?.to_string_lossy().into_owned();
    // Behind the first that is none, none counts.
    let is_one = |device: &&str| !device.is_empty() && *device != "NoDevFiles" && !device.starts_with('-');
    Some(value.split(',').map(str::trim).take_while(is_one).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_by(variables: &[(&str, &str)]) -> Result<Given> {
        told(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    fn given(cpus: impl Into<Option<u64>>, gpus: impl Into<Option<u64>>, memory: impl Into<Option<u64>>) -> Given {
        Given { cpus: cpus.into(), gpus: gpus.into(), memory: memory.into() }
    }

    #[test]
    fn each_engine_says_what_a_process_was_given() {
        let slurm = ("SLURM_JOB_ID", "7");
        for (variables, expected) in [
            (&[][..], Given::default()),
            (&[(OWN, "cpus=4,gpus=1,memory=16GiB")], given(4, 1, 16 << 30)),
            (&[(OWN, " memory = 512 MB, cpus=3 ,")], given(3, None, 512 << 20)),
            (
                &[(OWN, "cpus=3"), slurm, ("SLURM_CPUS_PER_TASK", "8"), ("SLURM_MEM_PER_NODE", "100")],
                given(3, None, 100 << 20),
            ),
            (&[slurm, ("SLURM_CPUS_PER_TASK", "8"), ("SLURM_MEM_PER_CPU", "100")], given(8, None, 800 << 20)),
            (
                &[
                    slurm,
                    ("SLURM_CPUS_ON_NODE", "8"),
                    ("SLURM_TASKS_PER_NODE", "2(x3),1"),
                    ("SLURM_MEM_PER_NODE", "64"),
                    ("SLURM_GPUS_ON_NODE", "4"),
                ],
                given(4, 2, 32 << 20),
            ),
            (&[slurm, ("SLURM_MEM_PER_NODE", "0"), ("SLURM_GPUS_PER_TASK", "a100:2")], given(None, 2, None)),
            (&[("SLURM_CPUS_PER_TASK", "8")], Given::default()),
            (&[("RAY_JOB_ID", "01000000"), ("OMP_NUM_THREADS", "6")], given(6, None, None)),
            (&[("OMP_NUM_THREADS", "6")], Given::default()),
            (&[("CUDA_VISIBLE_DEVICES", "0,1")], given(None, 2, None)),
            (&[("CUDA_VISIBLE_DEVICES", "")], given(None, 0, None)),
            (&[("CUDA_VISIBLE_DEVICES", "GPU-5a,-1,3")], given(None, 1, None)),
        ] {
            assert_eq!(told_by(variables).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn processes_that_an_engine_starts_alike_have_the_same() {
        let largest = |variables: &[(&str, &str)]| {
            largest_of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
                .unwrap()
        };
        for (variables, expected) in [
            (&[][..], Largest::Unknown),
            (&[("DATLAKE_RUN", "a")], Largest::Unknown),
            (&[("DATLAKE_RUN_PROGRAM", "a:3f")], Largest::AllAlike),
            (&[("JOB_COMPLETION_INDEX", "0")], Largest::AllAlike),
            (&[("SLURM_JOB_ID", "7")], Largest::AllAlike),
            (&[("SLURM_JOB_ID", "7"), ("SLURM_HET_SIZE", "2")], Largest::Unknown),
            (&[("SLURM_JOB_ID", "7"), (OWN, "cpus=1")], Largest::Unknown),
            (&[("DATLAKE_RUN_PROGRAM", "a:3f"), (LARGEST, "gpus=8")], Largest::Is(given(None, 8, None))),
        ] {
            assert_eq!(largest(variables), expected, "{variables:?}");
        }
    }
}
