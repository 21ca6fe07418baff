"""Writes labelled clips of heads for `maskcam evaluate gestures`.

scripts/make-head-clips --out clips --shakes 150 --even 30 --held 30 --each 14 --seed 500000
scripts/make-head-clips --out clips --renderer second --data ../shared/data

Without photographs all heads and streets are painted. With --data, half of the heads
wear a photographed face, streets are photographs and half of the shakes have a logged
waveform: a folder with `masks`, `mask_crops`, `faces` and `head_motion`. Photographs and
logs are dealt out by --half: 0 and 1 have none in common, for tuning and for testing. None
is stored but in the clips.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np

from headclips.samples import RENDERERS, Amounts, Pictures, plan


def main() -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="make-head-clips",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--renderer", choices=RENDERERS, default="first")
    parser.add_argument("--shakes", type=int, default=150, help="shakes as measured (150)")
    parser.add_argument("--even", type=int, default=30, help="even shakes, three and more (30)")
    parser.add_argument("--faint", type=int, default=30, help="small or slow shakes (30)")
    parser.add_argument("--held", type=int, default=30, help="hands held before the face (30)")
    parser.add_argument("--each", type=int, default=14, help="clips of each confuser (14)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="photographs")
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    args = parser.parse_args()
    pictures = Pictures.of(args.data, half=args.half)

    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    amounts = Amounts(args.shakes, args.even, args.faint, args.held, args.each)
    jobs = plan(args.renderer, args.seed, amounts)
    manifest = []
    for number, job in enumerate(jobs, start=1):
        sample = job.make(pictures)
        np.savez_compressed(
            args.out / f"{job.seed}.npz",
            frames=sample.frames,
            boxes=sample.boxes,
            timestamps=sample.timestamps,
        )
        manifest.append({"file": f"{job.seed}.npz", **sample.facts})
        (args.out / "manifest.json").write_text(json.dumps(manifest, indent=0), encoding="utf-8")
        sys.stderr.write(f"\r{number} of {len(jobs)} clips")
    sys.stderr.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
