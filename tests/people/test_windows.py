"""Windows: fixed in time, each published once, with noise that sums do not feel."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import MaskState, MinuteCount, Passage, WindowKind

T0 = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
STATES = list(MaskState)
EXACT = WindowRules.preset("standard", exact=True)


def offset_for(moment, at_s=0.0):
    """UTC minus monotonic time when it is `moment` at `at_s`."""
    return moment.timestamp() - at_s


def counting(rules=EXACT, **changes):
    values = {
        "started_at_s": 0.0,
        "rules": rules,
        "next_run": count(1).__next__,
        "random_below": random.Random(1).randrange,
    }
    return MinuteCounts(**values | changes)


def book(counts, *times, state=MaskState.WITH_MASK):
    for at_s in times:
        counts.add(Passage(at_s, state))


def minutes(published):
    return [one for one in published if one.kind is WindowKind.COUNT]


def hours(published):
    return [one for one in published if one.kind is WindowKind.HOUR]


def advanced(counts, until_s, offset_s, *, step_s=60.0, from_s=0.0):
    """Advances in steps with everything observed; returns all that was published."""
    published, at_s = [], from_s
    while at_s <= until_s:
        published += counts.advance(at_s, offset_s)
        counts.observe(at_s, at_s + step_s)
        at_s += step_s
    return published


def test_a_minute_is_published_at_its_end_also_when_nobody_passed():
    counts = counting()
    counts.advance(0, offset_for(T0))
    counts.observe(0, 200)
    book(counts, 61, 62)
    book(counts, 63, state=MaskState.INCORRECT)
    assert counts.advance(119.9, offset_for(T0)) == []
    (first,) = counts.advance(120, offset_for(T0))
    assert (first.start, first.minutes, first.people) == (T0 + timedelta(minutes=1), 1, 3)
    assert (first.with_mask, first.incorrect, first.observed_s) == (2, 1, 60)
    (second,) = counts.advance(180, offset_for(T0))
    assert (second.people, second.observed_s) == (0, 60)


def test_counting_begins_with_the_next_whole_minute():
    counts = counting(started_at_s=100.0)
    offset_s = offset_for(T0 + timedelta(seconds=20), 100)
    counts.advance(100, offset_s)
    assert not counts.has_begun(139.9)
    assert counts.has_begun(140)
    published = advanced(counts, 260, offset_s, from_s=140)
    assert [(one.start, one.observed_s) for one in published] == [
        (T0 + timedelta(minutes=1), 60),
        (T0 + timedelta(minutes=2), 60),
    ]


def test_a_minute_that_is_not_over_is_never_published():
    counts = counting()
    counts.advance(0, offset_for(T0))
    book(counts, 70)
    assert minutes(counts.finish(119, offset_for(T0))) == []


def test_counts_are_null_exactly_where_nothing_was_observed():
    counts = counting()
    counts.advance(0, offset_for(T0))
    book(counts, 70)
    counts.observe(61.0, 61.4)
    counts.observe(121.0, 121.6)
    blind, short = counts.advance(180, offset_for(T0))
    assert (blind.observed_s, blind.people, blind.with_mask) == (0, None, None)
    assert (short.observed_s, short.people) == (1, 0)


def test_decree_counts_in_whole_20_minutes():
    """They are handed on, and noised, as soon as they are over: the publisher waits."""
    counts = counting(WindowRules.preset("decree", exact=True))
    published = {}
    for at_s in range(0, 5400, 30):
        book(counts, at_s)
        counts.observe(at_s, at_s + 30)
        for one in counts.advance(at_s + 30, offset_for(T0)):
            published[one.kind, one.start] = (at_s + 30, one)
    first_s, first = published[WindowKind.COUNT, T0.replace(minute=40)]
    assert (first.minutes, first.people) == (20, 40)
    assert first_s == 29 * 60
    hour_s, hour = published[WindowKind.HOUR, T0 + timedelta(minutes=1)]
    assert (hour.minutes, hour_s) == (28, 29 * 60)
    assert all(one.start.minute % 20 == 0 for (kind, _), (_, one) in published.items()
               if kind is WindowKind.COUNT)  # fmt: skip


@pytest.mark.parametrize(
    ("minute", "until_min", "lengths"),
    [(56, 10, []), (56, 64, [60]), (39, 30, [20]), (39, 45, [20, 24]), (0, 19, []), (0, 21, [20])],
)
def test_decree_tells_of_no_part_of_an_hour_shorter_than_its_windows(minute, until_min, lengths):
    """Else a start or a stop near the end of an hour told of single minutes."""
    counts = counting(WindowRules.preset("decree", exact=True))
    offset_s = offset_for(T0.replace(minute=minute))
    until_s = 60.0 * until_min
    published = advanced(counts, until_s, offset_s) + counts.finish(until_s + 30, offset_s)
    assert [one.minutes for one in hours(published)] == lengths
    assert all(one.minutes == 20 for one in minutes(published))


@pytest.mark.parametrize(("minute", "lengths"), [(31, [28, 60, 30]), (59, [60, 60]), (0, [59, 60])])
def test_hours_are_those_of_utc_or_the_part_that_was_counted(minute, lengths):
    counts = counting()
    offset_s = offset_for(T0.replace(minute=minute))
    until_s = 60.0 * (sum(lengths) + 1)
    published = advanced(counts, until_s, offset_s) + counts.finish(until_s + 30, offset_s)
    assert [one.minutes for one in hours(published)] == lengths
    assert all(one.start.minute + one.minutes <= 60 for one in hours(published))
    ends = [one.start + timedelta(minutes=one.minutes) for one in hours(published)]
    assert ends[:-1] == [one.start for one in hours(published)][1:]
    assert sum(one.observed_s for one in hours(published)) == 60 * sum(lengths)


def test_hours_and_minutes_hold_the_same_people_and_have_noise_of_their_own():
    rules = WindowRules(epsilon_minute=1.0, epsilon_hour=0.5)
    exact, noisy = counting(), counting(rules)
    differences = []
    for counts in (exact, noisy):
        published = []
        for at_s in range(0, 3600 * 30, 60):
            book(counts, at_s + 1, at_s + 2)
            counts.observe(at_s, at_s + 60)
            published += counts.advance(at_s + 60, offset_for(T0.replace(minute=59)))
        if counts is exact:
            assert {one.people for one in minutes(published)} == {2}
            assert {one.people for one in hours(published)} == {120}
            assert {one.epsilon for one in published} == {None}
        else:
            assert {one.epsilon for one in minutes(published)} == {1.0}
            assert {one.epsilon for one in hours(published)} == {0.5}
            differences = [one.unclear for one in minutes(published)]
            assert len({one.incorrect for one in hours(published)}) > 5
    assert min(differences) < 0 < max(differences)
    assert abs(sum(differences) / len(differences)) < 0.2


def test_windows_wait_until_utc_is_known_and_are_stamped_then():
    counts = counting()
    counts.advance(0, None)
    assert counts.has_begun(0)
    book(counts, 10, 70, 150)
    counts.observe(0, 240)
    assert counts.advance(155, None) == []
    published = minutes(counts.advance(155, offset_for(T0 + timedelta(seconds=20))))
    published += minutes(counts.advance(220, offset_for(T0 + timedelta(seconds=20))))
    starts = [T0 + timedelta(minutes=i) for i in range(4)]
    assert [one.start for one in published] == starts[: len(published)]
    # The open minute, begun at 8:33:20, was cut at 8:34:00: from then on minutes are true.
    assert [(one.people, one.observed_s) for one in published] == [
        (1, 60),
        (1, 60),
        (1, 40),
        (0, 60),
    ]


@pytest.mark.parametrize("step_s", [3600, 7.5, 2.5, 45, 86400 * 365])
def test_a_clock_that_steps_forward_leaves_minutes_out_and_doubles_none(step_s):
    counts, published, people = counting(), [], 0
    for at_s in range(0, 3600, 5):
        book(counts, at_s)
        counts.observe(at_s, at_s + 5)
        published += counts.advance(at_s, offset_for(T0) + (step_s if at_s > 1000 else 0))
    published = minutes(published)
    assert {one.run for one in published} == {1}
    assert len({one.start for one in published}) == len(published) >= 57
    people = sum(one.people for one in published)
    assert people >= 3540 / 5 - 24  # at most two minutes, and the first one, are lost
    late = [one for one in published if one.start > T0 + timedelta(minutes=18)]
    assert {(one.people, one.observed_s) for one in late[2:]} == {(12, 60)}
    assert late[-1].start.timestamp() == pytest.approx(3540 + T0.timestamp() + step_s, abs=90)


@pytest.mark.parametrize("step_s", [3600, 7.5, 2.5, 45, 7200])
def test_minutes_come_again_only_under_a_higher_run_when_a_clock_steps_back(step_s):
    counts, published = counting(), []
    for at_s in range(0, 10_000, 5):
        book(counts, at_s)
        counts.observe(at_s, at_s + 5)
        published += counts.advance(at_s, offset_for(T0) - (step_s if at_s > 8000 else 0))
    for part in (minutes(published), hours(published)):
        keys = [(one.run, one.start) for one in part]
        assert len(set(keys)) == len(keys)
    runs = {one.run for one in published}
    assert runs == ({1, 2} if step_s >= 60 else {1})
    right = [one for one in minutes(published) if one.run == max(runs)][-25:]
    assert {(one.people, one.observed_s) for one in right} == {(12, 60)}


def test_a_clock_that_is_an_hour_ahead_for_its_first_minute_costs_one_minute():
    counts, published = counting(), []
    for at_s in range(0, 4 * 3600, 5):
        book(counts, at_s)
        counts.observe(at_s, at_s + 5)
        ahead_s = 3600 if at_s < 130 else 0
        published += counts.advance(at_s, offset_for(T0) + ahead_s)
    newest: dict[datetime, MinuteCount] = {}
    for one in minutes(published):
        newest[one.start] = max(one, newest.get(one.start, one), key=lambda found: found.run)
    right = [one for start, one in sorted(newest.items()) if one.run == 2]
    assert right[0].start <= T0 + timedelta(minutes=2)
    assert len(right) == len(newest)  # what the wrong clock said was replaced
    starts = [one.start for one in right]
    assert starts == [starts[0] + timedelta(minutes=i) for i in range(len(starts))]
    assert sum(one.people or 0 for one in right) >= 12 * (4 * 60 - 3)


def test_a_drifting_clock_is_followed():
    counts, published = counting(), []
    drift = 0.0002  # 200 ppm, far more than a crystal has
    for at_s in range(0, 86401, 30):
        published += counts.advance(at_s, offset_for(T0) + drift * at_s)
    utc_s = 86400 * (1 + drift)
    assert abs(len(minutes(published)) - utc_s / 60) <= 2
    assert {one.run for one in published} == {1}


def test_nothing_is_published_without_utc():
    counts = counting()
    book(counts, 1)
    assert counts.finish(600, None) == []


def test_weeks_without_utc_are_kept_in_bounded_memory_and_what_is_lost_is_counted():
    counts = counting()
    number = 20_500
    for minute in range(number):
        book(counts, 60.0 * minute + 1)
        counts.observe(60.0 * minute, 60.0 * (minute + 1))
        counts.advance(60.0 * (minute + 1), None)
    assert len(counts._waiting) == 20_160
    assert counts.dropped == number - 20_160
    published = counts.advance(60.0 * number, offset_for(T0))
    assert sum(one.people for one in minutes(published)) == 20_160
    assert sum(one.people for one in hours(published)) > 20_160 - 60


def test_a_recording_is_counted_from_its_first_frame_to_its_last():
    counts = counting(recording=True)
    offset_s = offset_for(T0 + timedelta(seconds=50))
    assert counts.has_begun(0)
    counts.observe(0, 25)
    book(counts, 5)
    published = counts.advance(15, offset_s)
    book(counts, 20)
    published += counts.finish(25, offset_s)
    assert [(one.start, one.people, one.observed_s) for one in minutes(published)] == [
        (T0, 1, 10),
        (T0 + timedelta(minutes=1), 1, 15),
    ]
    (hour,) = hours(published)
    assert (hour.start, hour.minutes, hour.people) == (T0, 2, 2)


def test_a_recording_of_any_length_is_one_window_of_decree():
    counts = counting(WindowRules.preset("decree", exact=True), recording=True)
    counts.observe(0, 30)
    book(counts, 5)
    published = counts.advance(20, offset_for(T0)) + counts.finish(30, offset_for(T0))
    assert [(one.start.minute, one.minutes, one.people) for one in minutes(published)] == [
        (20, 20, 1)
    ]


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="standard or decree"):
        WindowRules.preset("strict")


steps = st.lists(
    st.tuples(
        st.floats(0.01, 400),  # time since the step before
        st.one_of(st.none(), st.floats(-4000, 4000)),  # error of the wall clock; None: unknown
        st.lists(st.tuples(st.floats(0, 1), st.sampled_from(STATES)), max_size=6),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=steps, began=st.floats(0, 120), preset=st.sampled_from(["standard", "decree"]))
def test_whatever_the_clock_does_no_minute_is_published_twice_nor_before_its_end(
    steps, began, preset
):
    counts = counting(WindowRules.preset(preset, exact=True))
    utc_s = offset_for(T0) + began
    booked: Counter[MaskState] = Counter()
    published, now_s, known = [], 0.0, False
    for more_s, error_s, people in steps:
        for part, state in people:
            counts.add(Passage(now_s + part * more_s, state))
            booked[state] += 1
        counts.observe(now_s, now_s + more_s)
        now_s += more_s
        offset_s = None if error_s is None else utc_s + error_s
        fresh = counts.advance(now_s, offset_s)
        if offset_s is not None:
            for one in fresh:
                end = one.start + timedelta(minutes=one.minutes)
                assert end.timestamp() <= now_s + offset_s + 2.001
        known = known or offset_s is not None
        published += fresh
    published += counts.finish(now_s, None)
    for part in (minutes(published), hours(published)):
        keys = [(one.run, one.start) for one in part]
        assert len(set(keys)) == len(keys)
        for run in {one.run for one in part}:
            own = sorted((one.start, one.minutes) for one in part if one.run == run)
            assert all(
                start + timedelta(minutes=length) <= later
                for (start, length), (later, _) in pairwise(own)
            )
        for state in STATES:
            assert sum(getattr(one, state.value) or 0 for one in part) <= booked[state]
    for one in published:
        assert 0 <= one.observed_s <= 60 * one.minutes
        assert (one.people is None) == (one.observed_s == 0)
        assert one.start.second == one.start.microsecond == 0
    assert known or not published


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 150), st.floats(0, 59), st.integers(0, 2**32))
def test_with_a_right_clock_everybody_after_the_first_minute_is_counted_once(length, began_s, seed):
    chance = random.Random(seed)
    counts, published = counting(), []
    offset_s = offset_for(T0) + began_s
    counts.advance(0, offset_s)
    first_s = (math.floor(offset_s / 60) + 1) * 60 - offset_s
    seen_s = first_s
    times = sorted(chance.uniform(first_s, first_s + 60 * length) for _ in range(3 * length))
    for at_s in times:
        counts.observe(seen_s, at_s)
        seen_s = at_s
        published += counts.advance(at_s, offset_s)
        book(counts, at_s, state=chance.choice(STATES))
    counts.observe(seen_s, first_s + 60 * (length + 2))
    end_s = first_s + 60 * (length + 2)
    published += counts.finish(end_s, offset_s)
    assert sum(one.people or 0 for one in minutes(published)) == len(times)
    assert sum(one.people or 0 for one in hours(published)) == len(times)
