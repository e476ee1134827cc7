//! Boxes joined by arrows: beside each other where there is room, else below each other.

use owo_colors::{OwoColorize as _, Style};

use crate::text::{escape, padded, width, wrap};

/// Columns of the arrow between two boxes.
const ARROW: usize = 3;
/// Columns of a box's borders and the blanks inside.
const BORDERS: usize = 4;
/// A box narrower than this, inside, is not readable.
const READABLE: usize = 26;

/// A box and what is in it.
#[derive(Debug, Default)]
pub(crate) struct Card {
    title: String,
    lines: Vec<(String, Style)>,
}

impl Card {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: escape(title).into_owned(), lines: Vec::new() }
    }

    pub(crate) fn line(&mut self, text: impl AsRef<str>, style: Style) -> &mut Self {
        self.lines.push((escape(text.as_ref()).into_owned(), style));
        self
    }

    /// Columns inside, so that nothing has to be broken.
    fn natural(&self) -> usize {
        self.lines.iter().map(|(text, _)| width(text)).fold(width(&self.title) + 1, usize::max)
    }

    fn wrapped(&self, columns: usize) -> Vec<(String, Style)> {
        let mut lines = Vec::new();
        for (text, style) in &self.lines {
            let indent = " ".repeat(text.len() - text.trim_start().len());
            let broken = wrap(text.trim_start(), columns.saturating_sub(indent.len()));
            lines.extend(broken.into_iter().map(|line| (format!("{indent}{line}"), *style)));
        }
        lines
    }

    fn top(&self, columns: usize) -> String {
        let title = wrap(&self.title, columns).swap_remove(0);
        let rest = (columns + 1).saturating_sub(width(&title) + 1);
        format!("╭ {} {}╮", title.bold(), "─".repeat(rest))
    }
}

/// The cards, joined.
pub(crate) fn joined(cards: &[Card], columns: usize) -> String {
    match shares(cards, columns) {
        Some(shares) => beside(cards, &shares),
        None => below(cards, columns),
    }
}

/// How wide each card is inside, if they fit beside each other.
fn shares(cards: &[Card], columns: usize) -> Option<Vec<usize>> {
    let borders = cards.len() * BORDERS + cards.len().saturating_sub(1) * ARROW;
    let room = columns.checked_sub(borders)?;
    let mut shares: Vec<usize> = cards.iter().map(Card::natural).collect();
    // The widest gives way first.
    while shares.iter().sum::<usize>() > room {
        let widest = shares.iter_mut().max()?;
        if *widest <= READABLE {
            return None;
        }
        *widest -= 1;
    }
    Some(shares)
}

fn beside(cards: &[Card], shares: &[usize]) -> String {
    let wrapped: Vec<_> = cards.iter().zip(shares).map(|(card, share)| card.wrapped(*share)).collect();
    // Broken lines may need less than was there for them.
    let needed = |(card, lines): (&Card, &Vec<(String, Style)>)| {
        lines.iter().map(|(line, _)| width(line)).fold(width(&card.title) + 1, usize::max)
    };
    let shares: Vec<usize> =
        cards.iter().zip(&wrapped).zip(shares).map(|(card, share)| needed(card).min(*share)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let gap = " ".repeat(ARROW);
    let mut text = String::new();
    let tops: Vec<_> = cards.iter().zip(&shares).map(|(card, share)| card.top(*share)).collect();
    text.push_str(&tops.join(&gap));
    text.push('\n');
    for row in 0..height {
        for (at, (lines, share)) in wrapped.iter().zip(&shares).enumerate() {
            let (line, style) = lines.get(row).cloned().unwrap_or_default();
            let last = at + 1 == cards.len();
            let (right, arrow) = match (row, last) {
                (_, true) => ("│", ""),
                (0, false) => ("├", "──▶"),
                (_, false) => ("│", &*gap),
            };
            text.push_str(&format!("│ {} {right}{arrow}", padded(&line, *share).style(style)));
        }
        text.push('\n');
    }
    let bottoms: Vec<_> = shares.iter().map(|share| format!("╰{}╯", "─".repeat(share + 2))).collect();
    text.push_str(&bottoms.join(&gap));
    text.push('\n');
    text
}

fn below(cards: &[Card], columns: usize) -> String {
    let natural = cards.iter().map(Card::natural).max().unwrap_or(0);
    let share = natural.min(columns.saturating_sub(BORDERS)).max(6);
    let mut text = String::new();
    for (at, card) in cards.iter().enumerate() {
        text.push_str(&card.top(share));
        text.push('\n');
        for (line, style) in card.wrapped(share) {
            text.push_str(&format!("│ {} │\n", padded(&line, share).style(style)));
        }
        let line = "─".repeat(share - 2);
        text.push_str(&if at + 1 == cards.len() {
            format!("╰────{line}╯\n")
        } else {
            format!("╰───┬{line}╯\n    ▼\n")
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards() -> Vec<Card> {
        ["inputs", "call", "outputs"]
            .map(|title| {
                let mut card = Card::new(title);
                card.line("a/rather/long/name.csv", Style::new()).line("12 B", Style::new());
                card
            })
            .into()
    }

    #[test]
    fn no_line_exceeds_its_columns_and_all_of_a_row_are_as_wide() {
        for columns in [40, 60, 85, 100, 200] {
            let text = anstream::adapter::strip_str(&joined(&cards(), columns)).to_string();
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}:\n{text}");
            let boxed: Vec<_> = text.lines().filter(|line| !line.contains("  ▼")).map(width).collect();
            assert!(boxed.iter().all(|width| *width == boxed[0]), "{columns}:\n{text}");
        }
    }
}
