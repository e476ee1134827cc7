//! What a person sees on standard error while a program runs.

use datlake::{Error, ErrorKind, File, Lake, Result, file_creator};

use crate::support::{Machines, said_alone};

#[file_creator]
fn fetched(year: u32, #[secret] token: &str) -> Result<File> {
    if year == 1900 {
        return Err(Error::new(ErrorKind::InvalidInput, "no data"));
    }
    File::from_bytes("year.csv", format!("{year} {}", token.len()))
}

#[file_creator]
fn joined(years: &[File], output_uid: &str) -> Result<File> {
    let texts: Result<Vec<_>> = years.iter().map(File::read_to_string).collect();
    File::from_bytes(output_uid, texts?.join("\n"))
}

const TOKEN: &str = "hunter2-hunter2";

fn pipeline() -> Result<File> {
    fetched(1900, TOKEN).unwrap_err();
    let years = fetched::calls((2000..2010).map(|year| (year, TOKEN))).run()?;
    joined(&years, "joined.csv")
}

/// The lines that datlake wrote, without the time that bodies took.
fn lines(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("datlake: "));
    lines.map(|line| line.split(['(', ';']).next().unwrap().trim_end().to_owned()).collect()
}

#[test]
fn a_line_for_calls_of_one_creator_in_a_row_and_a_summary() {
    let machines = Machines::new();
    drop(machines.machine("a"));
    let home = |name: &str| machines.remote().with_file_name(name).display().to_string();
    let remote = format!("file://{}", machines.remote().display());
    let run = |home: &str, log: &str| {
        let variables = [("DATLAKE_HOME", home), ("DATLAKE_REMOTE", &remote), ("DATLAKE_LOG", log)];
        said_alone("shown::a_line_for_calls_of_one_creator_in_a_row_and_a_summary", &variables)
    };
    let Some(said) = run(&home("a"), "calls") else {
        pipeline().unwrap().read().unwrap();
        return;
    };
    assert_eq!(lines(&said), ["fetched ×11: 0 skipped, 10 ran, 1 failed", "joined ran", "11 ran, 0 skipped, 1 failed"]);
    assert!(!said.contains(&TOKEN[..7]), "{said}");

    let said = run(&home("a"), "calls").unwrap();
    assert_eq!(
        lines(&said),
        ["fetched ×11: 10 skipped, 0 ran, 1 failed", "joined skipped", "0 ran, 11 skipped, 1 failed"]
    );
    let said = run(&home("b"), "calls").unwrap();
    let downloaded = ["joined skipped", "downloaded joined.csv", "0 ran, 11 skipped, 1 failed, 1 downloaded"];
    assert_eq!(lines(&said)[1..], downloaded);
    assert_eq!(lines(&run(&home("a"), "summary").unwrap()), ["0 ran, 11 skipped, 1 failed"]);
    assert_eq!(lines(&run(&home("a"), "off").unwrap()), [""; 0]);
}

#[test]
fn a_lake_of_ones_own_says_nothing() {
    let test = "shown::a_lake_of_ones_own_says_nothing";
    let Some(said) = said_alone(test, &[("DATLAKE_LOG", "calls")]) else {
        let lake = Lake::temp().unwrap();
        pipeline().unwrap();
        drop(lake);
        return;
    };
    assert_eq!(lines(&said), [""; 0]);
}
