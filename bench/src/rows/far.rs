//! A server 30 ms away: a machine that is new to the calls of others, and folders of many small files. The delay is added by this
//! program, before a real server: `DATLAKE_TEST_RGW` says where one is, as `scripts/servers/rgw.sh` starts it, and the feature `far`
//! brings the client.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::add::folder_of;
use super::hit::filled;
use crate::any_result::AnyResult;
use crate::delay::LongLine;
use crate::measure::{AsArgument, Bench, Cost, process, program_with, time};

const KEY: (&str, &str) = ("DATLAKETESTKEY", "datlake-test-secret");
/// The digest of no content, which older versions of curl do not send by themselves.
const EMPTY: &str = "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ROUND_TRIP: Duration = Duration::from_millis(30);

/// A gateway at the end of a long line.
pub(super) struct Far {
    near: String,
    pub(super) line: LongLine,
}

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let far = Far::away(ROUND_TRIP)?;
    hits(bench, &far)?;
    cold(bench, &far)?;
    folders(bench, &far)
}

impl Far {
    /// The gateway that runs here, so far away, with its bucket.
    pub(super) fn away(round_trip: Duration) -> AnyResult<Self> {
        if !cfg!(feature = "far") {
            return Err("built without the feature `far`".into());
        }
        let near = std::env::var("DATLAKE_TEST_RGW").map_err(|_| "DATLAKE_TEST_RGW names no gateway")?;
        let server = near.strip_prefix("http://").ok_or("the gateway's URL begins with http://")?.parse()?;
        let bucket = format!("{near}/datlake");
        let signed =
            ["-sf", "-o", "/dev/null", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "-H", EMPTY, "--user"];
        process(Command::new("curl").args(signed).arg(format!("{}:{}", KEY.0, KEY.1)).arg(bucket))?;
        Ok(Self { near, line: LongLine::to(server, round_trip)? })
    }

    /// What a program needs in its environment for the lake `remote`, at the far end of the line.
    pub(super) fn environment(&self, remote: &str) -> Vec<(String, String)> {
        at(&format!("http://{}", self.line.address), remote)
    }

    /// A program with the lake `remote` on the gateway, at the far end of the line.
    fn program(&self, remote: &str, name: &str, args: &[&dyn AsArgument]) -> AnyResult<Cost> {
        program_with(name, args, &self.environment(remote))
    }

    /// The same with the gateway next to it.
    fn program_near(&self, remote: &str, name: &str, args: &[&dyn AsArgument]) -> AnyResult<Cost> {
        program_with(name, args, &at(&self.near, remote))
    }

    /// What a line of the table says of the requests since the last.
    fn requests(&self, bench: &mut Bench, what: &str, bar: &str) {
        let (count, kinds) = self.line.asked();
        bench.figure(&format!("requests of {what}"), bar, count.to_string(), &format!("({kinds})"));
    }
}

