"""Reports that a server could not be told wait on disk, and are sent later, in the order in which they were made.

A folder for each server has
    entries/NUMBER.json     what waits, one file each, written whole or not at all
    content/NAME            files that go with them
    started/NAME            the ids that servers gave to runs whose start waited
    refused/NUMBER.json     what a server refused for good, with the reason; nobody sends it again
Whoever adds holds the lock `adding`, whoever sends the lock `sending`: the system releases both when a process dies. A process that dies between
an answer and the removal of its entry leaves that to be sent again, with the same `Idempotency-Key`.

No key and no header is kept: whoever sends has a key of their own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import httpx

from .errors import ErrorKind, SDKError
from .models import Json
from .requests import Content, Request, json_of

log = logging.getLogger("datlake_sdk")

PENDING = "pending-"
"""What ids of runs begin with that only this machine knows."""
ORPHANED = 24 * 3600.0
"""Content that no entry names is of a process that died while it added one, once it is so old, in seconds."""
KEPT = 90 * 24 * 3600.0
"""How long the id of a run is known by the one it had before, in seconds."""
LONGEST_REST = 60.0
"""The longest time for which a server that was not there is left alone, in seconds."""
VERSION = 1
FINAL = (ErrorKind.INVALID, ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND, ErrorKind.CONFLICT)
"""What a server says that will not change by itself."""
_ID = re.compile(re.escape(PENDING) + "[0-9a-f]{32}")

Send = Callable[[Request], httpx.Response]


@dataclass(frozen=True)
class Report:
    """What a server is to be told, now or later."""

    request: Request
    starts: str | None = None
    """The id that the run has until the server answers with its own."""


class Outbox:
    """What waits for one server, for any number of threads and processes."""

    def __init__(self, folder: Path, address: str) -> None:
        # Addresses are long, and have what is no name of a file.
        self.folder = folder / hashlib.sha256(address.encode()).hexdigest()[:16]
        self._entries = self.folder / "entries"
        self._content = self.folder / "content"
        self._started = self.folder / "started"
        self._refused = self.folder / "refused"
        self._address = address
        self._failures = 0
        self._rests_until = 0.0
        self._is_clean = False

    def waiting(self) -> list[str]:
        """The names of what waits, the first one first."""
        try:
            return sorted(name for name in os.listdir(self._entries) if name.endswith(".json"))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def refused(self) -> list[Json]:
        """What the server refused for good, with the `reason`."""
        try:
            names = sorted(name for name in os.listdir(self._refused) if name.endswith(".json"))
        except FileNotFoundError:
            return []
        return [json.loads((self._refused / name).read_text("utf-8")) for name in names]

    def put(self, report: Report) -> str:
        """Keeps a report, behind all that wait. It is on the disk when this returns its name."""
        self._make()
        request = report.request
        entry: Json = {
            "version": VERSION,
            "method": request.method,
            "path": request.path,
            "params": None if request.params is None else dict(request.params),
            "body": request.body,
            "key": request.key,
            "starts": report.starts,
            "content": None,
            "made_at": time.time(),
        }
        if request.content is not None:
            entry["content"] = self._keep_content(request.content)
        with _locked(self.folder / "adding"):
            waiting = self.waiting()
            number = int(waiting[-1].split(".")[0]) + 1 if waiting else 1
            name = f"{number:012d}.json"
            _write(self._entries / name, [json.dumps(entry).encode()])
        return name

    def resolve(self, run_id: str) -> str:
        """The id that a server gave to a run, where it has; else the same."""
        if not run_id.startswith(PENDING):
            return run_id
        try:
            return (self._started / run_id).read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return run_id

    def send(
        self, send: Send, *, wanted: str | None = None, wait: float = 0.0, now: bool = False
    ) -> httpx.Response | None:
        """Sends what waits, the first one first, until nothing does or the server cannot be reached.

        Answers with what the server said to the entry `wanted`; a refusal of that one is raised. While others send, nothing is sent here, but their
        end is waited for, for `wait` seconds. A server that was not there is left alone for a while, unless it is to be `now`.
        """
        if not self.waiting() or (not now and time.monotonic() < self._rests_until):
            return None
        self._make()
        with _locked(self.folder / "sending", wait=wait) as is_ours:
            if not is_ours:
                return None
            self._clean()
            while True:
                waiting = self.waiting()
                if not waiting:
                    return None
                name = waiting[0]
                try:
                    response = self._send_entry(name, send)
                except SDKError as error:
                    # With another key, or later, the same may be taken.
                    if error.kind not in FINAL:
                        self._rest()
                        log.info("%d reports wait in %s: %s", len(waiting), self.folder, error)
                        return None
                    if name == wanted:
                        self._remove(name)
                        raise
                    self._refuse(name, error)
                    continue
                self._failures, self._rests_until = 0, 0.0
                self._remove(name)
                if name == wanted:
                    return response

    def _send_entry(self, name: str, send: Send) -> httpx.Response:
        entry = _entry(self._entries / name)
        starts, ids = entry.pop("starts"), set(_ID.findall(json.dumps(entry)))
        text = json.dumps(entry)
        for pending in ids:
            started = self.resolve(pending)
            if started == pending:
                raise SDKError(ErrorKind.INVALID, "the start of its run was refused")
            text = text.replace(pending, started)
        entry = json.loads(text)
        content = None
        if entry["content"] is not None:
            try:
                content = Content.of(self._content / entry["content"])
            except FileNotFoundError as error:
                raise SDKError(ErrorKind.INVALID, f"its content `{error.filename}` is gone") from None
        # A server answers a start that it knows with the run that it began then.
        response = send(
            Request(entry["method"], entry["path"], entry["params"], entry["body"], content, entry["key"], again=True)
        )
        if starts is not None:
            _write(self._started / starts, [str(json_of(response)["run_id"]).encode()])
        return response

    def _refuse(self, name: str, error: SDKError) -> None:
        log.warning("a report was refused and is kept in %s: %s", self._refused, error)
        path = self._entries / name
        try:
            entry = _entry(path)
        except SDKError:
            # Damaged: all that is left of it.
            entry = {"method": "?", "path": name, "content": None, "text": path.read_bytes().decode(errors="replace")}
        # Numbers begin anew once nothing waits.
        refused = self._refused / f"{time.time_ns()}-{name}"
        _write(refused, [json.dumps({**entry, "reason": str(error)}).encode()])
        path.unlink()

    def _remove(self, name: str) -> None:
        path = self._entries / name
        content = _entry(path)["content"]
        path.unlink()
        if content is not None:
            (self._content / content).unlink(missing_ok=True)

    def _rest(self) -> None:
        self._rests_until = time.monotonic() + min(2.0**self._failures, LONGEST_REST)
        self._failures = min(self._failures + 1, 10)

    def _keep_content(self, content: Content) -> str:
        name = uuid.uuid4().hex
        _write(self._content / name, content.chunks())
        return name

    def _clean(self) -> None:
        """Removes, once in a process, what others that died left behind, and ids that nobody asks for any more."""
        if self._is_clean:
            return
        self._is_clean = True
        named = set()
        for path in [*self._entries.glob("*.json"), *self._refused.glob("*.json")]:
            try:
                named.add(json.loads(path.read_bytes())["content"])
            except (ValueError, KeyError, OSError):
                # It may name any of them.
                return
        for folder, age in ((self._content, ORPHANED), (self._entries, ORPHANED), (self._started, KEPT)):
            for path in folder.iterdir():
                is_left = path.name not in named and path.suffix != ".json"
                with contextlib.suppress(FileNotFoundError):
                    if is_left and time.time() - path.stat().st_mtime > age:
                        path.unlink()

    def _make(self) -> None:
        """Nobody else is to read what is in it."""
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.folder, self._entries, self._content, self._started, self._refused):
            folder.mkdir(mode=0o700, exist_ok=True)
        address = self.folder / "server"
        if not address.exists():
            _write(address, [self._address.encode()])


def _entry(path: Path) -> Json:
    try:
        entry = json.loads(path.read_bytes())
    except ValueError:
        raise SDKError(ErrorKind.INVALID, f"`{path}` is damaged") from None
    if not isinstance(entry, dict) or entry.get("version") != VERSION:
        raise SDKError(ErrorKind.CONFIGURATION, f"`{path}` was kept by a newer version of this package: use that one")
    return entry


@contextlib.contextmanager
def _locked(path: Path, *, wait: float | None = None) -> Iterator[bool]:
    """Holds a lock of this machine's processes and threads: without `wait` for as long as it takes, else `False` where it is not free by then."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _lock(lock, wait)
    finally:
        # Which releases it.
        os.close(lock)


def _lock(lock: int, wait: float | None) -> bool:
    if wait is None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return True
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    """Writes a file whole or not at all; it is on the disk when this returns."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(opened, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
