"""How each camera is, judged by what arrives of it and not by what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from enum import StrEnum
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricsSource

from maskcam.cityhall import cameras
from maskcam.cityhall.cameras import Latest
from maskcam.cityhall.expectation import MISSED_DAYS
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Span, Unit

LATE_MINUTES = 45
"""Without a window for so long a unit is silent: those of 20 minutes come 15 minutes late."""
BLIND_MINUTES = 10
"""So many minutes published without one second of sight make a unit blind."""
_DAY = 1440


class State(StrEnum):
    """What can be said of a camera."""

    GOOD = "good"
    BLIND = "blind"
    """Its windows arrive; it sees nothing."""
    SILENT = "silent"
    """It is connected; no windows arrive."""
    OFFLINE = "offline"
    CLOSED = "closed"
    """Nothing arrives, as always at this hour of this weekday."""

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look after it."""
        return self not in {State.GOOD, State.CLOSED}


class Health(NamedTuple):
    """A camera, its state, and since when (minutes since the epoch; None: never otherwise)."""

    unit: Unit
    state: State
    since: int | None
    heard_until: int


def find_health(reader: Reader, *, periods: Periods) -> list[Health]:
    """Returns the health of every camera that belongs to a site today, by site and name."""
    now, engine = periods.now, reader.engine
    hour = periods.calendar.hour(now)
    recent = Span(hour - 60, hour + 60)
    latest = {found.unit: found for found in cameras.latest(engine, recent)}
    first = {stay.unit: stay.since for stay in reversed(cameras.stays(engine))}
    oldest = now - MISSED_DAYS * _DAY
    judged: list[Health] = []
    for unit in reader.units():
        late = latest[unit.name]
        if max(late.heard_until, (unit.heard_at or 0) // 60) < oldest and not unit.online:
            continue  # a unit that was taken down is not missed for ever
        judged.append(Health(unit, *_judge(unit, late, now), late.heard_until))
    usual = _usual_hours([one for one in judged if one.state.needs_attention], first, periods)
    observing = cameras.observing(engine, sorted(set().union(*usual.values())))
    closed = {
        unit
        for unit, hours in usual.items()
        if hours and not any(unit in observing.get(hour, ()) for hour in hours)
    }
    blind = {one.unit.name for one in judged if one.state is State.BLIND} - closed
    seen = cameras.last_sight(engine, blind, since=now - 60 * _DAY, calendar=periods.calendar)
    return [_with_history(one, closed, seen) for one in judged]


def _with_history(one: Health, closed: Set[str], seen: Mapping[str, int]) -> Health:
    """Returns a camera's health with what is known of its hours before."""
    if one.unit.name in closed:
        return one._replace(state=State.CLOSED)
    if one.state is State.BLIND:
        hour = seen.get(one.unit.name)
        return one._replace(since=None if hour is None else hour + 60)
    return one


def _judge(unit: Unit, late: Latest, now: int) -> tuple[State, int | None]:
    heard_until = late.heard_until or None
    if now - late.heard_until > LATE_MINUTES:
        return (State.SILENT if unit.online else State.OFFLINE), heard_until
    if late.covered_minutes >= BLIND_MINUTES and late.observed_s < 1:
        return State.BLIND, heard_until
    return State.GOOD, None


def _usual_hours(
    unwell: Sequence[Health], first: Mapping[str, int], periods: Periods
) -> dict[str, list[int]]:
    """Returns the hours like this one before each camera stopped: observed in none, it is closed.

    The same weekday tells, and of a camera that has not been there for so long every day.
    """
    calendar = periods.calendar
    this_hour = calendar.hour(periods.now)
    usual: dict[str, list[int]] = {}
    for one in unwell:
        begun = first.get(one.unit.name)
        if one.since is None or begun is None:
            continue
        ago = range(1, 2 * MISSED_DAYS + 8)
        before = [days for days in ago if this_hour - days * _DAY < one.since - 60]
        alike = [days for days in before if days % 7 == 0][:2]
        if periods.now - begun < 8 * _DAY or not alike:
            alike = before[:7]
        hours = [calendar.hour(this_hour - days * _DAY) for days in alike]
        usual[one.unit.name] = [hour for hour in hours if hour + 60 > begun]
    return usual


class UnitHealth(MetricsSource):
    """The health of each camera for Prometheus."""

    def __init__(self, reader: Reader, periods: Periods) -> None:
        self._reader = reader
        self._periods = periods

    def describe(self) -> Iterator[Metric]:
        """Yields nothing: the cameras are not known beforehand."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yields the state of each camera, one of them 1, and when it was last heard."""
        states = GaugeMetricFamily(
            "maskcam_unit_state",
            "1 for the state of the unit, judged by its data",
            labels=["site", "unit", "state"],
        )
        heard = GaugeMetricFamily(
            "maskcam_unit_newest_window_timestamp_seconds",
            "end of the unit's latest window",
            labels=["site", "unit"],
        )
        for one in find_health(self._reader, periods=self._periods):
            for state in State:
                labels = [one.unit.site, one.unit.name, state.value]
                states.add_metric(labels, float(state is one.state))
            heard.add_metric([one.unit.site, one.unit.name], 60.0 * one.heard_until)
        yield from (states, heard)
