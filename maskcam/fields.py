"""Settings as frozen dataclasses whose fields carry their rules. Standard library only.

The unit, city hall and a technician's bare laptop check a configuration by the same code,
so that the laptop says what the unit would say.

    @section
    class LampSection:
        gpio: int | None = entry(whole(0, 27), default=None)

    lamp, faults = read(LampSection, {"gpio": 99}, "[lamp]")
    # faults == ["[lamp] gpio = 99: use a whole number from 0 to 27"]
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, dataclass_transform

from maskcam import addresses
from maskcam.messages import say

T = TypeVar("T")

MISSING = dataclasses.MISSING
SHOWN = 60  # characters of a wrong value

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class UnfitError(ValueError):
    """A value is none of those that are allowed; the message says which are."""


class Rule(NamedTuple):
    """What a value may be: `check` returns it as the program wants it, or raises UnfitError.

    is_text: a value from the environment is taken as it is written.
    """

    check: Callable[[Any], Any]
    is_text: bool = False


def entry(rule: Rule, *, default: Any = MISSING, factory: Any = MISSING) -> Any:
    """Returns a field of a section; without `default` or `factory` it must be given."""
    given: Any = {"default": default} if factory is MISSING else {"default_factory": factory}
    return dataclasses.field(**given, metadata={"rule": rule})


def part(*, of: Any = None, default_factory: Any = MISSING) -> Any:
    """Returns a field of a configuration that is a section.

    of: the section, which must be given. default_factory: the section, which may be left out.
    """
    cls = of or default_factory
    return dataclasses.field(default_factory=default_factory, metadata={"section": cls})


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field, entry, part)
)
def section(cls: type[T]) -> type[T]:
    """Makes a class a section: frozen, keyword-only. Decorates it.

    Rules that join several fields stand in its ``__post_init__``, which raises ValueError.
    """
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def text(
    least: int = 0, most: int = 1000, *, pattern: str = "", advice: str = "", strip: bool = True
) -> Rule:
    """Returns the rule of a text of `least` to `most` characters; `advice`: what fits `pattern`."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise UnfitError(say("write a text in quotes"))
        stripped = value.strip() if strip else value
        _refuse_control_characters(stripped)
        if pattern and not re.fullmatch(pattern, stripped):
            raise UnfitError(say(advice))
        if len(stripped) < least:
            raise UnfitError(
                say("is empty; fill it in")
                if not stripped
                else say("is too short; at least {n} characters", n=least)
            )
        if len(stripped) > most:
            raise UnfitError(say("is too long; at most {n} characters", n=most))
        return stripped

    return Rule(check, is_text=True)


def whole(low: int, high: int, *, step: int = 1) -> Rule:
    """Returns the rule of a whole number, of the multiples of `step`."""

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high or value % step:
            _refuse_quotes(value)
            even = say(", a multiple of {step}", step=step) if step > 1 else ""
            words = say("use a whole number from {low} to {high}", low=low, high=high)
            raise UnfitError(words + even)
        return value

    return Rule(check)


