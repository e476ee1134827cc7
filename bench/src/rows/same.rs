//! One call repeatedly, beside computing its key.

use crate::any_result::AnyResult;
use crate::measure::{Bench, program};

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let lake = bench.folder("same")?.join("lake");
    program("same", &[&lake, &1_u64])?;
    let count = bench.size(1_000_000);
    bench.pairs(
        "the same call again in one process",
        "≤ 1.5 × its key",
        count,
        || program("same", &[&lake, &count]),
        || program("key", &[&lake, &count]),
    )?;
    Ok(())
}
