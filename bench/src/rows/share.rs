//! Calls of 50 ms that several processes share: here, and by a model at a bucket, to a thousand processes.
//!
//! The bodies sleep, so that processes are as good as machines: what is lost is what sharing costs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::far::Far;
use crate::any_result::AnyResult;
use crate::measure::{Bench, Curve};

const BODY: f64 = 0.05;
const PROCESSES: [u64; 5] = [1, 2, 4, 8, 16];

/// Processes with homes of their own at a bucket, whose requests are counted.
const COUNTED: [u64; 5] = [1, 2, 4, 8, 16];

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let mut series = vec![("measured".to_owned(), here(bench)?)];
    let requests = counted(bench)?;
    for (name, body, calls) in [("50 ms", 0.05, 1_000_000), ("5 s", 5.0, 1_000_000), ("1 min", 60.0, 1_000_000)] {
        let calls = bench.size(calls);
        let efficient = |processes: u64| {
            let took = Model { calls, processes, body, requests }.run();
            (processes as f64, calls as f64 * body / processes as f64 / took)
        };
        let curve: Vec<_> = [1, 10, 100, 1000].map(efficient).to_vec();
        let last = curve.last().map_or(0.0, |point| point.1);
        let what = format!("by a model: {calls} calls of {name} by 1000 processes at a bucket");
        bench.figure(&what, "–", format!("{last:.2}"), "");
        series.push((format!("model, {name}"), curve));
    }
    bench.curves.push(Curve {
        title: "Calls shared by processes".to_owned(),
        x: "processes".to_owned(),
        y: "share of the time in bodies".to_owned(),
        series,
    });
    Ok(())
}

/// As one of several processes that make these calls, and are all to succeed.
fn together(homes: &[PathBuf], calls: u64, variables: &[(String, String)]) -> AnyResult<()> {
    let start = |home: &PathBuf| {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["program", "share"]).arg(home).arg(calls.to_string());
        command.env("DATLAKE_LOG", "off").envs(variables.iter().cloned()).stdout(Stdio::null()).spawn()
    };
    let all: Vec<Child> = homes.iter().map(start).collect::<Result<_, _>>()?;
    for mut process in all {
        if !process.wait()?.success() {
            return Err("a process failed".into());
        }
    }
    Ok(())
}

/// Processes of one home, here.
fn here(bench: &mut Bench) -> AnyResult<Vec<(f64, f64)>> {
    // Of fewer, what counts is how processes begin.
    let calls = bench.size(1000).max(400);
    let mut measured = Vec::new();
    for processes in PROCESSES {
        let home = bench.folder("share")?.join("lake");
        let begun = Instant::now();
        together(&vec![home; processes as usize], calls, &[])?;
        let efficiency = calls as f64 * BODY / processes as f64 / begun.elapsed().as_secs_f64();
        let what = format!("{calls} calls of 50 ms by {processes} processes of one home: share of the time in bodies");
        bench.figure(&what, "≥ 0.9 up to the cores", format!("{efficiency:.2}"), "");
        measured.push((processes as f64, efficiency));
    }
    Ok(measured)
}

/// What processes with homes of their own ask a gateway for.
fn counted(bench: &mut Bench) -> AnyResult<Requests> {
    let far = Far::away(Duration::ZERO)?;
    let calls = 200;
    let (mut alone, mut each) = (0.0, 0.0);
    for processes in COUNTED {
        let folder = bench.folder("share-far")?;
        let homes: Vec<PathBuf> = (0..processes).map(|n| folder.join(n.to_string())).collect();
        far.line.asked();
        together(&homes, calls, &far.environment(&format!("share-{processes}")))?;
        let (count, kinds) = far.line.asked();
        let of_a_call = count as f64 / calls as f64;
        if processes == 1 {
            alone = of_a_call;
        } else {
            each = (of_a_call - alone) / (processes - 1) as f64;
        }
        let what =
            format!("{calls} calls by {processes} processes at a bucket: requests of each process for each call");
        bench.figure(&what, "flat", format!("{:.2}", of_a_call / processes as f64), &format!("({kinds})"));
    }
    Ok(Requests { to_make: alone, to_share: each })
}