def number(low: float, high: float) -> Rule:
    """Returns the rule of a number."""

    def check(value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:  # nan is not, either
            _refuse_quotes(value)
            raise UnfitError(
                say("use a number from {low} to {high}", low=f"{low:g}", high=f"{high:g}")
            )
        return float(value)

    return Rule(check)


def _refuse_quotes(value: Any) -> None:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+([.,]\d+)?\s*", value):
        raise UnfitError(say("write the number without quotes"))


def _refuse_control_characters(value: str) -> None:
    if _CONTROL.search(value):
        raise UnfitError(say("write it in one line, without control characters"))


def flag() -> Rule:
    """Returns the rule of true and false."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise UnfitError(say("use true or false, without quotes"))
        return value

    return Rule(check)


def choice(*words: str) -> Rule:
    """Returns the rule of one word out of some."""

    def check(value: Any) -> str:
        if value not in words:
            raise UnfitError(say("use one of {words}", words=", ".join(f'"{w}"' for w in words)))
        return str(value)

    return Rule(check, is_text=True)


def day() -> Rule:
    """Returns the rule of a date."""

    def check(value: Any) -> date:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise UnfitError(say("write a date without quotes, such as 2026-11-01"))
        return value

    return Rule(check)


def path() -> Rule:
    """Returns the rule of a file or folder."""

    def check(value: Any) -> Path:
        if not isinstance(value, str | Path) or not str(value).strip():
            raise UnfitError(say("write a file name in quotes"))
        _refuse_control_characters(str(value))
        if addresses.is_address(str(value)):
            raise UnfitError(say("write a file name, not an address"))
        return Path(value)

    return Rule(check, is_text=True)


def either(one: Rule, other: Rule, advice: str) -> Rule:
    """Returns the rule of a value that fits one of two."""

    def check(value: Any) -> Any:
        for rule in (one, other):
            try:
                return rule.check(value)
            except UnfitError:
                continue
        raise UnfitError(say(advice))

    return Rule(check)


def many(rule: Rule) -> Rule:
    """Returns the rule of a list."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise UnfitError(say("write a list in [ ]"))
        return tuple(rule.check(item) for item in value)

    return Rule(check)


def table(keys: Rule, values: Rule) -> Rule:
    """Returns the rule of a table whose keys are free."""

    def check(value: Any) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise UnfitError(say("must be a table with keys of its own"))
        return {keys.check(key): values.check(item) for key, item in value.items()}

    return Rule(check)


def that(rule: Rule, holds: Callable[[Any], bool], advice: str) -> Rule:
    """Returns a rule that asks for one thing more, and says so."""

    def check(value: Any) -> Any:
        checked = rule.check(value)
        if not holds(checked):
            raise UnfitError(say(advice))
        return checked

    return Rule(check, is_text=rule.is_text)


def read(cls: type[T], values: Mapping[str, Any], place: str) -> tuple[T | None, list[str]]:
    """Checks a section; returns it, and a line for each fault, one of both empty.

    Args:
        cls: the section.
        values: as read from TOML.
        place: begins each line, such as "[camera]".
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = [key for key in values if key not in fields]
    faults = [f"{place} {_shown_key(key)}: {_unknown(key, fields)}" for key in unknown]
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            try:
                given[name] = field.metadata["rule"].check(values[name])
            except ValueError as error:
                faults.append(f"{place} {name} = {_shown(values[name])}: {error}")
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.append(f"{place} {name}: " + say("is missing; add it"))
    if faults:
        return None, faults
    try:
        return cls(**given), []
    except ValueError as error:
        return None, [f"{place}: {error}"]


def read_all(cls: type[T], values: Mapping[str, Any]) -> tuple[T | None, list[str]]:
    """Checks a whole configuration, section by section."""
    sections = {
        field.name: field
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
    }
    unknown = [name for name in values if name not in sections]
    faults = [f"[{_shown_key(name)}]: {_unknown(name, sections)}" for name in unknown]
    given: dict[str, Any] = {}
    for name, field in sections.items():
        if name not in values and field.default_factory is MISSING:
            faults.append(f"[{name}]: " + say("is missing; add it (see maskcam.example.toml)"))
        elif not isinstance(values.get(name, {}), Mapping):
            faults.append(f"[{name}]: " + say("must be a section with keys of its own"))
        else:
            made, found = read(field.metadata["section"], values.get(name, {}), f"[{name}]")
            faults += found
            given[name] = made
    if faults:
        return None, faults
    try:
        return cls(**given), []
    except ValueError as error:
        return None, [str(error)]


def sections(cls: type[Any]) -> dict[str, type[Any]]:
    """Returns the sections of a configuration by their names."""
    return {field.name: field.metadata["section"] for field in dataclasses.fields(cls)}


def _unknown(name: str, known: Iterable[str]) -> str:
    if near := difflib.get_close_matches(name, list(known), 1):
        return say("is not a known key; did you mean {near}?", near=near[0])
    return say("is not a known key; check the spelling or remove it")


def _shown_key(key: str) -> str:
    return _shortened(key if key and key.isprintable() else repr(key))


def _shown(value: Any) -> str:
    try:
        if isinstance(value, str) and addresses.is_address(value):
            text = repr(addresses.shown(value))
        else:
            text = str(value) if isinstance(value, date) else addresses.shown_text(repr(value))
    except ValueError:  # Python writes no number of thousands of digits
        return "..."
    return _shortened(text)


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def with_absolute_paths(made: T, base: Path) -> T:
    """Returns a section or configuration in which relative paths begin at `base`."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        value = getattr(made, field.name)
        if isinstance(value, Path) and not value.is_absolute():
            changes[field.name] = base / value
        elif dataclasses.is_dataclass(value):
            changes[field.name] = with_absolute_paths(value, base)
    return dataclasses.replace(made, **changes) if changes else made  # type: ignore[type-var]


def as_json(made: Any) -> str:
    """Returns every value in force, for a person or a machine."""
    return json.dumps(dataclasses.asdict(made), indent=2, ensure_ascii=False, default=str)
