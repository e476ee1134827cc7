//! `datlake lineage` as a graph: every format, of what nobody expects too.

use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::Value;

use crate::pipeline::copy;
use crate::support::Machine;

/// Names that mean something to a format.
const HOSTILE: [&str; 6] = [
    "in/<script>alert(1)</script>.txt",
    "in/\"quoted\" 'twice' &amp; &lt;.txt",
    "in/`code` #35; [x](y) {z} |a| --> n0; end.txt",
    "in/1. list\u{5d0}\u{5d1}\u{627}.txt",
    "in/turned\u{202e}txt.exe",
    "in/-->]]><!-- %%{init: {}}%% *.txt",
];
const FORMATS: [&str; 7] = ["text", "dot", "mermaid", "markdown", "svg", "html", "json"];
/// Formats of what ran, for other programs.
const RECORDS: [&str; 2] = ["openlineage", "prov"];

/// Files with hostile names, each read by a call.
pub(crate) fn hostile() -> Machine {
    let machine = Machine::new();
    let lake = machine.lake();
    let _current = lake.enter();
    for name in HOSTILE {
        copy(&lake.add_bytes(name, name).unwrap(), 1).unwrap();
    }
    let long = ["n", "m", "o", "p", "q"].map(|letter| letter.repeat(198)).join("/");
    copy(&lake.add_bytes(&long, b"long").unwrap(), 1).unwrap();
    machine
}

