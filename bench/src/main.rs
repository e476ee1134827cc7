//! The table of what datlake costs: whole programs, each beside the least that the same work could cost, or beside another tool.
//!
//! ```text
//! cargo run --release -p datlake-bench                     # all rows that run here; prints the table
//! cargo run --release -p datlake-bench -- --write hit add   # rows with `hit` or `add` in their names; into docs/performance.md
//! ```
//!
//! A row is one file in `rows`. It runs pairs of programs in turn, ours and the floor, each in a fresh process, so that what else the
//! machine does weighs on both; what counts is the median of the pairs' ratios. Rows whose server or tool is not there say so.

mod any_result;
mod claims;
mod delay;
mod measure;
mod page;
mod planted;
mod plot;
mod programs;
mod rows;
mod serving;
mod versions;

use std::process::ExitCode;

use any_result::AnyResult;
use measure::Bench;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((first, rest)) if first == "program" => programs::run(rest),
        _ => table(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table(args: &[String]) -> AnyResult<()> {
    let (flags, wanted): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|flag| !["--quick", "--write"].contains(&flag.as_str())) {
        let names: Vec<_> = rows::ALL.iter().map(|(name, _)| *name).collect();
        return Err(format!("{unknown} means nothing: datlake-bench [--quick] [--write] [{}]…", names.join("|")).into());
    }
    let write = flags.iter().any(|flag| *flag == "--write");
    let mut bench = Bench::new(flags.iter().any(|flag| *flag == "--quick"), page::load())?;
    for (name, row) in rows::ALL {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            eprintln!("{name} …");
            bench.begin(name);
            if let Err(why) = row(&mut bench) {
                bench.left_out(&why.to_string());
            }
        }
    }
    println!("{}\n{}", page::circumstances(&bench), page::table(&bench.lines));
    if write { page::write(&bench) } else { Ok(()) }
}
