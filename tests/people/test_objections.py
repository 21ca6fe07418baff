import pytest

from maskcam.people.objections import Objections
from maskcam.people.place import Place
from maskcam.records import Box


def box(x, y=300.0, size=40.0):
    return Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def place(x, at_s, *, drift=(0.0, 0.0), size=40.0):
    return Place(box(x, size=size), drift, at_s)


def lost(x=300.0, at_s=10.0, drift=(0.0, 0.0)):
    """Objections of one track that was lost at x."""
    objections = Objections()
    objections.begin(1, box(x), 0.0, {})
    objections.add(1, {1: place(x, at_s)})
    objections.end(1, place(x, at_s, drift=drift))
    return objections


@pytest.mark.parametrize(("x", "at_s"), [(300, 11.5), (330, 11.5), (300, 12.9), (270, 12)])
def test_a_track_that_begins_near_inherits(x, at_s):
    objections = lost()
    assert objections.begin(2, box(x), at_s, {})
    assert 2 in objections


@pytest.mark.parametrize(("x", "at_s"), [(600, 11.5), (340, 10.1), (300, 20.0)])
def test_a_track_that_begins_elsewhere_or_later_does_not(x, at_s):
    objections = lost()
    assert not objections.begin(2, box(x), at_s, {})
    assert 2 not in objections


def test_a_much_larger_face_is_another_person():
    assert not lost().begin(2, box(300, size=100), 11.5, {})


def test_who_walked_on_inherits_at_the_end_of_the_path_and_along_it():
    for x in (300, 380, 460):
        assert lost(drift=(80.0, 0.0)).begin(2, box(x), 12.0, {})


def test_two_successors_both_inherit():
    objections = lost()
    assert objections.begin(2, box(290), 11.5, {})
    assert objections.begin(3, box(310), 11.6, {2: place(290, 11.6)})


def test_a_track_still_alive_but_unseen_passes_its_objection_on():
    objections = Objections()
    objections.begin(1, box(300), 0.0, {})
    objections.add(1, {1: place(300, 5.0)})
    assert objections.begin(2, box(320), 5.6, {1: place(300, 5.0)})


def test_a_shake_reaches_the_track_that_had_taken_over():
    objections = Objections()
    objections.begin(1, box(300), 0.0, {})
    objections.begin(2, box(320), 5.6, {1: place(300, 5.0)})
    assert objections.add(1, {1: place(300, 5.0), 2: place(320, 6.0)}) == {1, 2}


def test_a_shake_does_not_reach_who_was_there_before():
    objections = Objections()
    objections.begin(1, box(300), 0.0, {})
    objections.begin(2, box(320), 1.0, {1: place(300, 1.0)})
    assert objections.add(1, {1: place(300, 5.0), 2: place(320, 5.0)}) == {1}


def test_memory_is_bounded():
    objections = Objections()
    for track in range(1000):
        objections.add(track, {})
        objections.end(track, place(track, 0.0))
    assert len(objections._lost) <= 64
    assert not objections._tracks
    objections.begin(2000, box(0), 100.0, {})
    assert not objections._lost


def test_a_track_that_comes_back_on_another_person_leaves_its_objection_behind_too():
    objections = Objections()
    objections.begin(1, box(300), 0.0, {})
    objections.add(1, {1: place(300, 5.0)})
    objections.resume(1, place(300, 5.0), 6.0)
    assert objections.begin(2, box(305), 6.5, {1: place(345, 6.4)})


def test_a_track_seen_without_a_gap_leaves_nothing_behind():
    objections = Objections()
    objections.begin(1, box(300), 0.0, {})
    objections.add(1, {1: place(300, 5.0)})
    objections.resume(1, place(300, 5.0), 5.3)
    assert not objections.begin(2, box(300), 5.4, {1: place(400, 5.4)})


@pytest.mark.parametrize(("seen_s", "objecting"), [(5.8, {1, 2}), (7.0, {1})])
def test_a_shake_reaches_the_track_that_may_have_swapped_persons_a_moment_ago(seen_s, objecting):
    objections = Objections()
    objections.spread(2, 1, 5.0)
    places = {1: place(300, seen_s), 2: place(340, seen_s)}
    assert objections.add(1, places) == objecting


def test_a_track_that_is_over_has_swapped_with_nobody():
    objections = Objections()
    objections.spread(1, 2, 5.0)
    objections.end(2, place(340, 5.0))
    assert objections.add(1, {1: place(300, 5.5)}) == {1}
    assert not objections._mixed


@pytest.mark.parametrize(("at_s", "inherits"), [(13.0, True), (16.4, True), (17.0, False)])
def test_who_objects_unseen_may_stay_so_for_longer(at_s, inherits):
    objections = Objections()
    objections.add(1, {1: place(300, 10.0)})
    objections.stay(1, place(300, 10.0), 11.5)
    objections.end(1, place(300, 10.0))
    assert objections.begin(2, box(305), at_s, {}) == inherits


def test_who_objects_in_view_is_not_looked_for_at_that_place():
    objections = Objections()
    objections.add(1, {1: place(300, 10.0)})
    objections.stay(1, place(300, 10.0), 10.2)
    assert not objections.begin(2, box(305), 10.5, {1: place(400, 10.4)})
