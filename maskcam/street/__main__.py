"""Writes a rendered street to a video file, with its truth beside it as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import cv2

from maskcam.errors import MaskcamError
from maskcam.street.cast import SceneConfig
from maskcam.street.lighting import Light
from maskcam.street.street import Scene

_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


def write_street(scene: Scene, video: Path) -> Path:
    """Writes the scene to `video` (.mp4: MPEG-4, .avi: MJPEG) and its truth beside it.

    Returns the path of the truth. Its `faces` hold, for every 10th frame, the
    boxes of the faces in px: x0, y0, x1, y1, visible share, mask state.

    Raises:
        MaskcamError: the kind of file is not known, or it cannot be written.
    """
    codec = _CODECS.get(video.suffix.lower())
    if codec is None:
        raise MaskcamError(f"{video}: unknown kind of video; name it .mp4 or .avi")
    config = scene.config
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*codec), config.fps, config.size)
    if not writer.isOpened():
        raise MaskcamError(f"{video}: cannot be written; does its directory exist?")
    frames = int(config.duration_s * config.fps)
    faces = []
    try:
        for number in range(frames):
            at_s = number / config.fps
            writer.write(cv2.cvtColor(scene.render(at_s), cv2.COLOR_RGB2BGR))
            if number % 10 == 0:
                seen = [[*f.box, f.visible, str(f.state)] for f in scene.faces(at_s)]
                faces.append({"at_s": at_s, "faces": seen})
                if number % 100 == 0:
                    sys.stderr.write(f"\r{number} of {frames} frames")
    finally:
        writer.release()
        sys.stderr.write("\n")
    beside = video.with_suffix(".truth.json")
    truth = {"config": asdict(config), **scene.truth.as_json(), "faces": faces}
    beside.write_text(json.dumps(truth, indent=1), encoding="utf-8")
    return beside


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    usual = SceneConfig()
    parser = argparse.ArgumentParser(prog="scripts/render-street", description=__doc__)
    parser.add_argument("video", type=Path, help="file to write, .mp4 or .avi")
    parser.add_argument("--seconds", type=float, default=usual.duration_s, help="%(default)s")
    parser.add_argument("--seed", type=int, default=usual.seed, help="%(default)s")
    parser.add_argument("--fps", type=float, default=usual.fps, help="%(default)s")
    parser.add_argument(
        "--people-per-minute", type=float, default=usual.people_per_minute, help="%(default)s"
    )
    parser.add_argument("--with-mask", type=float, default=usual.with_mask, help="share")
    parser.add_argument("--incorrect", type=float, default=usual.incorrect, help="share")
    parser.add_argument("--objectors", type=float, default=usual.objectors, help="share")
    parser.add_argument("--light", choices=[str(light) for light in Light], default="day")
    parser.add_argument("--size", default="1280x720", help="width x height, %(default)s")
    given = parser.parse_args(arguments)
    try:
        wide, high = (int(part) for part in given.size.split("x"))
    except ValueError:
        parser.error("--size takes a form like 1280x720")
    config = SceneConfig(
        seed=given.seed,
        duration_s=given.seconds,
        people_per_minute=given.people_per_minute,
        with_mask=given.with_mask,
        incorrect=given.incorrect,
        objectors=given.objectors,
        light=Light(given.light),
        fps=given.fps,
        size=(wide, high),
    )
    try:
        beside = write_street(Scene(config), given.video)
    except MaskcamError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stderr.write(f"wrote {given.video} and {beside}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
