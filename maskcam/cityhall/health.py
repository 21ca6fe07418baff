"""How each camera is, judged by what arrives of it and not by what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
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
    found = []
    for unit in reader.units():
        late = latest[unit.name]
        if max(late.heard_until, (unit.heard_at or 0) // 60) < oldest and not unit.online:
            continue  # a unit that was taken down is not missed for ever
        state, since = _judge(unit, late, now)
        if state.needs_attention and _is_closed(
            reader, unit.name, since, first.get(unit.name), periods
        ):
            state = State.CLOSED
        if state is State.BLIND:
            seen = cameras.last_sight(engine, unit.name, since=now - 60 * _DAY)
            since = None if seen is None else seen + 60
        found.append(Health(unit, state, since, late.heard_until))
    return found


def _judge(unit: Unit, late: Latest, now: int) -> tuple[State, int | None]:
    heard_until = late.heard_until or None
    if now - late.heard_until > LATE_MINUTES:
        return (State.SILENT if unit.online else State.OFFLINE), heard_until
    if late.covered_minutes >= BLIND_MINUTES and late.observed_s < 1:
        return State.BLIND, heard_until
    return State.GOOD, None


def _is_closed(
    reader: Reader, unit: str, since: int | None, first: int | None, periods: Periods
) -> bool:
    """Whether a camera never observed at this hour, before it stopped."""
    if since is None or first is None:
        return False
    hour = periods.calendar.hour(periods.now)
    ago = [days for days in range(1, 2 * MISSED_DAYS + 8) if hour - days * _DAY < since - 60]
    if periods.now - first >= 8 * _DAY:
        ago = [days for days in ago if days % 7 == 0][:2] or ago[:7]
    else:
        ago = ago[:7]
    spans = [Span(hour - days * _DAY, hour - days * _DAY + 60) for days in ago]
    spans = [span for span in spans if span.end > first]
    return bool(spans) and not cameras.observed_any(reader.engine, unit, spans)


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
