"""Heartbeats of runs that go on: from one thread, which ends with the last of them, and does not keep a program from ending."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable

from .errors import SDKError

log = logging.getLogger("datlake_sdk")

USUAL = 20.0
"""The pause between two heartbeats where the server does not say how long a lease is, in seconds."""
SHORTEST = 0.05
LONGEST = 60.0


class Heartbeats:
    """Runs for which heartbeats are sent."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._runs: dict[str, _Beating] = {}
        self._thread: threading.Thread | None = None

    def add(self, run_id: str, beat: Callable[[], None], lease_seconds: float | None) -> None:
        """Calls `beat` three times within each lease. What it raises as an `SDKError` is as if nothing had been: the next one may arrive."""
        pause = USUAL if lease_seconds is None else min(max(lease_seconds / 3, SHORTEST), LONGEST)
        with self._changed:
            self._runs[run_id] = _Beating(beat, pause)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="datlake-heartbeats", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def remove(self, run_id: str) -> None:
        """No heartbeat of that run begins any more."""
        with self._changed:
            self._runs.pop(run_id, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends all of them, and the thread; a heartbeat that is under way is waited for."""
        with self._changed:
            self._runs.clear()
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                beating = self._next()
                if beating is None:
                    self._thread = None
                    return
            try:
                beating.beat()
            except SDKError as error:
                log.info("a heartbeat did not arrive: %s", error)

    def _next(self) -> _Beating | None:
        """The one that is due, once it is; `None` where there is none left."""
        while self._runs:
            first = min(self._runs.values(), key=lambda beating: beating.due)
            left = first.due - time.monotonic()
            if left <= 0:
                first.due = time.monotonic() + first.pause
                return first
            self._changed.wait(left)
        return None


class _Beating:
    def __init__(self, beat: Callable[[], None], pause: float) -> None:
        self.beat = beat
        self.pause = pause
        self.due = time.monotonic() + pause
