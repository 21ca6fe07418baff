"""Renders a script: a street, a person before it, and a camera that is not perfect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips import head as heads
from headclips.camera import Camera
from headclips.head import Grey, Pose
from headclips.script import Script

_SUBPIXEL_BITS = 4
# The outline of an open hand, in head heights.
HAND = np.array(
    [(-0.17, 0.25), (-0.19, 0.0), (-0.17, -0.1), (-0.14, -0.38), (-0.09, -0.4), (-0.07, -0.14),
     (-0.04, -0.45), (0.02, -0.45), (0.03, -0.14), (0.07, -0.42), (0.12, -0.41), (0.11, -0.12),
     (0.16, -0.3), (0.2, -0.28), (0.18, 0.0), (0.3, -0.1), (0.33, -0.05), (0.17, 0.25)]
)  # fmt: skip


@dataclass(frozen=True)
class Photographs:
    """Photographs used while rendering and never stored: faces with boxes, backgrounds."""

    faces: tuple[tuple[Path, tuple[float, float, float, float], bool], ...] = ()
    backgrounds: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Clip:
    """lumas (T, H, W) uint8, boxes (T, 4) px, timestamps (T,) s; what is known of it."""

    lumas: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    timestamps: NDArray[np.float64]
    facts: dict[str, object]
    turned: NDArray[np.float64]  # (T, 2) true yaw and pitch in degrees


class Person:
    """A head and a body of one look."""

    def __init__(self, rng: np.random.Generator, photographs: Photographs) -> None:
        self.photographed = bool(photographs.faces) and rng.random() < 0.5
        self.masked = bool(rng.random() < 0.5)
        if self.photographed:
            wanted = [face for face in photographs.faces if face[2] == self.masked]
            path, box, _ = wanted[rng.integers(len(wanted))]
            photograph = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            assert photograph is not None
            self.head = heads.from_photograph(photograph.astype(np.uint8), box, rng)
        else:
            self.head = heads.paint(rng, masked=self.masked)
        self.skin_tone = float(np.median(self.head.skin[100:140, 226:286]))
        self.cloth = _cloth(rng)
        self.shoulders = float(rng.uniform(0.8, 1.05))
        self.neck = float(rng.uniform(0.17, 0.24))

    def draw_body(self, canvas: Grey, *, x: float, y: float, lean: float, height: float) -> None:
        """Draws neck and torso of a person whose head would be at x, y."""
        n, w = self.neck, self.shoulders
        neck = [(-n, 0.2), (n, 0.2), (n + 0.05, 0.75), (-n - 0.05, 0.75)]
        torso = [(-n - 0.04, 0.6), (n + 0.04, 0.6), (w * 0.7, 0.72), (w * 0.95, 0.85)]
        torso += [(w, 1.1), (w * 0.95, 4), (-w * 0.95, 4), (-w, 1.1), (-w * 0.95, 0.85)]
        torso += [(-w * 0.7, 0.72)]
        a = np.radians(lean)
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) * height
        for corners, texture in ((neck, None), (torso, self.cloth)):
            points = np.array(corners) @ turn.T + [x, y]
            cover = polygon(canvas.shape, points)
            if texture is None:
                paint: Grey | float = self.skin_tone * 0.75
            else:
                transform = np.array(
                    [[turn[0, 0] / 100, turn[0, 1] / 100, x - turn[0, 0] * 1.28],
                     [turn[1, 0] / 100, turn[1, 1] / 100, y]]
                )  # fmt: skip
                shape = (canvas.shape[1], canvas.shape[0])
                paint = cv2.warpAffine(
                    texture, transform, shape, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
                )
            canvas += cover * (paint - canvas)

    def draw_passing(
        self,
        canvas: Grey,
        now: dict[str, float],
        *,
        x: float,
        y: float,
        height: float,
        sun: NDArray[np.float64],
    ) -> None:
        """Draws a person who passes the one at x, y."""
        side = float(np.sign(now["other_x"]))
        x, y = x + now["other_x"] * height, y + now["other_y"] * height
        self.draw_body(canvas, x=x, y=y, lean=0, height=height)
        pose = Pose(x, y, height, now["yaw"] * 0.2 + 20 * side, 5, 0)
        heads.draw(canvas, self.head, pose, sun=sun)

    def draw_hand(self, canvas: Grey, *, x: float, y: float, turn: float, height: float) -> None:
        """Draws an open hand and the arm below it."""
        arm = [(-0.15, 0.25), (0.15, 0.25), (0.3, 3), (-0.2, 3)]
        a = np.radians(turn)
        transform = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) * height
        for corners, tone in ((arm, float(self.cloth.mean())), (HAND, self.skin_tone * 1.05)):
            cover = polygon(canvas.shape, np.array(corners) @ transform.T + [x, y])
            canvas += cover * (tone - canvas)


def render(
    script: Script,
    rng: np.random.Generator,
    *,
    head_px: float,
    fps: float,
    photographs: Photographs,
) -> Clip:
    """Renders a clip with a head of `head_px` (crown to chin) at about `fps` frames/s."""
    s = script
    person, other = Person(rng, photographs), None
    if s["other_on"].any():
        other = Person(rng, photographs)
    stamps = _times(rng, seconds=s.seconds, fps=fps)
    start_px, end_px = head_px / s.growth**0.5, head_px * s.growth**0.5
    ss = 2 if head_px < 70 else 1
    reach = float(np.ptp(s["body_x"])) * end_px
    width = int(min(reach + 4.2 * end_px, max(420, 4.2 * end_px))) // 4 * 4
    high = int(3.3 * end_px) // 4 * 4
    middle_x = (width - (s["body_x"].max() + s["body_x"].min()) * head_px) / 2
    middle_y = high * rng.uniform(0.3, 0.4)
    street = _Street(rng, photographs, width * ss, high * ss, head_px * ss)
    shade = shadows(rng, head_px * ss)
    sun = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0), rng.uniform(0.1, 0.4)])
    exposure_s = float(rng.uniform(0.001, 0.015))
    camera = Camera(rng)

    lumas, truth = [], []
    for at in stamps:
        total: Grey | None = None
        fast = np.ptp(np.interp([at, at + exposure_s], s.t, s["yaw"])) * 0.009 * head_px
        parts = int(np.clip(np.ceil(fast), 1, 3))
        for part in range(parts):
            now = at + exposure_s * part / parts
            size = (start_px + (end_px - start_px) * now / s.seconds) * ss
            get = {name: s.at(name, now) for name in s.signals}
            shift_x, shift_y = get["camera_x"] * head_px * ss, get["camera_y"] * head_px * ss
            x = middle_x * ss + get["body_x"] * head_px * ss + shift_x
            y = middle_y * ss + get["body_y"] * size + shift_y
            canvas = street.draw(now, shift_x, shift_y)

            if other is not None and get["other_on"] < 0:
                other.draw_passing(canvas, get, x=x, y=y, height=size, sun=sun)
            person.draw_body(canvas, x=x, y=y, lean=get["lean"], height=size)
            pose = Pose(
                x + get["head_x"] * size,
                y + get["head_y"] * size,
                size, get["yaw"], get["pitch"], get["roll"] + get["lean"], get["mouth"],
            )  # fmt: skip
            heads.draw(canvas, person.head, pose, sun=sun)
            if get["hand_on"] > 0:
                person.draw_hand(
                    canvas,
                    x=x + get["hand_x"] * size,
                    y=y + get["hand_y"] * size,
                    turn=get["hand_turn"],
                    height=size,
                )
            if other is not None and get["other_on"] > 0:
                other.draw_passing(canvas, get, x=x, y=y, height=size, sun=sun)
            if get["shadow_on"] > 0:
                transform = np.array([[1, 0, get["shadow_x"] * size], [0, 1, 0]], np.float64)
                field = cv2.warpAffine(
                    shade, transform, (canvas.shape[1], canvas.shape[0]), borderMode=cv2.BORDER_WRAP
                )
                canvas *= 1 - get["shadow_on"] * field
            canvas *= 1 + get["light"]
            total = canvas if total is None else total + canvas
            if part == 0:
                truth.append((*heads.face_box(person.head, pose), get["yaw"], get["pitch"]))
        assert total is not None
        lumas.append(camera.take(total / parts, ss))
    true = np.array(truth)
    boxes = _boxes(rng, s, stamps, true[:, :4] / ss, true[:, 4:])
    convention = "head" if rng.random() < 0.5 else "face"
    if convention == "head":
        w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        boxes = boxes + np.stack([-0.1 * w, -0.3 * h, 0.1 * w, 0.05 * h], axis=1)
    facts: dict[str, object] = {
        "masked": person.masked, "photograph": person.photographed, "boxes": convention,
        "codec": camera.name, **s.facts,
    }  # fmt: skip
    stamped = stamps + np.clip(rng.normal(0, 0.002, len(stamps)), -0.004, 0.004)
    return Clip(camera.develop(np.stack(lumas), fps), boxes, stamped, facts, true[:, 4:])


class _Street:
    """What is behind the person: a photograph or painted walls, and things that pass."""

    def __init__(
        self, rng: np.random.Generator, photographs: Photographs, w: int, h: int, head: float
    ) -> None:
        self.margin = int(0.6 * head) + 2
        size = (w + 2 * self.margin, h + 2 * self.margin)
        if photographs.backgrounds and rng.random() < 0.6:
            path = photographs.backgrounds[rng.integers(len(photographs.backgrounds))]
            photograph = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            assert photograph is not None
            wall: Grey = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA).astype(
                np.float32
            )
            wall = cv2.GaussianBlur(wall, (0, 0), rng.uniform(0.3, 2) * head / 60 + 0.1)
        else:
            coarse = max(4, int(head * rng.uniform(0.1, 0.8)))
            small = rng.normal(0, 1, (size[1] // coarse + 2, size[0] // coarse + 2))
            wall = cv2.resize(
                small.astype(np.float32), size, interpolation=int(rng.choice([0, 1, 2]))
            )
            wall = rng.uniform(60, 190) + wall * rng.uniform(2, 40)
        self.wall = wall.astype(np.float32)
        self.size = (w, h)
        self.passing = [
            (
                rng.uniform(-2, 3) * w, rng.uniform(-4, 4) * head, rng.uniform(0.1, 0.9) * h,
                rng.uniform(0.3, 1.5) * head, rng.uniform(0.3, 2) * head, rng.uniform(20, 230),
            )
            for _ in range(rng.integers(0, 5))
        ]  # fmt: skip

    def draw(self, now_s: float, shift_x: float, shift_y: float) -> Grey:
        transform = np.array(
            [[1, 0, shift_x - self.margin], [0, 1, shift_y - self.margin]], dtype=np.float64
        )
        canvas = cv2.warpAffine(self.wall, transform, self.size, borderMode=cv2.BORDER_REPLICATE)
        for x, speed, y, w, h, tone in self.passing:
            left, top = x + speed * now_s + shift_x, y + shift_y
            corners = [(left, top), (left + w, top), (left + w, top + h), (left, top + h)]
            canvas += polygon(canvas.shape, np.array(corners)) * (tone - canvas)
        return canvas.astype(np.float32, copy=False)


def _times(rng: np.random.Generator, *, seconds: float, fps: float) -> NDArray[np.float64]:
    stamps = np.arange(0, seconds, 1 / fps)
    if rng.random() < 0.6:
        stamps = stamps + rng.uniform(-0.2, 0.2, len(stamps)) / fps
    if rng.random() < 0.4:
        stamps = stamps[rng.random(len(stamps)) > rng.uniform(0.02, 0.1)]
    return np.asarray(stamps - stamps[0])


def _boxes(
    rng: np.random.Generator,
    s: Script,
    stamps: NDArray[np.float64],
    true: NDArray[np.float64],
    turned: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns what detector and tracker make of the true boxes."""
    w, h = true[:, 2] - true[:, 0], true[:, 3] - true[:, 1]
    x, y = (true[:, 0] + true[:, 2]) / 2, (true[:, 1] + true[:, 3]) / 2
    pull = rng.uniform(0, 0.6)  # a detector follows the face, not the head
    x = x + pull * 0.5 * w * np.sin(np.radians(turned[:, 0]))
    y = y + pull * 0.5 * h * np.sin(np.radians(turned[:, 1]))
    x = x + np.interp(stamps, s.t, s["box_x"]) * w
    y = y + np.interp(stamps, s.t, s["box_y"]) * h
    jitter = rng.uniform(0.0, 0.04)
    n = len(stamps)
    x, y = x + rng.normal(0, jitter, n) * w, y + rng.normal(0, jitter, n) * h
    w, h = w * np.exp(rng.normal(0, jitter * 1.3, n)), h * np.exp(rng.normal(0, jitter * 1.3, n))
    if rng.random() < 0.5:  # seen now and then, foretold in between
        state, speed, seen_s = np.array([x[0], y[0], w[0], h[0]]), np.zeros(4), stamps[0]
        every_s = 1 / rng.uniform(4, 15)
        for i in range(n):
            passed = stamps[i] - seen_s
            foretold = state + speed * passed * [1, 1, 0, 0]
            now = np.array([x[i], y[i], w[i], h[i]])
            if passed >= every_s and rng.random() > 0.08:
                state = foretold + 0.7 * (now - foretold)
                speed = speed + 0.35 * (now - foretold) / passed
                seen_s, foretold = stamps[i], state
            x[i], y[i], w[i], h[i] = foretold
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def polygon(shape: tuple[int, ...], points: NDArray[np.float64]) -> Grey:
    """Returns how much of each pixel a polygon with corners x, y (n, 2) covers, 0..1."""
    cover = np.zeros(shape, np.uint8)
    fixed = np.round(points * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(cover, [fixed], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return cover.astype(np.float32) / 255


def _cloth(rng: np.random.Generator) -> Grey:
    cloth = np.full((512, 256), rng.uniform(25, 220), np.float32)
    small = rng.normal(0, 1, (32, 16)).astype(np.float32)
    cloth += cv2.resize(small, (256, 512), interpolation=cv2.INTER_CUBIC) * rng.uniform(1, 12)
    kind = rng.integers(4)
    x, y = np.arange(256)[None, :], np.arange(512)[:, None]
    if kind == 0:
        cloth *= 1 + 0.2 * np.sign(np.sin(x / rng.uniform(2, 8)))
    elif kind == 1:
        cloth *= 1 + 0.25 * np.sign(np.sin(y / rng.uniform(2, 10)))
    elif kind == 2:  # a jacket: opening and buttons
        cloth[:, 124:132] *= 0.6
        cloth[60::50, 120:126] = 220
    return cloth.astype(np.float32)


def shadows(rng: np.random.Generator, head: float) -> Grey:
    """Returns shadows as of leaves, 0..1, in spots that go with a head of so many px."""
    coarse = rng.uniform(0.25, 1.0) * head
    size = int(max(64, 6 * head))
    cells = max(2, int(size / coarse))
    small = rng.random((cells, cells)).astype(np.float32)
    field = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip((field - 0.4) * 3, 0, 1), np.float32)
