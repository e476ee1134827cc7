//! Events as somebody sees them who may not see all.

use datlake::Result;

use super::event::{ServerEvent, events_before};
use crate::access::{Caller, Resource};
use crate::database::Database;

/// So many events are read at a time, the latest first, and at most for one page.
const AT_ONCE: i64 = 200;
const MOST_READ: usize = 5000;
/// Events that `caller` may see, the latest first: up to `most` before the one with that id, and what the next page is before.
pub(crate) async fn latest_events(
    database: &Database,
    caller: &Caller,
    before: Option<i64>,
    most: usize,
) -> Result<(Vec<ServerEvent>, Option<i64>)> {
    let (mut found, mut before, mut read) = (Vec::new(), before.unwrap_or(i64::MAX), 0);
    loop {
        let page = events_before(database, before, AT_ONCE).await?;
        let is_last = (page.len() as i64) < AT_ONCE;
        read += page.len();
        for event in page {
            if found.len() == most {
                return Ok((found, Some(before)));
            }
            before = event.id;
            if may_see(caller, &event) {
                found.push(event);
            }
        }
        if is_last {
            return Ok((found, None));
        }
        // Of what is somebody else's there may be very much.
        if read >= MOST_READ {
            return Ok((found, Some(before)));
        }
    }
}

/// Whether an event is theirs to see.
pub(crate) fn may_see(caller: &Caller, event: &ServerEvent) -> bool {
    Resource::parse(&event.subject).is_some_and(|subject| caller.sees(&subject))
}
