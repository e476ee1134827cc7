//! What bodies ask for of their machine, and what a process was given of it. No key knows of either.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a body asks for. Of what is 0 it asks for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPUs.
    pub cpus: u64,
    /// GPUs.
    pub gpus: u64,
    /// Memory, in bytes.
    pub memory: u64,
}

/// What a process was given. What is `None` is not known, and bodies are not held to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Given {
    /// CPUs.
    pub cpus: Option<u64>,
    /// GPUs.
    pub gpus: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
}

impl Resources {
    /// Of none of its machine.
    pub const NOTHING: Self = Self { cpus: 0, gpus: 0, memory: 0 };

    /// Whether nothing is asked for.
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self { cpus: of(self.cpus, other.cpus), gpus: of(self.gpus, other.gpus), memory: of(self.memory, other.memory) }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    pub(crate) fn least(self, other: Self) -> Self {
        self.each(other, u64::min)
    }
}

impl Given {
    /// Whether a body that asks for this fits, where no other runs.
    ///
    /// ```
    /// use datlake_core::{Given, Resources};
    /// let given = Given { cpus: Some(4), gpus: Some(0), memory: None };
    /// assert!(given.holds(&Resources { cpus: 4, gpus: 0, memory: 1 << 40 }));
    /// assert!(!given.holds(&Resources { cpus: 1, gpus: 1, memory: 0 }));
    /// ```
    pub fn holds(&self, asked: &Resources) -> bool {
        let holds = |given: Option<u64>, asked: u64| given.is_none_or(|given| asked <= given);
        holds(self.cpus, asked.cpus) && holds(self.gpus, asked.gpus) && holds(self.memory, asked.memory)
    }

    /// What is known here, and of the rest what is known there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { cpus: self.cpus.or(other.cpus), gpus: self.gpus.or(other.gpus), memory: self.memory.or(other.memory) }
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// As people say it: `4 CPUs, 1 GPU and 16 GiB of memory`.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = |number: u64| Some(number).filter(|number| *number > 0);
        write(f, asked(self.cpus), asked(self.gpus), asked(self.memory))
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.cpus, self.gpus, self.memory)
    }
}

fn write(f: &mut fmt::Formatter<'_>, cpus: Option<u64>, gpus: Option<u64>, memory: Option<u64>) -> fmt::Result {
    let count = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let parts = [
        cpus.map(|number| count(number, "CPU")),
        gpus.map(|number| count(number, "GPU")),
        memory.map(|bytes| format!("{} of memory", size(bytes))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match &*parts {
        [] => f.write_str("nothing"),
        [one] => f.write_str(one),
        [first @ .., last] => write!(f, "{} and {last}", first.join(", ")),
    }
}

/// A number of bytes; round ones as round ones.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (0..UNITS.len()).rev().find(|unit| bytes >> (10 * unit) > 0).unwrap_or(0);
    let one = 1_u64 << (10 * unit);
    if bytes.is_multiple_of(one) {
        format!("{} {}", bytes / one, UNITS[unit])
    } else {
        format!("{:.1} {}", bytes as f64 / one as f64, UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_said_as_people_say_them() {
        let asks = |cpus, gpus, memory| Resources { cpus, gpus, memory }.to_string();
        assert_eq!(asks(4, 1, 16 << 30), "4 CPUs, 1 GPU and 16 GiB of memory");
        assert_eq!(asks(1, 0, 1536), "1 CPU and 1.5 KiB of memory");
        assert_eq!(asks(0, 2, 0), "2 GPUs");
        assert_eq!(asks(0, 0, 0), "nothing");
        assert_eq!(Given { cpus: Some(2), gpus: Some(0), memory: None }.to_string(), "2 CPUs and 0 GPUs");
    }
}
