"""What the environment says of errors and retries. What is said wrongly is an error, and never ignored."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ErrorKind, SDKError

LONGEST_PAUSE = 60.0
"""The longest pause between two attempts, in seconds, whatever a server asks for."""


class ErrorStrategy(str, Enum):
    """What becomes of an error."""

    FAIL_FAST = "fail_fast"
    """It is raised."""
    CONTINUE_ON_NOT_FOUND = "continue_on_not_found"
    """What is not there is `None`; every other error is raised."""
    SUPPRESS_TRANSIENT = "suppress_transient"
    """What the server could not be told waits in the outbox; what it could not be asked is `None`; other errors are raised."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often something is tried again, and after which pauses."""

    max_retries: int = 3
    base_ms: int = 200
    jitter: bool = True

    def pause(self, attempt: int, asked: float | None = None) -> float:
        """The pause after that attempt (from 0), in seconds: twice as long each time, and not shorter than the server asks."""
        pause = self.base_ms / 1000 * 2.0 ** min(attempt, 30)
        if self.jitter:
            # Those that failed together do not come back together.
            pause *= random.uniform(0.5, 1.5)
        return min(max(pause, asked or 0.0), LONGEST_PAUSE)


@dataclass(frozen=True)
class Settings:
    """What a client does about errors."""

    strategy: ErrorStrategy = ErrorStrategy.FAIL_FAST
    retry: RetryPolicy = RetryPolicy()

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
        """`DATLAKE_SDK_ERROR_STRATEGY`, `DATLAKE_SDK_RETRY_MAX`, `_BASE_MS` and `_JITTER`."""
        said = os.environ if environment is None else environment
        defaults = RetryPolicy()
        strategy = said.get("DATLAKE_SDK_ERROR_STRATEGY", "").strip()
        if strategy and strategy not in [one.value for one in ErrorStrategy]:
            all_of_them = ", ".join(one.value for one in ErrorStrategy)
            raise _wrong("DATLAKE_SDK_ERROR_STRATEGY", strategy, f"one of {all_of_them}")
        return Settings(
            strategy=ErrorStrategy(strategy) if strategy else ErrorStrategy.FAIL_FAST,
            retry=RetryPolicy(
                max_retries=_number(said, "DATLAKE_SDK_RETRY_MAX", defaults.max_retries, 100),
                base_ms=_number(said, "DATLAKE_SDK_RETRY_BASE_MS", defaults.base_ms, 60_000),
                jitter=_flag(said, "DATLAKE_SDK_RETRY_JITTER", defaults.jitter),
            ),
        )


def outbox_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Where reports wait: `DATLAKE_SDK_OUTBOX`, or a folder of the user's state."""
    said = os.environ if environment is None else environment
    if said.get("DATLAKE_SDK_OUTBOX"):
        return Path(said["DATLAKE_SDK_OUTBOX"]).expanduser()
    state = said.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "datlake" / "sdk-outbox"


def run_of_worker(job_name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """The run of that job that a worker has started this program for: `DATLAKE_RUN_ID`, where `DATLAKE_JOB` names the job."""
    said = os.environ if environment is None else environment
    run_id = said.get("DATLAKE_RUN_ID", "").strip()
    return run_id if run_id and said.get("DATLAKE_JOB") == job_name else None


def server_address(base_url: str | None) -> str:
    """The address of the server, without a slash at its end: what was said, or `DATLAKE_API_URL`."""
    address = (base_url or os.environ.get("DATLAKE_API_URL", "")).strip().rstrip("/")
    if not address:
        raise SDKError(ErrorKind.CONFIGURATION, "no address of a server: pass `base_url`, or set DATLAKE_API_URL")
    try:
        parts = urlsplit(address)
        has_credentials = parts.username is not None or parts.password is not None
    except ValueError:
        raise SDKError(ErrorKind.CONFIGURATION, "the address of the server is no URL") from None
    # It stands in logs and in the outbox.
    if has_credentials:
        raise SDKError(ErrorKind.CONFIGURATION, "the address of the server has credentials in it: pass `api_key`")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SDKError(
            ErrorKind.CONFIGURATION, f"`{address}` is no address of a server: it begins with http:// or https://"
        )
    return address


def _number(said: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = said.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise _wrong(name, text, f"a number from 0 to {most}")
    return int(text)


def _flag(said: Mapping[str, str], name: str, default: bool) -> bool:
    text = said.get(name, "").strip().lower()
    if not text:
        return default
    if text not in ("true", "false", "1", "0"):
        raise _wrong(name, text, "true or false")
    return text in ("true", "1")


def _wrong(name: str, text: str, expected: str) -> SDKError:
    return SDKError(ErrorKind.CONFIGURATION, f"{name} is `{text[:80]}`: it is {expected}")
