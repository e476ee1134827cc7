//! `datlake completions`, `datlake man`: what the shell and the manual have to know.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;

use crate::args;

pub(super) fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> anyhow::Result<()> {
    // What generates it panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "datlake", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}

pub(super) fn man(folder: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<()> {
    match folder {
        Some(folder) => {
            let failed = || format!("cannot write the manual to `{}`", folder.display());
            std::fs::create_dir_all(folder).with_context(failed)?;
            clap_mangen::generate_to(args::command(), folder).with_context(failed)?;
        }
        None => clap_mangen::Man::new(args::command()).render(out)?,
    }
    out.flush()?;
    Ok(())
}
