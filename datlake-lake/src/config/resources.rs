//! What a process is given of its machine, as people write it.

use std::ffi::OsString;

use datlake_core::{Error, ErrorKind, Given, Result};

use super::key::{SIZE, size};

/// What a process was given. It decides alone about what it names.
pub(crate) const RESOURCES: &str = "DATLAKE_RESOURCES";

/// What a process is given of its machine: `cpus=4,gpus=1,memory=16GiB`, each of them once at most.
///
/// # Errors
/// [`ErrorKind::Config`] where it is not understood.
///
/// ```
/// let given = datlake::config::resources("cpus=4,memory=16GiB")?;
/// assert_eq!((given.cpus, given.gpus, given.memory), (Some(4), None, Some(16 << 30)));
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn resources(text: &str) -> Result<Given> {
    resources_of("what is given", text)
}

/// The same of a variable, or whatever else is called `what`.
pub(crate) fn resources_of(what: &str, text: &str) -> Result<Given> {
    let mut given = Given::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let before = match part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            Some(("cpus", value)) => number(value).filter(|cpus| *cpus > 0).map(|cpus| given.cpus.replace(cpus)),
            Some(("gpus", value)) => number(value).map(|gpus| given.gpus.replace(gpus)),
            Some(("memory", value)) => size(value).filter(|bytes| *bytes > 0).map(|bytes| given.memory.replace(bytes)),
            _ => None,
        };
        if before != Some(None) {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            let hint = format!("it may be as `cpus=4,gpus=1,memory=16GiB`: whole numbers, each once; memory is {SIZE}");
            return Err(Error::new(ErrorKind::Config, format!("{what} is `{shown}`")).with_hint(hint));
        }
    }
    Ok(given)
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// That what a variable says is understood.
pub(super) fn check(variable: impl Fn(&str) -> Option<OsString>) -> Result<()> {
    let text = variable(RESOURCES).map(|text| text.to_string_lossy().into_owned());
    text.map_or(Ok(()), |text| resources_of(RESOURCES, &text).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in
            ["4", "cpus", "cpus=0", "cpus=many", "cpus=1,cpus=2", "ram=1G", "memory=lots", "memory=0", "\u{1b}[31m"]
        {
            let error = check(|_| Some(wrong.into())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{wrong}");
            assert!(error.to_string().contains("DATLAKE_RESOURCES is `"), "{error}");
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
        assert!(check(|_| None).is_ok());
    }
}
