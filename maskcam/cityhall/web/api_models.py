"""What the HTTP API answers, as its description says it."""

from __future__ import annotations

from pydantic import BaseModel, Field


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
