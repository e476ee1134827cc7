//! Every command of the guide is run, and answers as the guide says.

use std::os::unix::fs::PermissionsExt as _;

use crate::pipeline;
use crate::server::{Server, answer};
use crate::support::{Machine, ran};

/// Not a test by itself: the program that makes the guide's calls again.
#[test]
fn a_pipeline() {
    datlake::start().unwrap();
}

/// A machine with the program.
fn with_program() -> Machine {
    let machine = Machine::new();
    let program = std::env::current_exe().unwrap();
    let script = format!("#!/bin/sh\nexec '{}' --exact guide::a_pipeline >/dev/null 2>&1\n", program.display());
    let script = machine.write("work/pipeline", &script);
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    machine
}

#[test]
fn the_page_of_questions_is_true() {
    let machine = with_program();
    pipeline::experiment(&machine.lake());
    let commands = check(&machine, include_str!("../../../docs/guide/questions.md"));
    assert!(commands >= 9, "the page has {commands} commands");
}

#[test]
fn the_guide_is_true() {
    let machine = with_program();
    pipeline::run(&machine.lake());
    // The guide adds these itself.
    for uid in ["corpora/alice.txt", "corpora/snark.txt"] {
        machine.lake().remove(uid).unwrap();
    }
    let commands = check(&machine, include_str!("../../../docs/guide/cli.md"));
    assert!(commands > 15, "the guide has {commands} commands");
}

#[test]
fn the_page_on_values_is_true() {
    let machine = Machine::new();
    pipeline::through_values(&machine.lake(), &[0.1, 0.3]);
    let commands = check(&machine, include_str!("../../../docs/guide/values.md"));
    assert!(commands >= 5, "the page has {commands} commands");
}

#[test]
fn the_page_on_versions_is_true() {
    let commands = check(&Machine::new(), include_str!("../../../docs/guide/versions.md"));
    assert!(commands >= 18, "the page has {commands} commands");
}

#[test]
fn the_page_on_the_server_is_true() {
    let commands = check(&Machine::new(), include_str!("../../../docs/guide/server.md"));
    assert!(commands >= 9, "the page has {commands} commands");
}

/// Runs the commands of a page, and compares what they answer: how many there are.
fn check(machine: &Machine, page: &str) -> usize {
    let (mut commands, mut wrong) = (0, Vec::new());
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("\n```").unwrap();
        for step in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
            let ran = ran(machine.around("bash", &["-c", command]).env("COLUMNS", "120").output().unwrap());
            let (warnings, expected): (Vec<_>, Vec<_>) =
                expected.lines().partition(|line| line.starts_with("datlake: warning:"));
            let (warnings, expected) = (warnings.join("\n"), expected.join("\n"));
            if ran.status != 0 || !matches(&warnings, ran.err.trim_end()) {
                wrong.push(format!("$ {command}\n{}\nis not\n{warnings}", ran.err));
            }
            if !matches(&expected, ran.out.trim_end()) {
                wrong.push(format!("$ {command}\n{}\nis not\n{expected}", ran.out));
            }
            commands += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    commands
}

/// Those that need a network or a bucket are run as they stand, but for the address.
#[test]
fn the_guide_downloads() {
    let machine = Machine::new();
    let body = "date,weather\n2012-01-01,drizzle\n";
    let server = Server::saying(answer("200 OK", "text/csv", body));
    let guide = include_str!("../../../docs/guide/cli.md");
    let blocks: Vec<_> =
        guide.split("```sh\n").skip(1).filter_map(|block| Some(block.split_once("\n```")?.0)).collect();
    let [download, url] = *blocks else { panic!("the guide has other blocks: {blocks:?}") };
    let command = download.replace("https://example.org", server.url("", "").trim_end_matches('/'));
    assert_ne!(command, download);
    let ran = ran(machine.around("bash", &["-c", &command]).output().unwrap());
    assert_eq!((ran.status, &*ran.err), (0, ""));
    assert!(ran.out.starts_with("added raw/seattle.csv ("), "{}", ran.out);
    assert_eq!(machine.ok(&["cat", "raw/seattle.csv"]), body);
    // Run where there is a bucket: `order::a_url_downloads_what_it_names`.
    assert_eq!(url, crate::order::URL_OF_THE_GUIDE);
}

/// Whether `text` is `pattern`, in which `…` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
        if !part.is_empty() {
            open = false;
        }
    }
    open || rest.is_empty() || pattern.ends_with('…')
}
