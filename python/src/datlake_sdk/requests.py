"""Requests: what is sent, what an answer means, and what is tried again.

Only what may be repeated is tried again after it may have reached the server: reading, putting and deleting, and what has an
`Idempotency-Key`, by which a server knows that it has seen it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .errors import ErrorKind, SDKError
from .settings import RetryPolicy

API = "/api/v1"
CHUNK = 1 << 16

_KINDS = {
    401: ErrorKind.UNAUTHORIZED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    409: ErrorKind.CONFLICT,
    412: ErrorKind.CONFLICT,
}
_TRANSIENT = (408, 425, 429, 502, 503, 504)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Content:
    """The first `size` bytes of a file: what is appended to it meanwhile is no part."""

    path: Path
    size: int

    @staticmethod
    def of(path: Path) -> Content:
        return Content(path, path.stat().st_size)

    def chunks(self) -> Iterator[bytes]:
        left = self.size
        with self.path.open("rb") as file:
            while left > 0:
                chunk = file.read(min(CHUNK, left))
                if not chunk:
                    raise SDKError(ErrorKind.INVALID, f"`{self.path}` became shorter while it was sent")
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True)
class Request:
    """A request. `path` is the part behind `/api/v1`, spelled as in a URL."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    content: Content | None = None
    key: str | None = None
    """By which the server knows that it has seen it."""
    again: bool = False
    """Whether it may be repeated though it is a POST without a key."""

    @property
    def may_be_repeated(self) -> bool:
        return self.again or self.method != "POST" or self.key is not None


class Connection:
    """Connections to one server, for any number of threads."""

    def __init__(
        self,
        address: str,
        api_key: str | None,
        *,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Accept": "application/json", "User-Agent": "datlake-sdk/0.1.0"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self.address = address
        # A server that is not there is noticed sooner than one that takes long.
        limits = httpx.Timeout(timeout, connect=min(timeout, 10.0))
        self._client = httpx.Client(base_url=address, headers=headers, timeout=limits, transport=transport)

    def send(self, request: Request, retry: RetryPolicy | None = None) -> httpx.Response:
        """What the server answers, if that is a success.

        Raises `SDKError` for everything else: one of the kind `TRANSIENT` was tried again as often as `retry` says, or could not be repeated.
        """
        attempt = 0
        while True:
            asked: float | None = None
            try:
                response = self._once(request)
            except httpx.TransportError as error:
                failure = SDKError(ErrorKind.TRANSIENT, f"{_named(request, self.address)}: {_reason(error)}")
                again = request.may_be_repeated or isinstance(error, _NEVER_SENT)
            except httpx.HTTPError as error:
                raise SDKError(ErrorKind.UNEXPECTED, f"{_named(request, self.address)}: {_reason(error)}") from None
            else:
                if response.is_success:
                    return response
                failure = _failure(request, self.address, response)
                again = failure.is_transient and (request.may_be_repeated or response.status_code == 429)
                asked = _retry_after(response)
            if retry is None or not again or attempt >= retry.max_retries:
                raise failure
            time.sleep(retry.pause(attempt, asked))
            attempt += 1

    def _once(self, request: Request) -> httpx.Response:
        headers: dict[str, str] = {}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        content: Iterator[bytes] | None = None
        if request.content is not None:
            headers["Content-Length"] = str(request.content.size)
            headers["Content-Type"] = "application/octet-stream"
            content = request.content.chunks()
        return self._client.request(
            request.method,
            API + request.path,
            params=request.params,
            json=request.body,
            content=content,
            headers=headers,
        )

    def stream(self, request: Request, into: Path) -> None:
        """Reads an answer into a file, which is there once all of it came."""
        part = into.with_name(into.name + ".part")
        try:
            with self._client.stream(request.method, API + request.path, params=request.params) as response:
                if not response.is_success:
                    response.read()
                    raise _failure(request, self.address, response)
                with part.open("wb") as file:
                    for chunk in response.iter_bytes(CHUNK):
                        file.write(chunk)
            part.replace(into)
        except httpx.TransportError as error:
            raise SDKError(ErrorKind.TRANSIENT, f"{_named(request, self.address)}: {_reason(error)}") from None
        finally:
            part.unlink(missing_ok=True)

    def close(self) -> None:
        self._client.close()


def json_of(response: httpx.Response) -> dict[str, Any]:
    """The object that is the body of an answer."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SDKError(
            ErrorKind.UNEXPECTED,
            f"{response.request.url.path}: the answer is no JSON object: is there a datlake server at that address?",
            status=response.status_code,
        )
    return answer


def _failure(request: Request, address: str, response: httpx.Response) -> SDKError:
    status = response.status_code
    if status in _TRANSIENT:
        kind = ErrorKind.TRANSIENT
    else:
        kind = _KINDS.get(status, ErrorKind.INVALID if 400 <= status < 500 else ErrorKind.UNEXPECTED)
    problem: Any = None
    with contextlib.suppress(ValueError):
        problem = response.json()
    message, field = response.reason_phrase, None
    if isinstance(problem, dict):
        message = problem.get("detail") or problem.get("message") or message
        field = problem.get("field")
    return SDKError(kind, f"{_named(request, address)}: {status}: {message}", status=status, field=field)


def _named(request: Request, address: str) -> str:
    return f"{request.method} {address}{API}{request.path}"


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    # A date is as good as nothing: clocks differ.
    return float(text) if text.isascii() and text.isdigit() else None
