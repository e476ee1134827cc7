//! What a person sees on standard error while a program runs: a line for each call, repeats collapsed, and a summary.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Log;
use crate::event::{CallId, Event, Pace};
use crate::report::{escape_control, human_duration as duration, human_size as bytes};
use crate::sync::lock;

/// What shows the default lake's events on standard error, unless a `tracing` subscriber does.
pub(crate) fn observer(log: Log) -> Option<impl Fn(&Event) + Send + Sync + 'static> {
    if log == Log::Off || tracing::dispatcher::has_been_set() {
        return None;
    }
    let terminal = std::io::stderr().is_terminal();
    let console = Arc::new(Mutex::new(Console { log, terminal, ..Console::default() }));
    // The thread that opened the default lake is, in most programs, the main one: its end is the program's.
    AT_END.with_borrow_mut(|at_end| at_end.push(AtEnd(Arc::clone(&console))));
    Some(move |event: &Event| lock(&console).show(event))
}

thread_local! {
    static AT_END: RefCell<Vec<AtEnd>> = const { RefCell::new(Vec::new()) };
}

struct AtEnd(Arc<Mutex<Console>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        lock(&self.0).end();
    }
}

#[derive(Debug)]
struct Console {
    log: Log,
    terminal: bool,
    group: Option<Group>,
    /// When a progress bar was drawn that still stands.
    drawn: Option<Instant>,
    /// Of each file on its way.
    paces: HashMap<String, Pace>,
    total: Counts,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            log: Log::Off,
            terminal: false,
            group: None,
            drawn: None,
            paces: HashMap::new(),
            total: Counts::default(),
        }
    }
}

/// Calls of one creator in a row.
#[derive(Debug)]
struct Group {
    function: String,
    counts: Counts,
    /// Whether its line stands on the terminal and may be written again.
    shown: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    ran: usize,
    skipped: usize,
    failed: usize,
    downloads: usize,
    bytes: u64,
    took: Duration,
}

impl Counts {
    fn calls(&self) -> usize {
        self.ran + self.skipped + self.failed
    }
}

impl Console {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Hit(call) | Event::Adopted(call) => self.count(call, |counts| counts.skipped += 1),
            Event::Executed { call, took, .. } => self.count(call, |counts| {
                counts.ran += 1;
                counts.took += *took;
            }),
            Event::Reproduced(call) => self.count(call, |counts| counts.ran += 1),
            Event::Failed(call) => self.count(call, |counts| counts.failed += 1),
            Event::Waited { by: None, .. } => {}
            Event::Waited { call, by: Some(by) } => self.line(&format!("{} waits: {by} runs it", call.function())),
            Event::Stray { item, creator } => self.line(&format!(
                "`{item}` ran on a thread that knows no body, while `{creator}`, which does not declare it, ran; if {creator} started that thread, take datlake::here() along, or a change of `{item}` goes unnoticed"
            )),
            Event::Kept { call, why } => self.line(&format!("{} keeps what is there, although {why}", call.function())),
            Event::Refused { remote } => self.line(&format!(
                "{remote} refuses to be written: what is made stays on this machine, until `datlake push` may send it"
            )),
            Event::Unpushed { call, why } => self.line(&format!(
                "what {} made stays on this machine, until `datlake push` sends it: {why}",
                call.function()
            )),
            Event::Downloading { file, done, size } => self.progress("from the remote", file, *done, *size),
            Event::Uploading { file, done, size } => self.progress("to the remote", file, *done, *size),
            // Who adds and pushes many at once has a program of its own for that.
            Event::Adding { .. } | Event::Pushing { .. } => {}
            Event::Uploaded { file, size } => {
                self.paces.remove(file);
                self.wipe();
                self.line(&format!("uploaded {file} ({})", bytes(*size)));
            }
            Event::Evicted { bytes: size, left, .. } => {
                self.wipe();
                self.line(&format!("evicted {}, {} of content are left here", bytes(*size), bytes(*left)));
            }
            Event::Downloaded { file, size } => {
                self.paces.remove(file);
                self.total.downloads += 1;
                self.total.bytes += size;
                self.wipe();
                self.line(&format!("downloaded {file} ({})", bytes(*size)));
            }
        }
    }

    fn count(&mut self, call: &CallId, add: impl Fn(&mut Counts)) {
        add(&mut self.total);
        if self.log != Log::Calls {
            return;
        }
        if self.group.as_ref().is_none_or(|group| group.function != call.function()) {
            self.close();
            self.group = Some(Group { function: call.function().to_owned(), counts: Counts::default(), shown: false });
        }
        self.wipe();
        let Some(group) = &mut self.group else { return };
        add(&mut group.counts);
        if self.terminal {
            let back = if group.shown { "\x1b[1A\r\x1b[2K" } else { "" };
            group.shown = true;
            say(&format!("{back}datlake: {}\n", group.text()));
        }
    }

    /// A bar for a long transfer, on a terminal, not more often than anybody can read.
    fn progress(&mut self, way: &str, file: &str, done: u64, size: u64) {
        let now = Instant::now();
        let pace = *self.paces.entry(file.to_owned()).or_insert_with(|| Pace::begin(done));
        let soon = self.drawn.is_some_and(|at| now - at < Duration::from_millis(100));
        if !self.terminal || self.log != Log::Calls || soon {
            return;
        }
        self.close();
        self.wipe();
        self.drawn = Some(now);
        let pace = match (pace.rate(done), pace.left(done, size)) {
            (Some(rate), Some(left)) => format!(", {}/s, {} left", bytes(rate), duration(left)),
            _ => String::new(),
        };
        let far = format!("{} of {}{pace}", bytes(done), bytes(size));
        say(&format!("datlake: {} {} {way}, {far}", bar(done, size), escape_control(file)));
    }

    /// Takes the bar away.
    fn wipe(&mut self) {
        if self.drawn.take().is_some() {
            say("\r\x1b[2K");
        }
    }

    /// A line of its own.
    fn line(&mut self, text: &str) {
        if self.log == Log::Calls {
            self.close();
            say(&line(text));
        }
    }

    /// What follows is another group. Where lines cannot be written again, this is when they are written.
    fn close(&mut self) {
        if let Some(group) = self.group.take()
            && !group.shown
        {
            say(&format!("datlake: {}\n", group.text()));
        }
    }

    fn end(&mut self) {
        self.close();
        let Counts { ran, skipped, failed, downloads, bytes: size, took } = self.total;
        if self.total.calls() == 0 && downloads == 0 {
            return;
        }
        let mut text = format!("{ran} ran, {skipped} skipped");
        // Writing to a string cannot fail.
        if failed > 0 {
            let _ = write!(text, ", {failed} failed");
        }
        if downloads > 0 {
            let _ = write!(text, ", {downloads} downloaded ({})", bytes(size));
        }
        if ran > 0 {
            let _ = write!(text, "; bodies took {}", duration(took));
        }
        say(&format!("datlake: {text}\n"));
    }
}

