from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sqlalchemy import Engine

from maskcam.cityhall import charts
from maskcam.cityhall.charts import Bar, Dot
from maskcam.cityhall.comparison import Change
from maskcam.cityhall.figures import Seen, site_points
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.language import Words, choose
from maskcam.cityhall.overview import overview
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Totals
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.statistics import Interval, difference, share
from maskcam.cityhall.store import Store
from maskcam.cityhall.texts import TEXTS
from maskcam.cityhall.ticks import nice_ticks, share_ticks
from maskcam.cityhall.where_and_when import Slot, find_slots, most_needed
from maskcam.delivery.wire import Status
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import minutes_from, received

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)  # a Monday, 12:20 in Paris


@pytest.fixture
def reader(engine: Engine, calendar: Calendar) -> Reader:
    return Reader(engine, calendar=calendar)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_is_wilsons(successes: int, more: int) -> None:
    trials = successes + more
    ours = share(successes, trials)
    theirs = binomtest(successes, trials).proportion_ci(method="wilson")
    assert ours is not None
    assert ours.low == pytest.approx(theirs.low, abs=1e-6)
    assert ours.high == pytest.approx(theirs.high, abs=1e-6)


def test_a_difference_has_newcombes_interval() -> None:
    # Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    first, second = share(56, 70), share(48, 80)
    assert first is not None
    assert second is not None
    found = difference(first, second)
    assert (found.low, found.value, found.high) == pytest.approx((0.0524, 0.2, 0.3339), abs=1e-4)


def test_the_first_screen_compares_the_same_hours_of_a_week_ago(
    store: Store, reader: Reader
) -> None:
    today = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
    store.write(minutes_from(today, 240, counts=(6, 3, 0, 1)))
    store.write(minutes_from(today - timedelta(days=7), 400, counts=(4, 3, 0, 1)))
    status = Status(online=True, version="1", since=None)
    store.write([], [HeardStatus("forville", "forville-01", status, 1)])
    (found,) = overview(reader, now=NOW).sites
    assert found.today.people == 2400
    assert found.change.before.people == 240 * 8
    assert found.change.ratio == pytest.approx(0.25)
    assert found.observing == 1
    words = Words("en", zone=PARIS)
    assert words.change(found.change, day=date(2026, 4, 27)) == "25\u202f% more than on " + (
        "Monday 27 April"
    )


def test_only_hours_that_a_camera_saw_both_times_are_compared(store: Store, reader: Reader) -> None:
    today = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
    week_ago = today - timedelta(days=7)
    store.write(minutes_from(today, 240, counts=(9, 0, 0, 0)))
    store.write(minutes_from(week_ago, 120, counts=(6, 0, 0, 0)))  # then it was unplugged
    store.write(minutes_from(week_ago, 240, unit="forville-02", counts=(99, 0, 0, 0)))
    store.write(minutes_from(today + timedelta(hours=1), 20, unit="forville-02"))
    (found,) = overview(reader, now=NOW).sites
    assert (found.change.now.people, found.change.before.people) == (120 * 9, 120 * 6)
    assert found.change.ratio == pytest.approx(0.5)
    assert found.change.now.observed_s == 2 * 3600
    words = Words("en", zone=PARIS)
    assert words.change_of(found.change).startswith("+50")
    left_out = "without 54\u202f% of the time, which was not observed then"
    assert words.left_out(found.change) == left_out


def test_days_without_a_common_hour_are_not_compared(store: Store, reader: Reader) -> None:
    today = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
    store.write(minutes_from(today, 120))
    store.write(minutes_from(today - timedelta(days=7) + timedelta(hours=2), 120))
    (found,) = overview(reader, now=NOW).sites
    assert found.change.ratio is None
    text = Words("fr", zone=PARIS).change(found.change, day=date(2026, 4, 27))
    assert text.startswith("non comparable")


