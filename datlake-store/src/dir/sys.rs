//! The few things the standard library does not spell the way this module needs them.

use std::fs::{File, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;

/// Random bits: the seeds of the standard library's hash maps come from the operating system.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Whether two descriptions are of one file, under whatever names.
pub(super) fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// When the file last changed in any way, by the file system's clock.
pub(crate) fn changed(of: &Metadata) -> SystemTime {
    let nanoseconds = u32::try_from(of.ctime_nsec()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(of.ctime().max(0).unsigned_abs(), nanoseconds)
}

/// The same permissions, read-only.
pub(crate) fn read_only(of: &Metadata) -> std::fs::Permissions {
    std::fs::Permissions::from_mode(of.permissions().mode() & 0o444 | 0o400)
}

/// Whether the folder is on a disk of this machine, of which each process sees at once what another changed. A share shows it
/// late; of an unknown file system nobody knows.
pub(crate) fn is_on_local_disk(path: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // bcachefs, btrfs, ext, exFAT, f2fs, FAT, overlay, ramfs, tmpfs, XFS, ZFS.
        const LOCAL: [u32; 11] = [
            0xca45_1a4e,
            0x9123_683e,
            0xef53,
            0x2011_bab0,
            0xf2f5_2010,
            0x4d44,
            0x794c_7630,
            0x8584_58f6,
            0x0102_1994,
            0x5846_5342,
            0x2fc1_2fc1,
        ];
        // The kernel's numbers have 32 bits, in a type that depends on the architecture.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        rustix::fs::statfs(path).is_ok_and(|stat| LOCAL.contains(&(stat.f_type as u32)))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = path;
        false
    }
}

/// Less is copied sooner than shared.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SHARED_FROM: u64 = 256 << 10;

/// Lets an empty file have the bytes of another, if they are many, which the disk keeps once. Whether it does: most file systems
/// cannot, and none across its borders.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn share(from: &File, into: &File) -> bool {
    from.metadata().is_ok_and(|found| found.len() >= SHARED_FROM) && rustix::fs::ioctl_ficlone(into, from).is_ok()
}

/// Lets an empty file have the bytes of another: not possible here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn share(_: &File, _: &File) -> bool {
    false
}

/// Makes one directory, whose parent exists; it may exist itself.
pub(super) fn make_dir(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(io::ErrorKind::NotADirectory.into()),
        done => done,
    }
}

/// Makes the entries of a directory last through a power failure, where the file system can.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

/// Makes everything below a directory last: here, everything on its file system.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn sync_below(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

/// Makes everything below a directory last, one by one.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn sync_below(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let synced = match entry.file_type()?.is_dir() {
            true => sync_below(&entry.path()),
            false => File::open(entry.path()).and_then(|file| file.sync_all()),
        };
        match synced {
            // Removed meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    sync_dir(path)
}

/// Whether a failed hard link says that this file system, or this file, cannot have one.
pub(super) fn no_hard_links(error: &io::Error) -> bool {
    // EPERM, not EACCES: what Linux answers for FAT and its kin.
    error.raw_os_error() == Some(Errno::PERM.raw_os_error())
        || matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::TooManyLinks)
}

/// Moves `from` to `to` unless there is something.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Moves `from` to `to` unless there is something: not possible here.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a failed [`rename_new`] says that the system cannot do it at all.
pub(super) fn no_rename_new(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// Whether a failed lock says that the file system has none.
pub(super) fn no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || [Errno::NOLCK, Errno::INVAL, Errno::BADF].iter().any(|e| error.raw_os_error() == Some(e.raw_os_error()))
}

/// Makes sure that this process may read the file at `path`.
///
/// # Errors
/// Why it may not.
pub fn check_readable(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD};
    match rustix::fs::accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS) {
        Ok(()) => Ok(()),
        // Older systems know no effective rights here, and older containers refuse the question.
        Err(_) => File::open(path).map(drop),
    }
}

/// Whether somebody made the file at `path` executable. FAT, exFAT and NTFS keep no such thing, and show it of every file.
pub fn is_executable(path: &Path, found: &Metadata) -> bool {
    found.permissions().mode() & 0o111 != 0 && !shows_all_executable(path)
}

/// Whether the file system of `path` keeps which files are executable.
pub(crate) fn keeps_executable(path: &Path) -> bool {
    !shows_all_executable(path)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn shows_all_executable(path: &Path) -> bool {
    // FAT, exFAT, both drivers of NTFS, and what runs in user space, where disks of cameras and sticks are, too.
    const WITHOUT: [u32; 5] = [0x4d44, 0x2011_bab0, 0x5346_544e, 0x7366_746e, 0x6573_5546];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    rustix::fs::statfs(path).is_ok_and(|stat| WITHOUT.contains(&(stat.f_type as u32)))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn shows_all_executable(_: &Path) -> bool {
    false
}
