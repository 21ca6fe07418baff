"""Trains the network that distinguishes a "no" from other motion of a head; NumPy is enough.

It learns from signals: how the heads of rendered clips, and of streets and real recordings
without a shake moved, measured by the head-shake stage itself; and from motions written down. A
clip is learned from at its own speed and at another. A frame is one example: a "no" from the
moment in which two swings are seen until it ends, none before it and in every clip without one.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headclips.samples import Amounts
from headclips.signals import (
    Part,
    Signal,
    measure_part,
    measure_recordings,
    measure_streets,
)
from headclips.written import write_motions
from maskcam.people.shake_network import (
    INPUTS,
    STEPS,
    SUMMARIES,
    Layer,
    describe_motion,
    mirrored,
    summarise,
)

Floats = NDArray[np.float32]

WEIGHTS: Final = Path(__file__).resolve().parent.parent / "maskcam/people/shake_weights.py"
PARTS: Final = (
    Part("first", 2_000_000, 727, Amounts(300, 60, 80, 80, 25), half=0, all_rates=True),
    Part("second", 3_000_000, 702, Amounts(300, 60, 80, 80, 30), half=0, all_rates=True),
    Part("first", 2_300_000, 404, Amounts(shakes=260, each=8), half=0, all_rates=True),
    Part("second", 3_300_000, 380, Amounts(shakes=260, each=8), half=0, all_rates=True),
    Part("first", 2_600_000, 1160, Amounts(500, 40, 40, 40, 30), half=0, all_rates=True),
    Part("second", 3_600_000, 1070, Amounts(500, 40, 40, 40, 30), half=0, all_rates=True),
    # What is most like a "no": more of it, and the first of it twice.
    *(
        Part(renderer, seed, 62, Amounts(each=62), half=0, all_rates=True, kind=kind)
        for renderer, seed in (("first", 2_000_000), ("second", 3_000_000))
        for kind in ("tilt", "sway")
    ),
    *(
        Part(renderer, seed, 100, Amounts(each=100), half=0, all_rates=True, kind=kind)
        for renderer, seed in (("first", 2_600_000), ("second", 3_600_000))
        for kind in ("hand in front", "tilt")
    ),
)
STREETS: Final = range(31_000, 31_012)
LARGE_STREETS: Final = range(33_000, 33_048)
WRITTEN: Final = 3000
_FASTER: Final = 1.25  # or slower, at most
_NETWORKS: Final = 4  # that learn alike, but for what is drawn by lot; their mean judges
_SIZES: Final = (48, 16)  # of each
_EPOCHS: Final = 30
_BATCH: Final = 512
_RATE: Final = 2e-3
_DECAY: Final = 3e-4
_AVERAGED_FROM: Final = 0.6  # of the steps; the average of the weights is what stays
_AVERAGE: Final = 0.999
_SHAKES_WEIGH: Final = 0.125  # of what all other frames weigh together
_SCALED: Final = 0.12  # standard deviation of the logarithm by which motions are made larger
_NOISE: Final = 0.04
_NOISY: Final = 0.7  # of all examples: what is without errors is to be known, too
_NOD_TURNS: Final = 0.5  # of a nod, at most: how far it turns in step with it
_NOT_LEARNED: Final = -1
_SPAN_S: Final = 1.8


class Examples(NamedTuple):
    """inputs (n, `INPUTS`), labels (n,) 1 or 0."""

    inputs: Floats
    labels: NDArray[np.int_]


class Trained(NamedTuple):
    """The network: its layers, and mean and spread of the summaries."""

    layers: list[Layer]
    mean: Floats
    spread: Floats


def train(data: Path, folder: Path, *, seed: int = 0) -> None:
    """Trains on the tuning parts and the recordings, and writes `shake_weights.py`.

    Args:
        data: photographs, logs and recordings.
        folder: where signals are kept; those that are missing are rendered (hours).
        seed: of all that is drawn by lot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    signals = [signal for part in PARTS for signal in measure_part(part, data, folder)]
    rng = np.random.default_rng(seed)
    signals += at_other_speeds(signals, rng)
    # Few, and most like what a camera sees: they count three times.
    streets = [*measure_streets(STREETS, folder), *measure_recordings(data / "clips")]
    signals += [*streets, *at_other_speeds(streets, rng), *at_other_speeds(streets, rng)]
    signals += measure_streets(LARGE_STREETS, folder, large=True)
    signals += write_motions(WRITTEN, seed=seed)
    examples = with_nods(_examples(signals), rng)
    shakes = int(examples.labels.sum())
    logging.info("%d frames of shakes, %d others", shakes, len(examples.labels) - shakes)
    networks = [fit(examples, seed=seed + number) for number in range(_NETWORKS)]
    WEIGHTS.write_text(as_module(joined(networks)), encoding="utf-8")


