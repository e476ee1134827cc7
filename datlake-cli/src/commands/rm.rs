//! `datlake rm`

use std::io::IsTerminal as _;

use datlake::{Lake, Uid};

use super::{Removed, Report};
use crate::failure::Failure;
use crate::print::Screen;

pub(super) fn run(lake: &Lake, uids: &[String], yes: bool, screen: &Screen) -> anyhow::Result<Report> {
    let mut would_go = Vec::<Uid>::new();
    for uid in uids {
        for uid in lake.goes_with(uid)? {
            if !would_go.contains(&uid) {
                would_go.push(uid);
            }
        }
    }
    if !yes {
        if !std::io::stdin().is_terminal() {
            let hint = "--yes removes without asking";
            return Err(Failure::new("nobody is there to ask whether to remove, so nothing was").hint(hint).into());
        }
        if !screen.asks_to_remove(&would_go) {
            return Err(Failure::new("nothing was removed").into());
        }
    }
    for uid in &would_go {
        // What went with another is gone already.
        lake.remove(uid.as_str())?;
    }
    Ok(Report::Removed(Removed { removed: would_go }))
}
