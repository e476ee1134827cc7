//! `datlake completions`, `datlake man`: what the shell and the manual have to know.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::Report;
use crate::args::Args;

pub(super) fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> anyhow::Result<Report> {
    // What generates it panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "datlake", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(Report::Written)
}

pub(super) fn man(folder: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<Report> {
    match folder {
        Some(folder) => {
            let failed = || format!("cannot write the manual to `{}`", folder.display());
            std::fs::create_dir_all(folder).with_context(failed)?;
            clap_mangen::generate_to(Args::command(), folder).with_context(failed)?;
        }
        None => clap_mangen::Man::new(Args::command()).render(out)?,
    }
    out.flush()?;
    Ok(Report::Written)
}
