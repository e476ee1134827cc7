//! The warning of a program that cannot send events, where somebody is to receive them.

use std::sync::Once;

use datlake_lake::{Event, Lake, Reporter};

struct Unsent(Once);

pub(super) fn reporter() -> Box<dyn Reporter> {
    Box::new(Unsent(Once::new()))
}

impl Reporter for Unsent {
    fn noted(&self, lake: &Lake) {
        self.0.call_once(|| {
            let to = lake.receiver().map(|receiver| receiver.shown()).unwrap_or_default();
            let why = "this program is built without the feature `openlineage` of datlake".to_owned();
            lake.emit(&Event::Unsent { to, why });
        });
    }

    fn end(&self) {}
}
