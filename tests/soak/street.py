"""A street that costs next to nothing: short films of people, rendered once, shown again and again.

Four lanes lie side by side; in a free one somebody appears, comes down the picture and
leaves below it after some seconds. Some shake the head: they must be in no figure. Nobody hides
anybody, so the truth is known to the last person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headclips import confusers, shakes
from headclips.picture import Photographs, render
from maskcam.records import Box, Detection, Frame, MaskState

SIZE = (640, 360)
RGB_SIZE = (320, 180)
FPS = 15.0
DETECT_EVERY = 2  # frames: an accelerator gives an answer for every other one
MISS_RATE = 0.05
STATES = (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT)
SHARES = (0.6, 0.3, 0.1)
OBJECTING = 0.1

_HEAD_PX = 32
_LANES = 4
_LANE_PX = SIZE[0] // _LANES
_FREE_AFTER_S = 6.0  # longer than a lost track and a lost objection are remembered
_BACKDROPS = 16
# Each of these is recognised rightly when it is alone: the soak looks for what changes with time.
_SHAKES = (11, 12, 14)
_OTHERS = (
    (confusers.still, 11), (confusers.still, 13),
    (confusers.slow_nod, 12), (confusers.slow_nod, 14),
    (confusers.talk, 12), (confusers.talk, 13),
    (confusers.sway, 12), (confusers.sway, 14),
)  # fmt: skip


@dataclass(frozen=True)
class Film:
    """A person of some seconds: pictures (T, h, w) uint8 and face boxes (T, 4) in px."""

    pictures: NDArray[np.uint8]
    boxes: NDArray[np.float64]


def render_films() -> tuple[list[Film], list[Film]]:
    """Returns films of people who shake the head, and of people who do anything else."""
    shaking = [_film(shakes.even_shake, seed) for seed in _SHAKES]
    return shaking, [_film(kind, seed) for kind, seed in _OTHERS]


def _film(kind, seed: int) -> Film:
    rng = np.random.default_rng(seed)
    script = kind(rng)
    clip = render(script, rng, head_px=_HEAD_PX, fps=FPS, photographs=Photographs())
    wide = min(clip.lumas.shape[2], _LANE_PX)
    return Film(np.ascontiguousarray(clip.lumas[:, :, :wide]), clip.boxes)


def people_a_minute(at_s: float) -> float:
    """A market day: hardly anybody at night, so that windows grow; busy from six on."""
    hour = at_s / 3600 % 24
    return 15.0 if hour < 1 or hour >= 6 else 0.5


@dataclass
class _Guest:
    film: Film
    state: MaskState
    first: int  # number of the frame


class Street:
    """Gives one frame after the other and what a detector finds in it.

    Args:
        seed: of everybody who comes.
        seconds: how long it lasts; nobody new comes in the last 10 s.

    Attributes:
        truth: people by state who came and did not object.
        objected: people who did.
    """

    def __init__(self, *, seed: int, seconds: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._frames = round(seconds * FPS)
        self._shakes, self._others = render_films()
        self._backdrops = [self._backdrop() for _ in range(_BACKDROPS)]
        self._guests: list[_Guest | None] = [None] * _LANES
        self._free_at = [0] * _LANES
        self._rgb = np.zeros((RGB_SIZE[1], RGB_SIZE[0], 3), np.uint8)
        self._luma = np.empty(SIZE[::-1], np.uint8)
        self.truth: Counter[MaskState] = Counter()
        self.objected = 0

    def frames(self) -> Iterator[tuple[Frame, list[Detection] | None]]:
        """Yields each frame with the detections in it, or None where the detector rests."""
        for number in range(self._frames):
            at_s = number / FPS
            if number < self._frames - 10 * FPS:
                self._invite(number, at_s)
            # A new array each time, as from a camera: the unit must not keep it.
            luma = self._backdrops[number % _BACKDROPS].copy()
            boxes = [box for lane in range(_LANES) if (box := self._draw(lane, number, luma))]
            found = None
            if number % DETECT_EVERY == 0:
                seen = self._rng.random(len(boxes)) >= MISS_RATE
                found = [Detection(*box, 0.9) for box, is_seen in zip(boxes, seen, strict=True)
                         if is_seen]  # fmt: skip
            yield Frame(at_s, luma, self._rgb), found

    def _invite(self, number: int, at_s: float) -> None:
        rng = self._rng
        if rng.random() >= people_a_minute(at_s) / 60 / FPS:
            return
        free = [lane for lane in range(_LANES)
                if self._guests[lane] is None and number >= self._free_at[lane]]  # fmt: skip
        if not free:
            return
        objects = rng.random() < OBJECTING
        films = self._shakes if objects else self._others
        guest = _Guest(films[rng.integers(len(films))], STATES[rng.choice(3, p=SHARES)], number)
        self._guests[free[rng.integers(len(free))]] = guest
        if objects:
            self.objected += 1
        else:
            self.truth[guest.state] += 1

    def _draw(
        self, lane: int, number: int, luma: NDArray[np.uint8]
    ) -> tuple[Box, MaskState] | None:
        guest = self._guests[lane]
        if guest is None:
            return None
        index = number - guest.first
        if index == len(guest.film.pictures):
            self._guests[lane] = None
            self._free_at[lane] = number + round(_FREE_AFTER_S * FPS)
            return None
        picture = guest.film.pictures[index]
        x0, y0, x1, y1 = guest.film.boxes[index]
        x, y = lane * _LANE_PX, round((SIZE[1] - y0) * index / len(guest.film.pictures))
        shown = picture[: SIZE[1] - y]
        luma[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
        box = Box(x0 + x, y0 + y, x1 + x, y1 + y)
        return (box, guest.state) if box.centre[1] < SIZE[1] else None

    def _backdrop(self) -> NDArray[np.uint8]:
        coarse = np.random.default_rng(7).integers(
            40, 216, (SIZE[1] // 20, SIZE[0] // 20), np.uint8
        )
        texture = np.kron(coarse, np.ones((20, 20), np.uint8))
        return np.clip(texture + self._rng.normal(0, 3, texture.shape), 0, 255).astype(np.uint8)