def test_a_unit_that_was_taken_down_is_not_missed_for_ever(store: Store, reader: Reader) -> None:
    store.write(minutes_from(NOW - timedelta(days=20), 5, unit="taken-down"))
    store.write(minutes_from(NOW - timedelta(days=2), 5, unit="unplugged"))
    for unit, online in (("taken-down", False), ("unplugged", False), ("new", True)):
        status = Status(online=online, version="1", since=None)
        store.write([], [HeardStatus("forville", unit, status, 1)])
    (found,) = overview(reader, now=NOW).sites
    assert [one.unit.name for one in found.cameras] == ["new", "unplugged"]


def test_gaps_are_distinguished_and_are_never_zero(store: Store, reader: Reader) -> None:
    day = datetime(2026, 5, 4, 0, 0, tzinfo=PARIS)
    store.write(minutes_from(day.astimezone(UTC) + timedelta(hours=5), 60))
    store.write(
        [
            received((day + timedelta(hours=6)).astimezone(UTC), minutes=60, counts=(-1, 0, 1, 0)),
            received((day + timedelta(hours=7)).astimezone(UTC), minutes=60, counts=None),
            *minutes_from((day + timedelta(hours=8)).astimezone(UTC), 20),
            *minutes_from((day + timedelta(hours=9)).astimezone(UTC), 60, counts=(0, 0, 0, 0)),
        ]
    )
    span = Periods(reader.calendar, now=NOW).day(date(2026, 5, 4))
    points = site_points(reader, site="forville", level="hourly", span=span, now=NOW)
    assert len(points) == 24
    seen = [point.seen for point in points]
    assert seen[4:10] == [
        Seen.OFFLINE,
        Seen.FULLY,
        Seen.FULLY,
        Seen.BLIND,
        Seen.PARTLY,
        Seen.FULLY,
    ]
    assert points[6].totals.with_mask == -1  # nothing is clamped
    assert Words("en", zone=PARIS).number(points[6].totals.with_mask) == "about 0"
    assert Words("fr", zone=PARIS).number(-3) == "environ 0"
    assert points[9].totals.people == 0  # an empty street is known to be empty
    assert seen[13:] == [Seen.TO_COME] * 11


def test_rates_by_hour_are_for_the_whole_site(store: Store, reader: Reader) -> None:
    for days in range(1, 4):
        start = datetime(2026, 5, 4, 7, 0, tzinfo=UTC) - timedelta(days=days)
        for unit in ("a", "b"):
            store.write(minutes_from(start, 60, unit=unit, counts=(5, 2, 0, 0)))
    store.write(
        minutes_from(datetime(2026, 5, 3, 9, 0, tzinfo=UTC), 30, unit="a", counts=(7, 4, 0, 0))
    )
    periods = Periods(reader.calendar, now=NOW)
    span = periods.days(date(2026, 4, 20), date(2026, 5, 4))
    first, second = find_slots(reader, span=span, periods=periods).by_hour
    assert (first.hour, first.per_hour) == (11, pytest.approx(4 * 60 * 2))
    share_then = first.totals.mask_share()
    assert share_then is not None
    assert share_then.value == pytest.approx(7 / 11)
    assert (second.hour, second.per_hour) == (9, pytest.approx(2 * 60 * 2))
    saturday = find_slots(reader, span=span, periods=periods, weekday=5)
    assert [(slot.weekday, slot.hour) for slot in saturday.by_hour] == [(5, 9)]
    assert saturday.best["forville"].hour == 9


def test_where_nobody_is_without_a_mask_no_hour_is_the_best(store: Store, reader: Reader) -> None:
    start = datetime(2026, 5, 4, 8, tzinfo=UTC)
    store.write([received(start, minutes=60, counts=(50, 0, 0, 0))])
    store.write([received(start, minutes=60, counts=(0, -1, 0, 0), site="gare", unit="gare-01")])
    periods = Periods(reader.calendar, now=start + timedelta(days=2))
    day = periods.day(date(2026, 5, 4))
    found = find_slots(reader, span=day, periods=periods)
    assert {slot.needs_masks for slot in found.best.values()} == {False}
    assert most_needed(found) is None
    store.write([received(start, minutes=60, counts=(0, 1, 0, 0), site="quai", unit="quai-01")])
    most = most_needed(find_slots(reader, span=day, periods=periods))
    assert most is not None
    assert most.site == "quai"


