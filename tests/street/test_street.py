"""The rendered street: the same again for the same seed, and true to its truth."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskcam.records import MaskState
from maskcam.street import Light, Scene, SceneConfig
from maskcam.street.__main__ import main
from maskcam.street.walk import Gesture

SMALL = SceneConfig(seed=3, duration_s=40, size=(640, 360), people_per_minute=20)
BUSY = SceneConfig(seed=11, duration_s=80, people_per_minute=20, objectors=0.5)


@pytest.fixture(scope="module")
def small():
    return Scene(SMALL)


@pytest.fixture(scope="module")
def busy():
    return Scene(BUSY)


def test_same_seed_and_time_give_the_same_picture(small):
    first = small.render(12.3)
    small.render(3.0)
    assert np.array_equal(first, small.render(12.3))
    assert np.array_equal(first, Scene(SMALL).render(12.3))


def test_the_frame_rate_does_not_change_a_moment(small):
    other = Scene(replace(SMALL, fps=30))
    assert np.array_equal(small.render(7.0), other.render(7.0))


def test_another_seed_gives_another_street(small):
    assert not np.array_equal(small.street, Scene(replace(SMALL, seed=4)).street)


@pytest.mark.parametrize("light", list(Light))
def test_every_light_leaves_a_picture_to_look_at(light):
    picture = Scene(replace(SMALL, light=light)).render(10.0)
    assert picture.shape == (360, 640, 3)
    assert picture.dtype == np.uint8
    assert 25 < picture.mean() < 200
    assert picture.std() > 12


def test_an_empty_street_has_no_truth():
    scene = Scene(replace(SMALL, people_per_minute=0))
    assert scene.cast == ()
    assert scene.truth.passages == ()


@pytest.mark.parametrize("people", [0, 1, 4, 10])
def test_people_who_stand_are_all_in_view(people):
    scene = Scene(SceneConfig(seed=5, standing=people))
    for at_s in (0.0, 30.0, 5000.0):
        faces = scene.faces(at_s)
        assert len(faces) == people
        assert all(face.visible > 0.8 and face.box.height > 20 for face in faces)


def test_truth_and_counts_agree(busy):
    truth = busy.truth
    counts = truth.counts([0, 40, 80])
    counted = [p for p in truth.passages if not p.objecting]
    assert sum(sum(minute.values()) for minute in counts) == len(counted)
    assert sum(counts[0].values()) == sum(p.end_s < 40 for p in counted)
    assert truth.totals() == {
        state: sum(p.state is state for p in counted)
        for state in (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT)
    }
    assert len(truth.passages) > 15
    assert len(counted) < len(truth.passages)


def test_passages_last_and_end_within_the_scene(busy):
    for passage in busy.truth.passages:
        assert 0 <= passage.begin_s < passage.end_s < BUSY.duration_s
        assert passage.end_s - passage.begin_s >= 1


def test_truth_until_holds_only_what_was_shown(busy):
    early = busy.truth_until(40)
    whole = [p for p in busy.truth.passages if p.end_s < 39]
    assert set(whole) <= set(early.passages)
    assert max(p.end_s for p in early.passages) <= 40.2


def test_objections_are_clear_and_in_view(busy):
    objecting = [p for p in busy.truth.passages if p.objecting]
    assert len(objecting) >= 4
    for passage in objecting:
        ((begin_s, end_s),) = passage.objects
        assert passage.begin_s <= begin_s < end_s <= passage.end_s
        walker = busy.cast[passage.person]
        times = np.arange(begin_s, end_s, 0.01)
        figures = [walker.figure(t) for t in times]
        turn = np.degrees([f.heading + f.yaw for f in figures])
        assert 18 <= np.ptp(turn) <= 75
        assert np.sum(np.diff(np.sign(np.diff(turn))) != 0) >= 3
        for at_s in times[::10]:
            (face,) = (f for f in busy.faces(at_s) if f.person == passage.person)
            assert face.visible >= 0.8
            assert face.box.height >= 28


def test_nobody_else_shakes_the_head(busy):
    for number, walker in enumerate(busy.cast):
        shakes = [act for act in walker.acts if act.gesture is Gesture.SHAKE]
        objections = [p.objects for p in busy.truth.passages if p.person == number]
        assert len(shakes) == sum(len(times) for times in objections)


def test_others_nod_and_look_around():
    scene = Scene(replace(BUSY, objectors=0, duration_s=300))
    gestures = {act.gesture for walker in scene.cast for act in walker.acts}
    assert gestures == set(Gesture) - {Gesture.SHAKE}


def test_walkers_bob_twice_a_gait_cycle():
    scene = Scene(replace(BUSY, objectors=0))
    walker = scene.cast[3]
    times = np.arange(walker.begin_s, walker.begin_s + 6, 0.02)
    figures = [walker.figure(t) for t in times]
    bob, sway = (np.array([getattr(f, part) for f in figures]) for part in ("bob", "sway"))

    def beats_hz(signal):
        power = np.abs(np.fft.rfft(signal - signal.mean()))
        return np.fft.rfftfreq(len(signal), 0.02)[power.argmax()]

    assert 1.5 <= beats_hz(bob) <= 2.4
    assert beats_hz(bob) == pytest.approx(2 * beats_hz(sway), abs=0.2)


def test_shares_are_as_asked():
    scene = Scene(SceneConfig(seed=1, duration_s=3600, with_mask=0.6, incorrect=0.1, objectors=0))
    states = [walker.look.state for walker in scene.cast]
    share = {state: states.count(state) / len(states) for state in MaskState}
    assert share[MaskState.WITH_MASK] == pytest.approx(0.6, abs=0.06)
    assert share[MaskState.INCORRECT] == pytest.approx(0.1, abs=0.04)
    assert len(states) / 60 == pytest.approx(12 * 1.08, rel=0.05)


def test_faces_are_where_people_are_drawn(small):
    quiet = Scene(replace(SMALL, noise=0))
    checked = 0
    for at_s in np.arange(5, 35, 3.0):
        changed = np.abs(quiet.render(at_s).astype(int) - quiet.street).max(axis=2) > 8
        for face in quiet.faces(at_s):
            box = face.box
            if face.visible < 0.95 or box.height < 14:
                continue
            inside = changed[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
            assert inside.mean() > 0.75
            checked += 1
    assert checked > 5


def test_a_shake_moves_the_face_in_the_luma_picture(busy):
    """The picture moves as the truth says, so a stage that measures motion can work unaided."""
    passage = next(p for p in busy.truth.passages if p.objecting)
    ((begin_s, end_s),) = passage.objects
    walker = busy.cast[passage.person]
    times = np.arange(begin_s, end_s, 1 / 30)
    lumas = [cv2.cvtColor(busy.render(t), cv2.COLOR_RGB2GRAY) for t in times]
    moved, turned = [], []
    for index in range(1, len(times)):
        (face,) = (f for f in busy.faces(times[index - 1]) if f.person == passage.person)
        x, y = face.box.centre
        half = face.box.height * 0.35
        here = slice(int(y - half), int(y + half)), slice(int(x - half), int(x + half))
        before, now = (lumas[index + step][here] for step in (-1, 0))
        start = np.zeros((*now.shape, 2), np.float32)
        flow = cv2.calcOpticalFlowFarneback(before, now, start, 0.5, 2, 13, 3, 5, 1.1, 0)
        moved.append(float(np.median(flow[..., 0])))
        before, after = (walker.figure(t) for t in times[index - 1 : index + 1])
        turned.append(after.heading + after.yaw - before.heading - before.yaw)
    assert np.corrcoef(moved, turned)[0, 1] > 0.7


def test_writes_a_video_with_its_truth(tmp_path):
    video = tmp_path / "street.avi"
    assert main([str(video), "--seconds=2", "--fps=5", "--size=320x180", "--light=dusk"]) == 0
    capture = cv2.VideoCapture(str(video))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 10
    capture.release()
    truth = json.loads((tmp_path / "street.truth.json").read_text())
    assert truth["config"]["light"] == "dusk"
    assert [frame["at_s"] for frame in truth["faces"]] == [0.0]
    assert set(truth["totals"]) == {"with_mask", "without_mask", "incorrect"}


@pytest.mark.parametrize("name", ["street.txt", "nowhere/street.avi"])
def test_a_video_that_cannot_be_written_is_one_line(tmp_path, capfd, name):
    assert main([str(tmp_path / name), "--seconds", "1", "--size", "320x180"]) == 1
    assert "error:" in capfd.readouterr().err
