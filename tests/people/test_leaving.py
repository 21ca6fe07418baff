import pytest

from maskcam.people.leaving import Leaving
from maskcam.people.passages import Crowd
from maskcam.records import Box, Detection, MaskState


def look(size, score):
    return Detection(Box(100, 100, 100 + size, 100 + size), MaskState.WITHOUT_MASK, score)


def seen(sizes, score):
    leaving = Leaving()
    for size in sizes:
        leaving.add(look(size, score), high_score=0.6)
    return leaving


@pytest.mark.parametrize(
    ("sizes", "score", "behind"),
    [
        ((60, 40, 20), 0.4, True),
        ((20, 40, 60), 0.4, False),
        ((60, 50, 44), 0.4, True),
        ((60, 50, 48), 0.4, False),  # a box that is cut by the edge of the picture
        ((60, 40, 20), 0.7, False),  # a face that is seen well, though it goes
        ((20, 60, 20), 0.4, False),  # came, and went back
        ((40, 40, 40), 0.4, False),
        ((), 0.4, False),
    ],
)
def test_only_a_back_that_goes_away_is_one(sizes, score, behind):
    assert seen(sizes, score).from_behind() is behind


@pytest.mark.parametrize(("scores", "behind"), [((0.4, 0.7, 0.4), True), ((0.4, 0.7, 0.7), False)])
def test_a_back_is_sure_now_and_then(scores, behind):
    leaving = Leaving()
    for size, score in zip((60, 50, 40), scores, strict=True):
        leaving.add(look(size, score), high_score=0.6)
    assert leaving.from_behind() is behind


def test_parts_of_a_track_are_one_way():
    later = seen((30, 20), 0.4)
    later.merge(seen((60, 45), 0.4))
    assert later.from_behind()


@pytest.mark.parametrize(("goes", "counted"), [(True, 0), (False, 1)])
def test_who_walks_away_is_in_no_figure(goes, counted):
    crowd = Crowd(frame_size=(1280, 720), high_score=0.6, recording=True)
    sizes = [20 + k for k in range(50)]
    if goes:
        sizes.reverse()
    for k, size in enumerate(sizes):
        # a new track needs one sure look, a back gives just a few of them
        x, y, score = 600, 300 + size, 0.65 if k % 10 == 0 else 0.45
        box = Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        crowd.update([Detection(box, MaskState.WITHOUT_MASK, score)], k / 10)
        crowd.take_passages(k / 10, observed=True)
    assert len(crowd.finish(5.0)) == counted
