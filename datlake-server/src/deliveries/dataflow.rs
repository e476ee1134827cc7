//! What a dataflow is: a job with a zone, a model and keys, and how it takes its sources.

use datlake::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

use crate::access::new_id;
use crate::database::failed;
use crate::events::StateChange;
use crate::problem::{Problem, Reply};

/// The most that one run claims, unless somebody says another limit.
const BATCH: i64 = 1000;
/// The largest limit.
const LARGEST_BATCH: i64 = 10_000;
/// So many runs may have a delivery and not succeed, unless somebody says another number.
const ATTEMPTS: i64 = 5;
const MOST_ATTEMPTS: i64 = 1_000_000;
/// The most bytes that a part of a name has.
const LONGEST: usize = 90;

/// What of its sources a dataflow needs before it claims something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Take {
    /// Whatever is ready.
    Any,
    /// Something of each source.
    All,
}

/// How a dataflow takes its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TakeRules {
    pub(crate) take: Take,
    /// The most that one run claims; but with [`Take::All`] one of each source.
    pub(crate) batch_limit: i64,
    /// Whether only what has the same partition key is claimed together.
    pub(crate) match_partition: bool,
    /// What so many runs had without success is set aside.
    pub(crate) max_attempts: i64,
}

/// How a dataflow is to take its sources: what is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct SaidRules {
    pub(crate) take: Option<Take>,
    pub(crate) batch_limit: Option<i64>,
    pub(crate) match_partition: Option<bool>,
    pub(crate) max_attempts: Option<i64>,
}

/// What a dataflow is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataflowName {
    pub(crate) zone: String,
    pub(crate) model_name: String,
    pub(crate) model_key: String,
    pub(crate) model_sec_key: String,
}

/// A dataflow.
#[derive(Clone, Debug)]
pub(crate) struct Dataflow {
    pub(crate) id: String,
    /// The job whose runs are its own.
    pub(crate) job: String,
    pub(crate) name: DataflowName,
    pub(crate) rules: TakeRules,
    pub(crate) account: String,
    pub(crate) created_at: i64,
}

impl Take {
    fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
        }
    }
}

impl DataflowName {
    /// The job of that name.
    ///
    /// # Errors
    /// 400 for what cannot be a name, of that field.
    pub(crate) fn job(&self) -> Reply<String> {
        let parts = [
            ("zone", &self.zone, true),
            ("model_name", &self.model_name, true),
            ("model_key", &self.model_key, false),
            ("model_sec_key", &self.model_sec_key, false),
        ];
        for (field, part, is_needed) in parts {
            let why = match part.as_str() {
                "" if is_needed => "it is empty",
                part if part.len() > LONGEST => "it has more than 90 bytes",
                part if part.contains('/') => "it has a `/`, which stands between the parts of the name",
                part if part.chars().any(char::is_control) => "it has a control character",
                part if part.trim() != part => "it begins or ends with a space",
                _ => continue,
            };
            let shown: String = part.chars().take(80).flat_map(char::escape_debug).collect();
            let message = format!("`{shown}` cannot be a `{field}` of a dataflow: {why}");
            return Err(Problem::bad_request(message).of_field(field));
        }
        Ok(parts.map(|(_, part, _)| part.as_str()).join("/"))
    }
}

impl SaidRules {
    fn check(&self) -> Reply<()> {
        let wrong = |field: &str, said: Option<i64>, most: i64| match said {
            Some(said) if !(1..=most).contains(&said) => {
                Err(Problem::bad_request(format!("`{field}` is {said}: it is from 1 to {most}")).of_field(field))
            }
            _ => Ok(()),
        };
        wrong("batch_limit", self.batch_limit, LARGEST_BATCH)?;
        wrong("max_attempts", self.max_attempts, MOST_ATTEMPTS)
    }

    fn over(&self, rules: &TakeRules) -> TakeRules {
        TakeRules {
            take: self.take.unwrap_or(rules.take),
            batch_limit: self.batch_limit.unwrap_or(rules.batch_limit),
            match_partition: self.match_partition.unwrap_or(rules.match_partition),
            max_attempts: self.max_attempts.unwrap_or(rules.max_attempts),
        }
    }
}

