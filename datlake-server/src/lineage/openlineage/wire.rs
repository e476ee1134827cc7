//! The shapes of OpenLineage, as far as a server goes by them. What else an event says is kept with it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::http::StrictJson;
use crate::problem::{Problem, Reply};

/// What an event says of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RunEventType {
    Start,
    Running,
    Complete,
    Fail,
    Abort,
    Other,
}

/// An event of a run, of a job or of a dataset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenLineageEvent {
    /// Of a run.
    #[serde(default)]
    pub(super) event_type: Option<RunEventType>,
    #[serde(default)]
    pub(super) run: Option<RunOfEvent>,
    #[serde(default)]
    pub(super) job: Option<NamedInEvent>,
    #[serde(default)]
    pub(super) dataset: Option<NamedInEvent>,
    #[serde(default)]
    pub(super) inputs: Vec<NamedInEvent>,
    #[serde(default)]
    pub(super) outputs: Vec<NamedInEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunOfEvent {
    pub(super) run_id: String,
}

/// A job or a dataset.
#[derive(Debug, Deserialize)]
pub(super) struct NamedInEvent {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl NamedInEvent {
    /// Both parts as one: `s3://bucket/path`, `airflow/daily_users`.
    pub(super) fn whole(&self) -> String {
        let namespace = self.namespace.trim_end_matches('/');
        match (namespace.is_empty(), self.name.trim_start_matches('/')) {
            (true, _) => self.name.clone(),
            (false, name) => format!("{namespace}/{name}"),
        }
    }
}

impl OpenLineageEvent {
    /// Reads one.
    ///
    /// # Errors
    /// 400 for what is none.
    pub(super) fn of(said: &Value) -> Reply<Self> {
        serde_path_to_error::deserialize(said).map_err(|error| {
            let field = error.path().to_string();
            Problem::bad_request(format!("the event is none of OpenLineage: {}: {}", field, error.inner()))
                .of_field(field)
        })
    }
}

/// The body of a request: all that an event says.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct SaidEvent(pub(super) StrictJson);

/// What the server goes by. An event may say anything else, and does.
impl JsonSchema for SaidEvent {
    fn schema_name() -> Cow<'static, str> {
        "OpenLineageEvent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let named = |what: &str| {
            json_schema!({
                "type": "object",
                "description": what,
                "required": ["namespace", "name"],
                "properties": {
                    "namespace": {"type": "string"},
                    "name": {"type": "string"},
                    "facets": {"type": "object"},
                },
            })
        };
        let data = |what: &str| json_schema!({"type": "array", "items": named(what)});
        json_schema!({
            "type": "object",
            "description": "An event of OpenLineage: of a run, which has a `run` and a `job`, of a `job`, or of a `dataset`.",
            "anyOf": [{"required": ["run", "job"]}, {"required": ["job"]}, {"required": ["dataset"]}],
            "properties": {
                "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", null]},
                "eventTime": {"type": "string", "format": "date-time"},
                "producer": {"type": "string", "format": "uri"},
                "schemaURL": {"type": "string", "format": "uri"},
                "run": {
                    "type": "object",
                    "required": ["runId"],
                    "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": {"type": "object"}},
                },
                "job": named("The job, which is called `NAMESPACE/NAME` here."),
                "dataset": named("The data set."),
                "inputs": data("A data set that the run read."),
                "outputs": data("A data set that the run wrote."),
            },
        })
    }
}
