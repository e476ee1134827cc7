"""The same calls as values: each answers with `Ok` or `Err`, and raises nothing that a server may cause.

What waits in the outbox is `Ok`, and `pending`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, TypeVar

from .client import DatlakeClient
from .errors import SDKError
from .models import Artifact, Run, Snapshot
from .result import Err, Ok, Result

T = TypeVar("T")


def start_run(client: DatlakeClient, job_name: str, metadata: Mapping[str, Any] | None = None) -> Result[Run, SDKError]:
    """Starts a run, for which heartbeats are sent in the background until it is completed or the program ends."""
    run = _result(lambda: client.start_run(job_name, metadata))
    if isinstance(run, Ok):
        client.keep_alive(run.value)
    return run


def fetch_latest_uri(client: DatlakeClient, run: Run, table_name: str) -> Result[Snapshot, SDKError]:
    """The latest snapshot of a table, whose `uri` says where it is, and which becomes an input of the run."""
    return _result(lambda: client.latest_snapshot(table_name, run=run))


def register_snapshot(
    client: DatlakeClient,
    run: Run,
    table_name: str,
    uri: str,
    format: str = "parquet",
    schema: Any | None = None,
) -> Result[Snapshot, SDKError]:
    """Registers what the run wrote as the latest snapshot of a table."""
    return _result(lambda: client.register_snapshot(run, table_name, uri, format=format, schema=schema))


def log_event(
    client: DatlakeClient, run: Run, type: str, data: Mapping[str, Any] | None = None
) -> Result[None, SDKError]:
    """Adds an event of a kind of one's own."""
    return _result(lambda: client.log_event(run.job_name, run.run_id, type, data))


def complete_run(
    client: DatlakeClient,
    run: Run,
    success: bool = True,
    artifacts: Iterable[Artifact] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Result[Run | None, SDKError]:
    """Ends the run."""
    client.heartbeats.remove(run.run_id)
    return _result(
        lambda: client.complete_run(run.job_name, run.run_id, success, artifacts=artifacts, metadata=metadata)
    )


def _result(ask: Callable[[], T]) -> Result[T, SDKError]:
    try:
        return Ok(ask())
    except SDKError as error:
        return Err(error)
