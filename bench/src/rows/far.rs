//! A machine that is new to the calls of others, at a server 30 ms away. The delay is added by this program, before a real server:
//! `DATLAKE_TEST_RGW` says where one is, as `scripts/servers/rgw.sh` starts it, and the feature `far` brings the client.

use std::process::Command;
use std::time::Duration;

use super::hit::filled;
use crate::any_result::AnyResult;
use crate::delay;
use crate::measure::{Bench, process, program_with, time};

const KEY: (&str, &str) = ("DATLAKETESTKEY", "datlake-test-secret");
const ROUND_TRIP: Duration = Duration::from_millis(30);

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    if !cfg!(feature = "far") {
        return Err("built without the feature `far`".into());
    }
    let endpoint = std::env::var("DATLAKE_TEST_RGW").map_err(|_| "DATLAKE_TEST_RGW names no gateway")?;
    let server = endpoint.strip_prefix("http://").ok_or("the gateway's URL begins with http://")?.parse()?;
    let far = format!("http://{}", delay::before(server, ROUND_TRIP)?);
    let bucket = format!("{endpoint}/datlake");
    let signed = ["-s", "-o", "/dev/null", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user"];
    process(Command::new("curl").args(signed).arg(format!("{}:{}", KEY.0, KEY.1)).arg(bucket))?;

    let count = bench.size(10_000);
    let remote = format!("s3://datlake/bench-{}", std::process::id());
    let at = |endpoint: &str| {
        let set = [
            ("DATLAKE_BENCH_REMOTE", remote.as_str()),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", KEY.0),
            ("AWS_SECRET_ACCESS_KEY", KEY.1),
            ("AWS_REGION", "us-east-1"),
        ];
        set.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let lake = filled(bench, "far", count)?;
    let pushed = program_with("push", &[&lake], &at(&endpoint))?;
    bench.figure(&format!("{count} calls pushed to the gateway, 0 ms away"), "–", time(pushed.seconds), "");
    for (program, what) in [("many", "`f::calls`"), ("two-threads", "a loop on each of two threads")] {
        let home = bench.folder("far-home")?.join("lake");
        let cost = program_with(program, &[&home, &count], &at(&far))?;
        bench.figure(&format!("{count} hits on a new machine, 30 ms away, by {what}"), "≤ 1 s", time(cost.seconds), "");
    }
    Ok(())
}
