//! Who may still write to a file: what Linux says in `/proc` of this process, and of those it started.

use std::fs::Metadata;

/// Whether this process, or a descendant of it, has the file open for writing, or mapped so that others see what is written.
/// Where the system does not say, it may. A process that was handed over to another parent is not seen.
#[cfg(target_os = "linux")]
pub(crate) fn may_be_open(file: &Metadata) -> bool {
    linux::family().is_none_or(|family| family.iter().any(|process| linux::may_write(process, file)))
}

/// As above: nobody says.
#[cfg(not(target_os = "linux"))]
pub(crate) fn may_be_open(_: &Metadata) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::fs::{self, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};

    use rustix::io::Errno;
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    /// The two bits of a descriptor's flags that are zero where it only reads.
    const ACCESS: u32 = 3;

    /// The `/proc` of this process and its descendants; `None` where that cannot be known.
    pub(super) fn family() -> Option<Vec<PathBuf>> {
        let own = std::process::id();
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // Most processes have no children, and need not look through all there are.
        let mut family = vec![own];
        if waitid(WaitId::All, peek).err() != Some(Errno::CHILD) {
            let mut children = HashMap::<u32, Vec<u32>>::new();
            for entry in fs::read_dir("/proc").ok()? {
                let Some(process) = entry.ok()?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                if let Some(parent) = parent(process) {
                    children.entry(parent).or_default().push(process);
                }
            }
            let mut next = 0;
            while let Some(process) = family.get(next) {
                family.extend(children.remove(process).unwrap_or_default());
                next += 1;
            }
        }
        Some(family.into_iter().map(|process| PathBuf::from(format!("/proc/{process}"))).collect())
    }

    /// Who started a process that is alive.
    fn parent(process: u32) -> Option<u32> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The program's name, in parentheses, may hold anything.
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?;
        (state != "Z").then(|| fields.next()?.parse().ok()).flatten()
    }

    pub(super) fn may_write(process: &Path, file: &Metadata) -> bool {
        match has_descriptor(process, file).and_then(|has| Ok(has || has_mapped(process, file)?)) {
            // It has ended.
            Err(e) if !process.exists() || e.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => false,
            Err(_) => true,
            Ok(may) => may,
        }
    }

    fn has_descriptor(process: &Path, file: &Metadata) -> io::Result<bool> {
        for entry in fs::read_dir(process.join("fd"))? {
            let entry = entry?;
            let Ok(open) = fs::metadata(entry.path()) else { continue };
            if (open.dev(), open.ino()) != (file.dev(), file.ino()) {
                continue;
            }
            // Closed in between, it writes no more.
            let Ok(info) = fs::read_to_string(process.join("fdinfo").join(entry.file_name())) else { continue };
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
            if flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_none_or(|flags| flags & ACCESS != 0)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of a mapping only the inode is compared: some file systems give another device there than `stat`.
    fn has_mapped(process: &Path, file: &Metadata) -> io::Result<bool> {
        let inode = file.ino().to_string();
        // A path may be no UTF-8.
        let maps = String::from_utf8_lossy(&fs::read(process.join("maps"))?).into_owned();
        Ok(maps.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let is_shared = fields.next().is_some_and(|mode| mode.ends_with('s'));
            is_shared && fields.nth(2) == Some(&inode)
        }))
    }
}
