"""Words, numbers and times as the reader's language and the city's clocks have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from math import floor, log10, sqrt
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, get_day_names
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from maskcam.cityhall.comparison import Change
from maskcam.cityhall.figures import Point, Seen
from maskcam.cityhall.reader import Span, Totals
from maskcam.cityhall.rollup import moment_of
from maskcam.cityhall.statistics import ROUGH_WIDTH, Z95, Interval
from maskcam.cityhall.texts import LANGUAGES, TEXTS
from maskcam.cityhall.weekly import WeekOfSite
from maskcam.cityhall.where_and_when import Slot

FINE_WIDTH = 0.02
LEAST_CHANGE = 0.0005
"""Less than a twentieth of a point would be shown as none."""
_BEFORE_SIGN = re.compile(r" (?=[:;?!%])")
"""In French the sign stays on the line of its word."""
_FIRST = re.compile(r"\b1\b")
_LOCALES = {"en": "en_GB", "fr": "fr_FR"}  # both count hours to 24


def choose(wanted: str | None, accepted: str) -> str:
    """Returns the language of the address, or else the first of the browser's that we have."""
    if wanted in LANGUAGES:
        return str(wanted)
    ranked = []
    for place, item in enumerate(accepted[:200].split(",")):
        name, _, quality = item.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        ranked.append((-weight, place, name.strip().lower()[:2]))
    return next((name for _, _, name in sorted(ranked) if name in LANGUAGES), "en")


