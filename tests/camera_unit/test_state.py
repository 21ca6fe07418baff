"""The state directory: one process at a time, and runs that only rise."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from maskcam.delivery.outbox import Outbox
from maskcam.errors import UsageError
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import MaskState, MinuteCount, Passage, WindowKind
from maskcam.unit.state import FILE_NAME, StateDirectory
from tests.reliability import Report

BEGIN = datetime(2026, 5, 4, 8, 0, 7, tzinfo=UTC).timestamp()


def test_runs_rise_over_all_processes(tmp_path):
    for expected in (1, 3, 5):
        with StateDirectory(tmp_path / "new" / "state") as state:
            assert [state.next_run(), state.next_run()] == [expected, expected + 1]


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path):
    with StateDirectory(tmp_path) as first:
        with pytest.raises(UsageError, match="another maskcam") as caught, StateDirectory(tmp_path):
            pass
        assert caught.value.exit_code == 2
        assert first.next_run() == 1
    with StateDirectory(tmp_path) as later:
        assert later.next_run() == 2


def test_no_single_flipped_bit_makes_a_run_fall(tmp_path, caplog):
    with StateDirectory(tmp_path) as state:
        state.next_run(above=41)
    whole = (tmp_path / FILE_NAME).read_bytes()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        (tmp_path / FILE_NAME).write_bytes(data)
        with StateDirectory(tmp_path) as state:
            assert state.next_run() == 43
    assert caplog.text.count("is damaged") == 8 * len(whole)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"12\n12\n", bytes(20)])
def test_a_lost_file_leaves_what_the_outbox_knows(tmp_path, content, caplog):
    (tmp_path / FILE_NAME).write_bytes(content)
    with StateDirectory(tmp_path) as state:
        assert state.next_run(above=7) == 8
    assert "is damaged" in caplog.text


def test_a_directory_that_cannot_be_made_does_not_stop_the_unit(tmp_path, caplog):
    (tmp_path / "state").write_text("a file in its place")
    with StateDirectory(tmp_path / "state") as state:
        assert [state.next_run(above=3), state.next_run(above=3)] == [4, 5]
    assert "going on in memory" in caplog.text


class Lives:
    """Processes that start, count and end, one after the other, on one state directory."""

    def __init__(self, directory, *, ahead_s=lambda at_s: 0.0) -> None:
        self._directory, self._ahead_s = directory, ahead_s
        self.at_s = 0.0
        self.published: list[tuple[float, MinuteCount]] = []

    def live(self, seconds: float, *, synchronised_after_s: float = 0.0) -> None:
        end_s = self.at_s + seconds
        with (
            StateDirectory(self._directory) as state,
            Outbox(self._directory, site="forville", unit="forville-01") as outbox,
        ):
            last_run = outbox.last_run
            begun_s = self.at_s
            counts = MinuteCounts(
                started_at_s=begun_s,
                rules=WindowRules.preset("standard", exact=True),
                next_run=lambda: state.next_run(above=last_run),
                random_below=random.Random(1).randrange,
            )
            while self.at_s < end_s:
                known = self.at_s >= begun_s + synchronised_after_s
                offset_s = BEGIN + self._ahead_s(self.at_s) if known else None
                fresh = counts.advance(self.at_s, offset_s)
                if counts.has_begun(self.at_s):
                    counts.add(Passage(self.at_s, MaskState.WITH_MASK))
                    counts.observe(self.at_s, self.at_s + 5)
                self.at_s += 5
                for one in fresh:
                    outbox.put(one)
                    self.published.append((self.at_s, one))
            for one in counts.finish(end_s):
                outbox.put(one)
                self.published.append((end_s, one))


def assert_dated_right(lives: Lives) -> list[MinuteCount]:
    """No window ends after it was published, and none comes twice; returns the minutes."""
    minutes = [one for _, one in lives.published if one.kind is WindowKind.COUNT]
    for at_s, one in lives.published:
        end = one.start + timedelta(minutes=one.minutes)
        assert end.timestamp() <= BEGIN + at_s
    assert len({one.start for one in minutes}) == len(minutes)
    return minutes


def test_quick_restarts_date_nothing_wrongly(tmp_path, record_property):
    """Once: 13 restarts in 29 s dated a window 12 minutes into the future, and it was refused."""
    lives, chance = Lives(tmp_path / "state"), random.Random(5)
    for _ in range(13):
        lives.live(5)
    for life in range(40):
        lives.live(
            chance.choice([15, 15, 200, 400]),
            synchronised_after_s=chance.choice([0, 0, 10]) if life % 8 == 0 else 0,
        )
    minutes = assert_dated_right(lives)
    with Outbox(tmp_path / "state", site="forville", unit="forville-01") as outbox:
        waiting = len(outbox)
    assert waiting == len(lives.published)
    Report(record_property).outbox(
        "53 lives of 5 to 400 s", closed=waiting, lost=len(lives.published) - waiting, invented=0,
        twice=0, detail=f"{len(minutes)} of {lives.at_s / 60:.0f} minutes; none dated wrongly",
    )  # fmt: skip


@pytest.mark.parametrize("hours", [1, 2])
def test_a_clock_that_was_ahead_costs_what_it_dated_wrongly(tmp_path, record_property, hours):
    """Once: two hours ahead and then set right kept none of 120 windows."""
    lives = Lives(tmp_path, ahead_s=lambda at_s: 3600.0 * hours if at_s < 125 else 0.0)
    lives.live(7200 + 60)
    newest: dict[tuple[WindowKind, datetime], MinuteCount] = {}
    for _, one in lives.published:
        known = newest.setdefault((one.kind, one.start), one)
        newest[one.kind, one.start] = max(known, one, key=lambda found: found.run)
    right = [one for one in newest.values() if one.run == 2 and one.kind is WindowKind.COUNT]
    assert len(right) >= 117
    Report(record_property).outbox(
        f"clock {hours} h ahead for the first minute, then set right", closed=len(right), lost=0,
        invented=0, twice=0, detail=f"{len(right)} of 120 minutes are right, under a higher run",
    )  # fmt: skip
