//! `datlake serve` as a process, and the accounts that the command administers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::Machine;

/// What a server answers to a request that somebody with this token sends.
fn asked(address: &str, request: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_server_shows_its_first_key_pair_once_and_ends_by_a_signal() {
    let machine = Machine::new();
    machine.lake().new_repository("sales").create().unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut command = machine.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child =
            command.env("LOG_FORMAT", "json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut lines, mut said) = (BufReader::new(child.stderr.take().unwrap()).lines(), Vec::new());
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            said.push(line.clone());
            if let Some(rest) = line.strip_prefix("datlake: serves at http://") {
                break rest.split(';').next().unwrap().to_owned();
            }
        };
        // Administered while it runs.
        let name = format!("reader-{}", seen.len());
        machine.ok(&["user", "create", "--machine", &name]);
        let token = machine.ok(&["token", "create", &name]).trim().to_owned();
        assert!(asked(&address, "GET /api/v1/repositories/sales", &token).starts_with("HTTP/1.1 404"));
        machine.ok(&["grant", "add", &name, "reader", "repo:sales"]);
        let answer = asked(&address, "GET /api/v1/repositories/sales?secret=x", &token);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"id\":\"sales\""), "{answer}");
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
        let logged: Vec<String> = lines.map_while(Result::ok).collect();
        let line: serde_json::Value =
            serde_json::from_str(logged.iter().find(|line| line.contains("\"status\":200")).unwrap()).unwrap();
        assert_eq!((&line["path"], &line["method"]), (&"/api/v1/repositories/sales".into(), &"GET".into()));
        // No secret, and no query, in which one may be.
        let mut said_out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said_out).unwrap();
        let link = said_out.split_once(&format!("http://{address}/sign-in?link=dll_")).unwrap().1.trim().to_owned();
        let all = format!("{}{}", said.join("\n"), logged.join("\n"));
        assert!(link.len() > 40 && !all.contains(&link), "{all}");
        assert!(!all.contains(token.splitn(3, '_').nth(2).unwrap()) && !all.contains("secret=x"), "{all}");
        seen.push(said.join("\n"));
    }
    assert!(seen[0].contains("access key id      DLAK") && seen[0].contains("secret access key"), "{seen:?}");
    assert!(!seen[1].contains("secret access key"), "{seen:?}");
}

