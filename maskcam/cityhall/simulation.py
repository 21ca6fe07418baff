"""A fleet of imagined units with plausible days, for the demo and for measuring.

Nothing here was observed: the shapes of the days, the shares and the faults are
made up. Counts carry noise as those of a unit do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from maskcam.cityhall.registry import Position
from maskcam.delivery.wire import ReceivedCount
from maskcam.records import MinuteCount, WindowKind

EPSILON: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSite:
    """A place and its days.

    peaks: (local hour, width in hours, people per minute) of each busy time.
    open_hours: units observe from the first to before the second local hour.
    closed_weekdays: Monday is 0.
    mask_share: of the people, two weeks ago; it grows by `mask_trend` a day.
    position: where its units stand; None: not on the map.
    """

    site: str
    name: str
    units: int
    peaks: tuple[tuple[float, float, float], ...]
    open_hours: tuple[float, float] = (0, 24)
    closed_weekdays: tuple[int, ...] = ()
    mask_share: float = 0.6
    mask_trend: float = 0.004
    position: Position | None = None

    def unit_names(self) -> list[str]:
        """Returns the names of its units."""
        return [f"{self.site}-{number:02d}" for number in range(1, self.units + 1)]


SITES: Final = (
    SimulatedSite(
        site="marche-nord",
        name="Marché Nord",
        units=5,
        peaks=((9.2, 1.4, 5), (11.3, 1.2, 7)),
        open_hours=(6.5, 13.5),
        closed_weekdays=(0,),
        mask_share=0.63,
        mask_trend=0.008,
        position=Position(43.5620, 7.0190),
    ),
    SimulatedSite(
        site="gare",
        name="Place de la Gare",
        units=4,
        peaks=((8.1, 1.0, 8), (12.6, 1.5, 4), (17.8, 1.3, 9), (22.0, 3.0, 1.2), (3.0, 4.0, 0.12)),
        mask_share=0.71,
        mask_trend=0.0,
        position=Position(43.5541, 7.0196),
    ),
    SimulatedSite(
        site="promenade",
        name="Promenade",
        units=3,
        peaks=((11.0, 2.0, 2), (16.5, 2.2, 5), (20.5, 1.5, 3)),
        open_hours=(8, 23),
        mask_share=0.47,
        mask_trend=-0.003,
        position=Position(43.5489, 7.0285),
    ),
)


def day_of_windows(
    place: SimulatedSite,
    *,
    unit: int,
    day: date,
    age_days: float,
    zone: ZoneInfo,
    seed: int = 1,
) -> Iterator[ReceivedCount]:
    """Yields the windows and hours of one unit on one local day, as the unit would send them.

    Args:
        place: where it stands.
        unit: its number at the site, from 0.
        day: the day.
        age_days: how long ago that is; the mask share changes with it.
        zone: of the city.
        seed: another fleet.
    """
    chance = np.random.default_rng([seed, day.toordinal(), unit, *place.site.encode()])
    if day.weekday() in place.closed_weekdays:
        return
    first, last = (round(60 * hour) for hour in place.open_hours)
    minutes = np.arange(first, last)
    states = _people_of(place, unit, day, age_days, minutes, chance)
    observed = np.where(
        chance.random(len(minutes)) < 0.02, chance.uniform(20, 58, len(minutes)), 60
    )
    minutes, states, observed = _with_faults(minutes, states, observed, chance)
    start = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    moments = [start + timedelta(minutes=minute) for minute in minutes.tolist()]
    name, run = place.unit_names()[unit], 1 + day.toordinal() % 1000
    for count in _windows_and_hours(run, moments, states, observed, chance):
        yield ReceivedCount(place.site, name, count)


def _people_of(
    place: SimulatedSite,
    unit: int,
    day: date,
    age_days: float,
    minutes: NDArray[np.int64],
    chance: np.random.Generator,
) -> NDArray[np.int64]:
    """Returns how many people pass in each minute (rows), by mask state (columns)."""
    share = np.clip(place.mask_share + place.mask_trend * (14 - age_days), 0.05, 0.97)
    weights = (1.4 if day.weekday() == 5 else 1.0) * chance.uniform(0.8, 1.2) * (1 - 0.12 * unit)
    people = chance.poisson(_rate(place, minutes / 60) * weights)
    return chance.multinomial(people, [0.94 * share, 0.94 * (1 - share) - 0.03, 0.03, 0.06])


def _with_faults(
    minutes: NDArray[np.int64],
    states: NDArray[np.int64],
    observed: NDArray[np.float64],
    chance: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Returns the minutes of a day on which something may have gone wrong."""
    if chance.random() < 0.12:  # the sun stands in the lens for a while
        dark = int(chance.integers(0, max(1, len(minutes) - 100)))
        observed[dark : dark + 90], states[dark : dark + 90] = 0, 0
    if chance.random() < 0.05:  # somebody pulls the plug
        gone = int(chance.integers(0, max(1, len(minutes) - 200)))
        keep = np.r_[0:gone, min(len(minutes), gone + 180) : len(minutes)]
        minutes, states, observed = minutes[keep], states[keep], observed[keep]
    return minutes, states, observed


def _windows_and_hours(
    run: int,
    moments: list[datetime],
    states: NDArray[np.int64],
    observed: NDArray[np.float64],
    chance: np.random.Generator,
) -> Iterator[MinuteCount]:
    """Yields what the unit publishes of these minutes: of each hour its windows, then the hour."""
    hours: dict[int, list[int]] = {}
    for index, moment in enumerate(moments):
        hours.setdefault(int(moment.timestamp()) // 3600, []).append(index)
    for inside in hours.values():
        spans = [(WindowKind.COUNT, [index]) for index in inside] + [(WindowKind.HOUR, inside)]
        for kind, span in spans:
            yield _count(
                kind, run, [moments[index] for index in span], states[span], observed[span], chance
            )


def _count(
    kind: WindowKind,
    run: int,
    moments: list[datetime],
    states: NDArray[np.int64],
    observed: NDArray[np.float64],
    chance: np.random.Generator,
) -> MinuteCount:
    """Returns what a unit publishes of these minutes; noise is a difference of two geometrics."""
    seen = round(float(observed.sum()))
    part = 1 - np.exp(-EPSILON)
    noise = chance.geometric(part, 4) - chance.geometric(part, 4)
    names = ("with_mask", "without_mask", "incorrect", "unclear")
    numbers = (states.sum(axis=0) + noise).tolist()
    return MinuteCount(
        kind=kind,
        run=run,
        start=moments[0],
        minutes=round((moments[-1] - moments[0]).total_seconds() / 60) + 1,
        **dict(zip(names, numbers if seen else [None] * 4, strict=True)),
        observed_s=seen,
        epsilon=EPSILON,
    )


def _rate(place: SimulatedSite, hours: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = np.zeros_like(hours)
    for middle, width, height in place.peaks:
        away = np.minimum(abs(hours - middle), 24 - abs(hours - middle))
        rate += height * np.exp(-((away / width) ** 2) / 2)
    return np.maximum(rate, 0.05)
