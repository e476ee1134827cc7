//! Hours that do not exist or exist twice, clocks that jump, and several servers.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::due::{DueWatch, look_at};
use super::rule::TimeRule;
use super::spec::ScheduleSpec;
use super::stored::{due_behind, write};
use crate::database::Database;
use crate::events::StateChange;
use crate::jobs::ensure_job;
use crate::problem::Reply;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

fn in_berlin(line: &str, from: &str, most: usize) -> Vec<String> {
    let rule = TimeRule::cron(line, "Europe/Berlin", at(from)).map_err(|problem| problem.into_parts().1).unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let shown =
        |at: i64| Timestamp::from_microsecond(at).unwrap().to_zoned(zone.clone()).strftime("%d. %H:%M %z").to_string();
    rule.upcoming(at(from), most).into_iter().map(shown).collect()
}

#[test]
fn what_is_due_in_an_hour_that_does_not_exist_is_due_once_that_has_passed() {
    // On 2026-03-29 it is 03:00 at once after 01:59.
    let from = "2026-03-28T00:00:00Z";
    assert_eq!(in_berlin("30 2 * * *", from, 3), ["28. 02:30 +0100", "29. 03:00 +0200", "30. 02:30 +0200"]);
    // A line whose only time would be in that hour.
    assert_eq!(in_berlin("30 2 29 3 *", from, 1), ["29. 03:00 +0200"]);
    // What comes several times an hour comes at times that there are.
    let from = "2026-03-29T00:29:00Z";
    assert_eq!(in_berlin("*/30 * * * *", from, 3), ["29. 01:30 +0100", "29. 03:00 +0200", "29. 03:30 +0200"]);
}

#[test]
fn what_is_due_in_an_hour_that_comes_twice_is_due_once_unless_it_comes_each_hour() {
    // On 2026-10-25 it is 02:00 once more after 02:59.
    let from = "2026-10-24T12:00:00Z";
    assert_eq!(in_berlin("30 2 * * *", from, 2), ["25. 02:30 +0200", "26. 02:30 +0100"]);
    let from = "2026-10-24T23:31:00Z";
    assert_eq!(
        in_berlin("0 * * * *", from, 4),
        ["25. 02:00 +0200", "25. 02:00 +0100", "25. 03:00 +0100", "25. 04:00 +0100"]
    );
}

#[test]
fn a_line_that_is_due_at_no_time_or_is_none_is_refused() {
    for (line, zone, says) in [
        ("0 0 30 2 *", "UTC", "due at no time"),
        ("0 0 31 4,6,9,11 *", "Europe/Berlin", "due at no time"),
        ("61 * * * *", "UTC", "is no line of cron"),
        ("* * * *", "UTC", "five fields"),
        ("* * * * * *", "UTC", "five fields"),
        ("", "UTC", "is no line of cron"),
        ("\u{0} * * * *", "UTC", "is no line of cron"),
        ("* * * * *", "Mars/Olympus", "is no time zone"),
        ("* * * * *", "../../etc/passwd", "is no time zone"),
    ] {
        let refused = TimeRule::cron(line, zone, at("2026-11-30T00:00:00Z")).unwrap_err();
        assert!(refused.message().contains(says), "{line}: {}", refused.message());
    }
    // Rare is not never.
    assert_eq!(in_berlin("0 0 29 2 *", "2097-01-01T00:00:00Z", 1), ["29. 00:00 +0100"]);
}

#[test]
fn an_interval_is_counted_from_when_it_was_set() {
    let rule = TimeRule::Every { first: 10, every: 7 };
    assert_eq!((rule.upcoming(-5, 3), rule.upcoming(10, 2), rule.next(16)), (vec![10, 17, 24], vec![17, 24], Some(17)));
    assert_eq!((rule.last(9), rule.last(10), rule.last(23), rule.last(24)), (None, Some(10), Some(17), Some(24)));
}

/// A database with a schedule for each minute.
struct World {
    database: Database,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(now: i64, missed: &str, job: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { database: Database::open(None, folder.path()).await.unwrap(), _folder: folder };
        world.schedule(now, missed, job).await.map_err(|problem| problem.into_parts().1).unwrap();
        world
    }

    async fn schedule(&self, now: i64, missed: &str, job: &str) -> Reply<()> {
        let spec = serde_json::json!({
            "when": {"cron": "* * * * *"}, "run": {"command": ["true"]}, "missed": missed, "may_overlap": true
        });
        let spec: ScheduleSpec = serde_json::from_value(spec).unwrap();
        let mut change = StateChange::begin(&self.database, "ada").await?;
        ensure_job(&mut change, job).await?;
        write(&mut change, job, &spec, now).await?;
        Ok(change.commit().await?)
    }