def at_other_speeds(signals: Sequence[Signal], rng: np.random.Generator) -> list[Signal]:
    """Returns the same motions, each faster or slower by up to a quarter."""
    changed = []
    for facts, motions in signals:
        slower = float(_FASTER ** rng.uniform(-1, 1))
        if facts["label"] == "shake":
            facts = {**facts, "hz": facts["hz"] / slower, "start_s": facts["start_s"] * slower}
        timed = [motion._replace(at_s=motion.at_s * slower) for motion in motions]
        changed.append(Signal(facts, timed))
    return changed


def _examples(signals: Sequence[Signal]) -> Examples:
    inputs, labels = [], []
    for signal in signals:
        at_s = np.array([motion.at_s for motion in signal.motions])
        for place, label in enumerate(_labels(signal, at_s)):
            if label == _NOT_LEARNED:
                continue
            first = int(np.searchsorted(at_s, at_s[place] - _SPAN_S))
            inputs.append(describe_motion(signal.motions[first : place + 1]))
            labels.append(label)
    return Examples(np.array(inputs), np.array(labels))


def with_nods(examples: Examples, rng: np.random.Generator) -> Examples:
    """Returns the examples and each shake once more on its side: a nod that turns, too."""
    shakes = examples.inputs[examples.labels == 1]
    yaw, pitch = shakes[:, :STEPS], shakes[:, STEPS : 2 * STEPS]
    nods = shakes.copy()
    nods[:, :STEPS] = pitch + rng.uniform(0, _NOD_TURNS, (len(nods), 1)).astype(np.float32) * yaw
    nods[:, STEPS : 2 * STEPS] = yaw
    labels = np.concatenate([examples.labels, np.zeros(len(nods), int)])
    return Examples(np.concatenate([examples.inputs, nods]), labels)


def _labels(signal: Signal, at_s: NDArray[np.float64]) -> NDArray[np.int_]:
    """Returns for each frame 1, 0 or `_NOT_LEARNED`: a "no" has begun, but is no "no" yet."""
    facts = signal.facts
    if facts["label"] != "shake":
        return np.zeros(len(at_s), int)
    swing_s = 0.5 / facts["hz"]
    begins_s, ends_s = facts["start_s"], facts["start_s"] + (facts["swings"] + 0.8) * swing_s
    labels = np.full(len(at_s), _NOT_LEARNED)
    labels[at_s < begins_s + 0.05] = 0
    labels[(at_s > begins_s + 2 * swing_s + 0.05) & (at_s < ends_s + 0.15)] = 1
    return labels


def fit(examples: Examples, *, seed: int) -> Trained:
    """Returns the network that fits, by Adam on the cross entropy (Kingma and Ba 2015)."""
    rng = np.random.default_rng(seed)
    summaries = summarise(examples.inputs[::7])
    mean, spread = summaries.mean(axis=0), summaries.std(axis=0) + np.float32(1e-3)
    sizes = (INPUTS + SUMMARIES, *_SIZES, 1)
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32) for a, b in pairwise(sizes)]
    weights[-1] *= np.float32(0.1)
    values = weights + [np.zeros(size, np.float32) for size in sizes[1:]]
    labels = examples.labels
    others = len(labels) - labels.sum()
    weigh = np.where(labels == 1, _SHAKES_WEIGH * others / max(1, labels.sum()), 1)
    steps = _EPOCHS * len(labels) // _BATCH
    optimiser, average = _Adam(values), [value.copy() for value in values]
    for step in range(steps):
        chosen = rng.integers(0, len(labels), _BATCH)
        inputs = _varied(rng, examples.inputs[chosen])
        inputs = np.concatenate([inputs, (summarise(inputs) - mean) / spread], axis=1)
        slopes = _slopes(values, inputs, labels[chosen], weigh[chosen] / _BATCH)
        optimiser.step(slopes, _RATE * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5)
        if step < _AVERAGED_FROM * steps:
            average = [value.copy() for value in values]
        else:
            average = [
                _AVERAGE * a + (1 - _AVERAGE) * v for a, v in zip(average, values, strict=True)
            ]
    count = len(weights)
    layers = [Layer(*pair) for pair in zip(average[:count], average[count:], strict=True)]
    return Trained(layers, mean, spread)


