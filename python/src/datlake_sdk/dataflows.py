"""Dataflows: who makes data says when it is there, and who is waiting for it gets each run once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from .client import DatlakeClient, new_key, spelled
from .models import Json, time_of
from .outbox import Report
from .requests import Request
from .settings import ErrorStrategy, RetryPolicy

AMOUNT = 1000


@dataclass(frozen=True)
class ReadyDataflowSource:
    """A run of a source that is ready for a target, with what the source said of it."""

    target_dataflow_id: str
    source_dataflow_id: str
    source_run_id: str
    zone: str
    model_name: str
    model_key: str
    model_sec_key: str
    record_count: int | None = None
    dataflow_batch_run_id: str | None = None
    dataflow_partition_key: str | None = None
    attempts: int = 0
    """How often a run had it and did not succeed."""

    @staticmethod
    def of(answer: Mapping[str, Any]) -> ReadyDataflowSource:
        return ReadyDataflowSource(
            target_dataflow_id=str(answer["target_dataflow_id"]),
            source_dataflow_id=str(answer["source_dataflow_id"]),
            source_run_id=str(answer["source_run_id"]),
            zone=str(answer["zone"]),
            model_name=str(answer["model_name"]),
            model_key=str(answer.get("model_key") or ""),
            model_sec_key=str(answer.get("model_sec_key") or ""),
            record_count=answer.get("record_count"),
            dataflow_batch_run_id=answer.get("dataflow_batch_run_id"),
            dataflow_partition_key=answer.get("dataflow_partition_key"),
            attempts=int(answer.get("attempts") or 0),
        )


@dataclass(frozen=True)
class DataflowRun:
    """A run that was started, and what it has claimed."""

    run_id: str
    dataflow_id: str
    job_name: str
    dataflow_queue_list: Sequence[ReadyDataflowSource] = ()
    lease_seconds: float | None = None

    @staticmethod
    def of(answer: Mapping[str, Any]) -> DataflowRun:
        started, until = time_of(answer.get("started_at")), time_of(answer.get("lease_until"))
        return DataflowRun(
            run_id=str(answer["run_id"]),
            dataflow_id=str(answer["dataflow_id"]),
            job_name=str(answer["job_name"]),
            dataflow_queue_list=tuple(ReadyDataflowSource.of(one) for one in answer["dataflow_queue_list"]),
            lease_seconds=None if started is None or until is None else max((until - started).total_seconds(), 0.0),
        )


class ZoneDataFlowCoordinator:
    """Says what depends on what, starts and finishes runs, and shows what is ready. For any number of threads.

    From the start of a run to its finish, heartbeats are sent in the background. A program that dies in between loses its lease, and what it had claimed
    is ready for the next run.
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
        self.client = DatlakeClient(
            base_url, api_key, strategy=strategy, retry=retry, timeout=timeout, outbox=outbox, transport=transport
        )

    def create_dataflow(
        self,
        zone: str,
        model_name: str,
        model_key: str = "",
        model_sec_key: str = "",
        *,
        take: str | None = None,
        batch_limit: int | None = None,
        match_partition: bool | None = None,
        max_attempts: int | None = None,
    ) -> str:
        """The id of the dataflow of that name, which comes into being. What is said of how it takes its sources is changed.

        `take` is `any`, so that a start claims what is ready, or `all`, so that it claims once each source has something; with `match_partition` only runs
        that have the same partition key go together. A delivery that `max_attempts` runs did not consume is set aside.
        """
        body: Json = {"zone": zone, "model_name": model_name, "model_key": model_key, "model_sec_key": model_sec_key}
        said = {
            "take": take,
            "batch_limit": batch_limit,
            "match_partition": match_partition,
            "max_attempts": max_attempts,
        }
        body.update({name: value for name, value in said.items() if value is not None})
        return str(self.client.ask(Request("POST", "/dataflows", body=body, again=True))["dataflow_id"])

    def associate_source_to_target(
        self, source_dataflow_id: str, target_dataflow_id: str, *, replay: bool = False
    ) -> None:
        """From now on, each successful run of the source is ready for the target once; with `replay` those that ended before, too."""
        body: Json = {"source_dataflow_id": source_dataflow_id, "replay": replay}
        self.client.tell(Request("POST", f"{_at(target_dataflow_id)}/sources", body=body, again=True))

    def fetch_ready_dataflow_source_by_target_id(self, target_dataflow_id: str) -> list[ReadyDataflowSource]:
        """What is ready for that dataflow, in the order in which it became so. It is looked at, and not claimed."""
        ready: list[ReadyDataflowSource] = []
        after = ""
        while True:
            params = {"after": after, "amount": str(AMOUNT)}
            answer = self.client.ask(Request("GET", f"{_at(target_dataflow_id)}/ready", params))
            ready.extend(ReadyDataflowSource.of(one) for one in answer["results"])
            if not answer["pagination"]["has_more"]:
                return ready
            after = answer["pagination"]["next_offset"]

    def start_dataflow_run_with_id(self, dataflow_id: str) -> DataflowRun:
        """Starts a run, which claims what is ready: nobody else gets that while it goes on."""
        request = Request("POST", f"{_at(dataflow_id)}/runs", body={}, key=new_key())
        run = DataflowRun.of(self.client.ask(request))
        self.client.heartbeats.add(
            run.run_id, lambda: self.client.heartbeat(run.job_name, run.run_id), run.lease_seconds
        )
        return run

    def finish_dataflow_run(
        self,
        status: str,
        run_id: str,
        record_count: int | None = None,
        dataflow_batch_run_id: str | None = None,
        dataflow_partition_key: str | None = None,
    ) -> None:
        """Ends a run. `success` consumes what it claimed, and is ready for its targets; `failure` gives back what it claimed."""
        body: Json = {"status": status}
        said = {
            "record_count": record_count,
            "dataflow_batch_run_id": dataflow_batch_run_id,
            "dataflow_partition_key": dataflow_partition_key,
        }
        body.update({name: value for name, value in said.items() if value is not None})
        self.client.report(Report(Request("PUT", f"/dataflows/runs/{spelled(run_id)}/finish", body=body)))
        self.client.heartbeats.remove(run_id)

    def close(self) -> None:
        """Ends its heartbeats and its connections."""
        self.client.close()

    def __enter__(self) -> ZoneDataFlowCoordinator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _at(dataflow_id: str) -> str:
    return f"/dataflows/{spelled(dataflow_id)}"
