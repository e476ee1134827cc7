//! Disks whose files can share bytes: what goes into a lake and out of it takes no room a second time.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use datlake::Verify;

use crate::mounts::Mount;
use crate::support::Watched;

const LARGE: usize = 48 << 20;
/// What else the disk may need.
const LITTLE: u64 = 12 << 20;

#[test]
fn large_content_is_on_such_a_disk_once() {
    let Some(mount) = Mount::xfs("large_content_is_on_such_a_disk_once") else { return };
    let lake = Watched::on(&mount);
    let bytes: Vec<u8> = (0..LARGE / 8).flat_map(|n| (n as u64).to_le_bytes()).collect();
    let path = mount.path().join("large.bin");
    fs::write(&path, &bytes).unwrap();
    let before = mount.used();
    let file = lake.add_path("large.bin", &path).unwrap();
    let tree = mount.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::rename(&path, tree.join("large.bin")).unwrap();
    lake.add_tree("tree", &tree).unwrap();
    let copy = File::options().read(true).write(true).create_new(true).open(mount.path().join("copy.bin")).unwrap();
    assert!(file.open().unwrap().share_with(&copy).unwrap());
    let more = mount.used() - before;
    assert!(more < LITTLE, "{more} bytes more");

    // It is nobody else's all the same.
    for theirs in [&copy, &File::options().write(true).open(tree.join("large.bin")).unwrap()] {
        theirs.write_all_at(b"changed", 0).unwrap();
        let mut theirs = theirs;
        theirs.flush().unwrap();
    }
    assert!(lake.file("large.bin").unwrap().read().unwrap() == bytes);
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
    assert!(fs::read(mount.path().join("copy.bin")).unwrap().starts_with(b"changed"));
}