#[test]
fn a_file_a_call_and_a_creator_can_be_asked_for() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let (call, _) = uid.rsplit_once('/').unwrap();
    let asked = |asked: &str| {
        let graph = machine.json(&["lineage", asked]);
        let asked = graph["asked"].as_array().unwrap().clone();
        asked.iter().map(|at| graph["nodes"][at.as_u64().unwrap() as usize]["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(asked(uid), ["count.txt"]);
    assert_eq!((asked(call), asked(&call[1..])), (vec!["word_count".into()], vec!["word_count".into()]));
    assert_eq!((asked("word_count").len(), asked("pipeline::split").len()), (2, 1));
    // Of a creator both calls, with all above and below.
    let graph = machine.json(&["lineage", "word_count"]);
    let names: Vec<_> = graph["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    for name in ["alice.txt", "snark.txt", "count.txt", "compare", "which.txt"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(machine.ok(&["lineage", "word_count"]).starts_with("count.txt\n"));
    machine.fails(1, &["no file `word_kount`"], &["lineage", "word_kount"]);
}

#[test]
fn a_way_may_have_a_number_of_calls() {
    let (machine, _) = Machine::prepared();
    let count = |words: &[&str]| machine.json(&[&["lineage"], words].concat())["nodes"].as_array().unwrap().len();
    assert_eq!(count(&["reports/which.txt", "--up", "0"]), 1);
    assert_eq!(count(&["reports/which.txt", "--up", "1"]), 6);
    assert_eq!(count(&["reports/which.txt", "--up"]), 8);
    assert_eq!(count(&["--down", "1", "corpora/snark.txt"]), 3);
    assert_eq!(count(&["--down", "1000000", "corpora/snark.txt"]), 5);
}

#[test]
fn a_graph_is_written_for_other_tools() {
    let (machine, _) = Machine::prepared();
    let shown = |format: &str| machine.shown(80, &["lineage", "reports/which.txt", "--format", format]);
    assert_snapshot!("lineage_dot", masked(&shown("dot")));
    assert_snapshot!("lineage_mermaid", masked(&shown("mermaid")));
    let svg = shown("svg");
    assert_eq!((svg.matches("<rect").count(), svg.matches("class=\"e\"").count()), (8, 7), "{svg}");
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n") && svg.contains("prefers-color-scheme"));
    let json: serde_json::Value =
        serde_json::from_str(&machine.ok(&["lineage", "reports/which.txt", "--format", "json"])).unwrap();
    assert_eq!(
        json,
        serde_json::from_str::<serde_json::Value>(&machine.ok(&["lineage", "reports/which.txt", "--json"])).unwrap()
    );
    let refused = machine.run(&["lineage", "reports/which.txt", "--json", "--format", "dot"]);
    assert!(refused.status == 2 && refused.err.contains("--json writes JSON"), "{}", refused.err);
}

/// Without how long calls took.
fn masked(text: &str) -> String {
    let lines =
        text.lines().map(|line| match line.split_once("· ").map(|(before, took)| (before, took.split_once('"'))) {
            Some((before, Some((_, after)))) => format!("{before}· […]\"{after}"),
            _ => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_ending_of_a_file_says_the_format() {
    let (machine, _) = Machine::prepared();
    for (name, start) in [
        ("a.svg", "<svg "),
        ("a.dot", "digraph "),
        ("a.mmd", "flowchart "),
        ("a.md", "# How `which.txt` came to be\n"),
        ("a.html", "<!doctype html>"),
        ("a.json", "{"),
        ("a.jsonl", "{\"eventTime\""),
        ("a.provjson", "{"),
        ("a.txt", "reports/"),
    ] {
        let path = machine.path(name);
        let said = machine.ok(&["lineage", "reports/which.txt", "-o", path.to_str().unwrap()]);
        assert!(said.contains("8 nodes"), "{said}");
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(start), "{name}");
    }
    machine.fails(2, &["cannot write"], &["lineage", "reports/which.txt", "-o", "/nowhere/a.svg"]);
    let page = machine.path("a.docx");
    machine.fails(2, &["`.docx` says no format", "--format"], &["lineage", "word_count", "-o", page.to_str().unwrap()]);
    assert!(!page.exists());
    // What is no file is not replaced by one.
    machine.fails(
        2,
        &["neither a file nor a folder"],
        &["lineage", "word_count", "--format", "dot", "-o", "/dev/null"],
    );
}

#[test]
fn equal_fan_outs_are_one_box_unless_all_are_asked_for() {
    let machine = Machine::new();
    let lake = machine.lake();
    let given = lake.add_bytes("given.txt", b"given").unwrap();
    let _current = lake.enter();
    (0..365).for_each(|n| drop(copy(&given, n).unwrap()));
    let dot = |more: &[&str]| machine.ok(&[&["lineage", "given.txt", "--format", "dot"], more].concat());
    let folded = dot(&[]);
    assert!(folded.contains("copy × 365") && folded.contains("copy.txt × 365"), "{folded}");
    assert_eq!((folded.matches("shape=").count(), dot(&["-v"]).matches("shape=").count()), (3, 501));
    assert!(dot(&["-v"]).contains("231 nodes more are not drawn"));
    let svg = machine.ok(&["lineage", "copy", "--format", "svg"]);
    assert!(svg.contains("copy × 365"), "{svg}");
}

#[test]
fn a_pipeline_is_drawn_from_its_records() {
    let (machine, _) = Machine::prepared();
    let text = machine.ok(&["lineage", "--pipeline"]);
    let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name}: {text}"));
    assert!(at("::word_count") < at("::compare"), "{text}");
    assert!(text.contains("2 calls, ") && text.contains("from corpora/") && text.contains("to reports/"), "{text}");
    for format in ["dot", "mermaid", "svg"] {
        let drawn = machine.ok(&["lineage", "--pipeline", "--format", format]);
        for part in ["word_count", "2 calls", "corpora/", "reports/"] {
            assert!(drawn.contains(part), "{format}: {part}\n{drawn}");
        }
    }
    assert_eq!(machine.json(&["lineage", "--pipeline"])["asked"], serde_json::json!([]));
    assert_eq!(Machine::new().ok(&["lineage", "--pipeline"]), "The lake has no calls.\n");
}

#[test]
fn contents_are_the_beginning_of_files_and_the_code_that_ran() {
    let (machine, made) = Machine::prepared();
    let lake = machine.lake();
    let preview = |uid: &str| {
        let graph = machine.ok(&["lineage", uid, "--up", "0", "--contents", "--json"]);
        serde_json::from_str::<serde_json::Value>(&graph).unwrap()["nodes"][0]["item"]["preview"].clone()
    };
    assert_eq!(preview("reports/which.txt"), serde_json::json!({"kind": "text", "text": "Equal\n", "cut": false}));
    lake.add_bytes("long.txt", "€".repeat(5000)).unwrap();
    let long = preview("long.txt");
    assert_eq!((long["text"].as_str().map(str::len), &long["cut"]), (Some(8190), &true.into()));
    // What would do something to a terminal is data here.
    lake.add_bytes("odd.txt", "a\u{1b}[2Jb\u{7f}\u{9b}c").unwrap();
    assert_eq!(preview("odd.txt")["text"], "a\u{1b}[2Jb\u{7f}\u{9b}c");
    lake.add_bytes("picture.bin", b"\x89PNG\r\n").unwrap();
    let picture = serde_json::json!({"kind": "image", "media_type": "image/png", "base64": "iVBORw0K"});
    assert_eq!(preview("picture.bin"), picture);
    lake.add_bytes("large.bin", [&b"\x89PNG\r\n"[..], &[0; 300 << 10]].concat()).unwrap();
    assert_eq!(preview("large.bin")["why"], "large");
    lake.add_bytes("numbers.bin", [0; 10]).unwrap();
    assert_eq!(preview("numbers.bin")["why"], "binary");
    let words = preview(made.words.uid().unwrap().as_str());
    assert_eq!((&words["files"][0]["path"], words["files"].as_array().unwrap().len()), (&"0.txt".into(), 4));

    let graph = machine.json(&["lineage", "word_count", "--contents"]);
    let sources = graph["sources"].as_array().unwrap();
    let of = |name: &str| sources.iter().find(|code| code["creator"].as_str().unwrap().ends_with(name)).unwrap();
    let code = of("::word_count");
    let items: Vec<&str> = code["items"].as_array().unwrap().iter().map(|one| one["item"].as_str().unwrap()).collect();
    assert!(items[0].ends_with("::word_count") && items[2].ends_with("::longer"), "{items:?}");
    assert_eq!((&code["since"], &code["why_not"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(sources.len(), 2, "each code once");
    machine.fails(2, &["only html and json"], &["lineage", "word_count", "--contents"]);
    // Only where they are wanted.
    let without = machine.json(&["lineage", "word_count"]);
    assert_eq!(
        (&without["sources"], &without["nodes"][0]["item"]["preview"]),
        (&serde_json::json!([]), &serde_json::Value::Null)
    );
    let page = |more: &[&str]| machine.ok(&[&["lineage", "word_count", "--format", "html"], more].concat());
    assert!(
        page(&[]).contains("down the rabbit hole") && !page(&["--contents=false"]).contains("down the rabbit hole")
    );
}

#[test]
fn nothing_is_downloaded_for_contents() {
    let machine = Machine::with_remote();
    machine.lake().add_bytes("there.txt", "there").unwrap();
    let other = machine.moved_to("other");
    let graph = other.json(&["lineage", "there.txt", "--contents"]);
    assert_eq!(graph["nodes"][0]["item"]["preview"], serde_json::json!({"kind": "none", "why": "away"}));
    assert!(!other.lake().file("there.txt").unwrap().is_local().unwrap());
}

#[test]
fn hostile_names_are_text_in_every_format() {
    let machine = hostile();
    for asked in [&["copy"][..], &["--pipeline"], &[HOSTILE[0]], &[HOSTILE[1]]] {
        for format in FORMATS {
            let drawn = machine.ok(&[&["lineage", "-v", "--format", format], asked].concat());
            // As data a name stays what it is, and the page has it as data.
            let is_data = ["html", "json"].contains(&format);
            let harmless =
                |c: char| c == '\n' || !(c.is_control() || (!is_data && ('\u{202a}'..='\u{202e}').contains(&c)));
            assert!(format == "html" || drawn.chars().all(harmless), "{format}: {drawn:?}");
            match format {
                "svg" => assert!(is_balanced(&drawn), "{drawn}"),
                "dot" => assert!(drawn.lines().all(has_only_its_own_quotes), "{drawn}"),
                "html" => {
                    assert_eq!((drawn.matches("<script").count(), drawn.matches("<!--").count()), (2, 1), "{asked:?}")
                }
                "mermaid" => assert!(!drawn.contains("<script") && !drawn.contains('`'), "{drawn}"),
                _ => {}
            }
        }
    }
}

/// Whether the tags of a picture close each other, and there is no script among them.
fn is_balanced(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if !["svg", "style", "g", "path", "rect", "text", "title"].contains(&name) {
            return false;
        }
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) if open.pop() != Some(name) => return false,
            (false, false) => open.push(name),
            _ => {}
        }
    }
    open.is_empty()
}

/// Whether as many quotes end or begin a string in a line of DOT as its attributes have: a name adds none.
fn has_only_its_own_quotes(line: &str) -> bool {
    let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
    match line {
        _ if line.starts_with("  n") && line.contains(", tooltip=") => quotes == 8,
        _ if line.contains(" -> ") => quotes == 2,
        _ => quotes <= 2,
    }
}

/// The events of OpenLineage of something.
fn events(machine: &Machine, asked: &str) -> Vec<Value> {
    let text = machine.ok(&["lineage", asked, "--format", "openlineage"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_ran_is_told_to_openlineage() {
    let (machine, _) = Machine::prepared();
    let events = events(&machine, "reports/which.txt");
    let of = |kind: &str| events.iter().filter(|event| event["eventType"] == kind).collect::<Vec<_>>();
    let (starts, ends) = (of("START"), of("COMPLETE"));
    assert_eq!((starts.len(), ends.len(), events.len()), (3, 3, 6));
    let names = |event: &Value, role: &str| {
        let names = event[role].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let last = ends.iter().find(|event| event["job"]["name"] == "datlake-cli/cli::pipeline::compare").unwrap();
    assert_eq!(names(last, "outputs"), ["reports/which.txt"]);
    // What it was given, others made.
    let given = names(last, "inputs");
    let made: Vec<String> = ends.iter().flat_map(|event| names(event, "outputs")).collect();
    assert!(!given.is_empty() && given.iter().all(|name| made.contains(name)), "{given:?} of {made:?}");
    // A run is the same whenever somebody asks, and both its events say so.
    let run = |event: &Value| event["run"]["runId"].as_str().unwrap().to_owned();
    let mut told: Vec<String> = starts.iter().map(|event| run(event)).collect();
    let mut ended: Vec<String> = ends.iter().map(|event| run(event)).collect();
    told.sort();
    ended.sort();
    assert_eq!(told, ended);
    told.dedup();
    assert_eq!(told.len(), 3);
    let parent = |event: &&Value| event["run"]["facets"]["parent"]["run"]["runId"].clone();
    assert!(ends.iter().all(|event| parent(event) == parent(&ends[0]) && parent(event).is_string()));
    let namespace = last["job"]["namespace"].as_str().unwrap().to_owned();
    assert!(namespace.starts_with("file:///"), "{namespace}");
    let own = machine.ok(&["lineage", "word_count", "--format", "openlineage", "--namespace", "urn:ours"]);
    assert!(own.lines().all(|line| line.contains("\"namespace\":\"urn:ours\"") && !line.contains("file:///")), "{own}");
    for format in RECORDS {
        machine.fails(2, &["a pipeline as a whole", "name a file"], &["lineage", "--pipeline", "--format", format]);
    }
}

#[test]
fn how_a_file_came_to_be_is_a_page() {
    let (machine, _) = Machine::prepared();
    let page = machine.ok(&["lineage", "--up", "reports/which.txt", "--format", "markdown"]);
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("no `{what}` in {page}"));
    // The steps are in the order in which they ran, each with what it was given and made.
    assert!(at("### 1. `word_count`") < at("### 3. `compare`"), "{page}");
    let last = &page[at("### 3. `compare`")..at("## What it began with")];
    assert!(last.contains("- Made: `reports/which.txt` (") && last.contains("- Given: `@datlake-cli/"), "{last}");
    assert!(page[at("## What it began with")..].contains("- `corpora/alice.txt`: "), "{page}");
    let citation = page.lines().find(|line| line.starts_with("Cite as: ")).unwrap();
    let digest = machine.lake().file("reports/which.txt").unwrap().digest().to_string();
    assert!(citation.contains("ada@example.org (") && citation.contains(&digest), "{citation}");
    assert_eq!(page.matches("```").count(), 2, "{page}");
    assert!(machine.ok(&["lineage", "--pipeline", "--format", "markdown"]).contains("## Creators\n\n- `"));
}

#[test]
fn a_crate_has_files_code_and_how_they_were_made() {
    let (machine, _) = Machine::prepared();
    let folder = machine.path("crate");
    let folder = folder.to_str().unwrap();
    let write =
        ["lineage", "reports/which.txt", "--format", "ro-crate", "--license", "https://spdx.org/licenses/CC0-1.0"];
    let into = [&write[..], &["-o", folder]].concat();
    machine.fails(2, &["an RO-Crate is a folder", "-o FOLDER"], &write);
    let said = machine.ok(&into);
    assert!(said.starts_with("wrote ") && said.ends_with("crate: 8 nodes\n"), "{said}");
    machine.fails(2, &["it exists"], &into);
    let read = |path: &str| std::fs::read_to_string(machine.path("crate").join(path)).unwrap();
    assert_eq!(read("data/which.txt"), machine.ok(&["cat", "reports/which.txt"]));
    let text = read("ro-crate-metadata.json");
    assert!(!text.contains("hunter2") && !text.contains(folder), "{text}");
    let described: Value = serde_json::from_str(&text).unwrap();
    let entities = described["@graph"].as_array().unwrap();
    let find = |id: &str| entities.iter().find(|one| one["@id"] == id).unwrap_or_else(|| panic!("no {id} in {text}"));
    assert_eq!(find("./")["license"], "https://spdx.org/licenses/CC0-1.0");
    let actions = entities.iter().filter(|one| one["@type"] == "CreateAction").collect::<Vec<_>>();
    assert_eq!(actions.len(), 3);
    let compare = actions.iter().find(|one| one["result"][0]["@id"] == "data/which.txt").unwrap();
    let code = read(compare["instrument"]["@id"].as_str().unwrap());
    assert!(code.starts_with("// datlake-cli/cli::pipeline::compare/"), "{code}");
    // What is gone is described, and the command says so.
    let digest = machine.lake().file("corpora/snark.txt").unwrap().digest().to_string();
    for lake in [machine.home(), machine.path("remote")] {
        let _ = std::fs::remove_file(lake.join("blobs").join(&digest[..2]).join(&digest));
    }
    let left = machine.path("left");
    let said = machine.ok(&["lineage", "reports/which.txt", "--format", "ro-crate", "-o", left.to_str().unwrap()]);
    assert!(said.contains(", 1 file only described"), "{said}");
    assert!(!left.join("data/snark.txt").exists() && left.join("data/which.txt").exists());
}

#[test]
fn what_ran_is_told_to_prov() {
    let (machine, _) = Machine::prepared();
    let text = machine.ok(&["lineage", "reports/which.txt", "--format", "prov"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let count = |what: &str| document[what].as_object().map_or(0, |all| all.len());
    let graph = machine.json(&["lineage", "reports/which.txt"]);
    let (nodes, edges) = (graph["nodes"].as_array().unwrap().len(), graph["edges"].as_array().unwrap().len());
    assert_eq!(count("entity") + count("activity"), nodes);
    assert_eq!(count("used") + count("wasGeneratedBy") + count("wasInformedBy"), edges);
    assert_eq!((count("activity"), count("agent"), count("wasAssociatedWith")), (3, 1, 3));
    // What nobody's call made is whose who added it.
    let added: Vec<&Value> = document["wasAttributedTo"].as_object().unwrap().values().collect();
    assert_eq!(added.len(), 2, "{text}");
    assert!(added.iter().all(|one| one["prov:entity"].as_str().unwrap().starts_with("lake:corpora/")), "{text}");
}

/// Those who made the formats read them: hostile names too.
#[test]
fn readers_of_other_people_s_formats_take_what_is_written() {
    let Ok(python) = std::env::var("DATLAKE_TEST_VALIDATORS") else {
        return eprintln!(
            "LEFT OUT: readers_of_other_people_s_formats_take_what_is_written needs Python packages; ./test gets them where it can"
        );
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openlineage/validate.py");
    let (prepared, _) = Machine::prepared();
    for (machine, asked, events, activities) in [(prepared, "reports/which.txt", 6, 3), (hostile(), "copy", 14, 7)] {
        let read = |format: &str, file: &str, more: &[&str]| {
            let path = machine.path(file);
            machine.ok(&["lineage", asked, "--format", format, "-o", path.to_str().unwrap()]);
            let ran = Command::new(&python).arg(script).arg(format).arg(path).args(more).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            String::from_utf8(ran.stdout).unwrap()
        };
        let said = read("openlineage", "events.jsonl", &[]);
        assert!(said.starts_with(&format!("{events} events ")) && !said.contains(" 0 facets"), "{said}");
        let picture = machine.path("prov.png");
        let said = read("prov", "prov.json", &[picture.to_str().unwrap()]);
        assert!(said.contains(&format!(" {activities} activities")), "{said}");
        assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
        let said = read("ro-crate", "crate", &[machine.path("again").to_str().unwrap()]);
        assert!(said.ends_with(&format!(" {activities} actions\n")), "{said}");
    }
}

#[test]
fn no_secret_is_in_any_format() {
    let (machine, _) = Machine::prepared();
    for format in FORMATS.iter().chain(&RECORDS) {
        for asked in ["reports/which.txt", "word_count", "--pipeline"] {
            if asked == "--pipeline" && RECORDS.contains(format) {
                continue;
            }
            assert!(!machine.ok(&["lineage", "-v", "--format", format, asked]).contains("hunter2"), "{format}");
        }
    }
}

#[test]
fn a_narrow_terminal_and_a_reader_that_leaves() {
    let machine = hostile();
    for format in FORMATS {
        assert!(!machine.shown(40, &["lineage", "copy", "--format", format]).is_empty());
        let mut child =
            machine.command(&["lineage", "copy", "--format", format]).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{format}");
    }
}
