import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskcam.people.windows import MinuteCounts, Rules
from maskcam.records import MaskState, Passage

T0 = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
STATES = list(MaskState)


def offset_for(moment, at_s=0.0):
    """UTC minus monotonic time when it is `moment` at `at_s`."""
    return moment.timestamp() - at_s


def passages(counts, *times, state=MaskState.WITH_MASK):
    for at_s in times:
        counts.add(Passage(at_s, state))


def test_a_minute_of_enough_people_is_told_at_its_end():
    counts = MinuteCounts(started_at_s=0, rules=Rules())
    passages(counts, 1, 2, 3, 4)
    passages(counts, 5, state=MaskState.INCORRECT)
    counts.observe(0, 60)
    assert counts.advance(59.9, offset_for(T0)) == []
    (told,) = counts.advance(60, offset_for(T0))
    assert (told.start, told.minutes, told.people) == (T0, 1, 5)
    assert (told.with_mask, told.incorrect, told.observed_s) == (4, 1, 60)


def test_a_small_window_grows_by_whole_minutes():
    counts = MinuteCounts(started_at_s=0, rules=Rules())
    passages(counts, 10, 70, 80, 130, 140, 150)
    told = [c for t in (60, 120, 180) for c in counts.advance(t, offset_for(T0))]
    assert [(c.start, c.minutes, c.people) for c in told] == [(T0, 3, 6)]


def test_a_window_that_stays_small_is_told_without_figures():
    counts = MinuteCounts(started_at_s=0, rules=Rules(max_window_minutes=2))
    passages(counts, 10)
    (told,) = counts.advance(120, offset_for(T0))
    assert told.suppressed
    assert told.people is None
    assert told.minutes == 2


def test_min_people_1_tells_every_minute_even_empty_ones():
    counts = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    assert [c.people for c in counts.advance(180, offset_for(T0))] == [0, 0, 0]


def test_decree_tells_20_minutes_15_minutes_late():
    counts = MinuteCounts(started_at_s=0, rules=Rules.preset("decree"))
    passages(counts, *range(10))
    assert counts.advance(34 * 60 + 59, offset_for(T0)) == []
    (told,) = counts.advance(35 * 60, offset_for(T0))
    assert (told.minutes, told.people) == (20, 10)


def test_decree_of_9_people_grows():
    counts = MinuteCounts(started_at_s=0, rules=Rules.preset("decree"))
    passages(counts, *range(9), 20 * 60 + 5)
    (told,) = counts.advance(40 * 60, offset_for(T0))
    assert (told.minutes, told.people) == (21, 10)


def test_a_preset_keeps_what_is_given():
    rules = Rules.preset("decree", min_people=30, max_window_minutes=40)
    assert (rules.min_people, rules.max_window_minutes, rules.delay_minutes) == (30, 40, 15)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_people": 0},
        {"max_window_minutes": 0},
        {"delay_minutes": -1},
        {"min_window_minutes": 20, "max_window_minutes": 10},
    ],
)
def test_wrong_rules_are_refused(wrong):
    with pytest.raises(ValueError):
        Rules(**wrong)


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="standard or decree"):
        Rules.preset("strict")


def test_the_first_minute_is_cut_at_the_whole_minute():
    counts = MinuteCounts(started_at_s=100, rules=Rules(min_people=1))
    counts.observe(100, 300)
    told = counts.advance(140, offset_for(T0 + timedelta(seconds=20), 100))
    assert [(c.start, c.observed_s) for c in told] == [(T0, 40)]
    told = counts.advance(200, offset_for(T0 + timedelta(seconds=20), 100))
    assert [(c.start, c.observed_s) for c in told] == [(T0 + timedelta(minutes=1), 60)]


def test_windows_wait_until_utc_is_known_and_are_stamped_then():
    counts = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    passages(counts, 10, 70, 150)
    assert counts.advance(155, None) == []
    told = counts.advance(155, offset_for(T0 + timedelta(seconds=20)))
    told += counts.advance(220, offset_for(T0 + timedelta(seconds=20)))
    starts = [T0 + timedelta(minutes=i) for i in range(4)]
    assert [c.start for c in told] == starts[: len(told)]
    assert [c.people for c in told] == [1, 1, 1, 0][: len(told)]
    # The open minute, begun at 8:33:20, was cut at 8:34:00: from then on minutes are true.
    assert counts.advance(159.99 + 60, offset_for(T0 + timedelta(seconds=20))) == []


@pytest.mark.parametrize("step_s", [3600, -3600, 7.5, -7.5, 86400 * 365])
def test_a_step_of_the_wall_clock_shifts_and_doubles_nothing(step_s):
    counts = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    told = []
    for t in range(0, 3600, 5):
        passages(counts, t)
        counts.observe(t, t + 5)
        told += counts.advance(t, offset_for(T0) + (step_s if t > 1000 else 0))
    assert [c.start for c in told] == [T0 + timedelta(minutes=i) for i in range(len(told))]
    assert len(told) in (58, 59, 60)
    assert all(11 <= c.people <= 13 for c in told)
    assert all(59 <= c.observed_s <= 60 for c in told)


