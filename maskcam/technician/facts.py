"""What a unit's configuration means, in the words of one language.

The sign, its second layer and `maskcam explain` say the same because all three
take their values from here.
"""

from __future__ import annotations

import math
import re
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any, Literal

from maskcam.config import Config, CountingSection
from maskcam.delivery import wire
from maskcam.names import LOOPBACK_HOSTS
from maskcam.people.windows import WindowRules
from maskcam.records import WindowKind

Language = Literal["fr", "en"]

HERE = Path(__file__).parent

_FRENCH_GAP = re.compile(r" (?=[:;?!»—])|(?<=«) |(?<=§) ")
# An article of law stays on one line, to the last letter: (GDPR, art. 6(1)(e)).
_CITATION = re.compile(r"\((?:RGPD|GDPR), (?:[^()]|\(\w\))*\)")


def words(language: Language) -> dict[str, Any]:
    """Returns the wording in `language`, as laid out in words/*.toml."""
    text = (HERE / "words" / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(with_gaps(text, language))


def with_gaps(text: str, language: Language) -> str:
    """Returns text in which nothing that belongs together is broken over two lines."""

    def whole(found: re.Match[str]) -> str:
        return found[0].replace(" ", "\N{NO-BREAK SPACE}").replace(")(", ")\N{WORD JOINER}(")

    text = _CITATION.sub(whole, text)
    return french_gaps(text) if language == "fr" else text


def french_gaps(text: str) -> str:
    """Returns French text whose signs of punctuation stay on the line of their word."""
    return _FRENCH_GAP.sub("\N{NO-BREAK SPACE}", text)


def facts(config: Config, language: Language) -> dict[str, str]:
    """Returns the values that fill the {…} of the wording; a missing one is said to be so."""
    text = words(language)
    return {
        **_responsibility(config, language, text),
        **_place_and_time(config, language, text),
        **_publication(config, text["phrase"]),
        **_equipment(config, text["phrase"]),
        **_connection(config, text["phrase"]),
    }


def _responsibility(config: Config, language: Language, text: dict[str, Any]) -> dict[str, str]:
    """Returns who answers for the counting, on which basis, and how long numbers are kept."""
    notice, phrase = config.notice, text["phrase"]
    return {
        "controller": notice.controller,
        "contact": notice.contact,
        "dpo_contact": notice.dpo_contact or phrase["unknown"],
        "authority": notice.authority,
        "retention": retention(config, language),
        "processor": (
            phrase["processor"].format(name=notice.processor) if notice.processor else ""
        ),
        "legal_basis": text["layer"]["legal_bases"].get(notice.legal_basis, phrase["unknown"]),
    }


def _place_and_time(config: Config, language: Language, text: dict[str, Any]) -> dict[str, str]:
    """Returns where the unit stands, the path around it, and when it counts."""
    notice, counting, phrase = config.notice, config.counting, text["phrase"]
    return {
        "unit": config.unit.id,
        "site": config.unit.site,
        "way_round": _sentence(way_round(config, language)) or phrase["way_round"],
        "sign_date": day(notice.sign_date, language),
        "until_sentence": (
            phrase["until"].format(date=day(notice.deployment_ends, language))
            if notice.deployment_ends
            else phrase["no_end"]
        ),
        "hours": (
            phrase["hours"].format(
                list=hours(config, language),
                timezone=counting.timezone,
            )
            if counting.operating_hours
            else text["always"]
        ),
    }


def _publication(config: Config, phrase: dict[str, Any]) -> dict[str, str]:
    """Returns how often the unit publishes its numbers, how late, and with how much noise."""
    counting = config.counting
    rule = WindowRules.preset(counting.preset)
    return {
        "window": str(
            phrase["minute"] if rule.minutes == 1 else phrase["minutes"].format(n=rule.minutes)
        ),
        "delay": phrase["delay"].format(n=rule.delay_minutes) if rule.delay_minutes else "",
        "noise": (
            phrase["noise_off"]
            if counting.exact
            else phrase["noise" if hides_people(counting) else "noise_little"].format(
                epsilon_minute=f"{counting.epsilon_minute:g}",
                epsilon_hour=f"{counting.epsilon_hour:g}",
                within_minute=within(counting.epsilon_minute),
                within_hour=within(counting.epsilon_hour),
            )
        ),
    }


def _equipment(config: Config, phrase: dict[str, Any]) -> dict[str, str]:
    """Returns what the unit has for those who pass, and what its camera leaves out."""
    zones, objections = config.camera.exclusion_zones, config.objections
    return {
        "zones": phrase["zones"].format(n=len(zones)) if zones else phrase["no_zones"],
        "lamp": phrase["lamp"] if config.lamp.gpio is not None else "",
        "pause": f"{objections.button_pause_s:g}",
        "hand": phrase["hand"] if objections.hand else "",
        "button": (
            phrase["button"].format(n=f"{objections.button_pause_s:g}")
            if objections.button_gpio is not None
            else ""
        ),
        "aim": phrase["aim" if config.technician.aim else "aim_locked"],
        "min_fps": f"{config.counting.min_fps:g}",
    }


def _connection(config: Config, phrase: dict[str, Any]) -> dict[str, str]:
    """Returns where the numbers go, and what is kept on the unit."""
    broker, unit, site = config.broker, config.unit.id, config.unit.site
    return {
        "broker": f"{broker.host}:{broker.port}",
        "transport": phrase[
            "encrypted" if broker.ca else "local" if broker.host in LOOPBACK_HOSTS else "clear"
        ],
        "count_topic": wire.count_topic(site=site, unit=unit),
        "hour_topic": wire.count_topic(site=site, unit=unit, kind=WindowKind.HOUR),
        "status_topic": wire.status_topic(site=site, unit=unit),
        "state_directory": str(config.unit.state_directory),
    }


def retention(config: Config, language: Language) -> str:
    """Returns how long city hall keeps the numbers."""
    phrase, kept = words(language)["phrase"], config.notice.retention
    if kept is None:
        return str(phrase["retention_unknown"])
    if isinstance(kept, date):
        return str(phrase["retention_until"].format(date=day(kept, language)))
    return str(phrase["retention_days"].format(n=kept))


def hides_people(counting: CountingSection) -> bool:
    """Returns whether there is so much noise that nobody can be told from the numbers.

    There is not where nine numbers in ten, of windows or of hours, are exact.
    """
    epsilons = counting.epsilon_minute, counting.epsilon_hour
    return not counting.exact and all(within(epsilon) > 0 for epsilon in epsilons)


def within(epsilon: float) -> int:
    """Returns the number of people by which the noise changes a number at most, 9 times in 10."""
    q = math.exp(-epsilon)
    return math.ceil(math.log(0.1 * (1 + q) / 2) / -epsilon - 1)


def day(value: date, language: Language) -> str:
    """Returns a date as people write it: 1er mai 2026, 1 May 2026."""
    text = words(language)
    number = text["first_day"] if value.day == 1 else str(value.day)
    month = text["months"].split()[value.month - 1]
    return "\N{NO-BREAK SPACE}".join((number, month, str(value.year)))


def way_round(config: Config, language: Language) -> str:
    """Returns how to avoid the camera; in the other language where only that one is given."""
    named = {"fr": config.notice.way_round_fr, "en": config.notice.way_round_en}
    return named[language] or named["fr"] or named["en"]


def hours(config: Config, language: Language) -> str:
    """Returns the operating hours as people write them; empty when there is no limit."""
    text = words(language)

    def clock(at: time) -> str:
        pattern = text["clock"] if at.minute else text["full_hour"]
        return str(pattern.format(h=at.hour, m=f"{at.minute:02}"))

    spans = [
        text["phrase"]["span"].format(start=clock(start), end=clock(end))
        for start, end in config.operating_times()
    ]
    return str(text["list_and"]).join(filter(None, [", ".join(spans[:-1]), *spans[-1:]]))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."
