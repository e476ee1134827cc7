//! What a person sees on standard error while a program runs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use datlake::{Error, ErrorKind, File, Lake, Result, file_creator};

use crate::support::{Machines, command_alone, is_alone, on_terminal, said_alone, script};

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
    assert!(lines(&said)[0].starts_with("warning: there is no lake at "), "{said}");
    assert_eq!(
        lines(&said)[1..],
        ["fetched ×11: 0 skipped, 10 ran, 1 failed", "joined ran", "11 ran, 0 skipped, 1 failed"]
    );
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
fn of_processes_that_share_the_work_the_first_says_what_became_of_it() {
    let test = "shown::of_processes_that_share_the_work_the_first_says_what_became_of_it";
    let machines = Machines::new();
    let home = machines.remote().with_file_name("a").display().to_string();
    let run = |rank: &str, mode: &str| {
        let variables = [("DATLAKE_HOME", &*home), ("DATLAKE", mode), ("DATLAKE_LOG", "calls"), ("DATLAKE_RANK", rank)];
        said_alone(test, &variables)
    };
    let Some(said) = run("1", "run") else {
        let _made = pipeline();
        if datlake::is_first() {
            eprintln!("datlake: the user's own");
        }
        return;
    };
    assert_eq!(lines(&said), [""; 0]);
    let said = run("0", "run").unwrap();
    assert!(said.contains("0 ran, 11 skipped, 1 failed") && said.contains("(in the first process)"), "{said}");
    assert!(lines(&said).contains(&"the user's own".to_owned()), "{said}");
    assert!(lines(&run("1", "plan").unwrap()).is_empty());
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

/// Looks repeatedly, for a minute at most.
fn until(holds: impl Fn() -> bool) -> bool {
    (0..600).any(|_| {
        let holds = holds();
        if !holds {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        holds
    })
}

/// What the terminal of this process was sent.
fn sent_here() -> String {
    let sent = std::fs::read(std::env::var("DATLAKE_TEST_TERMINAL").unwrap()).unwrap();
    String::from_utf8_lossy(&sent).into_owned()
}

/// Prints before, in the middle of and after its lines what a program prints, and ends when the terminal shows that it runs.
#[file_creator]
fn slow(n: u32) -> Result<u32> {
    print!("begun");
    println!(" {n}");
    until(|| sent_here().contains("1 running"));
    eprint!("not yet a line");
    eprintln!(", and now it is");
    println!("ended {n}");
    Ok(n)
}

fn show_slow() {
    println!("before");
    slow(1).unwrap();
    println!("between");
    slow(1).unwrap();
    println!("after");
}

/// What a person sees in the end: carriage returns and the one control sequence obeyed.
fn screen(sent: &str) -> Vec<String> {
    let (mut lines, mut line, mut at) = (Vec::new(), Vec::new(), 0);
    let mut rest = sent.chars();
    while let Some(sign) = rest.next() {
        match sign {
            '\n' => {
                lines.push(std::mem::take(&mut line).into_iter().collect());
                at = 0;
            }
            '\r' => at = 0,
            '\u{1b}' => {
                assert_eq!((rest.next(), rest.next()), (Some('['), Some('K')), "another control sequence in {sent:?}");
                line.truncate(at);
            }
            _ => {
                line.truncate(line.len().max(at));
                if at < line.len() {
                    line[at] = sign
                } else {
                    line.push(sign)
                }
                at += 1;
            }
        }
    }
    lines
}

#[test]
fn on_a_terminal_what_the_program_prints_stays_and_a_long_body_is_seen() {
    let test = "shown::on_a_terminal_what_the_program_prints_stays_and_a_long_body_is_seen";
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home").display().to_string();
    let Some(sent) = on_terminal(test, None, &[("DATLAKE_HOME", &home), ("DATLAKE_EMAIL", "a@example.org")]) else {
        return show_slow();
    };
    assert!(!sent.contains('\u{1b}'), "{sent:?}");
    let lines = screen(&sent);
    for own in ["before", "begun 1", "not yet a line, and now it is", "ended 1", "between", "after"] {
        assert!(lines.iter().any(|line| line == own), "{own} of {lines:#?}");
    }
    let shown: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("datlake: slow")).collect();
    assert!(shown.len() >= 3 && shown[0].starts_with(": 1 running"), "{lines:#?}");
    assert!(shown.iter().any(|line| line.starts_with(" ran")), "{lines:#?}");
    assert!(shown.contains(&" ×2: 1 skipped, 1 ran"), "{lines:#?}");
}

#[test]
fn a_transient_line_takes_nothing_away_that_others_wrote() {
    let test = "shown::a_transient_line_takes_nothing_away_that_others_wrote";
    let folder = tempfile::tempdir().unwrap();
    let (home, out) = (folder.path().join("home").display().to_string(), folder.path().join("out"));
    let variables = [("DATLAKE_HOME", &*home), ("DATLAKE_EMAIL", "a@example.org")];
    let Some(sent) = on_terminal(test, Some(&out), &variables) else { return show_slow() };
    assert!(sent.contains("1 running"), "{sent:?}");
    let lines = screen(&sent);
    assert!(lines.iter().any(|line| line.starts_with("not yet a line, and now it is")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("datlake: slow ran")), "{lines:#?}");
    assert!(std::fs::read_to_string(&out).unwrap().contains("before\nbegun 1\nended 1\nbetween\nafter\n"));
}

#[test]
fn warnings_are_shown_where_nothing_else_is_and_come_again_while_their_cause_is_there() {
    let test = "shown::warnings_are_shown_where_nothing_else_is_and_come_again_while_their_cause_is_there";
    let machines = Machines::new();
    let remote = format!("file://{}", machines.remote().display());
    let home = machines.remote().with_file_name("a").display().to_string();
    let run = |offline: &str| {
        let variables = [("DATLAKE_HOME", &*home), ("DATLAKE_REMOTE", &remote), ("DATLAKE_OFFLINE", offline)];
        said_alone(test, &[&variables[..], &[("DATLAKE_EMAIL", "a@example.org")]].concat())
    };
    let Some(said) = run("1") else {
        fetched(2000, TOKEN).unwrap();
        return;
    };
    assert_eq!(said, "", "whoever is offline knows");
    for said in [run("0").unwrap(), run("0").unwrap()] {
        assert!(said.contains("on this machine only, until `datlake push` sends"), "{said}");
        assert!(!said.contains("skipped"), "{said}");
    }
}

/// The transient line of each size that the terminal is given while this runs.
#[file_creator]
fn resized(columns: &[u32]) -> Result<Vec<String>> {
    const CLEARED: &str = "\u{1b}[K";
    let line = |columns: &u32| {
        Command::new("stty").args(["cols", &columns.to_string()]).stdin(Stdio::inherit()).status().unwrap();
        let before = sent_here().matches(CLEARED).count();
        // One may have been measured before.
        assert!(until(|| sent_here().matches(CLEARED).count() >= before + 2));
        sent_here().rsplit(CLEARED).nth(1).unwrap().to_owned()
    };
    Ok(columns.iter().map(line).collect())
}

#[test]
fn a_terminal_that_is_narrow_or_resized_shows_what_fits_on_one_line() {
    let test = "shown::a_terminal_that_is_narrow_or_resized_shows_what_fits_on_one_line";
    let folder = tempfile::tempdir().unwrap();
    let (home, out) = (folder.path().join("home").display().to_string(), folder.path().join("out"));
    let variables = [("DATLAKE_HOME", &*home), ("DATLAKE_EMAIL", "a@example.org")];
    let Some(sent) = on_terminal(test, Some(&out), &variables) else {
        let lines = resized(&[60, 20, 3]).unwrap();
        assert!(lines[0].starts_with("datlake: resized: 1 running"), "{lines:?}");
        assert_eq!(lines[1..], ["datlake: resized: 1\r", "da\r"]);
        return;
    };
    let lines = screen(&sent);
    assert!(lines.iter().any(|line| line.starts_with("datlake: resized ran (")), "{lines:#?}");
}

/// Takes the terminal away while it runs, and ends when that is so.
#[file_creator]
fn left_alone(n: u32) -> Result<u32> {
    assert!(until(|| sent_here().contains("1 running")));
    let terminal = std::os::unix::process::parent_id().to_string();
    assert!(Command::new("kill").args(["-9", &terminal]).status().unwrap().success());
    assert!(until(|| std::io::stderr().write_all(b".").is_err()));
    // It is looked at once more.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    Ok(n)
}

#[test]
fn a_program_whose_terminal_goes_away_does_its_work() {
    let test = "shown::a_program_whose_terminal_goes_away_does_its_work";
    if is_alone(test) {
        assert_eq!((left_alone(1).unwrap(), left_alone(1).unwrap()), (1, 1));
        pipeline().unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (home, out) = (folder.path().join("home").display().to_string(), folder.path().join("out"));
    let variables = [("DATLAKE_HOME", &*home), ("DATLAKE_EMAIL", "a@example.org"), ("DATLAKE_LOG", "calls")];
    let ended = script(test, Some(&out), &variables, &folder.path().join("sent")).output().unwrap();
    assert!(!ended.status.success(), "the terminal was ended: {ended:?}");
    let said = || std::fs::read_to_string(&out).unwrap();
    assert!(until(|| said().contains("test result")) && said().contains("1 passed"), "{}", said());
}

#[test]
fn a_program_without_standard_error_does_its_work() {
    let test = "shown::a_program_without_standard_error_does_its_work";
    if is_alone(test) {
        pipeline().unwrap();
        return;
    }
    let (reader, no_reader) = std::io::pipe().unwrap();
    drop(reader);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let closed = "exec \"$0\" \"$@\" 2>&-";
    for (end, line) in
        [(Stdio::null(), closed), (no_reader.into(), "exec \"$0\" \"$@\""), (full.into(), "exec \"$0\" \"$@\"")]
    {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home").display().to_string();
        let variables = [("DATLAKE_HOME", &*home), ("DATLAKE_EMAIL", "a@example.org"), ("DATLAKE_LOG", "calls")];
        let mut command = command_alone("sh", test, &variables);
        command.args(["-c", line]).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
        let done = command.stdin(Stdio::null()).stderr(end).output().unwrap();
        let out = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && out.contains("1 passed"), "{out}");
        let lake = Lake::builder().home(&home).open().unwrap();
        let calls = lake.history(None).unwrap().calls;
        assert!(calls.iter().any(|call| call.history.iter().any(|event| event.failure.is_some())), "{calls:?}");
    }
}
