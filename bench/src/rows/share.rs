//! Calls of 50 ms that several processes share: here, and by a model at a bucket, to a thousand processes.
//!
//! The bodies sleep, so that processes are as good as machines: what is lost is what sharing costs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Curve};

const BODY: f64 = 0.05;
const PROCESSES: [u64; 5] = [1, 2, 4, 8, 16];

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    // Of fewer, what counts is how processes begin.
    let calls = bench.size(1000).max(400);
    let mut measured = Vec::new();
    for processes in PROCESSES {
        let home = bench.folder("share")?.join("lake");
        let begun = Instant::now();
        let start = || {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["program", "share"]).arg(&home).arg(calls.to_string());
            command.env("DATLAKE_LOG", "off").stdout(Stdio::null()).spawn()
        };
        let all: Vec<Child> = (0..processes).map(|_| start()).collect::<Result<_, _>>()?;
        for mut process in all {
            if !process.wait()?.success() {
                return Err("a process failed".into());
            }
        }
        let efficiency = calls as f64 * BODY / processes as f64 / begun.elapsed().as_secs_f64();
        let what = format!("{calls} calls of 50 ms by {processes} processes of one home: share of the time in bodies");
        bench.figure(&what, "≥ 0.9 up to the cores", format!("{efficiency:.2}"), "");
        measured.push((processes as f64, efficiency));
    }
    let mut series = vec![("measured".to_owned(), measured)];
    for (name, body, calls) in [("50 ms", 0.05, 100_000), ("5 s", 5.0, 100_000), ("1 min", 60.0, 1_000_000)] {
        let calls = bench.size(calls);
        let efficient = |processes: u64| {
            let took = Model { calls, processes, body }.run();
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

/// A request to a bucket in the same region, in seconds.
const REQUEST: f64 = 0.01;
/// Requests of a call that runs, one after another: counted by `tests/behaviour/shared_work.rs`, as the others are.
const TO_MAKE: f64 = 9.0;
/// Of one that another process has made: its record.
const TO_FIND: f64 = 1.0;
/// Of one that another runs, when it is met first.
const TO_MEET: f64 = 4.0;

/// Processes with one thread each, which go through the same calls, each in an order of its own.
struct Model {
    calls: u64,
    processes: u64,
    body: f64,
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
            while seen < self.calls && now <= until {
                let call = &mut calls[orders[process as usize].next() as usize];
                seen += 1;
                match *call {
                    Call::Fresh => {
                        now += self.body + TO_MAKE * REQUEST;
                        *call = Call::Made(now);
                        last_made = last_made.max(now);
                    }
                    Call::Made(at) if at <= now => now += TO_FIND * REQUEST,
                    // The second time it is there, or is waited for with the rest.
                    Call::Made(_) => {
                        now += TO_MEET * REQUEST;
                        left += 1;
                    }
                }
            }
            if seen < self.calls {
                queue.push(Reverse(((now * 1e9) as u64, process, seen, left)));
            } else {
                end = end.max(now.max(last_made) + left as f64 * TO_FIND * REQUEST);
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

    fn next(&mut self) -> u64 {
        let at = self.at;
        self.at = (at + self.step) % self.calls;
        at
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
            let mut seen: Vec<u64> = (0..1000).map(|_| order.next()).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn one_process_makes_all_and_more_are_faster() {
        let took = |processes| Model { calls: 100, processes, body: 1.0 }.run();
        let alone = 100.0 * (1.0 + TO_MAKE * REQUEST);
        assert!((took(1) - alone).abs() < 1e-3, "{}", took(1));
        assert!(took(10) < alone / 8.0, "{}", took(10));
    }
}