def test_a_site_that_its_camera_left_is_not_called_off(store: Store, reader: Reader) -> None:
    start = datetime(2026, 5, 4, 8, tzinfo=UTC)
    store.write([received(start, minutes=60)])
    store.write([received(start + timedelta(days=3), minutes=60, site="gare")])
    now = start + timedelta(days=4)
    span = Periods(reader.calendar, now=now).days(date(2026, 5, 4), date(2026, 5, 8))
    points = site_points(reader, site="forville", level="daily", span=span, now=now)
    words = Words("en", zone=PARIS)
    assert [words.seen(point) for point in points][1:] == ["no camera stood here"] * 4


def test_words_say_how_sure_a_share_is() -> None:
    words = Words("en", zone=PARIS)
    assert words.share(Totals(10, 5)) == "too few to tell"
    assert words.share(Totals(60, 40)).startswith("roughly 60")
    assert words.share(Totals(6000, 4000)) == "60.0\u202f%"
    for now, before, said in (
        (Totals(60, 40), Totals(55, 45), "no clear change"),
        (Totals(6000, 4000), Totals(5000, 5000), "up by 10.0 points (8.6 to 11.4)"),
        (Totals(6, 4), Totals(5000, 5000), "too few to compare"),
        (Totals(5141, 4859), Totals(5000, 5000), "no clear change"),  # 0.02 to 2.8: "up by 0.0"
    ):
        assert words.points(Change(now, before).share) == said


def test_a_share_allows_for_errors_of_recognition() -> None:
    # 11 months of one street: chance alone leaves nothing open, recognition does.
    words = Words("en", zone=PARIS, right=0.962)
    street = Totals(4_430_000, 5_570_000)
    assert words.share(street) == "44\u202f%"
    assert words.share_range(street) == "between 42\u202f% and 46\u202f% (95\u202f% confidence)"
    # Corners by hand: all faces right but 3.8 % of the bare, or but 3.8 % of the masked.
    found = words.interval(street)
    assert found is not None
    assert found.low == pytest.approx((0.443 - 0.038) / 0.962, abs=1e-3)
    assert found.high == pytest.approx(0.443 / 0.962, abs=1e-3)


def test_the_first_of_a_month_is_read_as_in_french() -> None:
    words = Words("fr", zone=PARIS)
    assert words.day(date(2026, 5, 1)) == "vendredi 1er mai 2026"
    assert words.short_day(date(2026, 5, 1)) == "1er mai"
    assert words.weekday_day(date(2026, 5, 11)) == "lundi 11 mai"
    assert Words("en", zone=PARIS).short_day(date(2026, 5, 1)) == "1 May"


