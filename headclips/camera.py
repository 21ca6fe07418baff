"""A camera that is not perfect: blur, contrast, noise and compression."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips.head import Grey

Luma = NDArray[np.uint8]


class Camera:
    """Blur, contrast, noise and compression of one camera."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.blur = float(rng.choice([0.0, rng.uniform(0.3, 1.3)]))
        self.contrast = float(rng.choice([1.0, rng.uniform(0.3, 1.0)]))
        self.level = float(rng.uniform(0.6, 1.1))
        self.noise = float(rng.choice([1.0, rng.uniform(1, 7)]))
        self.name = str(rng.choice(["none", "jpeg", "mpeg4"], p=[0.5, 0.3, 0.2]))
        self.jpeg = int(rng.integers(35, 92))

    def take(self, light: Grey, ss: int) -> Luma:
        """Returns the frame of a scene that was drawn `ss` times too large."""
        if ss > 1:
            small = (light.shape[1] // ss, light.shape[0] // ss)
            light = cv2.resize(light, small, interpolation=cv2.INTER_AREA)
        if self.blur:
            light = cv2.GaussianBlur(light, (0, 0), self.blur)
        light = 128 + (light * self.level - 128) * self.contrast
        light = light + self.rng.normal(0, self.noise, light.shape)
        return np.clip(light + 0.5, 0, 255).astype(np.uint8)

    def develop(self, lumas: NDArray[np.uint8], fps: float) -> NDArray[np.uint8]:
        """Returns the frames (T, H, W) after compression."""
        if self.name == "jpeg":
            quality = [cv2.IMWRITE_JPEG_QUALITY, self.jpeg]
            files = [cv2.imencode(".jpg", luma, quality)[1] for luma in lumas]
            luma = [np.asarray(cv2.imdecode(f, cv2.IMREAD_GRAYSCALE), np.uint8) for f in files]
            return np.stack(luma)
        if self.name == "mpeg4":
            return _through_mpeg4(lumas, fps)
        return lumas


def _through_mpeg4(lumas: NDArray[np.uint8], fps: float) -> NDArray[np.uint8]:
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "clip.mp4")
        size = (lumas.shape[2], lumas.shape[1])
        writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        for luma in lumas:
            writer.write(cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR))
        writer.release()
        reader, out = cv2.VideoCapture(path), []
        while True:
            good, frame = reader.read()
            if not good:
                break
            out.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
        reader.release()
    return np.stack(out).astype(np.uint8) if len(out) == len(lumas) else lumas
