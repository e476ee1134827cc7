//! How the cost of one call grows: with the calls that there are already, and with the files among its arguments.

use crate::any_result::AnyResult;
use crate::measure::{Bench, Curve, program};

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let lake = bench.folder("growth")?.join("lake");
    let (mut before, mut inputs) = (Vec::new(), Vec::new());
    let mut calls = 0;
    for more in [bench.size(100), bench.size(1000), bench.size(3000)] {
        program("calls-from", &[&lake, &calls, &more])?;
        calls += more;
        let one = program("calls-from", &[&lake, &(1_000_000 + calls), &20_u64])?;
        before.push((calls as f64, one.seconds * 1e3 / 20.0));
    }
    let mut files = 10;
    while files <= bench.size(10_000) {
        let lake = bench.folder("growth-inputs")?.join("lake");
        let cost = program("inputs", &[&lake, &files])?;
        inputs.push((files as f64, cost.seconds * 1e3));
        files *= 10;
    }
    let last = |curve: &[(f64, f64)]| curve.last().map_or(0.0, |point| point.1);
    let (after, many) = (last(&before), last(&inputs));
    bench.figure(&format!("a call that runs, after {calls} others"), "flat", format!("{after:.2} ms"), "");
    bench.figure(
        &format!("a call that runs, with {} files in one argument", files / 10),
        "–",
        format!("{many:.1} ms"),
        "",
    );
    bench.curves.push(Curve {
        title: "A call that runs".to_owned(),
        x: "calls before it, or files in its argument".to_owned(),
        y: "ms".to_owned(),
        series: vec![("after calls".to_owned(), before), ("with files".to_owned(), inputs)],
    });
    Ok(())
}
