"""What is said to a technician, in the technician's language. Standard library only.

English stands in the code, as with gettext; `messages.fr.toml` holds the French for each. Where
a message is made it is said by `say`; what other parts say in English goes through `translate`
where it is shown.

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


def translate(text: object) -> str:
    """Returns an English message, of any part of the house, in the technician's language.

    A message with values in it is known by its pattern, and its values are translated too. What
    has no French stays English.
    """
    english = str(text)
    known = catalogue(spoken())
    if english in known or not known:
        return known.get(english, english)
    for pattern, template in _patterns(spoken()):
        if found := pattern.fullmatch(english):
            inner = {name: translate(value) for name, value in found.groupdict().items()}
            return template.format_map(inner)
    return english


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
    path = _HERE / f"messages.{name}.toml"
    if name == "en" or not path.exists():
        return {}
    return {str(key): str(said) for key, said in tomllib.loads(path.read_text("utf-8")).items()}


@cache
def _patterns(name: str) -> list[tuple[re.Pattern[str], str]]:
    """Returns (pattern of the English message, the other) for messages with values."""
    found = []
    for english, said in catalogue(name).items():
        parts = re.split(r"\{(\w+)\}", english)
        pattern = "".join(
            f"(?P<{part}>.+?)" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
        if len(parts) > 1 and len(set(parts[1::2])) == len(parts[1::2]):
            found.append((re.compile(pattern, re.DOTALL), said))
    return found
