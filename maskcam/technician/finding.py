"""What one check found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self


class State(StrEnum):
    """How it is. `ABSENT`: not there, and not needed."""

    OK = "ok"
    FAULT = "fault"
    ABSENT = "absent"


class Finding(NamedTuple):
    """One line of the self-check: what was looked at, how it is, and what to do about it."""

    name: str
    state: State
    detail: str
    advice: str = ""

    @classmethod
    def ok(cls, name: str, detail: str) -> Self:
        """Returns that all is well."""
        return cls(name, State.OK, detail)

    @classmethod
    def fault(cls, name: str, detail: str, advice: str = "") -> Self:
        """Returns that something is wrong, and what to do."""
        return cls(name, State.FAULT, detail, advice)

    @classmethod
    def absent(cls, name: str, detail: str) -> Self:
        """Returns that it is not there and need not be."""
        return cls(name, State.ABSENT, detail)
