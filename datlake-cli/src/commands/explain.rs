//! `datlake explain`: why a call ran.

use datlake::Difference;
use datlake::report::{CallExplanation, Comparison, Damage, Since};
use owo_colors::OwoColorize as _;

use crate::answer::{Answer, Page};
use crate::text::{escape, paragraph, time};

impl Answer for CallExplanation {
    fn text(&self, page: &Page) -> String {
        let CallExplanation { creator, key, started_at, originator, earlier, since, .. } = self;
        let mut text = format!("{}/{}\n", escape(creator.as_str()).bold(), key.short().bold());
        let mut say = |indent: usize, line: &str| text.push_str(&paragraph(line, indent, page.columns));
        say(2, &format!("ran {} by {originator}", time(started_at)));
        match earlier {
            None => say(2, "No earlier call of this creator is remembered."),
            Some(Comparison { key, started_at, originator, differences, .. }) => {
                say(
                    2,
                    &format!(
                        "Compared with {}, {} by {originator}, the nearest earlier call:",
                        key.short(),
                        time(started_at)
                    ),
                );
                each(differences, &mut say);
            }
        }
        if let Some(Since { latest, started_at, originator, differences, again, same_outputs, .. }) = since {
            say(
                2,
                &format!(
                    "Its code is another since. In {}, {} by {originator}, the latest call:",
                    latest.short(),
                    time(started_at)
                ),
            );
            each(differences, &mut say);
            if let Some(again) = again {
                let what = match same_outputs {
                    Some(true) => "the same files",
                    _ => "other files",
                };
                say(2, &format!("The same call with newer code, {}, made {what}.", again.short()));
            }
        }
        text
    }

    fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}

fn each(differences: &[Difference], say: &mut impl FnMut(usize, &str)) {
    for difference in differences {
        say(4, &difference.to_string());
    }
}