def test_a_drifting_clock_is_followed():
    counts = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    drift = 0.0002  # 200 ppm, far more than a crystal has
    told = []
    for t in range(0, 86401, 30):
        told += counts.advance(t, offset_for(T0) + drift * t)
    utc_s = 86400 * (1 + drift)
    assert abs(len(told) - utc_s / 60) <= 1


def test_a_restart_within_the_minute_tells_no_start_twice():
    first = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    passages(first, 5)
    told = first.finish(20, offset_for(T0))
    end = told[-1].start + timedelta(minutes=told[-1].minutes)
    second = MinuteCounts(started_at_s=25, rules=Rules(min_people=1), not_before=end)
    passages(second, 30, 70)
    told += second.advance(120, offset_for(T0))
    assert [(c.start, c.people) for c in told] == [(T0, 1), (T0 + timedelta(minutes=1), 2)]
    assert told[-1].observed_s <= 60


def test_a_small_last_window_is_told_without_figures():
    counts = MinuteCounts(started_at_s=0, rules=Rules())
    passages(counts, 10, 20, 30, 40)
    (told,) = counts.finish(50, offset_for(T0))
    assert told.suppressed
    assert told.people is None


def test_a_last_window_of_enough_people_is_told():
    counts = MinuteCounts(started_at_s=0, rules=Rules())
    passages(counts, 10, 20, 30, 40, 50)
    (told,) = counts.finish(50, offset_for(T0))
    assert told.people == 5


@pytest.mark.parametrize(("early", "people"), [(True, 12), (False, None)])
def test_a_stop_tells_delayed_windows_early_only_of_a_recording(early, people):
    counts = MinuteCounts(started_at_s=0, rules=Rules.preset("decree"))
    passages(counts, *range(12))
    told = counts.finish(25 * 60, offset_for(T0), early=early)
    assert [c.people for c in told] == [people, None]


def test_nothing_is_told_without_utc():
    counts = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    assert counts.finish(600, None) == []


def test_a_year_without_utc_is_kept_in_bounded_memory_and_loses_nobody():
    counts = MinuteCounts(started_at_s=0, rules=Rules(min_people=1))
    minutes = 20_000
    for minute in range(minutes):
        counts.add(Passage(60.0 * minute + 1, MaskState.WITH_MASK))
        counts.advance(60.0 * (minute + 1), None)
    assert len(counts._closed) <= 1500
    told = counts.advance(60.0 * minutes, offset_for(T0))
    assert sum(c.people for c in told) == minutes
    assert sum(c.minutes for c in told) == minutes
    assert counts.dropped == 0


steps = st.lists(
    st.tuples(
        st.floats(0.01, 400),  # time since the step before
        st.one_of(st.none(), st.floats(-4000, 4000)),  # error of the wall clock; None: unknown
        st.lists(st.tuples(st.floats(0, 1), st.sampled_from(STATES)), max_size=6),
    ),
    min_size=1,
    max_size=60,
)
all_rules = st.builds(
    lambda people, shortest, more, delay: Rules(
        min_people=people,
        min_window_minutes=shortest,
        max_window_minutes=shortest + more,
        delay_minutes=delay,
    ),
    st.integers(1, 12),
    st.integers(1, 20),
    st.integers(0, 40),
    st.integers(0, 15),
)


@settings(max_examples=150, deadline=None)
@given(steps=steps, rules=all_rules, began=st.floats(0, 120), behind=st.integers(-3, 3))
def test_every_passage_is_in_exactly_one_window(steps, rules, began, behind):
    not_before = T0 + timedelta(minutes=behind)
    counts = MinuteCounts(started_at_s=0, rules=rules, not_before=not_before)
    utc = offset_for(T0) + began
    told, booked, now = [], [], 0.0
    for more_s, error_s, people in steps:
        for part, state in people:
            passage = Passage(now + part * more_s, state)
            counts.add(passage)
            booked.append(passage)
        counts.observe(now, now + more_s)
        now += more_s
        told += counts.advance(now, None if error_s is None else utc + error_s)
    # All that is not withheld must add up; a twin that may tell everything sees all of it.
    told += counts.finish(now, utc, early=True)
    ends = [c.start + timedelta(minutes=c.minutes) for c in told]
    assert all(c.start.second == 0 and c.start.microsecond == 0 for c in told)
    assert all(end == later.start for end, later in zip(ends, told[1:], strict=False))
    assert all(a.start < b.start for a, b in pairwise(told))
    assert all(0 <= c.observed_s <= 60 * c.minutes + 1e-6 for c in told)
    for count in told:
        if count.people is None:
            assert count.suppressed
        else:
            assert count.people >= rules.min_people or rules.min_people == 1
            assert count.minutes >= rules.min_window_minutes
    shown = [c.people for c in told if c.people is not None]
    if not any(c.suppressed for c in told):
        for state in STATES:
            assert sum(getattr(c, state.value) for c in told) == sum(
                p.state is state for p in booked
            )
    assert sum(shown) <= len(booked)
    if rules.min_people == 1 and rules.min_window_minutes == 1:
        assert sum(shown) == len(booked)
    assert math.isfinite(sum(c.observed_s for c in told))