impl Group {
    fn text(&self) -> String {
        let Self { function, counts: Counts { ran, skipped, failed, took, .. }, .. } = self;
        match (self.counts.calls(), ran, skipped) {
            (1, 1, 0) => format!("{function} ran ({})", duration(*took)),
            (1, 0, 1) => format!("{function} skipped"),
            (1, ..) => format!("{function} failed"),
            (all, ..) => {
                let mut text = format!("{function} ×{all}: {skipped} skipped, {ran} ran");
                if *failed > 0 {
                    let _ = write!(text, ", {failed} failed");
                }
                text
            }
        }
    }
}

/// A line of its own. What others wrote is in it: names, people, hosts.
fn line(text: &str) -> String {
    format!("datlake: {}\n", escape_control(text))
}

fn bar(done: u64, size: u64) -> String {
    const WIDTH: u64 = 20;
    let full = (done.min(size) * WIDTH).checked_div(size).unwrap_or(WIDTH);
    let part = |sign: &str, n| sign.repeat(usize::try_from(n).unwrap_or(0));
    format!("[{}{}]", part("█", full), part("·", WIDTH - full))
}

/// Standard error may be gone; that is no reason to stop.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_collapse_into_one_line() {
        let group = |ran, skipped, failed| Group {
            function: "monthly".into(),
            counts: Counts { ran, skipped, failed, took: Duration::from_millis(1500), ..Counts::default() },
            shown: false,
        };
        assert_eq!(group(8, 40, 0).text(), "monthly ×48: 40 skipped, 8 ran");
        assert_eq!(group(1, 0, 0).text(), "monthly ran (1.5 s)");
        assert_eq!(group(0, 1, 0).text(), "monthly skipped");
        assert_eq!(group(1, 1, 1).text(), "monthly ×3: 1 skipped, 1 ran, 1 failed");
    }

    #[test]
    fn what_others_wrote_is_shown_and_not_obeyed() {
        let by = "eve \u{1b}]0;owned\u{7}\u{1b}[2J on host\ndatlake: all is well\u{202e}";
        let line = line(&format!("f waits: {by} runs it"));
        assert!(line.ends_with(" runs it\n") && line.matches('\n').count() == 1, "{line}");
        assert!(!line.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{line}");
        assert!(line.contains("eve") && line.contains("\\u{1b}"), "{line}");
    }

    #[test]
    fn a_bar_is_as_full_as_the_download() {
        assert_eq!(bar(0, 100), "[····················]");
        assert_eq!(bar(50, 100), "[██████████··········]");
        assert_eq!((bar(100, 100), bar(0, 0)), ("[████████████████████]".into(), "[████████████████████]".into()));
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!((bytes(900).as_str(), bytes(1536).as_str()), ("900 B", "1.5 KiB"));
    }
}
