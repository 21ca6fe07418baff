import pytest

from maskcam.people.votes import MaskVote
from maskcam.records import Box, Detection, MaskState

CLASSES = [MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT]


def face(state, score=0.9, size=60.0):
    return Detection(Box(10, 10, 10 + size, 10 + size), state, score)


@pytest.mark.parametrize("state", CLASSES)
def test_each_class_wins_with_its_own_votes(state):
    vote = MaskVote()
    for _ in range(3):
        vote.add(face(state))
    assert vote.state() is state


@pytest.mark.parametrize("state", CLASSES)
def test_no_class_is_taken_for_another(state):
    vote = MaskVote()
    vote.add(face(state))
    for other in CLASSES:
        if other is not state:
            vote.add(face(other, score=0.2))
    assert vote.state() is state


def test_nothing_seen_is_unclear():
    assert MaskVote().state() is MaskState.UNCLEAR


def test_a_tie_is_unclear():
    vote = MaskVote()
    for state in (MaskState.WITH_MASK, MaskState.WITHOUT_MASK):
        vote.add(face(state))
    assert vote.state() is MaskState.UNCLEAR


def test_few_far_and_unsure_looks_are_unclear():
    vote = MaskVote()
    for _ in range(3):
        vote.add(face(MaskState.WITH_MASK, score=0.4, size=16))
    assert vote.state() is MaskState.UNCLEAR


def test_a_near_look_outweighs_far_ones():
    vote = MaskVote()
    for _ in range(3):
        vote.add(face(MaskState.WITHOUT_MASK, score=0.5, size=16))
    vote.add(face(MaskState.WITH_MASK, score=0.9, size=80))
    assert vote.state() is MaskState.WITH_MASK


def test_unclear_is_no_vote():
    with pytest.raises(KeyError):
        MaskVote().add(face(MaskState.UNCLEAR))


def test_cleared_votes_are_gone():
    vote = MaskVote()
    vote.add(face(MaskState.INCORRECT))
    vote.clear()
    assert vote.state() is MaskState.UNCLEAR


def test_votes_of_two_parts_add_up():
    vote, later = MaskVote(), MaskVote()
    vote.add(face(MaskState.WITHOUT_MASK))
    for _ in range(3):
        later.add(face(MaskState.WITH_MASK))
    vote.merge(later)
    assert vote.state() is MaskState.WITH_MASK
