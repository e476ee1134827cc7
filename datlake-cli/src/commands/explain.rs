//! `datlake explain`: why a call ran.

use datlake::report::{
    CallExplanation, ClosureSize, CodeExtent, Comparison, CreatorCode, Damage, PackageSize, PulledIn, Since,
};
use owo_colors::OwoColorize as _;

use super::differences::{each, edited, upstream};
use crate::answer::{Answer, Page};
use crate::text::{escape, paragraph, time};

/// Uses of a function that are shown.
const PULLED: usize = 10;

impl Answer for CallExplanation {
    fn text(&self, page: &Page) -> String {
        let CallExplanation { creator, key, started_at, originator, extent, earlier, since, .. } = self;
        let mut shown_sources = String::new();
        let mut text = format!("{}/{}\n", escape(creator.as_str()).bold(), key.short().bold());
        let mut say = |indent: usize, line: &str| text.push_str(&paragraph(line, indent, page.columns));
        say(2, &format!("ran {} by {originator}", time(started_at)));
        match earlier {
            None => say(2, "No earlier call of this creator is remembered."),
            Some(Comparison { key, started_at, originator, differences, sources, .. }) => {
                say(
                    2,
                    &format!(
                        "Compared with {}, {} by {originator}, the nearest earlier call:",
                        key.short(),
                        time(started_at)
                    ),
                );
                each(differences, &mut say);
                shown_sources = sources.iter().map(edited).collect();
            }
        }
        text.push_str(&shown_sources);
        let mut say = |indent: usize, line: &str| text.push_str(&paragraph(line, indent, page.columns));
        if let Some(Since { latest, started_at, originator, differences, sources, again, same_outputs, .. }) = since {
            say(
                2,
                &format!(
                    "Its code is another since. In {}, {} by {originator}, the latest call:",
                    latest.short(),
                    time(started_at)
                ),
            );
            each(differences, &mut say);
            shown_sources = sources.iter().map(edited).collect();
            if let Some(again) = again {
                let what = match same_outputs {
                    Some(true) => "the same files",
                    _ => "other files",
                };
                say(2, &format!("The same call with newer code, {}, made {what}.", again.short()));
            }
            text.push_str(&shown_sources);
        }
        text.push_str(&upstream(&self.upstream, self.left_out, page));
        if let Some(extent) = extent {
            let mut say = |line: &str| text.push_str(&paragraph(line, 2, page.columns));
            say(&format!("Its result depends on {}.", code_size(&extent.size)));
            not_seen(extent).iter().for_each(|line| say(line));
        }
        text
    }

    fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}

impl Answer for CreatorCode {
    fn text(&self, page: &Page) -> String {
        let mut text = format!("{}\n", escape(self.creator.as_str()).bold());
        let mut say = |indent: usize, line: &str| text.push_str(&paragraph(line, indent, page.columns));
        say(
            2,
            &format!(
                "Its results depend on {} (call {}, {}).",
                code_size(&self.extent.size),
                self.key.short(),
                time(&self.started_at)
            ),
        );
        if self.extent.size.packages.len() > 1 {
            for PackageSize { package, items, lines, .. } in &self.extent.size.packages {
                say(4, &format!("{}: {}, {}", escape(package), count(*items, "item"), count(*lines, "line")));
            }
        }
        if !self.pulled_in.is_empty() {
            say(2, "What the function itself uses, and how much comes in through that alone:");
        }
        for PulledIn { item, place, items, lines, .. } in self.pulled_in.iter().take(PULLED) {
            let what = format!(
                "{}, {}: `{}`, in {}",
                count(*items, "item"),
                count(*lines, "line"),
                escape(item),
                escape(place)
            );
            say(4, &what);
        }
        if let Some(more) = self.pulled_in.len().checked_sub(PULLED).filter(|more| *more > 0) {
            say(4, &format!("and {more} more"));
        }
        not_seen(&self.extent).iter().for_each(|line| say(2, line));
        text
    }
}

/// "3 items".
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// How much code, in words.
pub(super) fn code_size(size: &ClosureSize) -> String {
    let packages: Vec<&str> = size.packages.iter().map(|one| one.package.as_str()).collect();
    let shown = match &packages[..] {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {}", count(rest.len(), "other package"))
        }
        all => all.join(", "),
    };
    format!("{}, {} of {}", count(size.items, "item"), count(size.lines, "line"), escape(&shown))
}

/// What cannot be seen of some code, one line each.
pub(super) fn not_seen(extent: &CodeExtent) -> Vec<String> {
    let partial = extent.partial.iter().map(|why| format!("Not all of it was looked at: {}.", escape(why)));
    let notes = extent.notes.iter().map(|note| format!("Not seen: `{}` {}", escape(&note.item), escape(&note.note)));
    partial.chain(notes).collect()
}
