//! Which of the processes that were started together this one is, by the variables of whoever started them.

use std::ffi::OsString;

use datlake_core::{Error, ErrorKind, Result};

/// Decides alone where it is set.
const OWN: &str = "DATLAKE_RANK";
/// How many processes were started, by `datlake run`.
const OWN_SIZE: &str = "DATLAKE_RUN_SIZE";
/// Ranks among processes that were started at once, counted from 0, and how many these are. The first that is set counts: `mpirun` in a job of
/// Slurm passes the job's own on.
const RANKS: [(&str, &str); 4] = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMIX_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
];

/// Which of several processes this one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Nobody says that there are others.
    #[default]
    Alone,
    First,
    Other,
}

/// The number of a process among those that were started together, and how many these are, where somebody says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: Option<u64>,
    pub(crate) of: Option<u64>,
}

impl Numbered {
    /// That of the process with these variables.
    pub(crate) fn of(variable: &impl Fn(&str) -> Option<OsString>) -> Self {
        let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
        // Each task of an array counts its own processes from 0.
        let task = number("SLURM_ARRAY_TASK_ID").map(|task| {
            let from = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP").filter(|step| *step > 0).unwrap_or(1);
            (task.saturating_sub(from) / step, number("SLURM_ARRAY_TASK_COUNT"))
        });
        let of_ranks = RANKS.into_iter().find_map(|(rank, size)| Some((number(rank)?, number(size))));
        let levels = [
            task,
            number("JOB_COMPLETION_INDEX").map(|index| (index, None)),
            of_ranks,
            number("PARALLEL_SEQ").map(|sequence| (sequence.saturating_sub(1), None)),
        ];
        let all = levels.into_iter().flatten().reduce(|(outer, all), (inner, of)| {
            // A level whose size nobody tells counts as one process of the level around it.
            (
                outer.saturating_mul(of.unwrap_or(1)).saturating_add(inner),
                all.map(|all| all.saturating_mul(of.unwrap_or(1))),
            )
        });
        let of = number(OWN_SIZE).or_else(|| all.and_then(|(_, of)| of));
        Self { number: number(OWN).or(all.map(|(number, _)| number)), of }
    }
}

impl Rank {
    /// That of the process with these variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where `DATLAKE_RANK` is no number.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        if let Some(value) = variable(OWN).filter(|value| !value.is_empty())
            && value.to_str().and_then(|value| value.parse::<u64>().ok()).is_none()
        {
            let value: String = value.to_string_lossy().chars().take(40).flat_map(char::escape_debug).collect();
            let error = Error::new(ErrorKind::Config, format!("{OWN} is `{value}`"));
            return Err(error.with_hint("it may be a number from 0 on"));
        }
        Ok(match Numbered::of(&variable).number {
            None => Self::Alone,
            Some(0) => Self::First,
            Some(_) => Self::Other,
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
    fn levels_are_one_number() {
        let numbered = |variables: &[(&str, &str)]| {
            let Numbered { number, of } = Numbered::of(&|name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            });
            (number, of)
        };
        let array = [("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_MIN", "3"), ("SLURM_ARRAY_TASK_STEP", "2")];
        let with = |more: &[(&'static str, &'static str)]| numbered(&[&array, more].concat());
        assert_eq!(with(&[]), (Some(2), None));
        assert_eq!(with(&[("SLURM_ARRAY_TASK_COUNT", "4")]), (Some(2), Some(4)));
        let of_each = [("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_PROCID", "1"), ("SLURM_NTASKS", "3")];
        assert_eq!(with(&of_each), (Some(7), Some(12)));
        assert_eq!(with(&[("DATLAKE_RANK", "5"), ("DATLAKE_RUN_SIZE", "6")]), (Some(5), Some(6)));
        assert_eq!(numbered(&[("PMI_RANK", "3"), ("PMI_SIZE", "8"), ("SLURM_PROCID", "0")]), (Some(3), Some(8)));
        assert_eq!(numbered(&[("PARALLEL_SEQ", "4")]), (Some(3), None));
        assert_eq!(numbered(&[]), (None, None));
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
