"""The client of a server: what can be told and asked, one method each."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, TypeVar
from urllib.parse import quote

import httpx

from .errors import ErrorKind, SDKError
from .heartbeats import Heartbeats
from .models import Artifact, Item, Json, Run, Snapshot
from .outbox import PENDING, Outbox, Report
from .requests import Connection, Content, Request, json_of
from .settings import ErrorStrategy, RetryPolicy, Settings, outbox_folder, server_address

log = logging.getLogger("datlake_sdk")

T = TypeVar("T")


class DatlakeClient:
    """A server, and the key with which it is asked. For any number of threads.

    Without `base_url` and `api_key` it takes `DATLAKE_API_URL` and `DATLAKE_API_KEY`. What it does about errors the environment says
    (`DATLAKE_SDK_ERROR_STRATEGY`, `DATLAKE_SDK_RETRY_MAX`, `_BASE_MS`, `_JITTER`), or `strategy` and `retry`.

    Each method raises `SDKError` for what fails. With the strategy `suppress_transient`, what the server could not be told waits in the outbox
    (`DATLAKE_SDK_OUTBOX`, or a folder of the user's state), and the answer says that it is `pending`.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        strategy: ErrorStrategy | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = 30.0,
        outbox: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        said = Settings.from_environment()
        self.base_url = server_address(base_url)
        self.strategy = said.strategy if strategy is None else ErrorStrategy(strategy)
        self.retry = said.retry if retry is None else retry
        self.outbox = Outbox(outbox_folder() if outbox is None else outbox, self.base_url)
        self.heartbeats = Heartbeats()
        self._connection = Connection(self.base_url, _key(api_key), timeout=timeout, transport=transport)

    def close(self) -> None:
        """Ends its heartbeats and its connections."""
        self.heartbeats.close()
        self._connection.close()

    def __enter__(self) -> DatlakeClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"DatlakeClient({self.base_url!r})"

    def start_run(self, job_name: str, metadata: Mapping[str, Any] | None = None) -> Run:
        """Starts a run; the job comes into being. While it goes on, the server wants heartbeats: `keep_alive` sends them."""
        pending = PENDING + uuid.uuid4().hex
        request = _post(f"/jobs/{spelled(job_name)}/runs", {"metadata": dict(metadata or {})})
        answer = self.report(Report(request, starts=pending))
        return Run(pending, job_name, metadata=dict(metadata or {}), pending=True) if answer is None else Run.of(answer)

    def complete_run(
        self,
        job_name: str,
        run_id: str,
        success: bool,
        *,
        artifacts: Iterable[Artifact] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Run | None:
        """Ends a run; `None` where that waits in the outbox."""
        body: Json = {"success": success, "artifacts": [one.to_json() for one in artifacts]}
        if metadata:
            body["metadata"] = dict(metadata)
        answer = self.report(Report(Request("PUT", f"{self._at(job_name, run_id)}/complete", body=body)))
        return None if answer is None else Run.of(answer)

    def heartbeat(self, job_name: str, run_id: str) -> None:
        """Says once that a run goes on. A server that does not know of it yet is told what waits in the outbox."""
        if self.resolved(run_id).startswith(PENDING):
            self.outbox.send(self._connection.send)
            return
        self._connection.send(Request("POST", f"{self._at(job_name, run_id)}/heartbeat", body={}, again=True))

    def keep_alive(self, run: Run) -> None:
        """Sends heartbeats in the background, until `heartbeats.remove` is called with the run's id or the program ends."""
        self.heartbeats.add(run.run_id, lambda: self.heartbeat(run.job_name, run.run_id), run.lease_seconds)

    def get_run(self, job_name: str, run_id: str) -> Run:
        """A run as it is now."""
        return Run.of(self.ask(Request("GET", self._at(job_name, run_id))))

    def log_event(self, job_name: str, run_id: str, type: str, data: Mapping[str, Any] | None = None) -> None:
        """Adds an event of a kind of one's own to a run."""
        self.report(Report(_post(f"{self._at(job_name, run_id)}/events", {"type": type, "data": dict(data or {})})))

    def add_input(self, job_name: str, run_id: str, item: Item) -> None:
        """Notes what a run reads."""
        self.report(Report(_post(f"{self._at(job_name, run_id)}/inputs", {"items": [item.to_json()]})))

    def add_output(self, job_name: str, run_id: str, item: Item) -> None:
        """Notes what a run writes."""
        self.report(Report(_post(f"{self._at(job_name, run_id)}/outputs", {"items": [item.to_json()]})))

    def add_artifacts(self, job_name: str, run_id: str, artifacts: Iterable[Artifact]) -> None:
        """Links what a run leaves behind, before its end."""
        body = {"artifacts": [one.to_json() for one in artifacts]}
        self.report(Report(_post(f"{self._at(job_name, run_id)}/artifacts", body)))

    def latest_snapshot(self, table_name: str, *, run: Run | None = None) -> Snapshot:
        """The latest snapshot of a table, which becomes an input of `run`."""
        run_id = None if run is None else self.resolved(run.run_id)
        params = None if run_id is None or run_id.startswith(PENDING) else {"run_id": run_id}
        snapshot = Snapshot.of(self.ask(Request("GET", f"/tables/{spelled(table_name)}/snapshots/latest", params)))
        if run is not None and params is None:
            self.add_input(run.job_name, run.run_id, Item("table", table_name, snapshot.uri, snapshot.snapshot_id))
        return snapshot

    def register_snapshot(
        self,
        run: Run,
        table_name: str,
        uri: str,
        *,
        format: str = "parquet",
        schema: Any | None = None,
    ) -> Snapshot:
        """Registers what a run wrote as the latest snapshot of a table."""
        body = {"table_name": table_name, "uri": uri, "format": format, "schema": schema, "job_name": run.job_name}
        answer = self.report(Report(_post("/jobs/register-snapshot", {**body, "run_id": self.resolved(run.run_id)})))
        if answer is None:
            return Snapshot(table_name, uri, format, schema, job_name=run.job_name, run_id=run.run_id, pending=True)
        return Snapshot.of(answer)

    def put_dataset(self, bucket: str, path: str, file: str | Path) -> str:
        """Puts a file into the lake as `bucket/path`, and answers with its address. What is there already may be put again, and not replaced."""
        at = "/".join(spelled(part) for part in path.split("/"))
        self.report(Report(Request("PUT", f"/datasets/{spelled(bucket)}/{at}", content=Content.of(Path(file)))))
        return f"lake://{bucket}/{path}"

    def get_dataset(self, bucket: str, path: str, into: str | Path) -> None:
        """Reads `bucket/path` into a file, which is there once all of it came."""
        at = "/".join(spelled(part) for part in path.split("/"))
        self._connection.stream(Request("GET", f"/datasets/{spelled(bucket)}/{at}"), Path(into))

    def send_outbox(self, *, wait: float = 0.0) -> int:
        """Sends what waits in the outbox, if the server is there, and answers with how many reports still wait.

        Where another process sends, its end is waited for, for `wait` seconds.
        """
        self.outbox.send(self._connection.send, wait=wait, now=True)
        return len(self.outbox.waiting())

    def resolved(self, run_id: str) -> str:
        """The id that the server gave to a run whose start waited, once it has; else the same."""
        return self.outbox.resolve(run_id)

    def ask(self, request: Request) -> Json:
        """What the server answers, an object."""
        return json_of(self._connection.send(request, self.retry))

    def tell(self, request: Request) -> None:
        """Tells the server something that cannot wait."""
        self._connection.send(request, self.retry)

    def report(self, report: Report) -> Json | None:
        """Tells the server. With `suppress_transient`, `None` where that waits in the outbox instead."""
        if self.strategy is not ErrorStrategy.SUPPRESS_TRANSIENT:
            return _answer(self._connection.send(report.request, self.retry))
        # What is behind others stays behind them.
        if self.outbox.waiting() or PENDING in f"{report.request.path} {report.request.body}":
            return self._behind_others(report)
        try:
            return _answer(self._connection.send(report.request, self.retry))
        except SDKError as error:
            if not error.is_transient:
                raise
            self._keep(report, error)
            return None

    def _behind_others(self, report: Report) -> Json | None:
        name = self._keep(report, None)
        response = self.outbox.send(self._connection.send, wanted=name)
        return None if response is None else _answer(response)

    def _keep(self, report: Report, because: SDKError | None) -> str:
        try:
            name = self.outbox.put(report)
        except OSError as error:
            why = "" if because is None else f"{because}; "
            message = f"{why}and it cannot be kept in {self.outbox.folder}: {error.strerror}"
            raise SDKError(ErrorKind.TRANSIENT, message) from error
        if because is not None:
            log.warning("a report waits in %s: %s", self.outbox.folder, because)
        return name

    def _at(self, job_name: str, run_id: str) -> str:
        return f"/jobs/{spelled(job_name)}/runs/{spelled(self.resolved(run_id))}"

    def tolerant(self, ask: Callable[[], T]) -> T | None:
        """What `ask` answers; `None` for what the strategy lets a job go on without."""
        try:
            return ask()
        except SDKError as error:
            if not self.tolerates(error):
                raise
            log.warning("going on without: %s", error)
            return None

    def tolerates(self, error: SDKError) -> bool:
        """Whether the strategy lets a job go on after this."""
        if error.kind is ErrorKind.NOT_FOUND:
            return self.strategy is ErrorStrategy.CONTINUE_ON_NOT_FOUND
        return error.is_transient and self.strategy is ErrorStrategy.SUPPRESS_TRANSIENT


def spelled(name: str) -> str:
    """A name as a segment of a path."""
    return quote(name, safe="")


def new_key() -> str:
    """An `Idempotency-Key`."""
    return str(uuid.uuid4())


def _post(path: str, body: dict[str, Any]) -> Request:
    return Request("POST", path, body=body, key=new_key())


def _answer(response: httpx.Response) -> Json:
    """The answer to a report, which may have nothing to say."""
    return json_of(response) if response.content else {}


def _key(api_key: str | None) -> str | None:
    key = (api_key if api_key is not None else os.environ.get("DATLAKE_API_KEY", "")).strip()
    # Errors of what is below us would show it.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise SDKError(ErrorKind.CONFIGURATION, "the API key has characters that no key has")
    return key or None
