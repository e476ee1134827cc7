//! What this process has used of its machine, as far as the system tells.

use std::time::Duration;

/// The time of all its threads on a CPU, to 10 ms. Linux tells it.
pub fn cpu_time() -> Option<Duration> {
    /// What the kernel counts in for programs, whatever it counts in itself.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read("/proc/self/stat").ok()?;
    // The name of the program stands in brackets, and may have anything in it.
    let (_, behind) = std::str::from_utf8(&stat[stat.iter().rposition(|byte| *byte == b')')?..]).ok()?.split_at(1);
    let mut fields = behind.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
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
        // Some tens of milliseconds at least, on whatever machine.
        for round in 0..100 {
            memory.iter_mut().enumerate().for_each(|(at, byte)| *byte = byte.wrapping_add((at ^ round) as u8));
        }
        assert!(cpu_time().unwrap() > before);
        assert!(peak_memory().unwrap() >= memory.len() as u64);
    }
}
