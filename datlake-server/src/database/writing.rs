//! Transactions that write.
//!
//! SQLite has one writer at a time, and each of its commits waits for the disk. So changes stand in line, and those that stand there at the same
//! time are committed together: each is a savepoint of one transaction, and is answered once that is committed. One that fails or is given up is
//! undone alone. PostgreSQL has many writers, and does the like by itself. `docs/adr/0065-changes-committed-together.md` says what that costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datlake::{Error, ErrorKind, Result};
use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};

use super::failed;

/// Whoever has not got its turn by then gets an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// After so long without a gap the database is left to other processes, such as `datlake user`.
const WITHOUT_GAP: Duration = Duration::from_secs(3);
/// For so long: SQLite looks every 100 ms whether it may write.
const GAP: Duration = Duration::from_millis(110);

/// Who may write now. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum WriteTurn {
    InLine { line: Arc<Mutex<Line>>, ended: mpsc::Sender<()> },
    AnyTime(AnyPool),
}

/// What the one writer has.
#[derive(Debug)]
pub(super) struct Line {
    connection: AnyConnection,
    /// Whether a transaction is open.
    is_open: bool,
    /// When the last transaction ended.
    last_end: Instant,
    /// When other processes last had a gap to write in.
    last_gap: Instant,
    /// Whether the change that began last is to be undone.
    is_given_up: bool,
    /// Who waits for what becomes of the transaction.
    waiting: Vec<oneshot::Sender<Result<()>>>,
}

impl WriteTurn {
    /// Changes stand in line, and are made by this connection.
    pub(super) fn in_line(connection: AnyConnection) -> Self {
        let now = Instant::now();
        let (last_end, last_gap, waiting) = (now, now, Vec::new());
        let line = Line { connection, is_open: false, last_end, last_gap, is_given_up: false, waiting };
        let (line, (ended, mut has_ended)) = (Arc::new(Mutex::new(line)), mpsc::channel(1));
        let commits = Arc::clone(&line);
        tokio::spawn(async move {
            while has_ended.recv().await.is_some() {
                // It stands in line, too: whoever came before it is committed together.
                commits.lock().await.end().await;
            }
        });
        Self::InLine { line, ended }
    }

    pub(super) async fn begin(&self) -> Result<WriteTransaction> {
        let (line, ended) = match self {
            Self::AnyTime(pool) => {
                return pool.begin().await.map(WriteTransaction::Alone).map_err(|e| failed("write to", e));
            }
            Self::InLine { line, ended } => (line, ended),
        };
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(line).lock_owned()).await.map_err(|_| {
            let message = format!("others have written to the server's database for {PATIENCE:?}");
            Error::new(ErrorKind::Unavailable, message).with_hint("try it again; many writers want PostgreSQL")
        })?;
        let mut change = LinedChange { turn, ended: ended.clone(), is_done: false };
        // A task of its own: it has begun or not, also where whoever asked goes away meanwhile.
        let begun = tokio::spawn(async move { change.turn.begin().await.map(|()| change) });
        Ok(WriteTransaction::InLine(begun.await.map_err(|_| ends())??))
    }

    /// Ends what is open. What is written is in the file itself, for whoever copies that.
    pub(super) async fn close(&self) {
        let Self::InLine { line, .. } = self else { return };
        let mut line = line.lock().await;
        line.end().await;
        let written = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut line.connection).await;
        if let Err(error) = written {
            tracing::warn!(%error, "what was written last stays in the file beside the server's database");
        }
    }
}

