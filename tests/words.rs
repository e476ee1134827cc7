//! What the README and the guide quote is so.

#![allow(clippy::unwrap_used, reason = "tests panic")]

use std::path::Path;

/// Everything that may hold a message: sources, and what the compiler says in the tests of compile errors.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = [
        "src",
        "datlake-cli/src",
        "datlake-core/src",
        "datlake-lake/src",
        "datlake-macros/src",
        "datlake-server/src",
        "datlake-store/src",
        "tests/ui/fail",
    ];
    let files = folders.iter().flat_map(|folder| walkdir::WalkDir::new(root.join(folder)));
    let files = files.map(|entry| entry.unwrap().into_path());
    let files = files.filter(|path| {
        path.extension().is_some_and(|extension| ["rs", "py", "stderr"].iter().any(|known| extension == *known))
    });
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn every_message_in_troubleshooting_exists() {
    let (page, sources) = (include_str!("../docs/guide/troubleshooting.md"), sources());
    let headings = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let mut messages = 0;
    for message in headings {
        for part in message.split('…').map(str::trim).filter(|part| part.len() > 3) {
            assert!(sources.contains(part), "nothing says {part:?}, which is part of {message:?}");
        }
        assert!(message.split('…').any(|part| part.len() > 12), "{message:?} could be any message");
        messages += 1;
    }
    assert!(messages > 30, "{messages} messages");
}

#[test]
fn the_readme_begins_with_an_example_that_runs() {
    let (_, example) = include_str!("../examples/word_count.rs").split_once("\n\n").unwrap();
    assert!(include_str!("../README.md").contains(&format!("```rust,no_run\n{example}```")));
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let guide = std::fs::read_dir(root.join("docs/guide")).unwrap().map(|page| page.unwrap().path());
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|page| root.join(page));
    let mut links = 0;
    for page in guide.chain(top) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0) {
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(target.exists(), "{link} in {}", page.display());
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let anchors = text.lines().filter(|line| line.starts_with('#')).map(anchor_of);
                assert!(anchors.into_iter().any(|a| a == anchor), "{link} in {}", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 30, "{links} links");
}

/// As GitHub makes it from a heading.
fn anchor_of(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
