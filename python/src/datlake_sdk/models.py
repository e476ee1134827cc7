"""What a server answers, as values. Fields that this version does not know are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Artifact:
    """Something that a run leaves behind: its log, a report, a model."""

    type: str
    uri: str

    def to_json(self) -> Json:
        return {"type": self.type, "uri": self.uri}


@dataclass(frozen=True)
class Item:
    """What a run read or wrote. `kind` is `table`, `dataset`, `uri` or `file`."""

    kind: str
    name: str
    uri: str | None = None
    snapshot_id: str | None = None

    def to_json(self) -> Json:
        item = {"kind": self.kind, "name": self.name, "uri": self.uri, "snapshot_id": self.snapshot_id}
        return {name: value for name, value in item.items() if value is not None}

    @staticmethod
    def of(answer: Mapping[str, Any]) -> Item:
        return Item(
            kind=str(answer.get("kind", "")),
            name=str(answer.get("name") or ""),
            uri=answer.get("uri"),
            snapshot_id=answer.get("snapshot_id"),
        )


@dataclass(frozen=True)
class Run:
    """One run of a job."""

    run_id: str
    job_name: str
    state: str = "running"
    """`queued`, `running`, `succeeded`, `failed`, `lost` or `cancelled`."""
    account: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    lease_until: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[Item] = ()
    outputs: Sequence[Item] = ()
    artifacts: Sequence[Artifact] = ()
    pending: bool = False
    """Whether the server does not know of it yet: its start waits in the outbox, and its id is one of this machine."""

    @property
    def lease_seconds(self) -> float | None:
        """After so much silence the server takes the run for lost."""
        if self.started_at is None or self.lease_until is None:
            return None
        return max((self.lease_until - self.started_at).total_seconds(), 0.0)

    @staticmethod
    def of(answer: Mapping[str, Any]) -> Run:
        return Run(
            run_id=str(answer["run_id"]),
            job_name=str(answer["job_name"]),
            state=str(answer.get("state", "running")),
            account=answer.get("account"),
            started_at=time_of(answer.get("started_at")),
            ended_at=time_of(answer.get("ended_at")),
            lease_until=time_of(answer.get("lease_until")),
            metadata=answer.get("metadata") or {},
            inputs=_items(answer.get("inputs")),
            outputs=_items(answer.get("outputs")),
            artifacts=tuple(Artifact(str(one["type"]), str(one["uri"])) for one in answer.get("artifacts") or ()),
        )


@dataclass(frozen=True)
class Snapshot:
    """A table as one run wrote it."""

    table_name: str
    uri: str
    format: str | None = None
    schema: Any | None = None
    schema_version: int | None = None
    snapshot_id: str | None = None
    job_name: str | None = None
    run_id: str | None = None
    created_at: datetime | None = None
    pending: bool = False
    """Whether the server does not know of it yet: it waits in the outbox."""

    @staticmethod
    def of(answer: Mapping[str, Any]) -> Snapshot:
        return Snapshot(
            table_name=str(answer["table_name"]),
            uri=str(answer["uri"]),
            format=answer.get("format"),
            schema=answer.get("schema"),
            schema_version=answer.get("schema_version"),
            snapshot_id=answer.get("snapshot_id"),
            job_name=answer.get("job_name"),
            run_id=answer.get("run_id"),
            created_at=time_of(answer.get("created_at")),
        )


def _items(answer: Sequence[Mapping[str, Any]] | None) -> tuple[Item, ...]:
    return tuple(Item.of(one) for one in answer or ())


def time_of(text: str | None) -> datetime | None:
    """A time as servers write it (RFC 3339), in any number of digits behind the second; `None` for what is none."""
    if not isinstance(text, str):
        return None
    whole, zone = (text[:-1], "+00:00") if text.endswith(("Z", "z")) else (text[:-6], text[-6:])
    seconds, _, fraction = whole.partition(".")
    try:
        # The oldest Python here takes three digits or six alone.
        time = datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}{zone}")
    except ValueError:
        return None
    return time.astimezone(timezone.utc)
