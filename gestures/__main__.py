"""Writes labelled clips of heads for `maskcam evaluate gestures`.

scripts/make-gesture-clips --out clips --shakes 150 --faint 30 --each 14 --seed 500000

Without photographs all heads and streets are painted. With them, half of the heads wear
a photographed face: --faces takes a COCO file (its boxes forehead to chin), --images the
folder of its pictures, --streets a folder of pictures for backgrounds. Photographs are
dealt out by --half: 0 and 1 have none in common, for tuning and for testing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gestures.motion import NEGATIVES, Script, faint_shake, nuisances, shake
from gestures.picture import Clip, Photographs, render

_SMALLEST_FACE_PX = 56  # of a photograph


def main() -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="make-gesture-clips",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--shakes", type=int, default=150, help="required shakes (150)")
    parser.add_argument("--faint", type=int, default=30, help="small, short or slow ones (30)")
    parser.add_argument("--each", type=int, default=14, help="clips of each confuser (14)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    parser.add_argument("--faces", type=Path, metavar="COCO.json")
    parser.add_argument("--images", type=Path, metavar="DIR")
    parser.add_argument("--streets", type=Path, metavar="DIR")
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    args = parser.parse_args()
    photographs = _photographs(args.faces, args.images, args.streets, args.half)

    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    plan = make_plan(args.seed, shakes=args.shakes, faint=args.faint, each=args.each)
    manifest = []
    for number, (seed, kind) in enumerate(plan, start=1):
        clip, facts = make_clip(seed, kind, photographs)
        name = f"{seed}.npz"
        np.savez_compressed(
            args.out / name,
            frames=np.repeat(clip.lumas[..., None], 3, axis=3),
            boxes=clip.boxes,
            timestamps=clip.timestamps,
        )
        manifest.append({"file": name, **facts})
        (args.out / "manifest.json").write_text(json.dumps(manifest, indent=0), encoding="utf-8")
        sys.stderr.write(f"\r{number} of {len(plan)} clips")
    sys.stderr.write("\n")
    return 0


def make_plan(
    seed: int, *, shakes: int, faint: int, each: int
) -> list[tuple[int, Callable[[np.random.Generator], Script]]]:
    """Returns seeds and kinds in a shuffled order, so that any beginning is a fair sample."""
    plan = [(seed + i, shake) for i in range(shakes)]
    plan += [(seed + 10_000 + i, faint_shake) for i in range(faint)]
    for number, kind in enumerate(NEGATIVES):
        plan += [(seed + 20_000 + 1000 * number + i, kind) for i in range(each)]
    np.random.default_rng(0).shuffle(plan)  # type: ignore[arg-type]
    return plan


def make_clip(
    seed: int, kind: Callable[[np.random.Generator], Script], photographs: Photographs
) -> tuple[Clip, dict[str, Any]]:
    """Returns the clip of a seed, and its entry in the manifest without the file's name."""
    rng = np.random.default_rng(seed)
    script = kind(rng)
    nuisances(script, rng)
    head_px = float(np.exp(rng.uniform(np.log(32), np.log(130))))
    faint = script.label == "shake" and not script.required
    if (script.label != "shake" and rng.random() < 0.12) or (faint and rng.random() < 0.2):
        head_px = float(rng.uniform(24, 32))
    fps = int(rng.choice([10, 15, 30]))
    clip = render(script, rng, head_px=head_px, fps=fps, photographs=photographs)
    facts = {
        "label": script.label,
        "kind": script.kind,
        "required": script.required,
        "fps": fps,
        "head_px": round(head_px, 1),
        **clip.facts,
    }
    if script.start_s is not None:
        facts["start_s"] = round(script.start_s, 3)
    return clip, facts


def _photographs(
    faces: Path | None, images: Path | None, streets: Path | None, half: int
) -> Photographs:
    found = []
    if faces is not None and images is not None:
        coco = json.loads(faces.read_text(encoding="utf-8"))
        names = {image["id"]: image["file_name"] for image in coco["images"]}
        for annotation in coco["annotations"]:
            x, y, width, height = annotation["bbox"]
            frontal = 0.6 < width / height < 1
            if height >= _SMALLEST_FACE_PX and frontal and annotation["category_id"] != 3:
                path = images / names[annotation["image_id"]]
                found.append((path, (x, y, width, height), annotation["category_id"] == 1))
    backgrounds = sorted(streets.glob("*.jpg")) if streets is not None else []
    return Photographs(tuple(found[half::2]), tuple(backgrounds[half::2]))


if __name__ == "__main__":
    sys.exit(main())
