//! What a process may use of its machine, as far as Linux tells.

use std::fs;
use std::path::{Path, PathBuf};

/// CPUs that this process may run on: those that it is bound to, and as many as its group may use.
pub fn cpus() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}

/// Memory in bytes: of the machine, or what the groups of this process may use.
pub fn memory() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limits(&groups, Path::new("/sys/fs/cgroup")).into_iter().chain(of_machine()).min()
}

/// GPUs whose drivers this machine has loaded.
pub fn gpus() -> u64 {
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let devices =
        fs::read_dir("/dev").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    devices.filter(|name| is_gpu(name)).count() as u64
}

/// Whether no process of this machine has this number, where that can be known.
pub fn is_gone(process: u32) -> bool {
    let all = Path::new("/proc");
    all.join("self").exists() && !all.join(process.to_string()).exists()
}

fn of_machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(total.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

/// The limits of the groups that `/proc/self/cgroup` names, below `root`, and of those around them.
fn limits(groups: &str, root: &Path) -> Vec<u64> {
    let file_of = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?.trim_start_matches('/').to_owned());
        match controllers {
            "" => Some((root.to_owned(), group, "memory.max")),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                Some((root.join("memory"), group, "memory.limit_in_bytes"))
            }
            _ => None,
        }
    };
    let mut limits = Vec::new();
    for (root, group, file) in groups.lines().filter_map(file_of) {
        let around: Vec<PathBuf> = Path::new(&group).ancestors().map(|group| root.join(group).join(file)).collect();
        // `max`, where there is none.
        limits.extend(around.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()));
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_of_the_groups_around_counts() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("job/memory.max", "1000\n");
        put("job/step/memory.max", "max\n");
        put("memory/old/memory.limit_in_bytes", "500\n");
        put("memory/memory.limit_in_bytes", "9223372036854771712\n");
        let limits = |groups: &str| limits(groups, root.path()).into_iter().min();
        assert_eq!(limits("0::/job/step\n"), Some(1000));
        assert_eq!(limits("0::/other\n"), None);
        assert_eq!(limits("5:cpu,cpuacct:/old\n4:memory:/old\n"), Some(500));
        assert_eq!(limits("4:memory:/other\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(limits("nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_machine_has_memory_and_this_process() {
        assert!(!is_gone(std::process::id()) && is_gone(u32::MAX));
        assert!(memory().is_some_and(|memory| memory > 1 << 20), "{:?}", memory());
    }
}
