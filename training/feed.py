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
from training.pictures import Picture, load_coco, load_crops, load_distractors
from training.settings import Settings

_AHEAD = 6  # batches
_PATIENCE_S = 300.0


def load_training_pictures(data: Path, settings: Settings) -> list[Picture]:
    """Returns the photographs of masks, faces and mask_crops to train on, or a part of them."""
    weight = settings.approximate_box_weight
    masks = load_coco(data / "masks/train.json", data / "masks/images", approximate_weight=weight)
    faces = load_coco(data / "faces/train.json", data / "faces/images")
    pictures = masks + faces + load_crops(data / "mask_crops")
    order = np.random.default_rng(settings.seed).permutation(len(pictures))
    kept = np.sort(order[: round(settings.photographs * len(pictures))])
    return [pictures[index] for index in kept]


def _produce(data: Path, stills: Path, settings: Settings, first: int, batches: Any) -> None:
    cv2.setNumThreads(1)
    pictures = load_training_pictures(data, settings)
    rendered = load_coco(stills / "stills.json", stills)
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
    data: Path, stills: Path, settings: Settings, *, first: int
) -> Generator[tuple[np.ndarray, ...]]:
    """Yields rgb (B, H, W, 3) uint8 and what `cells.assign` says, stacked; without end.

    stills: the folder of stills.json. first: number of the first batch;
    the same number gives the same batch, but for the half that is carried over.
    """
    yield from from_process(_produce, data, stills, settings, first)


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
