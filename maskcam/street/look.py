"""What somebody looks like, drawn by lot: skin, hair, beard, glasses, hat, mask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from maskcam.records import MaskState

Colour = tuple[float, float, float]


class Hair(StrEnum):
    """How the hair is worn."""

    BALD = "bald"
    SHORT = "short"
    FRINGE = "fringe"
    LONG = "long"
    CURLY = "curly"
    TIED = "tied"


class Cover(StrEnum):
    """What is on the head."""

    NONE = "none"
    CAP = "cap"
    BEANIE = "beanie"
    SCARF = "scarf"


class MaskKind(StrEnum):
    """What the mask is made of."""

    SURGICAL = "surgical"
    FFP2 = "ffp2"
    CLOTH = "cloth"


class Wearing(StrEnum):
    """Where the mask sits."""

    NONE = "none"
    RIGHT = "right"
    NOSE_OUT = "nose_out"
    ON_CHIN = "on_chin"

    @property
    def state(self) -> MaskState:
        """The mask state that this is."""
        if self is Wearing.NONE:
            return MaskState.WITHOUT_MASK
        return MaskState.WITH_MASK if self is Wearing.RIGHT else MaskState.INCORRECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The looks of one person; colours are RGB 0..255, the rest has no unit."""

    seed: int
    skin: Colour
    hair: Hair
    hair_colour: Colour
    cover: Cover
    cover_colour: Colour
    beard: float
    glasses: bool
    dark_glasses: bool
    lips: float
    age: float
    wide: float
    nose: float
    mask: MaskKind
    mask_colour: Colour
    mask_pattern: int
    wearing: Wearing
    top: Colour
    legs: Colour
    garment: int

    @property
    def state(self) -> MaskState:
        """The mask state of the face."""
        return self.wearing.state


_SKINS: tuple[Colour, ...] = (
    (241, 208, 186),
    (232, 190, 164),
    (224, 178, 148),
    (214, 163, 130),
    (198, 145, 112),
    (176, 124, 92),
    (150, 102, 74),
    (120, 80, 58),
    (92, 62, 46),
    (72, 50, 40),
)
_HAIRS: tuple[Colour, ...] = (
    (28, 24, 22),
    (40, 31, 26),
    (62, 44, 33),
    (88, 62, 42),
    (120, 88, 56),
    (168, 134, 88),
    (196, 168, 122),
    (120, 60, 36),
    (140, 138, 136),
    (205, 203, 200),
)
_SURGICAL: tuple[Colour, ...] = (
    (150, 195, 222),
    (120, 180, 210),
    (165, 208, 214),
    (226, 230, 232),
    (36, 37, 42),
    (228, 176, 190),
)
_FFP2: tuple[Colour, ...] = ((236, 237, 236), (244, 244, 242), (42, 42, 46), (205, 208, 212))
_CLOTHS: tuple[Colour, ...] = (
    (34, 34, 38),
    (40, 56, 98),
    (150, 36, 44),
    (96, 104, 84),
    (182, 168, 146),
    (70, 110, 90),
    (204, 196, 188),
    (110, 74, 120),
    (196, 140, 60),
)
_MASKS = {MaskKind.SURGICAL: _SURGICAL, MaskKind.FFP2: _FFP2, MaskKind.CLOTH: _CLOTHS}
_GARMENTS: tuple[Colour, ...] = (
    (30, 32, 38),
    (52, 56, 66),
    (38, 52, 92),
    (96, 112, 140),
    (150, 40, 46),
    (196, 190, 180),
    (230, 228, 224),
    (92, 100, 70),
    (140, 110, 80),
    (200, 150, 60),
    (70, 120, 120),
    (120, 70, 110),
    (176, 196, 214),
)
_LEGS: tuple[Colour, ...] = (
    (44, 56, 84),
    (70, 86, 116),
    (34, 34, 38),
    (90, 84, 76),
    (150, 138, 118),
    (56, 60, 58),
)

# Shares in the order of `Hair`.
_BEARDED_HAIR = (0.1, 0.56, 0.08, 0.0, 0.12, 0.14)
_OTHER_HAIR = (0.0, 0.26, 0.16, 0.34, 0.1, 0.14)


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 8.0) -> Colour:
    base = colours[int(rng.integers(len(colours)))]
    shift = rng.normal(0, spread, 3) * 0.5 + rng.normal(0, spread)
    red, green, blue = (float(np.clip(c + s, 8, 250)) for c, s in zip(base, shift, strict=True))
    return red, green, blue


def draw_look(seed: int, wearing: Wearing) -> Look:
    """Returns the looks that a seed stands for, with the mask worn as asked."""
    rng = np.random.default_rng([seed, 0x10C5])
    bearded = rng.random() < 0.45
    age = float(rng.random())
    hair = Hair(
        str(rng.choice([h.value for h in Hair], p=_BEARDED_HAIR if bearded else _OTHER_HAIR))
    )
    tone = int(np.clip(rng.normal(3.0, 2.6), 0, len(_SKINS) - 1))
    skin = _pick(rng, _SKINS[tone : tone + 1], 5)
    if age > 0.75 and rng.random() < 0.7:
        hair_colours = _HAIRS[8:]
    else:
        hair_colours = _HAIRS[:3] if tone > 4 else _HAIRS[:8]
    kind = MaskKind(str(rng.choice([k.value for k in MaskKind], p=[0.55, 0.22, 0.23])))
    cover = Cover(str(rng.choice([c.value for c in Cover], p=[0.78, 0.09, 0.06, 0.07])))
    if bearded and cover is Cover.SCARF:
        cover = Cover.NONE
    glasses = rng.random() < 0.25
    return Look(
        seed=seed,
        skin=skin,
        hair=hair,
        hair_colour=_pick(rng, hair_colours, 5),
        cover=cover,
        cover_colour=_pick(rng, _GARMENTS),
        beard=float(rng.choice([0.0, 0.35, 1.0], p=[0.45, 0.3, 0.25])) if bearded else 0.0,
        glasses=glasses,
        dark_glasses=bool(glasses and rng.random() < 0.3),
        lips=0.25 if bearded else float(rng.uniform(0.3, 1.0)),
        age=age,
        wide=float(rng.uniform(0.94, 1.06)),
        nose=float(rng.uniform(0.75, 1.25)),
        mask=kind,
        mask_colour=_pick(rng, _MASKS[kind], 4),
        mask_pattern=int(rng.integers(5)),
        wearing=wearing,
        top=_pick(rng, _GARMENTS),
        legs=_pick(rng, _LEGS),
        garment=int(rng.integers(6)),
    )