/// The server, and where it listens.
pub(crate) fn serving(mut command: Command) -> (Child, String) {
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let serves = lines.by_ref().inspect(|line| said.push(line.clone())).find_map(|line| {
        let (address, _) = line.strip_prefix("datlake: serves at http://")?.split_once(';')?;
        Some(address.to_owned())
    });
    let Some(address) = serves else { panic!("it ended with {}: {said:?}", child.wait().unwrap()) };
    // It is not to stand still because nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

/// What serves a machine's lake to a root with the token `root-token`.
pub(crate) fn serve(machine: &Machine) -> Command {
    let mut command = machine.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DATLAKE_ROOT_TOKEN", "root-token");
    command
}

/// What a request with a body is answered, if it is.
fn posted(address: &str, path: &str, body: &str) -> Option<String> {
    let agent = ureq::Agent::from(ureq::Agent::config_builder().proxy(None).build());
    let request = agent.post(format!("http://{address}/api/v1{path}"));
    let request = request.header("authorization", "Bearer root-token").header("content-type", "application/json");
    request.send(body).ok()?.body_mut().read_to_string().ok()
}

/// Writes, until the server is gone: what was answered. The number is of the writer.
fn write_until_it_is_gone(address: &str, writer: usize, answered: &AtomicUsize) -> Vec<(String, String)> {
    let mut kept = Vec::new();
    for n in 0.. {
        let path = format!("{writer}/{n}");
        let object = format!("/repositories/sales/branches/main/objects?path={path}");
        if posted(address, &object, &path).is_none() {
            break;
        }
        let Some(run) = posted(address, "/jobs/nightly/runs", "{}") else { break };
        let run: serde_json::Value = serde_json::from_str(&run).unwrap();
        kept.push((path, run["run_id"].as_str().unwrap().to_owned()));
        answered.fetch_add(1, Ordering::Relaxed);
    }
    kept
}

#[test]
fn nothing_that_was_answered_is_lost_when_a_server_is_killed() {
    let machine = Machine::new();
    machine.lake().new_repository("sales").create().unwrap();
    let (mut child, address) = serving(serve(&machine));
    let answered = AtomicUsize::new(0);
    let kept: Vec<(String, String)> = std::thread::scope(|scope| {
        let writers = [0, 1, 2].map(|n| {
            scope.spawn({
                let (address, answered) = (&address, &answered);
                move || write_until_it_is_gone(address, n, answered)
            })
        });
        // In the middle of what they do.
        while answered.load(Ordering::Relaxed) < 20 && writers.iter().any(|writer| !writer.is_finished()) {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    child.wait().unwrap();
    assert!(kept.len() >= 20, "{}", kept.len());
    let (mut child, address) = serving(serve(&machine));
    for (path, run) in &kept {
        let object =
            asked(&address, &format!("GET /api/v1/repositories/sales/refs/main/objects?path={path}"), "root-token");
        assert!(object.starts_with("HTTP/1.1 200") && object.ends_with(path), "{path}: {object}");
        let run = asked(&address, &format!("GET /api/v1/jobs/nightly/runs/{run}"), "root-token");
        assert!(run.contains("\"state\":\"running\""), "{run}");
    }
    // It goes on.
    assert!(posted(&address, "/jobs/nightly/runs", "{}").is_some());
    assert!(asked(&address, "GET /api/v1/admin/health", "root-token").starts_with("HTTP/1.1 200"));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_page_of_one_person_is_there_until_a_signal_and_leaves_nothing() {
    let machine = Machine::new();
    machine.lake().add_bytes("raw/a.csv", "n\n1\n").unwrap();
    let mut child = machine.command(&["ui"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let link = lines.next().unwrap().unwrap();
    let (address, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let ask = |path: &str, cookie: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let signed_in = ask(&format!("/{path}"), "");
    let (_, cookie) = signed_in.split_once("set-cookie: ").unwrap();
    let page = ask("/files?prefix=raw", cookie.split(';').next().unwrap());
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("a.csv"), "{page}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(!machine.lake().home().join("server").exists());
    machine.fails(2, &["is reached by other machines"], &["ui", "--listen", "0.0.0.0:0"]);
}

#[test]
fn accounts_are_administered() {
    let machine = Machine::new();
    for arguments in [&["user", "create", "ada"][..], &["grant", "add", "ada", "writer", "repo:sales/*"]] {
        machine.json(arguments);
    }
    let accounts = machine.json(&["user", "list"]);
    assert_eq!(accounts[0]["grants"][0], serde_json::json!({"role": "writer", "pattern": "repo:sales/*"}));
    let (key, token) =
        (machine.json(&["key", "create", "ada"]), machine.json(&["token", "create", "ada", "--expires", "1h"]));
    let id = key["access_key_id"].as_str().unwrap();
    machine.json(&["key", "revoke", id]);
    assert!(machine.json(&["key", "list"])[0]["revoked_at"].is_i64());
    assert!(machine.json(&["token", "list"])[0]["expires_at"].is_i64());
    machine.json(&["token", "revoke", token["id"].as_str().unwrap()]);
    machine.json(&["grant", "rm", "ada", "writer", "repo:sales/*"]);
    machine.fails(2, &["there is an account `ada`"], &["user", "create", "ada"]);
    machine.fails(2, &["cannot be the name of an account"], &["user", "create", "a b"]);
    machine.fails(2, &["--yes deletes it"], &["user", "rm", "ada"]);
    machine.json(&["user", "rm", "ada", "--yes"]);
    machine.fails(1, &["there is no account `ada`"], &["token", "create", "ada"]);
    machine.fails(1, &["there is no key pair"], &["key", "revoke", id]);
    for (grant, says) in [(["ada", "owner", "*"], "is no role"), (["ada", "reader", "sales"], "is no pattern")] {
        let ran = machine.run(&[&["grant", "add"][..], &grant].concat());
        assert!(ran.status == 2 && ran.err.contains(says), "{}", ran.err);
    }
}