impl Line {
    /// Begins a change, in the transaction that is open or in a new one.
    async fn begin(&mut self) -> Result<()> {
        self.undo_given_up().await;
        // What the change before has done is no longer its alone.
        if self.is_open
            && let Err(error) = self.execute("RELEASE change; SAVEPOINT change").await
        {
            self.failed(error).await;
        }
        if !self.is_open {
            if self.last_end.elapsed() >= GAP {
                self.last_gap = Instant::now();
            }
            // Who reads before it writes is to wait for its turn at once, not to fail when it writes.
            let begun = self.execute("BEGIN IMMEDIATE; SAVEPOINT change").await;
            self.is_open = true;
            if let Err(error) = begun {
                self.failed(error.clone()).await;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Commits what is open, unless somebody else has done so meanwhile.
    async fn end(&mut self) {
        self.undo_given_up().await;
        if !self.is_open {
            return;
        }
        match self.execute("COMMIT").await {
            Ok(()) => {
                self.is_open = false;
                self.last_end = Instant::now();
                self.tell(&Ok(()));
                self.leave_gap().await;
            }
            Err(error) => self.failed(error).await,
        }
    }

    /// Lets other processes write, which would hardly ever find the database free where many ask this one.
    async fn leave_gap(&mut self) {
        if self.last_gap.elapsed() >= WITHOUT_GAP {
            tokio::time::sleep(GAP).await;
            self.last_gap = Instant::now();
        }
    }

    async fn undo_given_up(&mut self) {
        if !std::mem::take(&mut self.is_given_up) || !self.is_open {
            return;
        }
        if let Err(error) = self.execute("ROLLBACK TO change").await {
            self.failed(error).await;
        }
    }

    /// Nothing that is open has been written.
    async fn failed(&mut self, error: Error) {
        // Of a full disk SQLite may have ended the transaction by itself: then this fails, and nothing is open either.
        let _ = self.execute("ROLLBACK").await;
        (self.is_open, self.is_given_up) = (false, false);
        self.tell(&Err(error));
    }

    fn tell(&mut self, what: &Result<()>) {
        // Whoever asked may have gone.
        self.waiting.drain(..).for_each(|one| drop(one.send(what.clone())));
    }

    async fn execute(&mut self, sql: &'static str) -> Result<()> {
        let done = sqlx::raw_sql(sql).execute(&mut self.connection).await;
        done.map(drop).map_err(|e| failed("write to", e))
    }
}

/// The error of a change that comes too late.
fn ends() -> Error {
    let error = Error::new(ErrorKind::Unavailable, "the server ends, and writes nothing more to its database");
    error.with_hint("try it again once a server is there")
}

/// A transaction that writes. One that is dropped has changed nothing.
pub(crate) enum WriteTransaction {
    Alone(Transaction<'static, Any>),
    InLine(LinedChange),
}

/// A change whose turn it is.
pub(crate) struct LinedChange {
    turn: OwnedMutexGuard<Line>,
    ended: mpsc::Sender<()>,
    is_done: bool,
}

impl WriteTransaction {
    /// Where its statements are executed.
    pub(crate) fn sql(&mut self) -> &mut AnyConnection {
        match self {
            Self::Alone(transaction) => transaction,
            Self::InLine(change) => &mut change.turn.connection,
        }
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Alone(transaction) => transaction.commit().await.map_err(|e| failed("write to", e)),
            Self::InLine(change) => change.commit().await,
        }
    }
}

impl LinedChange {
    async fn commit(mut self) -> Result<()> {
        let (asker, answer) = oneshot::channel();
        self.turn.waiting.push(asker);
        self.is_done = true;
        drop(self);
        answer.await.map_err(|_| ends())?
    }
}

impl Drop for LinedChange {
    /// What was changed is committed, also where whoever asked is gone.
    fn drop(&mut self) {
        self.turn.is_given_up |= !self.is_done;
        // One that is noted and not seen yet is enough.
        let _ = self.ended.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::Database;
    use super::*;

    async fn database(folder: &tempfile::TempDir) -> Database {
        let database = Database::open(None, folder.path()).await.unwrap();
        let text = "CREATE TABLE made (n BIGINT NOT NULL PRIMARY KEY); \
                    CREATE TABLE lent (n BIGINT NOT NULL REFERENCES made (n) DEFERRABLE INITIALLY DEFERRED)";
        sqlx::raw_sql(text).execute(database.pool()).await.unwrap();
        database
    }

    async fn insert(change: &mut WriteTransaction, n: i64) -> sqlx::Result<()> {
        sqlx::query("INSERT INTO made (n) VALUES ($1)").bind(n).execute(change.sql()).await.map(drop)
    }

    async fn insert_alone(database: Database, n: i64) {
        let mut change = database.begin().await.unwrap();
        insert(&mut change, n).await.unwrap();
        change.commit().await.unwrap();
    }

    async fn made(database: &Database) -> Vec<i64> {
        let rows = sqlx::query_as::<_, (i64,)>("SELECT n FROM made ORDER BY n").fetch_all(database.pool()).await;
        rows.unwrap().into_iter().map(|(n,)| n).collect()
    }

    /// What is answered is there, whatever others fail at or give up in between.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_answered_is_there_and_what_is_given_up_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let one = |n: i64| {
            let database = database.clone();
            async move {
                let mut change = database.begin().await.unwrap();
                insert(&mut change, n).await.unwrap();
                match n % 4 {
                    // Given up.
                    0 => return None,
                    // Failed: there is one with that number.
                    1 => {
                        insert(&mut change, n).await.unwrap_err();
                        return None;
                    }
                    _ => change.commit().await.unwrap(),
                }
                assert!(made(&database).await.contains(&n));
                Some(n)
            }
        };
        let all: Vec<_> = (0..200).map(|n| tokio::spawn(one(n))).collect();
        let mut answered = Vec::new();
        for one in all {
            answered.extend(one.await.unwrap());
        }
        assert_eq!(answered.len(), 100);
        assert_eq!(made(&database).await, answered);
        database.close().await;
    }

    /// One that is given up before another, and one whose asker goes away while it waits for its answer.
    #[tokio::test]
    async fn who_goes_away_takes_nothing_along() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let mut first = database.begin().await.unwrap();
        insert(&mut first, 1).await.unwrap();
        let next = tokio::spawn({
            let database = database.clone();
            async move {
                let mut change = database.begin().await.unwrap();
                insert(&mut change, 2).await.unwrap();
                // Whoever asked for the first goes now.
                drop(change);
                let mut change = database.begin().await.unwrap();
                insert(&mut change, 3).await.unwrap();
                change.commit().await.unwrap();
            }
        });
        let gone = tokio::spawn(first.commit());
        tokio::task::yield_now().await;
        gone.abort();
        next.await.unwrap();
        assert_eq!(made(&database).await, [1, 3]);
        // Alone in line: nobody comes who would undo it.
        let mut given_up = database.begin().await.unwrap();
        insert(&mut given_up, 4).await.unwrap();
        drop(given_up);
        assert_eq!(database.write(sqlx::query("UPDATE made SET n = 5 WHERE n IN (3, 4)")).await.unwrap(), 1);
        assert_eq!(made(&database).await, [1, 5]);
    }

    /// Askers that go away at any moment cost those who stay nothing.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_goes_away_at_any_moment_fails_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let one = |n: i64| tokio::spawn(insert_alone(database.clone(), n));
        let stay: Vec<_> = (0..150).map(one).collect();
        let leave: Vec<_> = (1000..1150).map(one).collect();
        for (at, one) in leave.into_iter().enumerate() {
            tokio::time::sleep(Duration::from_micros(50 * (at as u64 % 20))).await;
            one.abort();
        }
        for one in stay {
            one.await.unwrap();
        }
        let there = made(&database).await;
        assert!((0..150).all(|n| there.contains(&n)), "{there:?}");
    }

