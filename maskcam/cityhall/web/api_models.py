"""What the HTTP API answers, as its description says it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from pydantic import BaseModel, Field

from maskcam.cityhall.figures import Point
from maskcam.cityhall.language import Words
from maskcam.cityhall.rollup import moment_of

COLUMNS = (
    *("site", "start", "minutes", "people", "with_mask", "without_mask", "incorrect", "unclear"),
    *("mask_share", "mask_share_low", "mask_share_high"),
    *("observed_s", "noise_sd", "known", "observed_part", "cameras"),
)
FRENCH_COLUMNS = (
    *("site", "début (heure locale)", "minutes", "passages", "avec masque", "sans masque"),
    *("mal porté", "indéterminé", "part masquée", "part, limite basse", "part, limite haute"),
    *("secondes observées", "écart type du bruit", "connu", "part observée", "caméras"),
)
"""For a spreadsheet, in the order of `COLUMNS`."""
_KNOWN_IN_FRENCH = {
    "fully": "observé",
    "partly": "observé en partie",
    "blind": "aveugle",
    "offline": "aucune donnée",
    "to_come": "à venir",
}
WINDOW_COLUMNS = (
    *("site", "unit", "start", "minutes", "with_mask", "without_mask", "incorrect", "unclear"),
    *("observed_s", "epsilon"),
)


class UnitOut(BaseModel):
    """A camera unit and its last state message."""

    unit: str
    online: bool | None = Field(description="null: it never said")
    version: str | None
    heard_at: str | None = Field(description="UTC time of its last state message")
    state: str = Field(
        description="judged by its data: good, blind, silent, offline, or closed (usual hours)"
    )
    since: str | None = Field(description="UTC time since when it is not good")


class SiteOut(BaseModel):
    """A site and its units."""

    site: str
    name: str
    units: list[UnitOut]


class CountOut(BaseModel):
    """One hour, day or longer time of one site. Counts are null where nothing is known: not zero.

    They carry noise: small ones may be negative, and sums of them are right on average.
    """

    site: str
    start: str = Field(description="UTC")
    minutes: int
    people: int | None
    with_mask: int | None
    without_mask: int | None
    incorrect: int | None
    unclear: int | None
    mask_share: float | None = Field(description="with_mask / (people - unclear)")
    mask_share_low: float | None = Field(
        description="lower limit of its 95 % interval: chance, noise and recognition"
    )
    mask_share_high: float | None
    observed_s: float = Field(description="seconds observed, summed over the site's units")
    noise_sd: float = Field(description="standard deviation of the noise in each mask state")
    known: str = Field(description="fully, partly, blind, offline or to_come")
    observed_part: float = Field(
        description="part observed of what the site's cameras should have observed"
    )
    cameras: int = Field(description="cameras that belonged to the site")


class SlotOut(BaseModel):
    """People without a mask at a site in one hour of the day, over the days asked for."""

    site: str
    hour: int = Field(description="local hour of the day, 0 to 23")
    without_mask_per_hour: float
    without_mask: int
    people: int
    observed_s: float


def count_row(site: str, point: Point, words: Words) -> tuple[object, ...]:
    """Returns the values of a `CountOut`, in the order of `COLUMNS`."""
    total, known = point.totals, not point.seen.is_gap
    share = words.interval(total) if known else None
    counts = (total.people, *total[:4]) if known else (None,) * 5
    limits = (share.value, share.low, share.high) if share else None
    return (
        site,
        utc(point.bucket),
        point.end - point.bucket,
        *counts,
        *((round(limit, 4) for limit in limits) if limits else (None,) * 3),
        round(total.observed_s, 1),
        round(max(0.0, total.variance) ** 0.5, 2),
        point.seen.value,
        round(point.observed_part, 3),
        point.cameras,
    )


def french_row(
    row: tuple[object, ...], point: Point, *, name: str, local: datetime
) -> tuple[object, ...]:
    """Returns a row for a French spreadsheet: the site's name and local time."""
    known = _KNOWN_IN_FRENCH[point.seen.value]
    return (name, f"{local:%Y-%m-%d %H:%M}", *row[2:13], known, *row[14:])


@lru_cache(maxsize=4096)  # a row for each site begins at the same minute
def utc(minute: int) -> str:
    """Returns a minute since the epoch as the API writes it."""
    return moment_of(minute).strftime("%Y-%m-%dT%H:%M:%SZ")