/// The dataflow of that name, which comes into being; and whether it did now. How it takes its sources changes as far as `said` says.
///
/// # Errors
/// 400 for what cannot be.
pub(crate) async fn create(change: &mut StateChange, name: DataflowName, said: &SaidRules) -> Reply<(Dataflow, bool)> {
    let job = name.job()?;
    said.check()?;
    let usual = TakeRules { take: Take::Any, batch_limit: BATCH, match_partition: false, max_attempts: ATTEMPTS };
    let rules = said.over(&usual);
    let sql = "INSERT INTO dataflows (id, job, zone, model_name, model_key, model_sec_key, take, batch_limit, \
               match_partition, max_attempts, account, created_at, turn) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0) ON CONFLICT DO NOTHING";
    let (account, at) = (change.account().to_owned(), change.at());
    let query = sqlx::query(sql).bind(new_id()?).bind(job.clone()).bind(name.zone).bind(name.model_name);
    let query = query.bind(name.model_key).bind(name.model_sec_key).bind(rules.take.as_str()).bind(rules.batch_limit);
    let query = query.bind(i64::from(rules.match_partition)).bind(rules.max_attempts).bind(account).bind(at);
    let is_new = query.execute(change.sql()).await.map_err(|e| failed("write to", e))?.rows_affected() == 1;
    let dataflow = one(change.sql(), BY_JOB, &job).await?;
    let mut dataflow = dataflow.ok_or_else(|| Problem::internal(&"a dataflow is gone that was there"))?;
    let wanted = said.over(&dataflow.rules);
    if wanted != dataflow.rules {
        let sql =
            "UPDATE dataflows SET take = $1, batch_limit = $2, match_partition = $3, max_attempts = $4 WHERE id = $5";
        let query = sqlx::query(sql).bind(wanted.take.as_str()).bind(wanted.batch_limit);
        let query = query.bind(i64::from(wanted.match_partition)).bind(wanted.max_attempts).bind(dataflow.id.clone());
        query.execute(change.sql()).await.map_err(|e| failed("write to", e))?;
        dataflow.rules = wanted;
    }
    Ok((dataflow, is_new))
}

type DataflowRow = (String, String, String, String, String, String, String, i64, i64, i64, String, i64);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.job, d.zone, d.model_name, d.model_key, d.model_sec_key, d.take, d.batch_limit, ",
            "d.match_partition, d.max_attempts, d.account, d.created_at FROM dataflows d ",
            $rest
        )
    };
}

const BY_JOB: &str = select!("WHERE d.job = $1");

/// The dataflow with that id.
pub(crate) async fn find(sql: &mut AnyConnection, id: &str) -> Result<Option<Dataflow>> {
    one(sql, select!("WHERE d.id = $1"), id).await
}

/// The dataflow whose job that is.
pub(crate) async fn of_job(sql: &mut AnyConnection, job: &str) -> Result<Option<Dataflow>> {
    one(sql, BY_JOB, job).await
}

/// The dataflow whose run that is.
pub(crate) async fn dataflow_of_run(sql: &mut AnyConnection, run: &str) -> Result<Option<Dataflow>> {
    one(sql, select!("JOIN dataflow_runs r ON r.dataflow = d.id WHERE r.run = $1"), run).await
}

/// Up to `most` dataflows whose jobs' names are behind `after`, sorted by these.
pub(crate) async fn page_of(sql: &mut AnyConnection, after: &str, most: i64) -> Result<Vec<Dataflow>> {
    let query = sqlx::query_as::<_, DataflowRow>(select!("WHERE d.job > $1 ORDER BY d.job LIMIT $2"));
    let rows = query.bind(after.to_owned()).bind(most).fetch_all(sql).await.map_err(|e| failed("read", e))?;
    rows.into_iter().map(of_row).collect()
}

async fn one(sql: &mut AnyConnection, query: &'static str, by: &str) -> Result<Option<Dataflow>> {
    // Which no database takes.
    if by.contains('\0') {
        return Ok(None);
    }
    let row = sqlx::query_as::<_, DataflowRow>(query).bind(by.to_owned()).fetch_optional(sql).await;
    row.map_err(|e| failed("read", e))?.map(of_row).transpose()
}

fn of_row(row: DataflowRow) -> Result<Dataflow> {
    let (id, job, zone, model_name, model_key, model_sec_key, take, batch_limit, matches, max_attempts, account, at) =
        row;
    let take = [Take::Any, Take::All].into_iter().find(|known| known.as_str() == take);
    let unknown =
        || Error::new(ErrorKind::Corrupt, format!("the dataflow `{id}` takes its sources in no way that is known"));
    let take = take.ok_or_else(unknown)?;
    Ok(Dataflow {
        id,
        job,
        name: DataflowName { zone, model_name, model_key, model_sec_key },
        rules: TakeRules { take, batch_limit, match_partition: matches != 0, max_attempts },
        account,
        created_at: at,
    })
}

/// Waits until nobody else changes what hangs on this dataflow, and keeps the others waiting until the end of the change.
pub(super) async fn take_turn(sql: &mut AnyConnection, dataflow: &str) -> Result<()> {
    let query = sqlx::query("UPDATE dataflows SET turn = turn + 1 WHERE id = $1").bind(dataflow.to_owned());
    query.execute(sql).await.map(drop).map_err(|e| failed("write to", e))
}