class Words:
    """Says things in one language.

    Args:
        language: of `LANGUAGES`.
        zone: of the city's clocks.
        right: of the recognised masks and faces so many are right at least.
    """

    def __init__(self, language: str, *, zone: ZoneInfo, right: float = 1.0) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)
        self._locale = Locale.parse(_LOCALES[language])
        self._zone = zone
        self._right = right

    @property
    def colon(self) -> str:
        """The colon after a word."""
        return "\u00a0:" if self.language == "fr" else ":"

    def __call__(self, key: str, **values: object) -> str:
        """Returns the text `key` with its placeholders filled."""
        text = TEXTS[key][self._place]
        text = text.replace(" %", "\u202f%")
        if self.language == "fr":
            text = _BEFORE_SIGN.sub("\u00a0", text)
        return text.format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """Returns a text with a number of things: `key_one` or `key_many` (0 is one in French)."""
        one = number == 1 or (number == 0 and self.language == "fr")
        return self(f"{key}_{'one' if one else 'many'}", number=self.number(number), **values)

    def number(self, value: float, *, digits: int = 0) -> str:
        """Returns a number with the separators of the language; below 0, by noise: about 0."""
        if value < 0:
            return self("about_zero")
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return format_decimal(value, format=pattern, locale=self._locale)

    def axis(self, value: int) -> str:
        """Returns a round number for the axis of a chart."""
        millions = value / 1_000_000
        if millions < 1:
            return self.number(value)
        return f"{self.number(millions, digits=0 if millions.is_integer() else 1)}\u202fM"

    def percent(self, value: float, *, digits: int = 0) -> str:
        """Returns 0.123 as 12 %."""
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return format_percent(value, format=f"{pattern}\u202f%", locale=self._locale)

    def day(self, day: date) -> str:
        """Returns a day with its name and year."""
        return self._date(day, "EEEE d MMMM y")

    def short_day(self, day: date) -> str:
        """Returns a day for the axis of a chart."""
        return self._date(day, "d MMM")

    def _date(self, day: date, pattern: str) -> str:
        text = format_date(day, pattern, locale=self._locale)
        first = self.language == "fr" and day.day == 1  # as it is read aloud: premier
        return _FIRST.sub("1er", text, count=1) if first else text

    def month(self, day: date, *, short: bool = False) -> str:
        """Returns the month of a day; a short one for the axis of a chart."""
        return format_date(day, "MMM" if short else "MMMM y", locale=self._locale)

    def days(self, first: date, last: date) -> str:
        """Returns a day, or the days from one to another."""
        if first == last:
            return self.day(first)
        return self("report_span", first=self.day(first), last=self.day(last))

    def weekday_day(self, day: date) -> str:
        """Returns a day with its name, without the year."""
        return self._date(day, "EEEE d MMMM")

    def spans(self, spans: Iterable[Span], *, today: int) -> str:
        """Returns spans of whole days; one that ends where `today` begins goes on."""
        texts = []
        for ends in spans:
            first, last = (
                self.weekday_day(moment_of(minute).astimezone(self._zone).date())
                for minute in (ends.start, ends.end - 1)
            )
            text = self("before_span", first=first, last=last) if last != first else first
            texts.append(self("since", time=first) if ends.end == today else text)
        return self.colon.replace(":", "; ").join(texts)

    def weekday(self, number: int) -> str:
        """Returns the name of a day of the week; Monday is 0."""
        return str(get_day_names(locale=self._locale)[number])

    def weekdays(self, number: int) -> str:
        """Returns "Saturdays" for 5."""
        return self("weekdays", day=self.weekday(number))

    def reason(self, reason: str) -> str:
        """Returns why a message was kept, by the short name that log and metrics have."""
        key = f"reason_{reason}"
        return f"{self(key)} ({reason})" if key in TEXTS else reason

    def deed(self, what: str) -> str:
        """Returns what was done, by the short name that the audit log keeps."""
        key = "audit_" + what.replace(": ", "_").replace(" ", "_")
        return self(key) if key in TEXTS else what

    def part(self, some: int, of: int) -> str:
        """Returns "22 of 24"."""
        return self("of", a=self.number(some), b=self.number(of))

    def hour(self, hour: int) -> str:
        """Returns an hour of the day, from 0, by its beginning and end."""
        begin, end = (
            f"{clock}\u00a0h" if self.language == "fr" else f"{clock:02d}:00"
            for clock in (hour, (hour + 1) % 24)
        )
        return self("hours_range", a=begin, b=end)

    def minute(self, minute: int) -> str:
        """Returns the city's time of a minute since the epoch."""
        return self._clock(moment_of(minute).astimezone(self._zone))

    def moment(self, seconds: int | None) -> str:
        """Returns day and time of seconds since the epoch."""
        if seconds is None:
            return "-"
        local = datetime.fromtimestamp(seconds, UTC).astimezone(self._zone)
        return f"{self.short_day(local.date())} {self._clock(local)}".replace(" ", "\u00a0")

    def _clock(self, local: datetime) -> str:
        """Returns a time as it is written in a sentence: 9:05, 9 h 05."""
        if self.language == "fr":
            minute = f"\u00a0{local.minute:02d}" if local.minute else ""
            return f"{local.hour}\u00a0h{minute}"
        return f"{local:%H:%M}"

    def duration(self, seconds: float) -> str:
        """Returns a duration in hours and minutes."""
        hours, minutes = divmod(round(seconds / 60), 60)
        texts = [f"{self.number(hours)}\u00a0h"] if hours else []
        if minutes or not hours:
            texts.append(f"{minutes}\u00a0min")
        return "\u00a0".join(texts)

    def interval(self, totals: Totals) -> Interval | None:
        """Returns the mask share with all that makes it unsure; None: too few were judged."""
        return totals.mask_share(right=self._right)

    def share(self, totals: Totals) -> str:
        """Returns the mask share in words that say how sure it is."""
        interval = self.interval(totals)
        if interval is None:
            return self("share_few")
        key = "share_rough" if interval.width >= ROUGH_WIDTH else "share_value"
        return self(key, value=self.percent(interval.value, digits=_digits(interval)))

    def share_range(self, totals: Totals, *, short: bool = False) -> str:
        """Returns the limits of the mask share, or how few people were judged.

        A short one stands where the page says elsewhere how sure it is.
        """
        interval = self.interval(totals)
        if interval is None:
            return self.count("share_few_long", totals.judged)
        digits = _digits(interval)
        low = self.percent(interval.low, digits=digits)
        key = "share_between" if short else "share_range"
        return self(key, low=low, high=self.percent(interval.high, digits=digits))

    def rate(self, slot: Slot) -> str:
        """Returns the people without a mask per hour, rounded to what is known of them."""
        seen = slot.totals
        chance = Z95 * sqrt(max(0, seen.without_mask) + seen.variance) / max(1, seen.without_mask)
        margin = max(0.0, slot.per_hour) * (chance + 1.0 - self._right)
        step = 10 ** floor(log10(max(1.0, margin)))
        return self.number(step * round(slot.per_hour / step))

    def sentence(self, totals: Totals) -> str:
        """Returns passages and mask share as one sentence."""
        if totals.observed_s == 0:
            return self("sentence_nothing")
        share = f"{self.share(totals)}, {self.share_range(totals)}"
        people = self.count("passages", totals.people)
        return self("sentence", people=people, share=share)

    def change(self, change: Change, *, day: date) -> str:
        """Returns how passages changed against a week ago, or why that cannot be said."""
        if change.ratio is None:
            return self("change_not", day=self.weekday_day(day))
        percent = self.percent(abs(change.ratio))
        if abs(change.ratio) < 0.005:
            return self("change_same", day=self.weekday_day(day))
        key = "change_more" if change.ratio > 0 else "change_less"
        return self(key, percent=percent, day=self.weekday_day(day))

    def change_of(self, change: Change) -> str:
        """Returns how passages changed in the camera hours that were observed both times."""
        if change.ratio is None:
            return self("not_comparable")
        even = abs(change.ratio) < 0.005
        sign = "\u00b1" if even else "+" if change.ratio > 0 else "\u2212"
        return f"{sign}{self.percent(abs(change.ratio))}"

    def against(self, change: Change, first: date, last: date) -> str:
        """Returns how a time differs from an earlier one, in what was observed both times."""
        if change.now.observed_s == 0:
            return self("against_none_of", span=self.days(first, last), basis=self("basis_none"))
        left_out = self.left_out(change)
        return self(
            "against_lead",
            span=self.days(first, last),
            passages=self.change_of(change),
            points=self.points(change.share),
            hours=self.hours(change.now.observed_s),
            left_out=self("basis_left_out", what=left_out) if left_out else "",
        )

    def left_out(self, change: Change) -> str:
        """Returns what a comparison leaves out, or that it has nothing; "" if next to nothing."""
        if change.now.observed_s == 0:
            return self("basis_none")
        part = change.left_out_s / (change.left_out_s + change.now.observed_s)
        return self("left_out", percent=self.percent(part)) if part >= 0.01 else ""

    def read_change(self, change: Change) -> str:
        """Returns how passages changed against the week before, as a sentence."""
        if change.ratio is None:
            return self("read_change_not")
        percent = self.percent(abs(change.ratio))
        key = "same" if abs(change.ratio) < 0.005 else "more" if change.ratio > 0 else "fewer"
        return self(f"read_{key}", percent=percent)

    def read_points(self, change: Interval | None) -> str:
        """Returns how the share changed against the week before, as a sentence."""
        if change is None:
            return self("read_points_not")
        return self("read_points", points=self.points(change))

    def list_of(self, weeks: Iterable[WeekOfSite], called: Callable[[str], str]) -> str:
        """Returns sites with the change of their shares."""
        parts = [
            self("read_by", site=called(week.site), points=self._size(week.change.share))
            for week in weeks
            if week.change.share is not None
        ]
        return format_list(parts, locale=self._locale)

    def trend(self, change: float | None) -> str:
        """Returns an arrow for a change, of passages or of points."""
        if change is None:
            return ""
        return "\u2192" if abs(change) < 0.005 else "\u2191" if change > 0 else "\u2193"

    def hours(self, seconds: float) -> str:
        """Returns whole camera hours."""
        return self.count("camera_hours", round(seconds / 3600))

    def points(self, change: Interval | None) -> str:
        """Returns a change of a share in percentage points, or that none is clear."""
        if change is None:
            return self("points_unknown")
        if not self.is_clear(change):
            return self("points_same")
        key = "points_up" if change.value > 0 else "points_down"
        return self(key, points=self._size(change))

    def _size(self, change: Interval) -> str:
        limits = sorted((abs(100 * change.low), abs(100 * change.high)))
        low, high = (self.number(limit, digits=1) for limit in limits)
        value = abs(round(100 * change.value, 1))
        key = "points_one" if self.language == "fr" and value < 2 else "points_many"
        return self(key, value=self.number(value, digits=1), low=low, high=high)

    @staticmethod
    def is_clear(change: Interval | None) -> bool:
        """Whether a change of a share is one, by its interval, as it is rounded for readers."""
        return change is not None and (change.low >= LEAST_CHANGE or change.high <= -LEAST_CHANGE)

    def seen(self, point: Point) -> str:
        """Returns what is known of an hour or day."""
        if point.seen is Seen.PARTLY:
            percent = self.percent(point.observed_part)
            return self("partly_value", percent=percent) + (
                self("of_cameras", seen=point.totals.units, all=point.cameras)
                if point.totals.units < point.cameras
                else ""
            )
        if point.seen is Seen.OFFLINE and not point.cameras:
            return self("no_camera")
        if point.seen is Seen.OFFLINE and not point.expected_s:
            return self("closed")
        return self(point.seen.value)


def _digits(interval: Interval) -> int:
    """Returns how many decimals a share deserves: one, if its interval is that narrow."""
    return 1 if interval.width < FINE_WIDTH else 0
