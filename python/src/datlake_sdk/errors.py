"""What can go wrong: one type, whose kind says what to do about it."""

from __future__ import annotations

from enum import Enum


class ErrorKind(str, Enum):
    """What kind of error it is."""

    CONFIGURATION = "configuration"
    """What the program or its environment says cannot be used."""
    INVALID = "invalid"
    """The server refuses what was asked as it stands."""
    UNAUTHORIZED = "unauthorized"
    """The key is missing, wrong, expired or revoked."""
    FORBIDDEN = "forbidden"
    """The account of the key may not do that."""
    NOT_FOUND = "not_found"
    """There is no such thing, or the account may not know of it."""
    CONFLICT = "conflict"
    """It was done otherwise before."""
    TRANSIENT = "transient"
    """The server cannot be reached, or not now: the same may work later."""
    UNEXPECTED = "unexpected"
    """The server failed, or answered what nobody expects."""


class SDKError(Exception):
    """A request that failed: what was asked, and why it failed. No key is ever in it."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        """The status of the answer, where there was one."""
        self.field = field
        """The field of the request that is at fault, where the server names one."""

    @property
    def is_transient(self) -> bool:
        """Whether the same may work later."""
        return self.kind is ErrorKind.TRANSIENT

    def __repr__(self) -> str:
        return f"SDKError({self.kind.value}, {self.message!r})"
