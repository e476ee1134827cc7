//! A lake shared through a bucket, on real servers: two machines, and one without a network.

use std::io::Write as _;

use datlake::{ErrorKind, File, Lake, LakeBuilder, Result, file_creator};

use crate::servers::{Server, s3_at};
use crate::support::Watched;

#[file_creator]
fn doubled(text: &File) -> Result<File> {
    let mut out = File::create("doubled.txt")?;
    out.write_all(text.read_to_string()?.repeat(2).as_bytes())?;
    out.finish()
}

#[file_creator]
fn shouted(text: &File) -> Result<File> {
    let mut out = File::create("shouted.txt")?;
    out.write_all(text.read_to_string()?.to_uppercase().as_bytes())?;
    out.finish()
}

fn machine(folder: &tempfile::TempDir, name: &str, server: &Server) -> LakeBuilder {
    let builder = Lake::builder().home(folder.path().join(name)).remote(&server.url);
    builder.remote_variables(server.variables.clone())
}

/// What one machine makes, another finds, and downloads only what it reads. Then neither needs the network.
fn check_two_machines(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = || {
        let text = File::get("texts/hello.txt")?;
        shouted(&doubled(&text)?)?.read_to_string()
    };
    let one = Watched::open(machine(&folder, "one", server));
    let check = one.check_remote().unwrap();
    assert!(check.works() && check.steps.iter().all(|step| step.works), "{check:?}");
    one.add_bytes("texts/hello.txt", "hello ").unwrap();
    assert_eq!(one.ok("ran doubled, ran shouted", pipeline), "HELLO HELLO ");
    let two = Watched::open(machine(&folder, "two", server));
    assert_eq!(two.ok("downloaded shouted.txt, hit doubled, hit shouted", pipeline), "HELLO HELLO ");
    assert_eq!(two.list("").unwrap(), one.list("").unwrap());
    drop((one, two));

    // A port that was free a moment ago: whoever asks there fails.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = Server { url: server.url.clone(), variables: s3_at(&format!("http://127.0.0.1:{port}")) };
    let two = Watched::open(machine(&folder, "two", &away));
    assert_eq!(two.ok("hit doubled, hit shouted", pipeline), "HELLO HELLO ");
    two.fails("nothing", ErrorKind::Unavailable, &[&server.url], || File::get("texts/other.txt"));
}

#[test]
fn two_machines_share_a_ceph_bucket() {
    if let Some(server) = Server::rgw("two_machines_share_a_ceph_bucket") {
        check_two_machines(&server);
    }
}

#[test]
fn two_machines_share_a_bucket_of_moto() {
    if let Some(server) = Server::moto("two_machines_share_a_bucket_of_moto") {
        check_two_machines(&server);
    }
}
