"""A run of a job around a block of code."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .client import DatlakeClient
from .errors import ErrorKind, SDKError
from .models import Artifact, Item, Run, Snapshot
from .settings import run_of_worker

log = logging.getLogger("datlake_sdk")

LONGEST_MESSAGE = 2000
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JobContext:
    """A run of a job: it starts where the block begins, and is completed where it ends, or fails with what was raised there.

    Where a worker has started the program for a run of this job, the block belongs to that run: the worker gives its heartbeats and ends it, by how the
    program ends.

    Heartbeats are sent meanwhile. With `ship_logs` the log becomes the data set `{artifact_bucket}/jobs/{job}/{run_id}/run.log` and an artifact of
    the run: the file `log_path` that the program writes, or without that what it logs by `logging` within the block.

    With the strategy `continue_on_not_found`, what is not there is `None`; with `suppress_transient`, what the server cannot be asked is `None`, and
    what it cannot be told waits in the outbox.
    """

    def __init__(
        self,
        client: DatlakeClient,
        job_name: str,
        ship_logs: bool = False,
        log_path: str | Path | None = None,
        artifact_bucket: str = "datlake-artifacts",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.client = client
        self.job_name = job_name
        self.artifact_bucket = artifact_bucket
        self._metadata = metadata
        self._log = _Log(log_path) if ship_logs else None
        self._run: Run | None = None
        self._is_joined = False
        self._artifacts: list[Artifact] = []

    @property
    def run(self) -> Run:
        """The run, within the block."""
        if self._run is None:
            raise SDKError(ErrorKind.CONFIGURATION, f"the job `{self.job_name}` has no run yet: use it by `with`")
        return self._run

    @property
    def run_id(self) -> str:
        """Its id: one of this machine as long as its start waits in the outbox."""
        return self.client.resolved(self.run.run_id)

    def get_table_latest_uri(self, table_name: str) -> str | None:
        """Where the latest snapshot of a table is. The read is noted as an input of the run."""
        snapshot = self.get_table_latest(table_name)
        return None if snapshot is None else snapshot.uri

    def get_table_latest(self, table_name: str) -> Snapshot | None:
        """The latest snapshot of a table. The read is noted as an input of the run."""
        return self.client.tolerant(lambda: self.client.latest_snapshot(table_name, run=self.run))

    def register_snapshot(
        self, table_name: str, uri: str, format: str = "parquet", schema: Any | None = None
    ) -> Snapshot | None:
        """Registers what the run wrote as the latest snapshot of a table."""
        return self.client.tolerant(
            lambda: self.client.register_snapshot(self.run, table_name, uri, format=format, schema=schema)
        )

    def add_input(self, item: Item) -> None:
        """Notes something that the run reads."""
        self.client.tolerant(lambda: self.client.add_input(self.job_name, self.run.run_id, item))

    def add_output(self, item: Item) -> None:
        """Notes something that the run writes."""
        self.client.tolerant(lambda: self.client.add_output(self.job_name, self.run.run_id, item))

    def add_artifact(self, type: str, uri: str) -> None:
        """Links something that the run leaves behind, when it ends."""
        self._artifacts.append(Artifact(type, uri))

    def log_event(self, type: str, data: Mapping[str, Any] | None = None) -> None:
        """Adds an event of a kind of one's own."""
        self.client.tolerant(lambda: self.client.log_event(self.job_name, self.run.run_id, type, data))

    def __enter__(self) -> JobContext:
        if self._run is not None:
            raise SDKError(
                ErrorKind.CONFIGURATION, f"the job `{self.job_name}` has a run already: make another context"
            )
        joined = run_of_worker(self.job_name)
        if joined is not None:
            self._run, self._is_joined = Run(joined, self.job_name), True
        else:
            self._run = self.client.start_run(self.job_name, self._metadata)
            self.client.keep_alive(self._run)
        if self._log is not None:
            self._log.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # `sys.exit()` in the block is no failure of it.
        success = error is None or (isinstance(error, SystemExit) and error.code in (None, 0))
        metadata: dict[str, Any] = {}
        if error is not None and not success:
            text = str(error)[:LONGEST_MESSAGE]
            metadata["error"] = {"type": type(error).__name__, "message": text}
        try:
            failed = self._ship_log()
            self._report_end(success, metadata)
            if failed is not None:
                raise failed
        except SDKError as reported:
            # What the block raised says more.
            if error is None and not self.client.tolerates(reported):
                raise
            log.warning("the end of run %s of `%s` was not reported: %s", self.run_id, self.job_name, reported)
        finally:
            self.client.heartbeats.remove(self.run.run_id)

    def _report_end(self, success: bool, metadata: Mapping[str, Any]) -> None:
        if not self._is_joined:
            self.client.complete_run(
                self.job_name, self.run.run_id, success, artifacts=self._artifacts, metadata=metadata
            )
        elif self._artifacts:
            self.client.add_artifacts(self.job_name, self.run.run_id, self._artifacts)

    def _ship_log(self) -> SDKError | None:
        """Ships the log; the run ends all the same where that fails."""
        if self._log is None:
            return None
        try:
            path = self._log.end()
            at = f"jobs/{self.job_name}/{self.run_id}/run.log"
            uri = self.client.put_dataset(self.artifact_bucket, at, path)
            self._artifacts.append(Artifact("log", uri))
        except SDKError as error:
            return error
        except OSError as error:
            log.warning("the log of `%s` cannot be read, and is not shipped: %s", self.job_name, error)
        finally:
            self._log.clean()
        return None


class _Log:
    """The file that is shipped: the program's own, or one that has what is logged."""

    def __init__(self, path: str | Path | None) -> None:
        self._path = None if path is None else Path(path)
        self._own: Path | None = None
        self._handler: logging.FileHandler | None = None

    def begin(self) -> None:
        if self._path is None:
            self._own = Path(tempfile.mkdtemp(prefix="datlake-log-")) / "run.log"
            self._handler = logging.FileHandler(self._own, encoding="utf-8")
            self._handler.setFormatter(logging.Formatter(FORMAT))
            logging.getLogger().addHandler(self._handler)

    def end(self) -> Path:
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler.close()
            self._handler = None
        path = self._path or self._own
        if path is None:
            raise FileNotFoundError("the log was not begun")
        return path

    def clean(self) -> None:
        if self._own is not None:
            self._own.unlink(missing_ok=True)
            self._own.parent.rmdir()
            self._own = None
