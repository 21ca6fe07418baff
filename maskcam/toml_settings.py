"""Reads a TOML file into frozen sections; all faults are reported together, a line for each.

What the configurations of a unit and of city hall have in common. Standard library only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from maskcam import fields
from maskcam.addresses import shown_text
from maskcam.errors import ConfigError
from maskcam.messages import say
from maskcam.names import printable

Model = TypeVar("Model")

_CURLY: Final = set("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a`\u00b4")
_DAY: Final = re.compile(
    r"\d{1,2}[./ -]\d{1,2}[./ -]\d{4}|\d{4}[./ -]\d{1,2}[./ -]\d{1,2}|\d{1,2}(er)? \w+ \d{4}"
)
_FLAGS: Final = {"true", "false", "yes", "no", "oui", "non", "vrai", "faux"}
# What is seen in the value (or the whole line) that TOML refuses, and what to do about it.
_HINTS: Final[tuple[tuple[Callable[[str, str], object], str], ...]] = (
    (lambda value, line: set(value) & _CURLY, 'use straight quotes: "…"'),
    (lambda value, line: _DAY.fullmatch(value), "dates are written 2026-11-01, without quotes"),
    (
        lambda value, line: re.fullmatch(r"-?\d+,\d+", value),
        "numbers are written with a point, such as 2.5",
    ),
    (lambda value, line: value.lower() in _FLAGS, "use true or false, in small letters"),
    (lambda value, line: re.match(r"\[[^\]]*$", line), "a section is written [name]"),
    (lambda value, line: "=" not in line, 'write key = "value"'),
    (lambda value, line: value == "", "write a value, or remove the line"),
    (lambda value, line: value.count('"') % 2, "a quote is missing: texts stand between two"),
    (lambda value, line: value[0] not in "\"'[{", "write texts in quotes"),
)


def read(path: Path, *, missing: str) -> str:
    """Returns the text of a settings file; a byte order mark is no part of it.

    Args:
        path: the file.
        missing: what to do where there is none.

    Raises:
        ConfigError: it is missing, or cannot be read as UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")  # some editors add a byte order mark
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: {say('no such file')}; {missing}") from error
    except OSError as error:
        why = say("cannot be read ({why})", why=error.strerror)
        raise ConfigError(f"{path}: {why}") from error
    except UnicodeDecodeError as error:
        fault = say("is not a text file in UTF-8; save it as such")
        raise ConfigError(f"{path}: {fault}") from error


def parse(text: str, *, name: str) -> dict[str, Any]:
    """Returns the values of TOML text; `name` begins the message of a fault.

    Raises:
        ConfigError: it is no TOML; the message is one line that says what to write instead.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {_explain(str(error), text)}") from error
    except (ValueError, RecursionError) as error:  # thousands of digits, or of brackets
        why = say("a number or a list is too long")
        raise ConfigError(f"{name}: {say('is not valid TOML: {why}', why=why)}") from error


def validate(
    model: type[Model], values: dict[str, Any], *, name: str, faults: Sequence[str] = ()
) -> Model:
    """Returns the values as a checked configuration.

    Args:
        model: a class with a section for each table.
        values: as `parse` returns them.
        name: begins the line of each fault.
        faults: lines of faults that were found before.

    Raises:
        ConfigError: a key is missing, unknown or has a wrong value; a line for each fault.
    """
    checked, found = fields.read_all(model, values)
    faults = [*faults, *(f"{name}: {fault}" for fault in found)]
    if faults or checked is None:
        raise ConfigError("\n".join(faults))
    return checked


def _explain(why: str, text: str) -> str:
    """Returns what to do about a fault that TOML's own reader found."""
    found = re.search(r"\(at line (\d+)", why)
    number = int(found[1]) if found else 0
    line = text.splitlines()[number - 1].strip() if number else ""
    value = line.partition("=")[2].partition("#")[0].strip()
    bare = re.sub(r'\s+#[^"]*$', "", line)  # without its comment
    place = say("line {number}: {line}: ", number=number, line=printable(shown_text(bare)[:60]))
    if re.match(r"Cannot (overwrite|declare)", why):
        return place + say("stands twice; keep one")
    for fits, advice in _HINTS:
        if line and fits(value, line):
            return place + say(advice)
    return say("is not valid TOML: {why}", why=why)
