"""A process that composes the training batches while the network learns."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training import cells
from training.compose import Composer, finish
from training.hardness import weigh
from training.pictures import (
    Picture,
    leave_out_unseen,
    load_coco,
    load_crops,
    load_distractors,
)
from training.settings import Settings

_AHEAD = 6  # batches
_PATIENCE_S = 300.0
_STILL_PX = 768  # longer side of a still of the street


def load_training_pictures(data: Path, settings: Settings) -> list[Picture]:
    """Returns all photographs to train on, with mended labels."""
    weight = settings.approximate_box_weight
    mended, people = data / "teacher_labels", data / "people"
    masks = load_coco(
        mended / "masks_train.mended.json", data / "masks/images", approximate_weight=weight
    )
    return [
        *leave_out_unseen(masks, mended / "masks_train"),
        *load_coco(mended / "faces_train.mended.json", data / "faces/images"),
        *load_coco(people / "train.json", people / "images"),
        *load_crops(data / "mask_crops"),
    ]


def _produce(
    data: Path, stills: Path, hardness: Path, settings: Settings, first: int, batches: Any
) -> None:
    cv2.setNumThreads(1)
    pictures = weigh(load_training_pictures(data, settings), hardness)
    rendered = load_coco(stills / "stills.json", stills, longest_px=_STILL_PX)
    composer = Composer(
        pictures, rendered, load_distractors(data / "faces/images"), settings.recipe
    )
    height, width = settings.recipe.canvas
    half = settings.batch // 2
    before: list[Picture] = []
    step = first
    while True:
        rng = np.random.default_rng((settings.seed, step))
        fresh = [composer.compose(rng) for _ in range(settings.batch - len(before))]
        # Each canvas is used twice, in two lights: composing is the dear part.
        batch = [finish(picture, rng) for picture in fresh + before]
        before = fresh[:half]
        targets = [
            cells.assign(p.boxes, p.classes, p.box_weight, height=height, width=width)
            for p in batch
        ]
        batches.put(
            (
                np.stack([p.rgb for p in batch]),
                *(np.stack(part) for part in zip(*targets, strict=True)),
            )
        )
        step += 1


def batches(
    data: Path, stills: Path, hardness: Path, settings: Settings, *, first: int
) -> Generator[tuple[np.ndarray, ...]]:
    """Yields rgb (B, H, W, 3) uint8 and what `cells.assign` says, stacked; without end.

    stills: the folder of stills.json. hardness: a file of `hardness.measure`. first: number of
    the first batch; the same number gives the same batch, but for the half that is carried over.
    """
    yield from from_process(_produce, data, stills, hardness, settings, first)


def from_process(produce: Callable[..., None], *arguments: object) -> Generator[Any]:
    """Yields what `produce(*arguments, ready)` puts into the queue `ready`, without end.

    `produce` works in a process of its own, a few batches ahead.
    """
    context = multiprocessing.get_context("spawn")
    ready: Any = context.Queue(_AHEAD)
    worker = context.Process(target=produce, args=(*arguments, ready), name="feed", daemon=True)
    worker.start()
    try:
        while True:
            try:
                yield ready.get(timeout=_PATIENCE_S)
            except queue.Empty:
                raise RuntimeError(
                    "the feed gives no more batches; see its message above"
                ) from None
    finally:
        worker.terminate()
        worker.join(10)