    /// The due times that have a run, in minutes behind `from`.
    async fn runs(&self, from: i64) -> Vec<i64> {
        let sql = "SELECT due_at FROM queued_runs ORDER BY due_at";
        let rows = sqlx::query_as::<_, (i64,)>(sql).fetch_all(self.database.pool()).await.unwrap();
        rows.into_iter().map(|(due_at,)| (due_at - from) / MINUTE).collect()
    }

    async fn next(&self) -> i64 {
        let mut connection = self.database.pool().acquire().await.unwrap();
        due_behind(&mut connection, "", 0, 1).await.unwrap()[0].due_at.unwrap()
    }
}

/// A server's looks, at a clock that says something else than what has passed.
struct Looks {
    watch: DueWatch,
    passed: Instant,
}

impl Looks {
    fn new() -> Self {
        Self { watch: DueWatch::default(), passed: Instant::now() }
    }

    async fn look(&mut self, world: &World, now: i64) {
        self.passed += Duration::from_secs(1);
        look_at(&world.database, &mut self.watch, now, self.passed).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_jumps_makes_neither_a_storm_nor_a_hole() {
    let from = at("2026-11-30T12:00:00Z");
    let world = World::new(from, "run_once", "each").await;
    let (mut one, mut other) = (Looks::new(), Looks::new());
    for minute in 0..=3 {
        for looks in [&mut one, &mut other] {
            looks.look(&world, from + minute * MINUTE + SECOND).await;
        }
    }
    assert_eq!(world.runs(from).await, [1, 2, 3]);
    // Ahead: one run for all that was missed, however many servers look.
    for looks in [&mut one, &mut other] {
        looks.look(&world, from + 24 * HOUR + 4 * SECOND).await;
    }
    assert_eq!(world.runs(from).await, [1, 2, 3, 24 * 60]);
    assert_eq!(world.next().await, from + 24 * HOUR + MINUTE);
    // Back: it goes on at once, and what had its run has no second one.
    one.look(&world, from + 2 * MINUTE + SECOND).await;
    assert_eq!(world.next().await, from + 3 * MINUTE);
    for minute in 3..=5 {
        other.look(&world, from + minute * MINUTE + SECOND).await;
    }
    assert_eq!(world.runs(from).await, [1, 2, 3, 4, 5, 24 * 60]);
    // There and back, and so on.
    for _ in 0..20 {
        one.look(&world, from + 24 * HOUR + 4 * SECOND).await;
        other.look(&world, from + 5 * MINUTE + 2 * SECOND).await;
    }
    assert_eq!(world.runs(from).await, [1, 2, 3, 4, 5, 24 * 60]);
}

#[tokio::test]
async fn what_was_missed_runs_once_or_not_at_all() {
    let from = at("2026-11-30T12:00:00Z");
    let world = World::new(from, "skip", "skips").await;
    let mut server = Looks::new();
    server.look(&world, from + HOUR + 90 * SECOND).await;
    // The last one is half a minute late, which is no miss.
    assert_eq!(world.runs(from).await, [61]);
    let rule = "UPDATE schedules SET due_at = $1, spec = replace(spec, '* * * * *', '0 * * * *')";
    sqlx::query(rule).bind(from + 2 * HOUR).execute(world.database.pool()).await.unwrap();
    server.look(&world, from + 3 * HOUR + 10 * MINUTE).await;
    assert_eq!((world.runs(from).await, world.next().await), (vec![61], from + 4 * HOUR));
    // A server that was away for a year.
    let world = World::new(from, "run_once", "runs").await;
    Looks::new().look(&world, from + 365 * 24 * HOUR).await;
    assert_eq!(world.runs(from).await, [365 * 24 * 60]);
}

#[tokio::test]
async fn servers_that_look_at_once_queue_each_due_time_once() {
    let from = at("2026-11-30T12:00:00Z");
    let world = World::new(from, "run_once", "shared").await;
    for minute in 1..=5 {
        let looks = (0..4).map(|_| async {
            let mut server = Looks::new();
            server.look(&world, from + minute * MINUTE + SECOND).await;
        });
        futures_util::future::join_all(looks).await;
    }
    assert_eq!(world.runs(from).await, [1, 2, 3, 4, 5]);
}
