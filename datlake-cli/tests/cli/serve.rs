//! `datlake serve` as a process, and the accounts that the command administers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

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