def joined(networks: Sequence[Trained]) -> Trained:
    """Returns one network whose output is the mean of theirs; all see the same summaries."""
    first, *between, last = zip(*(network.layers for network in networks), strict=True)
    layers = [Layer(np.hstack([part.weights for part in first]), _biases(first))]
    layers += [
        Layer(_side_by_side([part.weights for part in parts]), _biases(parts)) for parts in between
    ]
    weights = np.vstack([part.weights for part in last]) / len(networks)
    bias = np.mean([part.bias for part in last], axis=0)
    layers.append(Layer(weights.astype(np.float32), bias.astype(np.float32)))
    return Trained(layers, networks[0].mean, networks[0].spread)


def _biases(parts: Sequence[Layer]) -> Floats:
    return np.concatenate([part.bias for part in parts])


def _side_by_side(blocks: Sequence[Floats]) -> Floats:
    """Returns a matrix of blocks on the diagonal, and nothing beside them."""
    rows = [[block if one is block else np.zeros_like(one) for one in blocks] for block in blocks]
    return np.block(rows)


def _varied(rng: np.random.Generator, inputs: Floats) -> Floats:
    """Returns the same motions, some mirrored, larger or smaller, most of them a little noisy."""
    varied = np.where(rng.random((len(inputs), 1)) < 0.5, mirrored(inputs), inputs)
    varied[:, : 3 * STEPS] *= np.exp(rng.normal(0, _SCALED, (len(inputs), 1))).astype(np.float32)
    noise = rng.normal(0, _NOISE, (len(inputs), 4 * STEPS))
    noise *= rng.random((len(inputs), 1)) < _NOISY
    varied[:, : 4 * STEPS] += noise.astype(np.float32)
    return varied


def _slopes(
    values: Sequence[Floats], inputs: Floats, labels: NDArray[np.int_], weigh: NDArray[np.float64]
) -> list[Floats]:
    """Returns how the weighted cross entropy changes with each value (backpropagation)."""
    count = len(values) // 2
    seen = [inputs]
    for place in range(count):
        out = seen[-1] @ values[place] + values[count + place]
        seen.append(np.maximum(out, 0) if place < count - 1 else out)
    likely = 1 / (1 + np.exp(-np.clip(seen[-1][:, 0], -30, 30)))
    slope = (weigh * (likely - labels)).astype(np.float32)[:, None]
    slopes: list[Floats] = [np.empty(0, np.float32)] * (2 * count)
    for place in reversed(range(count)):
        slopes[place] = seen[place].T @ slope
        slopes[count + place] = slope.sum(axis=0)
        slope = (slope @ values[place].T) * (seen[place] > 0)
    return slopes


class _Adam:
    """Steps the values in place; matrices decay."""

    def __init__(self, values: Sequence[Floats]) -> None:
        self._values = values
        self._mean = [np.zeros_like(value) for value in values]
        self._square = [np.zeros_like(value) for value in values]
        self._count = 0

    def step(self, slopes: Sequence[Floats], rate: float) -> None:
        self._count += 1
        for place, (value, slope) in enumerate(zip(self._values, slopes, strict=True)):
            mean = self._mean[place] = 0.9 * self._mean[place] + 0.1 * slope
            square = self._square[place] = 0.999 * self._square[place] + 0.001 * slope * slope
            size = np.sqrt(square / (1 - 0.999**self._count)) + 1e-8
            decay = _DECAY * value if value.ndim > 1 else 0
            value -= np.float32(rate) * (mean / (1 - 0.9**self._count) / size + decay)


def as_module(trained: Trained) -> str:
    """Returns the network as a Python module: int8 weights, a float32 scale for each output."""
    lines = [
        '"""Weights of `shake_network.py`, written by scripts/train-model --only head-shake."""',
        "",
        "# fmt: off",
        "# Arrays in base 85: float32, but for int8 weights.",
        f"MEAN = ({_text(trained.mean)})",
        f"SPREAD = ({_text(trained.spread)})",
        "# Of each layer: scales and bias of its outputs, weights (inputs, outputs).",
        "LAYERS = (",
    ]
    for weights, bias in trained.layers:
        scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
        whole = np.round(weights / scale).astype(np.int8)
        lines += ["    ("]
        lines += [f"        ({_text(values)})," for values in (scale, bias, whole)]
        lines += ["    ),"]
    return "\n".join([*lines, ")", ""])


def _text(values: NDArray[np.float32] | NDArray[np.int8]) -> str:
    if values.dtype != np.int8:
        values = values.astype("<f4")
    text = base64.b85encode(values.tobytes()).decode()
    rows = [text[i : i + 80] for i in range(0, len(text), 80)]
    return "\n" + "\n".join(f'    "{row}"' for row in rows) + "\n"