    /// Nobody learns that something is written which is not.
    #[tokio::test]
    async fn where_a_commit_fails_all_that_are_in_it_get_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let mut first = database.begin().await.unwrap();
        // What it refers to is looked for by the commit.
        sqlx::query("INSERT INTO lent (n) VALUES (7)").execute(first.sql()).await.unwrap();
        let second = async {
            let mut second = database.begin().await?;
            insert(&mut second, 1).await.unwrap();
            second.commit().await
        };
        let (second, first) = tokio::join!(second, first.commit());
        assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
        assert!(made(&database).await.is_empty());
        insert_alone(database.clone(), 2).await;
        assert_eq!(made(&database).await, [2]);
    }

    /// Behind a transaction, where there has been none for long, and not again behind the next.
    #[tokio::test]
    async fn a_gap_is_left_for_other_processes() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let WriteTurn::InLine { line, .. } = &database.turn else { panic!("SQLite has a line") };
        let mut line = line.lock().await;
        line.last_gap = Instant::now().checked_sub(WITHOUT_GAP).unwrap();
        line.last_end = Instant::now();
        line.begin().await.unwrap();
        line.end().await;
        assert!(line.last_end.elapsed() >= GAP);
        let gap = line.last_gap;
        line.last_end = Instant::now();
        line.begin().await.unwrap();
        line.end().await;
        assert_eq!(line.last_gap, gap);
    }

    /// As `datlake user` beside a server: it gets its turn, however many ask the server.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_process_gets_a_moment_to_write_in() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..64)
            .map(|_| {
                let (database, is_over) = (database.clone(), Arc::clone(&is_over));
                tokio::spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        database.write(sqlx::query("UPDATE event_head SET last_id = last_id + 1")).await.unwrap();
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let other = Database::open(None, folder.path()).await.unwrap();
        insert_alone(other, 1).await;
        is_over.store(true, Ordering::Relaxed);
        for one in busy {
            one.await.unwrap();
        }
        assert_eq!(made(&database).await, [1]);
    }
}
