//! A log, read as it grows: from the database, or from the lake once it is there.

use std::io::SeekFrom;
use std::time::{Duration, Instant};

use bytes::Bytes;
use datlake::Error;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::log::{StoredLog, log_of, read_from};
use crate::app::App;
use crate::database::failed;
use crate::problem::Reply;

/// How often it is looked for more.
const LOOK: Duration = Duration::from_millis(300);
/// What comes of the lake at once.
const CHUNK: usize = 64 << 10;
/// The longest that a log is followed: whoever wants more asks again, from where it ended.
const LONGEST: Duration = Duration::from_secs(3600);

/// Reads a log.
pub(super) struct LogReader {
    app: App,
    run: String,
    offset: i64,
    /// Whether more is waited for, as long as the run goes on.
    follows: bool,
    began: Instant,
    kept: Option<datlake::AsyncReader>,
}

/// The end of a log, as text.
pub(crate) struct LogTail {
    pub(crate) text: String,
    /// How many bytes are before it.
    pub(crate) left_out: i64,
}

/// The last bytes of a run's log, about so many, as it is now; `None` where no worker has or had the run.
pub(crate) async fn log_tail(app: &App, run: &str, most: i64) -> Reply<Option<LogTail>> {
    let mut connection = app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
    let Some(StoredLog { size, .. }) = log_of(&mut connection, run).await? else { return Ok(None) };
    drop(connection);
    let left_out = (size - most).max(0);
    let (mut reader, mut bytes) = (LogReader::new(app, run, left_out, false), Vec::new());
    while let Some(piece) = reader.next().await? {
        bytes.extend_from_slice(&piece);
    }
    // What moves the cursor of a terminal is no text.
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    Ok(Some(LogTail {
        text: String::from_utf8_lossy(&bytes).replace("\r\n", "\n").chars().map(shown).collect(),
        left_out,
    }))
}

impl LogReader {
    pub(super) fn new(app: &App, run: &str, offset: i64, follows: bool) -> Self {
        Self { app: app.clone(), run: run.to_owned(), offset, follows, began: Instant::now(), kept: None }
    }

    /// What comes next; `None` at the end.
    pub(super) async fn next(&mut self) -> Reply<Option<Bytes>> {
        loop {
            if self.kept.is_some() {
                return self.next_kept().await;
            }
            let mut connection = self.app.database().pool().acquire().await.map_err(|e| failed("read", e))?;
            // Before it is read: what has ended now has nothing behind what is read then.
            let Some(StoredLog { size, name, has_ended }) = log_of(&mut connection, &self.run).await? else {
                return Ok(None);
            };
            if let Some(name) = name {
                drop(connection);
                self.open(&name).await?;
                continue;
            }
            let piece =
                if self.offset < size { read_from(&mut connection, &self.run, self.offset).await? } else { Vec::new() };
            drop(connection);
            if !piece.is_empty() {
                self.offset += piece.len() as i64;
                return Ok(Some(Bytes::from(piece)));
            }
            // It may have gone to the lake meanwhile.
            if self.offset < size {
                continue;
            }
            if has_ended || !self.follows || self.began.elapsed() > LONGEST || self.app.events().has_ended() {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn open(&mut self, name: &str) -> Reply<()> {
        let file = self.app.lake().file_async(name).await?;
        let mut content = file.open_async().await?;
        let at = u64::try_from(self.offset).unwrap_or(0).min(file.len());
        content.seek(SeekFrom::Start(at)).await.map_err(|e| Error::io("read", name, e))?;
        self.kept = Some(content);
        Ok(())
    }

    async fn next_kept(&mut self) -> Reply<Option<Bytes>> {
        let Some(content) = &mut self.kept else { return Ok(None) };
        let mut piece = vec![0; CHUNK];
        let read = content.read(&mut piece).await.map_err(|e| Error::io("read", &self.run, e))?;
        piece.truncate(read);
        Ok(Some(Bytes::from(piece)).filter(|piece| !piece.is_empty()))
    }
}
