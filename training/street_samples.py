"""Street pictures with face boxes to train a detector on: staged ones and frames of scenes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from maskcam.records import Box, MaskState
from maskcam.street.backdrop import paint_street
from maskcam.street.canvas import Image
from maskcam.street.cast import SceneConfig
from maskcam.street.figure import Figure, face_box, is_turned_by, outlines, visible_share
from maskcam.street.geometry import PinholeCamera
from maskcam.street.lighting import Light, Weather, weather
from maskcam.street.look import Look, Wearing, draw_look
from maskcam.street.painter import draw_people
from maskcam.street.street import Scene

_FACE_M = 0.19
_CAST = 14
_BACK_DEG = 115  # turned so far from the camera, neither eye nor mask can be seen
_OF_SCENE = 12  # frames a scene gives
_SCENE_S = 90.0
_EMPTY = 0.05  # share of frames that may show no face
_SHARES = {Wearing.NONE: 0.42, Wearing.RIGHT: 0.38, Wearing.NOSE_OUT: 0.11, Wearing.ON_CHIN: 0.09}


class _Set(NamedTuple):
    """What consecutive samples share, because painting it is slow."""

    camera: PinholeCamera
    sky: Weather
    street: Image
    cast: list[Look]


@lru_cache(maxsize=2)
def _build_set(number: int, size: tuple[int, int]) -> _Set:
    rng = np.random.default_rng([number, 0x5E7])
    camera = PinholeCamera(
        size=size,
        height_m=float(rng.uniform(1.6, 3.8)),
        tilt_deg=float(rng.uniform(-2, 24)),
        view_deg=float(rng.uniform(38, 72)),
    )
    light = Light(str(rng.choice([light.value for light in Light], p=[0.4, 0.28, 0.16, 0.16])))
    sky = weather(light, rng)
    wearing = rng.choice([w.value for w in _SHARES], p=list(_SHARES.values()), size=_CAST)
    cast = [draw_look(int(rng.integers(1 << 30)), Wearing(how)) for how in wearing]
    return _Set(camera, sky, paint_street(camera, sky, rng), cast)


@lru_cache(maxsize=2)
def _build_scene(number: int) -> Scene:
    rng = np.random.default_rng([number, 0x5CE])
    light = Light(str(rng.choice([light.value for light in Light], p=[0.55, 0.2, 0.15, 0.1])))
    return Scene(
        SceneConfig(
            seed=number,
            duration_s=_SCENE_S,
            people_per_minute=float(rng.uniform(10, 26)),
            with_mask=0.42,
            incorrect=0.2,
            light=light,
            noise=float(rng.uniform(0.5, 1.5)),
            exposure_s=float(rng.uniform(0.004, 0.015)),
            height_m=float(rng.uniform(2.4, 3.6)),
            tilt_deg=float(rng.uniform(8, 18)),
            view_deg=float(rng.uniform(50, 70)),
        )
    )


def render_scene_sample(
    seed: int, *, size: tuple[int, int] = (960, 540)
) -> tuple[Image, list[tuple[Box, MaskState]], list[Box]]:
    """Returns a frame of a scene as a unit on its pole sees it; else as `render_training_sample`.

    Twelve consecutive seeds share a scene.
    """
    scene = _build_scene(seed // _OF_SCENE)
    rng = np.random.default_rng([seed, 0x57112])
    while True:
        at_s = float(rng.uniform(5, _SCENE_S - 5))
        faces, ignored = label(list(scene.people(at_s).values()), scene.camera)
        if faces or rng.random() < _EMPTY:
            break
    shrink = size[0] / scene.camera.size[0]
    picture: Image = cv2.resize(scene.render(at_s), size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return (
        picture,
        [(_scaled(box, shrink), state) for box, state in faces],
        [_scaled(box, shrink) for box in ignored],
    )


def _scaled(box: Box, factor: float) -> Box:
    return Box(*(factor * edge for edge in box))


def render_training_sample(
    seed: int, *, size: tuple[int, int] = (960, 540)
) -> tuple[Image, list[tuple[Box, MaskState]], list[Box]]:
    """Returns a street picture (H, W, 3) RGB, its faces, and boxes to leave out of the loss.

    A face is boxed from forehead to chin and ear to ear, hair and hat left out.
    Left out are faces in profile, hidden for more than 60 % or smaller than 8 px.
    The back of a head is no face: it has no box at all, for it must not be found.
    The same seed and size give the same picture. Four consecutive seeds share
    street, light and cast: ask for them in turn, it's several times faster.
    """
    rng = np.random.default_rng([seed, 0x57111])
    stage = _build_set(seed // 4, size)
    people = rng.permutation(_CAST)[: int(rng.integers(1, 13))]
    figures = [_draw_figure(stage.camera, stage.cast[i], rng) for i in people]
    picture = stage.street.copy()
    draw_people(picture, figures, stage.camera, stage.sky, exposure_s=float(rng.uniform(0, 0.03)))
    faces, ignored = label(figures, stage.camera)
    noise = stage.sky.noise * float(rng.uniform(0.5, 2.5))
    return _sensor(picture, noise, rng), faces, ignored


def _draw_figure(camera: PinholeCamera, look: Look, rng: np.random.Generator) -> Figure:
    """Returns somebody at a place where the face is 10 to 150 px high and in the picture."""
    tall = float(np.clip(rng.normal(1.69, 0.1), 1.3, 2.0))
    for _ in range(40):
        face_px = math.exp(rng.uniform(math.log(10), math.log(150 * camera.size[0] / 1280)))
        z = _FACE_M * camera.focal_px / face_px
        x = float(rng.uniform(-1, 1)) * z * camera.size[0] / 2 / camera.focal_px
        u, v = camera.project(np.array([x, tall - 0.12, z]))
        if 0 < u < camera.size[0] and 0 < v < camera.size[1] and z > 0.9:
            break
    back = rng.random() < 0.06
    heading = float(rng.normal(0, 0.5)) + (math.pi if back else 0.0)
    yaw = float(rng.normal(0, 0.42))
    return Figure(
        look=look,
        x=x,
        z=z,
        tall=tall,
        heading=heading,
        yaw=yaw,
        pitch=float(rng.normal(0.08, 0.16)),
        roll=float(rng.normal(0, 0.07)),
        stride=float(rng.uniform(0, 2 * math.pi)),
        speed=float(rng.choice([0.0, 1.0])),
        yaw_rate=float(rng.normal(0, 3)) if rng.random() < 0.3 else 0.0,
    )


def label(
    figures: list[Figure], camera: PinholeCamera
) -> tuple[list[tuple[Box, MaskState]], list[Box]]:
    """Returns the faces that a camera sees of people, and boxes to leave out of the loss."""
    faces: list[tuple[Box, MaskState]] = []
    ignored: list[Box] = []
    wide, high = camera.size
    for figure in figures:
        box = face_box(figure, camera)
        if box is None and is_turned_by(_BACK_DEG, figure, camera):
            continue
        nearer = [outlines(other, camera) for other in figures if other.z < figure.z]
        head = outlines(figure, camera)[0]
        whole = box or head
        share = visible_share(whole, nearer, camera.size)
        clipped = Box(
            max(0.0, whole.x0),
            max(0.0, whole.y0),
            min(float(wide), whole.x1),
            min(float(high), whole.y1),
        )
        if share <= 0.02 or clipped.width <= 1 or clipped.height <= 1:
            continue
        if box is None or share < 0.4 or box.height < 8:
            ignored.append(clipped)
        else:
            faces.append((clipped, figure.look.state))
    return faces, ignored


def _sensor(picture: Image, noise: float, rng: np.random.Generator) -> Image:
    """Returns the picture as a small sensor with its processing would give it."""
    grain = rng.standard_normal(picture.shape, np.float32) * np.float32(noise)
    grain += rng.standard_normal((*picture.shape[:2], 1), np.float32) * np.float32(noise)
    soft = float(rng.uniform(0, 0.9))
    if soft > 0.35:
        picture = cv2.GaussianBlur(picture, (0, 0), soft)  # type: ignore[assignment]
    gain = float(rng.uniform(0.75, 1.2))
    gamma = float(rng.uniform(0.8, 1.2))
    levels = (255 * np.clip(np.arange(256) / 255 * gain, 0, 1) ** gamma).astype(np.float32)
    noisy: Image = np.clip(levels[picture] + grain, 0, 255).astype(np.uint8)
    return noisy
