//! Which of the processes that were started together this one is, by the variables of whoever started them.

use std::ffi::OsString;

use datlake_core::{Error, ErrorKind, Result};

/// Decides alone where it is set.
const OWN: &str = "DATLAKE_RANK";
/// Ranks among processes that were started at once, counted from 0. The first that is set counts: `mpirun` in a job of Slurm passes
/// the job's own on.
const RANKS: [&str; 4] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"];

/// Which of several processes this one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Nobody says that there are others.
    #[default]
    Alone,
    First,
    Other,
}

impl Rank {
    /// That of the process with these variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where `DATLAKE_RANK` is no number.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let text = |name| variable(name).filter(|value| !value.is_empty());
        let number = |name| text(name)?.to_str()?.parse::<u64>().ok();
        if let Some(value) = text(OWN) {
            let rank = number(OWN).ok_or_else(|| {
                let value: String = value.to_string_lossy().chars().take(40).flat_map(char::escape_debug).collect();
                Error::new(ErrorKind::Config, format!("{OWN} is `{value}`")).with_hint("it may be a number from 0 on")
            })?;
            return Ok(if rank == 0 { Self::First } else { Self::Other });
        }
        let levels = [
            // Each task of an array counts its own processes from 0.
            number("SLURM_ARRAY_TASK_ID").map(|task| task == number("SLURM_ARRAY_TASK_MIN").unwrap_or(0)),
            number("JOB_COMPLETION_INDEX").map(|index| index == 0),
            RANKS.into_iter().find_map(number).map(|rank| rank == 0),
            number("PARALLEL_SEQ").map(|sequence| sequence == 1),
        ];
        Ok(match levels.into_iter().flatten().reduce(|all, one| all && one) {
            None => Self::Alone,
            Some(true) => Self::First,
            Some(false) => Self::Other,
        })
    }
}

/// Whether this is the first of the processes that were started together to share a program's work, or the only one: the one to print
/// results. Nobody waits for anybody here: every process gets every result.
///
/// Slurm, MPI, an Indexed Job of Kubernetes and GNU parallel tell it each process. Where something else starts them, set `DATLAKE_RANK` to
/// 0, 1, 2, … If that is no number, the default lake is not opened, and every process counts as first.
///
/// ```
/// if datlake::is_first() {
///     println!("done");
/// }
/// ```
pub fn is_first() -> bool {
    !matches!(Rank::of(|name| std::env::var_os(name)), Ok(Rank::Other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(variables: &[(&str, &str)]) -> Result<Rank> {
        Rank::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn each_engine_says_who_is_first() {
        use Rank::{Alone, First, Other};
        for (variables, expected) in [
            (&[][..], Alone),
            (&[("SLURM_PROCID", "")], Alone),
            (&[("SLURM_PROCID", "many")], Alone),
            (&[("SLURM_PROCID", "0")], First),
            (&[("SLURM_PROCID", "3")], Other),
            (&[("OMPI_COMM_WORLD_RANK", "1")], Other),
            (&[("PMIX_RANK", "1")], Other),
            (&[("PMI_RANK", "1")], Other),
            // `mpirun` in the script of a job.
            (&[("SLURM_PROCID", "0"), ("OMPI_COMM_WORLD_RANK", "2")], Other),
            (&[("SLURM_PROCID", "1"), ("PMI_RANK", "0")], First),
            // Each task of an array.
            (&[("SLURM_PROCID", "0"), ("SLURM_ARRAY_TASK_ID", "5"), ("SLURM_ARRAY_TASK_MIN", "5")], First),
            (&[("SLURM_PROCID", "0"), ("SLURM_ARRAY_TASK_ID", "6"), ("SLURM_ARRAY_TASK_MIN", "5")], Other),
            (&[("SLURM_PROCID", "1"), ("SLURM_ARRAY_TASK_ID", "5"), ("SLURM_ARRAY_TASK_MIN", "5")], Other),
            (&[("JOB_COMPLETION_INDEX", "0")], First),
            (&[("JOB_COMPLETION_INDEX", "1")], Other),
            (&[("PARALLEL_SEQ", "1")], First),
            (&[("PARALLEL_SEQ", "2")], Other),
            (&[("DATLAKE_RANK", "0"), ("SLURM_PROCID", "7")], First),
            (&[("DATLAKE_RANK", "1"), ("SLURM_PROCID", "0")], Other),
        ] {
            assert_eq!(rank(variables).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_rank_that_is_no_number_is_refused() {
        for wrong in ["first", "-1", "0x1", "1\u{1b}[31m"] {
            let error = rank(&[("DATLAKE_RANK", wrong)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                error.to_string().contains("DATLAKE_RANK is `") && !error.to_string().contains('\u{1b}'),
                "{error}"
            );
        }
    }
}
