"""What light, lens and sensor do to a picture; sizes of the effects are drawn at random."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def motion_blur(rgb: Image, length_px: float, angle_deg: float) -> Image:
    """Smears along a line of `length_px`."""
    size = int(np.ceil(length_px)) | 1
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2] = 1
    turn = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), angle_deg, 1)
    turned = np.asarray(cv2.warpAffine(kernel, turn, (size, size)), np.float32)
    return np.asarray(cv2.filter2D(rgb, -1, turned / max(turned.sum(), 1e-6)), np.uint8)


def noise(rgb: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Adds Gaussian noise of `sigma` grey levels."""
    shape = (rgb.shape[0] // 2 + 1, rgb.shape[1], 3)  # half is drawn, the rest is its mirror
    grain = rng.standard_normal(shape, np.float32) * np.float32(sigma)
    grain = np.concatenate([grain, -grain[::-1, ::-1]])[: rgb.shape[0]]
    return cv2.add(rgb.astype(np.float32), grain).clip(0, 255).astype(np.uint8)


def gain(rgb: Image, factor: float, *, gamma: float = 2.2) -> Image:
    """Multiplies the light by `factor`; the stored values follow a display gamma."""
    table = 255 * np.clip((np.arange(256) / 255) ** gamma * factor, 0, 1) ** (1 / gamma)
    return np.asarray(cv2.LUT(rgb, table.astype(np.uint8)), np.uint8)


def back_light(rgb: Image, stops: float) -> Image:
    """A bright sky above and a subject `stops` darker below, with the veil of the lens."""
    height = rgb.shape[0]
    ramp = np.clip((np.arange(height) / height - 0.1) / 0.3, 0, 1)[:, None]
    linear = ((np.arange(256) / 255) ** 2.2)[None]
    linear = linear * (2.0 ** (-stops * ramp)) * (1 + 1.5 * (1 - ramp)) + 0.02
    table = (255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)  # one per row
    seen: Image = table[np.arange(height)[:, None, None], rgb]
    return seen


def vary(rgb: Image, rng: np.random.Generator) -> Image:
    """One random draw of colour, light, blur, noise and compression."""
    channel = np.exp(rng.normal(0, 0.06, 3)) * np.exp(rng.normal(0, 0.1))
    contrast, shift = np.exp(rng.normal(0, 0.15)), rng.normal(0, 8)
    levels = np.arange(256, dtype=np.float32)[:, None]
    gamma = np.exp(rng.normal(0, 0.15))
    table = 255 * np.clip(levels / 255, 0, 1) ** gamma
    table = (table - 118) * contrast * channel + 118 + shift
    rgb = np.asarray(cv2.LUT(rgb, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)
    if rng.random() < 0.5:  # saturation
        grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        keep = 0.0 if rng.random() < 0.08 else rng.uniform(0.5, 1.3)
        rgb = np.asarray(cv2.addWeighted(rgb, keep, grey, 1 - keep, 0), np.uint8)
    draw = rng.random()
    if draw < 0.10:
        rgb = gain(rgb, rng.uniform(0.2, 0.7))
    elif draw < 0.18:
        rgb = back_light(rgb, rng.uniform(0.8, 2.5))
    draw = rng.random()
    if draw < 0.14:
        rgb = motion_blur(rgb, rng.uniform(2, 6), rng.uniform(0, 180))
    elif draw < 0.28:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.3, 1.2)), np.uint8)
    if rng.random() < 0.25:
        rgb = noise(rgb, rng.uniform(2, 14), rng)
    if rng.random() < 0.10:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 80))]
        jpeg = cv2.imencode(".jpg", rgb, quality)[1]
        rgb = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
    return rgb
