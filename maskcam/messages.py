"""What is said to a technician, in the technician's language. Standard library only.

English stands in the code, as with gettext; `messages.fr.toml` holds the French for each.

>>> with language("fr"):
...     say("counting begins")
'le comptage commence'
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "fr")

_HERE = Path(__file__).parent
_spoken: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def language(name: str) -> Iterator[None]:
    """Makes `say` speak a language, for as long as the block lasts; an unknown one is English."""
    token = _spoken.set(name if name in LANGUAGES else "en")
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """Returns the language that `say` speaks now."""
    return _spoken.get()


def say(text: str, **values: object) -> str:
    """Returns a message with its values filled in.

    text: the English one, with {names}; without `values` braces are left as they are.
    """
    said = catalogue(spoken()).get(text, text)
    return said.format_map(values) if values else said


def say_error(error: object) -> str:
    """Returns an error of a part that speaks English only, in the technician's language.

    Values inside are found by the message's own pattern; what has no French stays English.
    """
    text = str(error)
    for pattern, template in _patterns(spoken()):
        if found := pattern.fullmatch(text):
            inner = {name: say_error(value) for name, value in found.groupdict().items()}
            return template.format_map(inner)
    return text


def language_of(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Returns the language that a configuration asks for, even one that is no valid TOML.

    Without one it is that of the machine.
    """
    if found := re.search(r"^\s*language\s*=\s*\W?(\w\w)\b", text, re.MULTILINE):
        return found[1]
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)),
        "",
    )
    return locale[:2]


def language_of_file(path: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Returns the same of a file, which may be missing."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        text = ""
    return language_of(text, environment)


@cache
def catalogue(name: str) -> dict[str, str]:
    """Returns the messages of a language by the English ones; of English itself none."""
    return {**_tables(name).get("messages", {}), **_tables(name).get("errors", {})}


@cache
def _tables(name: str) -> dict[str, dict[str, str]]:
    path = _HERE / f"messages.{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


@cache
def _patterns(name: str) -> list[tuple[re.Pattern[str], str]]:
    """Returns (pattern of the English message, French) for errors of parts that never `say`."""
    found = []
    for english, said in _tables(name).get("errors", {}).items():
        parts = re.split(r"\{(\w+)\}", english)
        pattern = "".join(
            f"(?P<{part}>.+?)" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
        found.append((re.compile(pattern, re.DOTALL), said))
    return found
