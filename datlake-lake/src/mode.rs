//! What a lake does about a call whose value it does not hold.

use serde::{Deserialize, Serialize};

/// What a lake does about calls: `DATLAKE=run|bypass|frozen|plan`, or [`LakeBuilder::mode`](crate::LakeBuilder::mode).
///
/// ```
/// use datlake::{ErrorKind, Lake, Mode, Result, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// # let dir = tempfile::tempdir()?;
/// let lake = Lake::builder().home(dir.path().join("home")).mode(Mode::Frozen).open()?;
/// let _current = lake.enter();
/// assert_eq!(double(4).unwrap_err().kind(), ErrorKind::WouldRun);
/// # Ok::<(), datlake::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Calls that the lake holds are skipped; all others run, and their results are stored.
    #[default]
    Run,
    /// Every body runs, and nothing is stored.
    Bypass,
    /// No body runs: a call that the lake does not hold fails with [`ErrorKind::WouldRun`](crate::ErrorKind::WouldRun), which
    /// says why it would run. For CI, and for results that are handed over.
    Frozen,
    /// As `Frozen`, and every call that would run is shown on standard error with the reason. What depends on the result of
    /// such a call is not known, and not shown.
    Plan,
    /// What the lake holds is found, every other body runs, and nothing is stored: where a program [makes calls
    /// again](crate::report::CheckedCall) for `datlake check`.
    Check,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Run, Self::Bypass, Self::Frozen, Self::Plan];

    /// As `DATLAKE` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Bypass => "bypass",
            Self::Frozen => "frozen",
            Self::Plan => "plan",
            Self::Check => "check",
        }
    }

    /// Whether what bodies make is stored.
    pub fn stores(self) -> bool {
        !matches!(self, Self::Bypass | Self::Check)
    }

    /// Whether bodies run.
    pub fn runs(self) -> bool {
        matches!(self, Self::Run | Self::Bypass | Self::Check)
    }
}
