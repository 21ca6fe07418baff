"""Whose face can be seen, and who hides whom."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from maskcam.street.figure import Figure, face_box, outlines, visible_share
from maskcam.street.geometry import PinholeCamera
from maskcam.street.truth import FaceTruth
from maskcam.street.walk import Act, Gesture, Walker

_SHAKE_FACE_PX = 28.0
_SHAKE_SEEN = 0.8
_LOOK_S = 0.1
_LONGEST_S = 60.0
"""No walk takes longer; whoever stands still is asked for every time."""


def people_at(cast: Sequence[Walker], at_s: float) -> dict[int, Figure]:
    """Returns who is in the street at a time, by their number in the cast.

    The cast is in the order of beginning, as `draw_cast` returns it.
    """
    first = bisect_left(cast, at_s - _LONGEST_S, key=lambda walker: walker.begin_s)
    last = bisect_right(cast, at_s, key=lambda walker: walker.begin_s)
    if cast and cast[0].still:
        first = 0
    found = ((number, cast[number].figure(at_s)) for number in range(first, last))
    return {number: figure for number, figure in found if figure is not None}


def faces_of(people: dict[int, Figure], camera: PinholeCamera) -> list[FaceTruth]:
    """Returns the faces that are turned to the camera and at least partly in the frame."""
    out = []
    for number, figure in people.items():
        box = face_box(figure, camera)
        if box is None:
            continue
        nearer = [outlines(f, camera) for f in people.values() if f.z < figure.z]
        share = visible_share(box, nearer, camera.size)
        if share > 0:
            out.append(FaceTruth(number, box, share, figure.look.state))
    return out


def only_seen_objections(cast: Sequence[Walker], camera: PinholeCamera) -> tuple[Walker, ...]:
    """Returns the cast without the head shakes that nobody could see.

    People who mean to object make sure to be seen: the head is large enough and
    no one is in front of it from beginning to end.
    """
    out = list(cast)
    for number, walker in enumerate(cast):
        kept = tuple(
            act
            for act in walker.acts
            if act.gesture is not Gesture.SHAKE or _is_seen(out, number, act, camera)
        )
        if kept != walker.acts:
            out[number] = replace(walker, acts=kept, stop_s=None)
    return tuple(out)


def _is_seen(cast: Sequence[Walker], number: int, act: Act, camera: PinholeCamera) -> bool:
    for at_s in np.arange(act.begin_s, act.end_s, _LOOK_S):
        faces = faces_of(people_at(cast, float(at_s)), camera)
        mine = next((face for face in faces if face.person == number), None)
        if mine is None or mine.visible < _SHAKE_SEEN or mine.box.height < _SHAKE_FACE_PX:
            return False
    return True
