//! A program that comes to its nodes through the lake: a file of the remote, which a few lines of shell fetch, verify and start.
//!
//! Invariants: its URL is a key until it expires. It is in no folder of a launch, no argument and no `Debug`, and nothing prints it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use datlake::{Digest, ErrorKind, Lake};
use sha2::{Digest as _, Sha256};

/// What a node does first. It gets the SHA-256, the program's name, and its arguments.
const FETCH: &str = include_str!("fetch.sh");
/// Where programs are in the lake.
const FOLDER: &str = "programs";
/// The variables that say where it is, and until when.
pub(super) const URL: &str = "DATLAKE_PROGRAM_URL";
const UNTIL: &str = "DATLAKE_PROGRAM_UNTIL";

/// A program in the remote.
#[derive(Clone)]
pub(crate) struct Shipped {
    /// What nodes have to check it.
    sha256: String,
    name: String,
    /// What processes have to tell by whether they are the same build.
    digest: Digest,
    /// What it is called in the lake.
    uid: String,
    url: String,
    expires_at: String,
    /// Whether the URL may end before, with the credentials that signed it.
    temporary: bool,
}

impl fmt::Debug for Shipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shipped").field("uid", &self.uid).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Adds the program to the lake, if it is not there, and makes a URL for its nodes.
pub(crate) fn ship(lake: &Lake, program: &Path, expires: Duration) -> anyhow::Result<Shipped> {
    let name = program.file_name().and_then(OsStr::to_str).context("the program's name is not UTF-8 text")?;
    let sha256 = sha256_of(program).with_context(|| format!("cannot read `{}`", program.display()))?;
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let uid = format!("{FOLDER}/{}/{plain}", &sha256[..16]);
    // Read, and not added by its path: nobody need be warned that a lake keeps no permission to execute it.
    let mut file = File::open(program).with_context(|| format!("cannot read `{}`", program.display()))?;
    let digest = lake.add_reader(&uid, &mut file)?.digest();
    let url = lake.url(&uid, expires).map_err(|error| match error.kind() {
        ErrorKind::Unsupported => {
            error.with_hint("a folder that all nodes see can hold the program itself: leave out --ship")
        }
        _ => error,
    })?;
    Ok(Shipped {
        sha256,
        digest,
        name: name.to_owned(),
        uid,
        url: url.url,
        expires_at: url.expires_at,
        temporary: url.temporary,
    })
}

fn sha256_of(program: &Path) -> io::Result<String> {
    let (mut hasher, mut file) = (Sha256::new(), File::open(program)?);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Shipped {
    /// The words that start it on a node.
    pub(crate) fn words(&self) -> Vec<OsString> {
        ["sh", "-c", FETCH, "datlake", &self.sha256, &self.name].map(OsString::from).to_vec()
    }

    /// What the words need in the environment.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 2] {
        [(URL, &self.url), (UNTIL, &self.expires_at)]
    }

    /// The digest of its file.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// For whoever starts the run.
    pub(crate) fn note(&self) -> String {
        let ends = if self.temporary { ", or until the credentials end that signed its URL" } else { "" };
        format!("nodes fetch the program, `{}`, until {}{ends}", self.uid, self.expires_at)
    }

    /// The command that makes such a URL.
    pub(super) fn command(&self) -> String {
        format!("datlake url {} --expires 7d", self.uid)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::*;

    /// Starts a program, whose URL is that of a file, on a node whose folder for what is temporary is `node`.
    fn start(node: &Path, sha256: &str, url: Option<&str>) -> Output {
        let shipped = Shipped {
            sha256: sha256.to_owned(),
            digest: Digest::of(b""),
            name: "hello".to_owned(),
            uid: String::new(),
            url: String::new(),
            expires_at: String::new(),
            temporary: false,
        };
        let words = shipped.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("two words").env("TMPDIR", node).env_remove(URL);
        if let Some(url) = url {
            command.env(URL, url).env(UNTIL, "the end");
        }
        command.output().unwrap()
    }

    #[test]
    fn a_node_fetches_a_program_once_and_starts_nothing_else() {
        if Command::new("curl").arg("--version").output().is_err() {
            return eprintln!("LEFT OUT: a_node_fetches_a_program_once_and_starts_nothing_else needs curl");
        }
        let folder = tempfile::tempdir().unwrap();
        let (node, program) = (folder.path().join("node"), folder.path().join("hello"));
        std::fs::create_dir(&node).unwrap();
        let text = "#!/bin/sh\necho \"hello, $1 and $DATLAKE_PROGRAM_URL\"\n";
        std::fs::write(&program, text).unwrap();
        let url = format!("file://{}", program.display());
        let sum: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let said = |started: &Output| String::from_utf8_lossy(&started.stderr).into_owned();

        let unknown = start(&node, &sum, None);
        assert!(said(&unknown).contains("DATLAKE_PROGRAM_URL is not set here"), "{}", said(&unknown));
        let expired = start(&node, &sum, Some(&format!("{url}.gone?signature=secret")));
        assert_eq!(expired.status.code(), Some(127));
        assert!(said(&expired).contains("cannot be fetched from the remote, which its URL allows until the end"));
        assert!(!said(&expired).contains("secret"), "{}", said(&expired));
        let other = start(&node, &"0".repeat(64), Some(&url));
        assert_eq!(other.status.code(), Some(127));
        assert!(said(&other).contains("what came is not hello"), "{}", said(&other));

        // The second time it is there.
        for url in [Some(&*url), None] {
            let started = start(&node, &sum, url);
            assert_eq!(String::from_utf8_lossy(&started.stdout), "hello, two words and \n", "{}", said(&started));
        }
        // What is there is not taken for it either.
        let kept = std::fs::read_dir(&node).unwrap().next().unwrap().unwrap().path().join(&sum).join("hello");
        std::fs::remove_file(&kept).unwrap();
        std::fs::copy("/bin/true", &kept).unwrap();
        let started = start(&node, &sum, Some(&url));
        assert_eq!(String::from_utf8_lossy(&started.stdout), "hello, two words and \n", "{}", said(&started));
    }
}
