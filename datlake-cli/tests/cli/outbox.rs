//! What bodies do, sent to a receiver of OpenLineage events.

#[path = "../../../datlake-client/src/tests/receiver.rs"]
#[expect(dead_code, reason = "its faults are for the client")]
mod receiver;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use datlake::{Error, ErrorKind, Lake, Result, file_creator};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::pipeline;
use crate::support::Machine;
use receiver::{FakeReceiver, Manner};

#[file_creator]
fn fails(n: u32, #[secret] key: String) -> Result<u32> {
    let _ = key;
    Err(Error::new(ErrorKind::InvalidInput, format!("\"{n}\" is <no> number\n")))
}

/// A machine on which the pipeline has run while somebody was told, or nobody listened.
fn told(port: u16) -> Machine {
    let machine = Machine::new();
    let run = || {
        let builder = Lake::builder().home(machine.home()).email("ada@example.org");
        let lake =
            builder.openlineage(&format!("http://127.0.0.1:{port}/v1?code=planted"), None).unwrap().open().unwrap();
        pipeline::run(&lake);
        let _current = lake.enter();
        fails(7, "planted".to_owned()).unwrap_err();
    };
    // At the end of the thread it is as at that of a program.
    std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    machine
}

#[test]
fn what_could_not_be_sent_is_shown_and_sent() {
    let port = FakeReceiver::nobody();
    let machine = told(port);
    let to = format!("http://127.0.0.1:{port}/v1?code=***");
    let shown = machine.ok(&["outbox"]).trim_end().replace('\n', " ");
    assert!(shown.contains(&format!(": 10 events wait for {to}; nobody listens there")), "{shown}");
    let waits = machine.json(&["outbox"]);
    assert_eq!((&waits[0]["waiting"], &waits[0]["goes_on"]), (&10.into(), &false.into()));
    machine.fails(2, &["nobody is to be sent events", "openlineage_url"], &["outbox", "send"]);
    let send = || {
        let url = format!("http://127.0.0.1:{port}/v1?code=planted");
        let sent = machine.command(&["outbox", "send"]).env("DATLAKE_OPENLINEAGE_URL", url).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (sent.status.code(), text(sent.stdout), text(sent.stderr))
    };
    let (status, out, err) = send();
    assert_eq!((status, &*out), (Some(2), &*format!("nothing was sent to {to}\n1 run left, see `datlake outbox`\n")));
    assert_eq!(err, format!("datlake: warning: {to} takes nothing more: nobody listens there\n"));
    let receiver = FakeReceiver::at(port, Manner::Take);
    assert_eq!(send(), (Some(0), format!("sent 10 events of 1 run to {to}\n"), String::new()));
    assert_eq!(machine.ok(&["outbox"]), "nothing waits to be sent\n");
    assert!(receiver.taken().ends_with(&["START fails".to_owned(), "FAIL fails".to_owned()]), "{:?}", receiver.taken());
    assert!(receiver.requests()[0].head.starts_with("POST /v1?code=planted "));
}

/// What a server answers to a GET of this path under `/api/v1`.
fn of_server(address: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET /api/v1{path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}");
    serde_json::from_str(body).unwrap()
}

const TOKEN: &str = "a-token-of-the-root-0123456789";