fn at(endpoint: &str, remote: &str) -> Vec<(String, String)> {
    let remote = format!("s3://datlake/{remote}-{}", std::process::id());
    let set = [
        ("DATLAKE_BENCH_REMOTE", remote.as_str()),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", KEY.0),
        ("AWS_SECRET_ACCESS_KEY", KEY.1),
        ("AWS_REGION", "us-east-1"),
    ];
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Calls that others made, each for the first time on this machine.
fn hits(bench: &mut Bench, far: &Far) -> AnyResult<()> {
    let count = bench.size(10_000);
    let lake = filled(bench, "far", count)?;
    program_with("many-joined", &[&lake, &count], &[])?;
    let pushed = far.program_near("hits", "push", &[&lake])?;
    bench.figure(&format!("{} calls pushed to the gateway, 0 ms away", 2 * count), "–", time(pushed.seconds), "");
    let ways = [("many", "`f::calls`"), ("many-joined", "`try_join_all`"), ("rayon", "rayon on two threads")];
    for (program, what) in ways {
        // A home of its own: a file system is slow where many files were removed just before.
        let home = bench.folder(&format!("far-{program}"))?.join("lake");
        far.line.asked();
        let cost = far.program("hits", program, &[&home, &count])?;
        bench.figure(&format!("{count} hits on a new machine, 30 ms away, by {what}"), "≤ 1 s", time(cost.seconds), "");
        far.requests(bench, "these", "≤ 100");
    }
    Ok(())
}

/// Calls that run: one after the other, and 64 at a time.
fn cold(bench: &mut Bench, far: &Far) -> AnyResult<()> {
    let (home, count) = (bench.folder("far-cold")?.join("lake"), bench.size(1000));
    // What a lake and a machine do once is done.
    far.program_near("cold", "cold-joined", &[&home, &1_000_000u64, &1u64])?;
    let one = |count: u64| -> AnyResult<f64> {
        Ok(far.program("cold", "cold", &[&home, &(count * 100_000), &count])?.seconds)
    };
    let (few, more) = (one(2)?, one(12)?);
    let trips = (more - few) / 10.0 / ROUND_TRIP.as_secs_f64();
    bench.figure(
        "a call that runs, with 1 KiB of output, 30 ms away",
        "–",
        time((more - few) / 10.0),
        &format!("({trips:.1} round trips)"),
    );
    far.line.asked();
    let many = far.program("cold", "cold-joined", &[&home, &0u64, &count])?;
    let each = many.seconds / count as f64;
    bench.figure(&format!("{count} such calls, 64 bodies at a time, each"), "–", time(each), "");
    far.requests(bench, "these", "–");
    let home = bench.folder("far-cold")?.join("lake");
    let near = far.program_near("cold", "cold-joined", &[&home, &100_000u64, &count])?;
    bench.figure("the same with the gateway 0 ms away, each", "–", time(near.seconds / count as f64), "");
    Ok(())
}

/// A folder of small files to the gateway and back, beside one file of the same bytes.
fn folders(bench: &mut Bench, far: &Far) -> AnyResult<()> {
    let count = bench.size(100_000);
    let folder = bench.folder("far-folder")?;
    let files = folder_of(&folder, count)?;
    let tar = folder.join("files.tar");
    process(Command::new("tar").arg("cf").arg(&tar).arg("-C").arg(&files).arg("."))?;
    let each = |bench: &mut Bench, what: &str, files: &Path, add: &str, remote: &str| -> AnyResult<(f64, f64)> {
        let (home, other) = (folder.join("home"), folder.join("other"));
        process(Command::new("rm").arg("-rf").args([&home, &other]))?;
        program_with(add, &[&home, &files], &[])?;
        far.line.asked();
        let pushed = far.program(remote, "push", &[&home])?.seconds;
        far.requests(bench, &format!("pushing {what}"), "–");
        let pulled = far.program(remote, "pull", &[&other])?.seconds;
        far.requests(bench, &format!("pulling {what}"), "–");
        Ok((pushed, pulled))
    };
    let mut ratios = (Vec::new(), Vec::new());
    for round in 0..bench.rounds().min(3) {
        let many = each(bench, "the folder", &files, "add-folder", &format!("folder-{round}"))?;
        let one = each(bench, "one file", &tar, "add", &format!("file-{round}"))?;
        ratios.0.push((many.0, one.0));
        ratios.1.push((many.1, one.1));
    }
    bench.compared(&format!("a folder of {count} × 4 KiB pushed 30 ms away, beside one file"), "≤ 1.5 ×", &ratios.0);
    bench.compared("the same pulled by a new machine", "≤ 1.5 ×", &ratios.1);
    std::fs::write(files.join("0000/0000007.bin"), b"changed")?;
    let (home, last) = (folder.join("home"), format!("folder-{}", bench.rounds().min(3) - 1));
    process(Command::new("rm").arg("-rf").arg(&home))?;
    far.program(&last, "pull", &[&home])?;
    program_with("replace-folder", &[&home, &files], &[])?;
    far.line.asked();
    let pushed = far.program(&last, "push", &[&home])?;
    bench.figure("one file of it changed, and pushed", "–", time(pushed.seconds), "");
    far.requests(bench, "these", "≤ 10");
    Ok(())
}
