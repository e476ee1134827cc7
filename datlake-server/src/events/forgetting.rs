//! Forgetting events that are old, where that is asked for.

use std::time::Duration;

use datlake::Result;

use crate::database::{Database, failed, now_micros};

/// So many are forgotten by one transaction: others wait for it.
const AT_ONCE: i64 = 1000;

/// Forgets events that are older than that, the first ones first: so those that are left have no gaps.
pub(crate) async fn forget_events(database: &Database, keep: Duration) -> Result<u64> {
    let before = now_micros().saturating_sub(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX));
    let sql = "SELECT id FROM events WHERE noted_at >= $1 ORDER BY id LIMIT 1";
    let kept = sqlx::query_as::<_, (i64,)>(sql).bind(before).fetch_optional(database.pool()).await;
    let kept = match kept.map_err(|e| failed("read", e))? {
        Some((kept,)) => kept,
        None => super::last_id(database).await? + 1,
    };
    let mut forgotten = 0;
    loop {
        let sql = "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < $1 ORDER BY id LIMIT $2)";
        match database.write(sqlx::query(sql).bind(kept).bind(AT_ONCE)).await? {
            0 => return Ok(forgotten),
            some => forgotten += some,
        }
    }
}

/// Forgets, once an hour as long as the server runs.
pub(crate) fn forget_old_events(
    database: &Database,
    keep: Option<Duration>,
) -> impl Future<Output = ()> + Send + use<> {
    let database = database.clone();
    async move {
        // Nobody asks for it.
        let Some(keep) = keep else { return };
        loop {
            match forget_events(&database, keep).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "events were older than they are kept"),
                Err(error) => tracing::warn!(%error, "old events cannot be forgotten"),
            }
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Resource;
    use crate::events::{EventType, NewEvent, StateChange, last_id};

    #[tokio::test]
    async fn the_first_are_forgotten_and_ids_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(None, folder.path()).await.unwrap();
        let note = async || {
            let mut change = StateChange::begin(&database, "ada").await.unwrap();
            let (kind, subject) = (EventType::JOB_STATUS, Resource::job("daily"));
            change.note(NewEvent { kind, subject, run: None, data: serde_json::json!({}) });
            change.commit().await.unwrap();
        };
        for _ in 0..5 {
            note().await;
        }
        let age = "UPDATE events SET noted_at = noted_at - 7200000000 WHERE id <= 3";
        database.write(sqlx::query(age)).await.unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(forget_events(&database, hour).await.unwrap(), 3);
        assert_eq!(forget_events(&database, hour).await.unwrap(), 0);
        assert_eq!(forget_events(&database, Duration::ZERO).await.unwrap(), 2);
        note().await;
        assert_eq!(last_id(&database).await.unwrap(), 6);
    }
}
