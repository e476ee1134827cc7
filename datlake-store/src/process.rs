//! What this process has used of its machine, as far as the system tells.

use std::time::Duration;

/// The time of all its threads on a CPU.
pub fn cpu_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Some(Duration::new(used.tv_sec.try_into().ok()?, used.tv_nsec.try_into().ok()?))
    }
    #[cfg(not(unix))]
    None
}

/// The most memory at a time, in bytes. Linux tells it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_something_has_used_something() {
        let before = cpu_time().unwrap();
        let mut memory = vec![0_u8; 8 << 20];
        memory.iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8);
        assert!(cpu_time().unwrap() > before);
        assert!(peak_memory().unwrap() >= memory.len() as u64);
    }
}