/// How often a bucket is asked about a call: by who makes it, and by each other process.
#[derive(Clone, Copy)]
struct Requests {
    to_make: f64,
    to_share: f64,
}

/// A request to a bucket in the same region, in seconds.
const REQUEST: f64 = 0.01;
/// Processes with one thread each, which go through the same calls, each in an order of its own.
struct Model {
    calls: u64,
    processes: u64,
    body: f64,
    requests: Requests,
}

#[derive(Clone, Copy, PartialEq)]
enum Call {
    Fresh,
    /// It is made from then on.
    Made(f64),
}

impl Model {
    /// When the last process has every result.
    fn run(&self) -> f64 {
        let mut calls = vec![Call::Fresh; self.calls as usize];
        let mut last_made = 0.0_f64;
        // By their clocks, in nanoseconds: whose is the earliest goes on. With each, how many calls it has looked at and left.
        let mut orders: Vec<Order> = (0..self.processes).map(|process| Order::of(process, self.calls)).collect();
        let mut queue: BinaryHeap<Reverse<(u64, u64, u64, u64)>> =
            (0..self.processes).map(|process| Reverse((0, process, 0, 0))).collect();
        let mut end = 0.0_f64;
        while let Some(Reverse((clock, process, mut seen, mut left))) = queue.pop() {
            let mut now = clock as f64 / 1e9;
            let until = queue.peek().map_or(f64::MAX, |Reverse((clock, ..))| *clock as f64 / 1e9);
            let order = &mut orders[process as usize];
            while seen < self.calls {
                let call = &mut calls[order.at as usize];
                match *call {
                    // Another may come to it before. What has been made, or will be, stays so, whoever else goes on.
                    Call::Fresh if now > until => break,
                    Call::Fresh => {
                        now += self.body + self.requests.to_make * REQUEST;
                        *call = Call::Made(now);
                        last_made = last_made.max(now);
                    }
                    Call::Made(at) => {
                        // One that is not there yet is met again, or waited for with the rest.
                        left += u64::from(at > now);
                        now += self.requests.to_share * REQUEST;
                    }
                }
                seen += 1;
                order.advance();
            }
            if seen < self.calls {
                queue.push(Reverse(((now * 1e9) as u64, process, seen, left)));
            } else {
                end = end.max(now.max(last_made) + left as f64 * self.requests.to_share * REQUEST);
            }
        }
        end
    }
}

/// The order in which a process looks at calls: from a place of its own, by steps that share no factor with their number.
struct Order {
    at: u64,
    step: u64,
    calls: u64,
}

impl Order {
    fn of(process: u64, calls: u64) -> Self {
        let mut step = ((calls as f64 * 0.618) as u64 + process * 2 + 1) % calls;
        while gcd(step, calls) != 1 {
            step += 1;
        }
        Self { at: process.wrapping_mul(0x9e37_79b9_7f4a_7c15) % calls, step, calls }
    }

    fn advance(&mut self) {
        self.at += self.step;
        if self.at >= self.calls {
            self.at -= self.calls;
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_looks_at_each_call_once() {
        for process in 0..7 {
            let mut order = Order::of(process, 1000);
            let mut seen = Vec::new();
            for _ in 0..1000 {
                seen.push(order.at);
                order.advance();
            }
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn one_process_makes_all_and_more_are_faster() {
        let requests = Requests { to_make: 9.0, to_share: 1.0 };
        let took = |processes| Model { calls: 100, processes, body: 1.0, requests }.run();
        let alone = 100.0 * (1.0 + 9.0 * REQUEST);
        assert!((took(1) - alone).abs() < 1e-3, "{}", took(1));
        assert!(took(10) < alone / 8.0, "{}", took(10));
    }
}
