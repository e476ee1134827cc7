//! Calls that run, each with an output of 1 KiB, beside publishing the same files by hand.

use crate::any_result::AnyResult;
use crate::measure::{Bench, program};

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let (lake, floor) = (bench.folder("cold")?.join("lake"), bench.folder("cold-floor")?);
    let count = bench.size(200);
    // Each round makes calls that none has made before.
    let (mut ours, mut least) = (0, 0);
    bench.pairs(
        "a call that runs, with 1 KiB of output",
        "≤ 2 × by hand, with the same durability",
        count,
        || {
            ours += count;
            program("cold", &[&lake, &ours, &count])
        },
        || {
            least += count;
            program("floor-publish", &[&floor, &least, &count])
        },
    )?;
    Ok(())
}
