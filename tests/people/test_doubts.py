import pytest

from maskcam.people.doubts import Doubts
from maskcam.people.passages import Crowd
from maskcam.records import Box, Detection, MaskState


def look(size, score, *, x=100.0):
    return Detection(Box(x, 100, x + size, 100 + size), MaskState.WITHOUT_MASK, score)


def seen(sizes, *scores, doubled=()):
    doubts = Doubts()
    for k, size in enumerate(sizes):
        doubts.add(
            look(size, scores[k % len(scores)]), k / 10, high_score=0.6, doubled=k in doubled
        )
    return doubts


@pytest.mark.parametrize(
    ("sizes", "scores", "nobody"),
    [
        ((60, 40, 20), (0.4, 0.7, 0.4), True),  # a back is sure now and then
        ((20, 40, 60), (0.4, 0.7, 0.4), False),
        ((60, 50, 44), (0.4, 0.7, 0.4), True),
        ((60, 50, 48), (0.4, 0.7, 0.4), False),  # a box that is cut by the edge of the picture
        ((60, 40, 20), (0.9,), False),  # a face that is seen well, though it goes
        ((60, 40, 20), (0.75,), True),  # a back may be rather sure, until it is far
        ((60, 50, 40), (0.75,), False),
        ((60, 50, 40), (0.4, 0.7, 0.7), False),
        ((20, 60, 20), (0.4, 0.7, 0.4), False),  # came, and went back
        ((), (0.4,), False),
    ],
)
def test_a_back_goes_away_and_is_unsure(sizes, scores, nobody):
    assert seen(sizes, *scores).is_nobody() is nobody


@pytest.mark.parametrize(("sure", "nobody"), [(1, True), (2, True), (4, False)])
def test_a_thing_that_looks_like_a_face_is_hardly_ever_sure(sure, nobody):
    assert seen([20] * 10, *[0.7] * sure, *[0.4] * (10 - sure)).is_nobody() is nobody


@pytest.mark.parametrize(("looks", "nobody"), [(10, True), (6, True), (4, False), (0, False)])
def test_what_lies_on_the_face_of_somebody_is_no_second_person(looks, nobody):
    assert seen([30] * 10, 0.9, doubled=range(looks)).is_nobody() is nobody


@pytest.mark.parametrize(
    ("seconds", "step_px", "nobody"),
    [
        (60, 0.0, True),
        (60, 0.2, True),
        (60, 0.5, False),  # somebody who waits moves half a face in a minute
        (25, 0.0, False),
    ],
)
def test_a_face_that_never_moves_is_a_poster(seconds, step_px, nobody):
    doubts = Doubts()
    for k in range(seconds + 1):
        doubts.add(look(40, 0.9, x=100 + step_px * k), float(k), high_score=0.6)
    assert doubts.is_nobody() is nobody


def test_parts_of_a_track_are_one():
    later = seen((30, 20), 0.4, 0.7)
    later.merge(seen((60, 45), 0.4, 0.7))
    assert later.is_nobody()
    empty = Doubts()
    empty.merge(seen((60, 40, 20), 0.4, 0.7, 0.4))
    assert empty.is_nobody()
    later = seen((20, 30), 0.7)
    later.merge(Doubts())
    assert not later.is_nobody()


@pytest.mark.parametrize(("goes", "counted"), [(True, 0), (False, 1)])
def test_who_walks_away_is_in_no_figure(goes, counted):
    crowd = Crowd(frame_size=(1280, 720), high_score=0.6, recording=True)
    sizes = [20 + k for k in range(50)]
    if goes:
        sizes.reverse()
    for k, size in enumerate(sizes):
        # a new track needs one sure look, a back gives just some of them
        x, y, score = 600, 300 + size, 0.65 if k % 3 == 0 else 0.45
        box = Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        crowd.update([Detection(box, MaskState.WITHOUT_MASK, score)], k / 10)
        crowd.take_passages(k / 10, observed=True)
    assert len(crowd.finish(5.0)) == counted


def test_a_mask_found_beside_its_face_is_not_counted_but_a_face_beside_another_is():
    crowd = Crowd(frame_size=(1280, 720), high_score=0.6, recording=True)
    for k in range(40):
        x, y = 200.0 + 10 * k, 300.0
        face = Box(x, y, x + 40, y + 50)
        low = 45 if k == 5 else 30  # at first beside the face, then more than half on it
        mask = Box(x + 4, y + low, x + 36, y + low + 35)
        other = Box(x + 35, y, x + 75, y + 50)
        boxes = [face, other] + [mask] * (k > 4)
        crowd.update([Detection(box, MaskState.WITH_MASK, 0.9) for box in boxes], k / 10)
        crowd.take_passages(k / 10, observed=True)
    assert len(crowd.finish(4.0)) == 2
