"""A process that draws training batches from cuts: smaller, moved, in another light each time."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.vision.second_look import REACH
from training.cuts import NO_FACE, Cut, longer_side
from training.drawn_covers import draw_cover
from training.drawn_lights import draw_lights
from training.drawn_masks import draw_mask
from training.feed import from_process
from training.photometry import vary
from training.settings import SecondLookSettings
from training.turned_heads import turn_head

_WITH_MASK, _WITHOUT_MASK, _INCORRECT = range(3)
_DRAWN = {_WITH_MASK: (0.3, ("well",)), _INCORRECT: (0.6, ("nose_out", "chin"))}
_DRAWABLE_PX = 22.0
_COVERED = 0.3  # share of unmasked faces with something before, on or below them
_SOUGHT = 0.35  # share of photographed faces that are taken among heads turned or bowed
_LIGHTS = 0.12  # share of what is no face that are lights out of focus
_TURNED, _YAW_DEG, _BOW_DEG = 0.3, 28.0, (0.0, 45.0)  # share of photographed faces; angles
_MOST_YAW_DEG = 60.0
_DEFOCUSED, _DEFOCUS = 0.45, (0.015, 0.09)  # how often, and its sigma in longer sides
_SMALLEST_PX, _LARGEST_PX = 11.0, 64.0  # longer side that a face is brought to


class Sampler:
    """Draws examples; the same generator gives the same one."""

    def __init__(self, cuts: list[Cut], settings: SecondLookSettings) -> None:
        self._settings = settings
        self._pools: dict[tuple[bool, int], list[Cut]] = {}
        for cut in cuts:
            self._pools.setdefault((cut.rendered, cut.kind), []).append(cut)
        self._bare = [
            cut for cut in self._pools[False, _WITHOUT_MASK] if longer_side(cut.box) >= _DRAWABLE_PX
        ]
        pools = [self._bare, *(pool for (rendered, _), pool in self._pools.items() if not rendered)]
        self._turned = {id(pool): [cut for cut in pool if cut.is_turned] for pool in pools}

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], int]:
        """Returns (size, size, 3) YCrCb as the unit would cut it out, and its kind."""
        settings = self._settings
        kind = int(rng.choice(4, p=settings.shares))
        rendered = bool(rng.random() < settings.rendered)
        share, ways = _DRAWN.get(kind, (0.0, ()))
        if not rendered and rng.random() < share:
            cut = self._take(self._bare, rng)
            rgb = cut.rgb.copy()
            draw_mask(rgb, cut.box, str(rng.choice(ways)), rng, cut.points)
        elif not rendered and kind == _WITHOUT_MASK and rng.random() < _COVERED:
            cut = self._take(self._bare, rng)
            rgb = cut.rgb.copy()
            draw_cover(rgb, cut.box, rng)
        else:
            cut = self._take(self._pools[rendered, kind], rng)
            rgb = cut.rgb
            if kind == NO_FACE and rng.random() < _LIGHTS:
                rgb = draw_lights(rgb, cut.box, rng)
        if not rendered and kind != NO_FACE and rng.random() < _TURNED:
            rgb = _turned(rgb, cut.box, rng)
        return _seen_anew(rgb, cut.box, settings.size, rng), kind

    def _take(self, pool: list[Cut], rng: np.random.Generator) -> Cut:
        """Takes a cut at random, heads that are turned or bowed more often than they are."""
        turned = self._turned.get(id(pool), [])
        if turned and rng.random() < _SOUGHT:
            pool = turned
        return pool[int(rng.integers(len(pool)))]


def batches(
    cuts: list[Cut], settings: SecondLookSettings, *, first: int
) -> Generator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Yields pictures (B, size, size, 3) and kinds (B,) without end, from batch `first` on."""
    return from_process(_produce, cuts, settings, first)


def _produce(cuts: list[Cut], settings: SecondLookSettings, first: int, ready: Any) -> None:
    cv2.setNumThreads(1)
    sampler = Sampler(cuts, settings)
    step = first
    while True:
        rng = np.random.default_rng((settings.seed, step))
        drawn = [sampler.draw(rng) for _ in range(settings.batch)]
        ready.put((np.stack([one for one, _ in drawn]), np.array([kind for _, kind in drawn])))
        step += 1


def _ycrcb(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), np.uint8)


def _turned(
    rgb: NDArray[np.uint8], box: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Turns a head to a side, and bows every second one."""
    yaw = float(np.clip(rng.normal(0, _YAW_DEG), -_MOST_YAW_DEG, _MOST_YAW_DEG))
    bow = float(rng.uniform(*_BOW_DEG) if rng.random() < 0.5 else rng.normal(0, 8))
    return turn_head(rgb, box, yaw_deg=yaw, bow_deg=bow)


def _seen_anew(
    rgb: NDArray[np.uint8], box: NDArray[np.float32], size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    longer = longer_side(box)
    if rng.random() < 0.75:
        most = max(_SMALLEST_PX + 1, min(longer, _LARGEST_PX))
        wanted = np.exp(rng.uniform(np.log(_SMALLEST_PX), np.log(most)))
        rgb, box = _shrunk(rgb, box, min(wanted / longer, 1.0))
    if rng.random() < _DEFOCUSED:
        sigma = max(0.3, rng.uniform(*_DEFOCUS) * longer_side(box))
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
    ycrcb = _ycrcb(vary(np.ascontiguousarray(rgb), rng))
    if rng.random() < 0.7:
        ycrcb[:, :, 1:] = _coarse(ycrcb[:, :, 1:], rng.uniform(0.35, 1.0))
    longer = longer_side(box)
    badly = rng.random() < 0.25  # as on heads that the detector hardly knows
    moved = box + np.tile(rng.normal(0, 0.16 if badly else 0.06, 2) * longer, 2)
    angle = np.deg2rad(rng.normal(0, 7))
    mirror = -1 if rng.random() < 0.5 else 1
    turn = np.array(
        [[np.cos(angle) * mirror, -np.sin(angle)], [np.sin(angle) * mirror, np.cos(angle)]]
    )
    return _warped(ycrcb, moved, size, REACH * np.exp(rng.normal(0, 0.1)), turn)


def _warped(
    ycrcb: NDArray[np.uint8],
    box: NDArray[np.floating],
    size: int,
    reach: float,
    turn: NDArray[np.float64],
) -> NDArray[np.uint8]:
    zoom = size / (reach * longer_side(box))
    if zoom < 0.8:  # no aliasing: shrink by areas first
        before = ycrcb.shape[0]
        ycrcb, box = _shrunk(ycrcb, box, 1.2 * zoom)
        zoom *= before / ycrcb.shape[0]
    centre = (box[:2] + box[2:]) / 2
    matrix = np.column_stack([zoom * turn, size / 2 - zoom * turn @ centre])
    warped = cv2.warpAffine(
        ycrcb, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def _shrunk(
    picture: NDArray[np.uint8], box: NDArray[np.floating], factor: float
) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    side = max(4, round(picture.shape[0] * factor))
    if side >= picture.shape[0]:
        return picture, box
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), box * (side / picture.shape[0])


def _coarse(colours: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Returns the colours as the detector's smaller picture has them."""
    side = max(2, round(colours.shape[0] * factor))
    small = cv2.resize(colours, (side, side), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, colours.shape[:2], interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8)
