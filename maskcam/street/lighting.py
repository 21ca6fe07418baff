"""The light over a street, and what it does to the sensor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from maskcam.street.geometry import Vector
from maskcam.street.head import Lighting


class Light(StrEnum):
    """The time of day, as the camera meets it."""

    DAY = "day"
    OVERCAST = "overcast"
    DUSK = "dusk"
    BACKLIGHT = "backlight"


@dataclass(frozen=True, slots=True)
class Weather:
    """Light on people, on the street, and the sensor's answer.

    people: light on heads and clothes.
    street: RGB factor on the backdrop.
    sky: RGB of the sky, 0..255, at the top and at the horizon.
    noise: standard deviation of the sensor noise in grey levels.
    shadow: how dark the cast shadows are, 0..1.
    lamps: whether windows and lamps are lit.
    """

    people: Lighting
    street: Vector
    sky: tuple[Vector, Vector]
    noise: float
    shadow: float
    lamps: bool = False


def weather(light: Light, rng: np.random.Generator) -> Weather:
    """Returns one drawing of the weather for a time of day."""
    side = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.3, 0.9))
    warm = float(rng.uniform(-0.03, 0.06))
    tint = np.array([1 + warm, 1.0, 1 - warm])
    match light:
        case Light.DAY:
            towards, sun, sky, ground = (side, 0.7, -0.65), 0.72, 0.60, 0.38
            above, below = (96.0, 150.0, 215.0), (205.0, 222.0, 236.0)
            street, noise, shadow, lamps = 1.0, 1.8, 0.5, False
        case Light.OVERCAST:
            towards, sun, sky, ground = (side, 0.8, -0.4), 0.28, 0.84, 0.50
            above, below = (188.0, 196.0, 206.0), (228.0, 230.0, 232.0)
            street, noise, shadow, lamps = 0.92, 2.2, 0.25, False
        case Light.DUSK:
            towards, sun, sky, ground = (side, 0.4, -0.6), 0.28, 0.46, 0.30
            above, below = (44.0, 54.0, 92.0), (150.0, 118.0, 116.0)
            street, noise, shadow, lamps = 0.52, 4.0, 0.18, True
        case Light.BACKLIGHT:
            towards, sun, sky, ground = (side, 0.55, 0.8), 0.8, 0.42, 0.33
            above, below = (226.0, 232.0, 240.0), (255.0, 252.0, 246.0)
            street, noise, shadow, lamps = 0.95, 2.6, 0.45, False
    direction = np.array(towards) / np.linalg.norm(towards)
    cool = np.array([0.95, 1.0, 1.07])
    glow = np.array([1.06, 1.0, 0.9])
    return Weather(
        people=Lighting(direction, sun * glow * tint, sky * cool * tint, ground * tint),
        street=street * tint,
        sky=(np.array(above), np.array(below)),
        noise=noise * float(rng.uniform(0.8, 1.3)),
        shadow=shadow,
        lamps=lamps,
    )