def test_each_language_writes_the_time_in_one_style() -> None:
    english, french = Words("en", zone=PARIS), Words("fr", zone=PARIS)
    noon = int(NOW.timestamp())
    assert (english.minute(noon // 60), english.moment(noon)) == ("12:20", "4\u00a0May\u00a012:20")
    assert french.minute(noon // 60) == "12\u00a0h\u00a020"
    assert french.moment(noon) == "4\u00a0mai\u00a012\u00a0h\u00a020"
    assert french.minute(noon // 60 - 20) == "12\u00a0h"


def test_days_without_observation_are_said_in_words() -> None:
    periods = Periods(Calendar(PARIS), now=NOW)
    days = [(20, 20), (22, 24), (30, 33)]  # of April: the last ones up to yesterday, 3 May
    first = date(2026, 4, 1)
    spans = [
        periods.days(first + timedelta(days=a - 1), first + timedelta(days=b - 1)) for a, b in days
    ]
    today = periods.day(periods.today).start
    assert Words("en", zone=PARIS).spans(spans, today=today) == (
        "Monday 20 April; Wednesday 22 April to Friday 24 April; since Thursday 30 April"
    )
    assert Words("fr", zone=PARIS).spans(spans[1:], today=today) == (
        "du mercredi 22 avril au vendredi 24 avril\u00a0; depuis le jeudi 30 avril"
    )


@pytest.mark.parametrize(
    ("seen", "per_hour", "said"),
    [
        (1776, 444.0, "440"),
        (20, 444.0, "400"),
        (9, 3.4, "3"),
        (40_000, 1234.0, "1,230"),
        (0, 0, "0"),
    ],
)
def test_a_rate_is_said_as_exactly_as_it_is_known(seen: int, per_hour: float, said: str) -> None:
    slot = Slot("forville", None, 10, Totals(without_mask=seen), per_hour)
    assert Words("en", zone=PARIS, right=0.99).rate(slot) == said


def test_a_bar_that_is_not_over_looks_so() -> None:
    bars = [Bar("8", "x", (30, 10, 0, 0)), Bar("9", "y", (3, 1, 0, 0), running=True)]
    over, running = charts.stacked_bars(bars, title="t", description="d").split('class="hit"')[1:]
    assert 'fill-opacity="0.4"' not in over
    assert running.count('fill-opacity="0.4"') == 2
    assert running.count("stroke-dasharray") == 1
    small = charts.sparkline([5, 3], [False, True], title="t", running=True)
    assert small.count('fill="none" stroke="#0072b2"') == 1


def test_every_text_has_both_languages_with_the_same_values() -> None:
    import string

    for key, texts in TEXTS.items():
        fields = [{name for _, name, *_ in string.Formatter().parse(t) if name} for t in texts]
        assert fields[0] == fields[1], key
        assert all(text.strip() for text in texts), key


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        (None, "fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        (None, "de,en;q=0.3,fr;q=0.9", "fr"),
        (None, "de", "en"),
        (None, "", "en"),
        (None, "fr;q=x,,;q", "fr"),
        ("fr", "en", "fr"),
        ("xx", "fr", "fr"),
    ],
)
def test_the_browser_chooses_the_language(wanted: str, accepted: str, language: str) -> None:
    assert choose(wanted, accepted) == language


def test_charts_draw_gaps_as_gaps_and_escape_what_they_show() -> None:
    evil = '"><script>alert(1)</script>'
    bars = [Bar("8", evil, (3, 1, 0, 0)), Bar("9", "gap", None), Bar("10", "x", None, blank=True)]
    drawn = charts.stacked_bars(bars, title=evil, description=evil)
    assert "<script" not in drawn
    assert drawn.count('fill="url(#hatch') == 1
    interval = share(30, 50)
    dots = [Dot("8", "a", interval), Dot("9", "b", None, gap=True), Dot("10", "c", interval)]
    line = charts.shares(dots, title="t", description="d")
    assert "polyline" not in line  # two single points: nothing is drawn across the gap
    assert line.count("<circle") == 2


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20).map(sorted))
def test_the_axis_of_shares_holds_all_that_is_drawn(limits: list[float]) -> None:
    ticks = share_ticks([Interval(limits[0], limits[0], limits[-1])])
    assert ticks[0] <= 100 * limits[0]
    assert ticks[-1] >= 100 * limits[-1]
    assert 0 <= ticks[0] < ticks[-1] <= 100
    assert len({b - a for a, b in pairwise(ticks)}) == 1


@given(st.integers(0, 10**7))
def test_ticks_are_round_and_reach_the_top(highest: int) -> None:
    ticks = nice_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 3 <= len(ticks) <= 6
    assert len({b - a for a, b in pairwise(ticks)}) == 1
