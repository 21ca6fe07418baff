"""Turns recordings with head boxes into labelled clips, one for each head that is followed.

.venv/bin/python -m headclips.real --clips ../shared/data/clips --out clips-real

A folder of recordings holds `manifest.json` with `clips`: per recording its `file` and
`boxes`, a file with a list of boxes x0 y0 x1 y1 for every frame. None shows a head shake.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box

_SAME_HEAD = 0.3  # intersection over union from one frame to the next
_SHORTEST = 8  # frames


def heads(boxes: Sequence[Sequence[Box]]) -> list[dict[int, Box]]:
    """Returns for each head its boxes by frame; a head that is not seen in a frame ends."""
    done: list[dict[int, Box]] = []
    open_: list[dict[int, Box]] = []
    for frame, seen in enumerate(boxes):
        left = list(seen)
        for head in list(open_):
            before = head[frame - 1]
            best = max(left, key=lambda box: before.iou(box), default=None)
            if best is not None and before.iou(best) >= _SAME_HEAD:
                head[frame] = best
                left.remove(best)
            else:
                open_.remove(head)
        new = [{frame: box} for box in left]
        open_ += new
        done += new
    return [head for head in done if len(head) >= _SHORTEST]


def read(path: Path) -> tuple[NDArray[np.uint8], float]:
    """Returns the frames (T, H, W, 3) RGB of a recording and its frames per second."""
    video = cv2.VideoCapture(str(path))
    frames = []
    while True:
        good, frame = video.read()
        if not good:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    fps = video.get(cv2.CAP_PROP_FPS)
    video.release()
    return np.stack(frames).astype(np.uint8), fps


def main() -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="headclips.real",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    manifest = []
    recordings = json.loads((args.clips / "manifest.json").read_text(encoding="utf-8"))["clips"]
    for recording in recordings:
        frames, fps = read(args.clips / recording["file"])
        listed = json.loads((args.clips / recording["boxes"]).read_text(encoding="utf-8"))
        boxes = [[Box(*box) for box in frame] for frame in listed][: len(frames)]
        for number, head in enumerate(heads(boxes)):
            first, last = min(head), max(head)
            assert all(b - a == 1 for a, b in pairwise(head))
            name = f"{Path(recording['file']).stem}-{number}.npz"
            np.savez_compressed(
                args.out / name,
                frames=frames[first : last + 1],
                boxes=np.array([head[i] for i in range(first, last + 1)]),
                timestamps=np.arange(first, last + 1) / fps,
            )
            kind = recording["file"].split("_")[0]
            height = float(np.median([box.height for box in head.values()]))
            manifest.append(
                {"file": name, "label": "none", "kind": f"real {kind}", "fps": round(fps),
                 "head_px": round(height, 1), "seconds": round((last - first) / fps, 2)}
            )  # fmt: skip
    (args.out / "manifest.json").write_text(json.dumps(manifest, indent=0), encoding="utf-8")
    sys.stdout.write(f"{len(manifest)} clips\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
