//! A lake over lines to a Ceph object gateway that break.

use std::path::Path;

use datlake::{ErrorKind, File, Lake, Result, Side, Verify, file_creator};

use crate::proxy::{How, Proxy, Way, Wrong, breaking};
use crate::servers::Server;

#[file_creator]
fn doubled(file: &File, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, file.read()?.repeat(2))
}

/// A machine, and its line to the server.
struct Far {
    proxy: Proxy,
    server: Server,
}

impl Far {
    fn from(server: &Server) -> Self {
        let (_, endpoint) = server.variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap();
        let proxy = Proxy::before(endpoint);
        let server = server.with("AWS_ENDPOINT_URL", &proxy.endpoint);
        Self { proxy, server }
    }

    /// The lake, as a process sees it that was just started there.
    fn lake(&self, home: &Path) -> Lake {
        let builder = Lake::builder().home(home).remote(&self.server.url).email("ada@example.org");
        builder.remote_variables(self.server.variables.clone()).open().unwrap()
    }
}

/// Bytes that no compression shortens.
fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&size.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn machines_on_lines_that_break_all_the_time_share_a_lake() {
    let Some(server) = Server::rgw("machines_on_lines_that_break_all_the_time_share_a_lake") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Far::from(&server), Far::from(&server));
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    let bytes = noise((18 << 20) + 5);
    for (seed, far) in (0..).zip([&one, &other]) {
        far.proxy.goes_wrong(breaking(seed, 5 << 19));
    }
    {
        let lake = one.lake(&a);
        let _current = lake.enter();
        let file = lake.add_bytes("large.bin", &bytes).unwrap();
        doubled(&file, "twice/large.bin").unwrap();
        lake.add_bytes("small.txt", "small").unwrap();
    }
    {
        let lake = other.lake(&b);
        let _current = lake.enter();
        let file = lake.file("large.bin").unwrap();
        assert!(file.read().unwrap() == bytes, "other bytes came");
        let twice = doubled(&file, "twice/large.bin").unwrap();
        assert_eq!(twice.lineage().unwrap().call().unwrap().outputs[0].digest, twice.digest());
        assert_eq!(lake.list("").unwrap().len(), 3);
        assert_eq!(lake.remove("small.txt").unwrap().len(), 1);
    }
    let lake = one.lake(&a);
    assert_eq!(lake.list("").unwrap().len(), 2);
    assert_eq!(lake.file("small.txt").unwrap_err().kind(), ErrorKind::NotFound);
    let broken = [&one, &other].map(|far| far.proxy.broken());
    assert!(broken.iter().all(|times| *times > 0), "the lines broke {broken:?} times");
    one.proxy.is_mended();
    let verified = one.lake(&c).verify(Verify::default().side(Side::Remote), &[]).unwrap();
    assert_eq!((verified.findings, verified.read >= 3), (vec![], true));
}

#[test]
fn what_a_line_cut_off_is_as_if_it_had_not_begun_and_can_be_done_again() {
    let Some(server) = Server::rgw("what_a_line_cut_off_is_as_if_it_had_not_begun_and_can_be_done_again") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let near = Far::from(&server).lake(&folder.path().join("near"));
    let bytes = noise(3 << 20);
    // The line breaks for good after so much.
    std::thread::scope(|scope| {
        for (at, after) in [0, 600, 1_500, 4_000, 2 << 20, (3 << 20) + 2_500].into_iter().enumerate() {
            let (server, near, bytes, folder) = (&server, &near, &bytes, folder.path());
            scope.spawn(move || {
                let far = Far::from(server);
                let wrong = move |n| Wrong::ends(Way::Up, if n == 0 { after } else { 350 }, How::Reset);
                far.proxy.goes_wrong(wrong);
                let (home, uid) = (folder.join(format!("home-{at}")), format!("{at}.bin"));
                let error = far.lake(&home).add_bytes(&uid, bytes).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(error.to_string().contains("DATLAKE_OFFLINE=1"), "{error}");
                // All of it, or nothing: its name may have arrived last.
                if let Ok(file) = near.file(&uid) {
                    assert!(file.read().unwrap() == *bytes);
                }
                far.proxy.is_mended();
                far.lake(&home).add_bytes(&uid, bytes).unwrap();
                assert!(near.file(&uid).unwrap().read().unwrap() == *bytes);
            });
        }
    });
    assert_eq!(near.verify(Verify::default(), &[]).unwrap().findings, []);
}