#[test]
fn a_pipeline_appears_as_runs_of_a_server_by_itself() {
    let (server, machine) = (Machine::new(), Machine::new());
    let mut command = server.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child =
        command.env("DATLAKE_ROOT_TOKEN", TOKEN).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said =
        lines.map(Result::unwrap).find_map(|line| Some(line.strip_prefix("datlake: serves at http://")?.to_owned()));
    let address = said.unwrap().split(';').next().unwrap().to_owned();
    let run = || {
        let lake = Lake::builder().home(machine.home()).email("ada@example.org");
        let lake = lake.openlineage(&format!("http://{address}"), Some(TOKEN.to_owned())).unwrap().open().unwrap();
        pipeline::run(&lake);
        let _current = lake.enter();
        fails(7, "planted".to_owned()).unwrap_err();
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    assert_eq!(machine.ok(&["outbox"]), "nothing waits to be sent\n");
    let jobs = of_server(&address, "/jobs?amount=100");
    let names: Vec<&str> =
        jobs["results"].as_array().unwrap().iter().map(|job| job["job_name"].as_str().unwrap()).collect();
    let failing = names.iter().find(|name| name.ends_with("::fails")).unwrap_or_else(|| panic!("{jobs}"));
    let runs = |job: &str| of_server(&address, &format!("/jobs/{}/runs", utf8_percent_encode(job, NON_ALPHANUMERIC)));
    let failed = runs(failing);
    assert_eq!(failed["results"][0]["state"], "failed");
    assert!(!failed.to_string().contains("planted"), "{failed}");
    let others: Vec<Value> =
        names.iter().filter(|name| *name != failing).map(|name| runs(name)["results"][0].clone()).collect();
    assert!(others.iter().all(|run| run["state"] == "succeeded"), "{others:?}");
    assert!(others.iter().any(|run| run["inputs"][0]["uri"].is_string()), "{others:?}");
    assert!(others.iter().any(|run| run["outputs"][0]["uri"].is_string()), "{others:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    // The variables that other programs of the server have say the same, and their key goes nowhere else.
    let shown = |variables: &[(&str, &str)]| {
        let ran = machine.command(&["config", "show", "--json"]).envs(variables.iter().copied()).output().unwrap();
        let shown: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let of = |key: &str| {
            shown
                .as_array()
                .unwrap()
                .iter()
                .find(|setting| setting["key"] == key)
                .map_or(Value::Null, |found| found["value"].clone())
        };
        (of("openlineage_url"), of("openlineage_key"))
    };
    let (api, key) = (("DATLAKE_API_URL", "http://127.0.0.1:8000"), ("DATLAKE_API_KEY", "planted"));
    assert_eq!(shown(&[api, key]), ("http://127.0.0.1:8000".into(), "***".into()));
    assert_eq!(shown(&[api, ("DATLAKE_OPENLINEAGE_KEY", "planted")]).1, Value::Null);
    let other = ("DATLAKE_OPENLINEAGE_URL", "https://lineage.example.org");
    assert_eq!(shown(&[api, key, other]), ("https://lineage.example.org".into(), Value::Null));
}

#[test]
fn urls_to_which_nothing_can_be_sent_are_refused() {
    let machine = Machine::new();
    for url in
        ["lineage.example.org", "ftp://example.org", "https://", "https:///v1", "https://ada:planted@example.org"]
    {
        machine.fails(
            2,
            &["cannot set `openlineage_url`", "DATLAKE_OPENLINEAGE_KEY"],
            &["config", "set", "openlineage_url", url],
        );
        let ran = machine.command(&["outbox"]).env("DATLAKE_OPENLINEAGE_URL", url).output().unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.code() == Some(2) && err.contains("cannot be sent to `"), "{url}: {err}");
        assert!(!err.contains("planted"), "{err}");
    }
    // A project's file does not get the key of who works there.
    machine.write("work/datlake.toml", "openlineage_url = \"https://lineage.example.org\"\n");
    let ran = machine.command(&["outbox"]).env("DATLAKE_OPENLINEAGE_KEY", "planted").output().unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code() == Some(2) && err.contains("DATLAKE_OPENLINEAGE_KEY would be sent to"), "{err}");
    assert_eq!(machine.ok(&["outbox"]), "nothing waits to be sent\n");
    std::fs::remove_file(machine.path("work/datlake.toml")).unwrap();
    machine.ok(&["config", "set", "openlineage_url", "https://lineage.example.org"]);
    let ran = machine.command(&["config", "show"]).env("DATLAKE_OPENLINEAGE_KEY", "planted").output().unwrap();
    let shown = String::from_utf8(ran.stdout).unwrap();
    assert!(
        shown.contains("https://lineage.example.org") && shown.contains("***") && !shown.contains("planted"),
        "{shown}"
    );
}

/// The published schemas, and the client's own model, take what is sent while a pipeline runs.
#[test]
fn readers_of_openlineage_take_what_is_sent() {
    let Ok(python) = std::env::var("DATLAKE_TEST_VALIDATORS") else {
        return eprintln!(
            "LEFT OUT: readers_of_openlineage_take_what_is_sent needs Python packages; ./test gets them where it can"
        );
    };
    let receiver = FakeReceiver::new(Manner::Take);
    let machine = told(receiver.port);
    assert_eq!(machine.ok(&["outbox"]), "nothing waits to be sent\n");
    let events: String = receiver.requests().iter().map(|request| format!("{}\n", request.event)).collect();
    assert!(!events.contains("planted") && !events.contains("hunter2"), "{events}");
    let file = machine.write("events.jsonl", &events);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openlineage/validate.py");
    let ran = Command::new(python).args([script, "openlineage"]).arg(file).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.starts_with("10 events "), "{said}");
}
