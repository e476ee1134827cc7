//! `datlake info`

use datlake::{ErrorKind, Lake};

use super::Report;
use crate::failure::Failure;

pub(super) fn run(lake: &Lake, uid: &str) -> anyhow::Result<Report> {
    match lake.info(uid) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            // It may be that, although no file.
            let level = lake.list_folder(uid).unwrap_or_default();
            if level.files.is_empty() && level.folders.is_empty() {
                return Err(error.into());
            }
            let failure = Failure::absent(format!("`{uid}` is no file, but a folder"));
            Err(failure.hint("`datlake ls` shows what is in a folder").into())
        }
        info => Ok(Report::Info(Box::new(info?))),
    }
}
