//! What the server says of itself: lines on standard error, for people or for programs.

use datlake::{Error, ErrorKind, Result};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// What `LOG_FORMAT` says: `json`, or `text`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for anything else.
    pub fn from_environment() -> Result<Self> {
        match std::env::var("LOG_FORMAT").as_deref() {
            Err(_) | Ok("" | "text") => Ok(Self::Text),
            Ok("json") => Ok(Self::Json),
            Ok(other) => Err(wrong("LOG_FORMAT", other, "`text` or `json`")),
        }
    }
}

/// Writes what the server says to standard error, from the level that `LOG_LEVEL` says (`info`; or by target, as `info,sqlx=debug`).
///
/// # Errors
/// [`ErrorKind::Config`] for a level that there is not, or where the process has a subscriber already.
pub fn log_to_standard_error(format: LogFormat) -> Result<()> {
    let level = std::env::var("LOG_LEVEL").ok().filter(|level| !level.is_empty()).unwrap_or_else(|| "info".to_owned());
    let targets: Targets = level
        .parse()
        .map_err(|e| wrong("LOG_LEVEL", &level, "`error`, `warn`, `info`, `debug` or `trace`").because(e))?;
    // What refuses a signature says, for debugging, which one is right; requests that are refused have a line of ours.
    let targets = targets.with_target("s3s", LevelFilter::OFF);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .try_init()
        .map_err(|e| Error::new(ErrorKind::Config, "cannot log: the process has a subscriber already").because(e))
}

fn wrong(name: &str, value: &str, allowed: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{name} is `{value}`")).with_hint(format!("it may be {allowed}"))
}
