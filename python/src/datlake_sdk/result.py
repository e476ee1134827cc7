"""Results as values: `Ok` has what came out, `Err` what went wrong.

>>> and_then(Ok(2), lambda n: Ok(n + 1))
Ok(value=3)
>>> and_then(Err("no"), lambda n: Ok(n + 1))
Err(error='no')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Generic, TypeVar, Union

T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E")


@dataclass(frozen=True)
class Ok(Generic[T]):
    """What came out."""

    value: T


@dataclass(frozen=True)
class Err(Generic[E]):
    """What went wrong."""

    error: E


Result = Union[Ok[T], Err[E]]


def and_then(result: Result[T, E], then: Callable[[T], Result[U, E]]) -> Result[U, E]:
    """What `then` makes of the value; an `Err` stays as it is, and `then` is not called."""
    if isinstance(result, Ok):
        return then(result.value)
    return result


def unwrap(result: Result[T, E]) -> T:
    """The value. An error is raised: as it is where it is an exception, else as the text of a `ValueError`."""
    if isinstance(result, Ok):
        return result.value
    if isinstance(result.error, BaseException):
        raise result.error
    raise ValueError(str(result.error))
