"""The outbox: nothing that `put` has accepted is lost, and nothing is made up."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from maskcam.delivery import rows, wire
from maskcam.delivery.outbox import (
    ACKNOWLEDGED_BATCH,
    FILE_NAME,
    FILL_BYTES,
    SPARE_BYTES,
    Outbox,
)
from maskcam.records import WindowKind
from tests import needs
from tests.delivery.windows import SITE, UNIT, window

ROOT = Path(__file__).parents[2]


def opened(directory, **limits):
    return Outbox(directory, site=SITE, unit=UNIT, **limits)


def content(outbox, limit=1_000_000):
    return [wire.decode_count(waiting.payload).count for waiting in outbox.pending(limit)]


def windows(*minutes):
    return [window(minute) for minute in minutes]


@pytest.fixture
def outbox(tmp_path):
    with opened(tmp_path / "state") as outbox:
        yield outbox


def test_windows_wait_in_order_until_acknowledged(outbox):
    for minute in (3, 1, 2):
        assert outbox.put(window(minute))
    assert content(outbox) == windows(1, 2, 3)
    assert content(outbox, 2) == windows(1, 2)
    first = outbox.pending(1)[0]
    assert first.key == (window(1).start, WindowKind.COUNT, UNIT, 1)
    assert first.topic == wire.count_topic(site=SITE, unit=UNIT)
    assert [waiting.key.start for waiting in outbox.pending(9, after=first.key)] == [
        window(2).start,
        window(3).start,
    ]
    outbox.acknowledge(first.key)
    assert content(outbox) == windows(2, 3)
    assert len(outbox) == 2


def test_windows_and_acknowledgements_outlive_the_process(tmp_path):
    with opened(tmp_path) as outbox:
        for minute in range(5):
            outbox.put(window(minute))
        outbox.acknowledge(outbox.pending(1)[0].key)
    with opened(tmp_path) as outbox:
        assert content(outbox) == windows(1, 2, 3, 4)
        assert len(outbox) == 4


def test_what_put_accepted_is_on_disk_at_once(tmp_path):
    """The files as they are while the outbox is open: what a power cut leaves."""
    with opened(tmp_path / "state") as outbox:
        for minute in range(7):
            assert outbox.put(window(minute))
            after_cut = tmp_path / f"cut-{minute}"
            shutil.copytree(tmp_path / "state", after_cut)
            with opened(after_cut) as found:
                assert content(found) == windows(*range(minute + 1))


def test_each_window_waits_for_the_disk(outbox, monkeypatch):
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    outbox.put(window(1))
    outbox.put(window(2))
    assert len(synced) == 2


def test_a_second_window_with_the_same_start_is_not_taken_and_counted(outbox, caplog):
    assert outbox.put(window(1))
    assert outbox.put(window(1))
    assert content(outbox) == windows(1)
    assert "same start" in caplog.text
    assert outbox.dropped == 1


def test_the_same_minute_of_another_run_and_its_hour_are_other_windows(outbox):
    again = replace(window(1), run=2)
    hour = replace(window(1), kind=WindowKind.HOUR, minutes=7)
    for count in (again, hour, window(1)):
        assert outbox.put(count)
    found = outbox.pending(9)
    assert [waiting.key[1:] for waiting in found] == [
        (WindowKind.COUNT, UNIT, 1),
        (WindowKind.COUNT, UNIT, 2),
        (WindowKind.HOUR, UNIT, 1),
    ]
    assert found[2].topic.endswith("/hour")
    assert {len(waiting.payload) for waiting in found} == {wire.COUNT_BYTES}
    outbox.acknowledge(found[0].key)
    assert [waiting.key for waiting in outbox.pending(9)] == [found[1].key, found[2].key]


def test_a_window_that_breaks_the_format_is_refused(outbox):
    with pytest.raises(wire.WireError):
        outbox.put(replace(window(1), minutes=0))
    assert not len(outbox)


def test_the_oldest_are_dropped_beyond_the_number_and_counted(tmp_path, caplog):
    with opened(tmp_path, max_rows=10) as outbox:
        for minute in range(25):
            outbox.put(window(minute))
        assert content(outbox) == windows(*range(15, 25))
        assert (len(outbox), outbox.dropped) == (10, 15)
    assert "dropped" in caplog.text


def test_a_window_with_a_wrong_date_costs_no_other(tmp_path, report):
    """A clock that was wrong for a minute must not date the others out."""
    with opened(tmp_path) as outbox:
        for minute in range(1000):
            outbox.put(window(minute))
        for days in (62, 20_000, -2000):
            outbox.put(replace(window(0), start=window(0).start + timedelta(days=days)))
        left = len(outbox)
        assert outbox.dropped == 0
    report.outbox(
        "three windows with a wrong date among 1000",
        closed=1003, lost=1003 - left, invented=0, twice=0, detail="dropped by number only",
    )  # fmt: skip


def test_many_acknowledgements_are_written_in_batches(tmp_path):
    with opened(tmp_path / "state") as outbox:
        for minute in range(ACKNOWLEDGED_BATCH + 10):
            outbox.put(window(minute))
        for waiting in outbox.pending(ACKNOWLEDGED_BATCH):
            outbox.acknowledge(waiting.key)
        shutil.copytree(tmp_path / "state", tmp_path / "cut")
    with opened(tmp_path / "cut") as found:
        assert content(found) == windows(*range(ACKNOWLEDGED_BATCH, ACKNOWLEDGED_BATCH + 10))


def test_a_renamed_unit_keeps_the_old_name_of_what_waits(tmp_path):
    with opened(tmp_path) as outbox:
        outbox.put(window(1))
    with Outbox(tmp_path, site="carnot", unit="carnot-01") as outbox:
        outbox.put(window(2))
        assert [waiting.key.unit for waiting in outbox.pending(9)] == [UNIT, "carnot-01"]
        assert outbox.pending(9)[0].topic == wire.count_topic(site=SITE, unit=UNIT)


# --- damage -----------------------------------------------------------------


@cache
def example(number):
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with opened(directory) as outbox:
            for minute in range(number):
                outbox.put(window(minute))
        return (directory / FILE_NAME).read_bytes()


def filled(directory, number=200):
    file = directory / FILE_NAME
    file.write_bytes(example(number))
    return file


def untouched(data, number):
    """The minutes whose whole records are still in these bytes."""
    whole = example(number)
    return {
        window_of(row, whole)
        for row in rows.scan(whole)
        if data[row.offset : row.offset + row.length] == whole[row.offset : row.offset + row.length]
    }


def window_of(row, content):
    found = rows.unpack_window(content[row.offset : row.offset + row.length])
    assert found is not None
    return wire.decode_count(found.payload)


def assert_only_the_untouched_are_left(directory, data, number):
    with opened(directory) as outbox:
        found = {wire.decode_count(waiting.payload) for waiting in outbox.pending(10**6)}
        assert outbox.damaged > 0 or len(found) == number
        assert outbox.put(window(10_000))
        assert outbox.on_disk
    assert found == untouched(data, number)
    with opened(directory) as outbox:
        assert len(outbox) == len(found) + 1
        assert outbox.damaged == 0, "reported once, and gone from the file"


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_gives_back_all_that_is_intact_and_nothing_else(tmp_path, seed, caplog):
    """Random pages of 512 bytes are overwritten, as a dying card does."""
    file = filled(tmp_path)
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    pages = len(data) // 512
    for page in chance.sample(range(pages), chance.choice([1, 3, pages // 3])):
        data[page * 512 : page * 512 + 512] = chance.randbytes(512)
    file.write_bytes(data)
    assert_only_the_untouched_are_left(tmp_path, data, 200)
    assert "damaged records" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"waits 2026-05-04T08:30Z day forville-01 3 {}",
        b"waits 2026-05-04 count forville-01 3 {}",
        b"sent 1777883400 count forville-01 3",
        b"sent",
        b"\xff",
        b"",
    ],
)
def test_a_record_of_another_version_is_reported_and_costs_no_other(tmp_path, body, caplog):
    """After an update that did not last, the version before finds the file of the newer one."""
    file = filled(tmp_path, 30)
    file.write_bytes(file.read_bytes() + b"\n%s#%08x\n" % (body, zlib.crc32(body)))
    with opened(tmp_path) as outbox:
        assert len(content(outbox)) == 30
        assert outbox.damaged == 1
    assert "1 damaged records" in caplog.text


@pytest.mark.parametrize("flips", [1, 2, 30])
@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_cost_the_records_that_they_hit_and_are_reported(tmp_path, seed, flips):
    file = filled(tmp_path, 30)
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    for _ in range(flips):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    assert_only_the_untouched_are_left(tmp_path, data, 30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_flipped_bits(report):
    """One at a time, anywhere in the file: each costs its own record at most, and is reported."""
    number, flips = 30, 10_000
    whole, chance = example(number), random.Random(7)
    truth = {window(minute) for minute in range(number)}
    silent = invented = twice = reported = 0
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as place:
        file = Path(place) / FILE_NAME
        for _ in range(flips):
            data = bytearray(whole)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            file.write_bytes(data)
            with opened(Path(place)) as outbox:
                found = content(outbox)
                reported += outbox.damaged > 0
                silent += max(number - len(found) - outbox.damaged, 0)
                silent += len(found) < number - 1
            invented += len(set(found) - truth)
            twice += len(found) - len(set(found))
    report.outbox(
        f"{flips:,} flipped bits, one at a time, in an outbox of {number} windows",
        closed=flips * number, lost=silent, invented=invented, twice=twice,
        detail=f"each costs one window at most; {reported:,} reported",
    )  # fmt: skip
    assert reported == flips


@pytest.mark.parametrize("garbage", [b"SQLite format 3\0" * 32, bytes(512), b"\xff" * 700, b"\n"])
def test_a_file_with_another_beginning_keeps_what_follows(tmp_path, garbage, report):
    file = filled(tmp_path, 30)
    data = bytearray(file.read_bytes())
    data[: len(garbage)] = garbage
    file.write_bytes(data)
    assert_only_the_untouched_are_left(tmp_path, data, 30)
    report.outbox(
        f"the first {len(garbage)} bytes of the outbox are others ({garbage[:6]!r}...)",
        closed=len(untouched(data, 30)), lost=0, invented=0, twice=0,
        detail="all that follows is intact; the damage is reported",
    )  # fmt: skip


@pytest.mark.parametrize("bytes_left", [0, 1, 100, 512, 1023, 5000])
def test_a_cut_file_is_no_obstacle(tmp_path, bytes_left):
    file = filled(tmp_path)
    data = file.read_bytes()[:bytes_left]
    file.write_bytes(data)
    with opened(tmp_path) as outbox:
        found = {wire.decode_count(waiting.payload) for waiting in outbox.pending(10**6)}
        assert outbox.put(window(500))
        assert outbox.on_disk
    assert found == untouched(data, 200)


def test_what_was_acknowledged_does_not_come_back_from_a_damaged_file(tmp_path):
    with opened(tmp_path) as outbox:
        for minute in range(20):
            outbox.put(window(minute))
        for waiting in outbox.pending(10):
            outbox.acknowledge(waiting.key)
        outbox.put(window(20))
    data = bytearray((tmp_path / FILE_NAME).read_bytes())
    data[-5] ^= 1
    (tmp_path / FILE_NAME).write_bytes(data)
    with opened(tmp_path) as outbox:
        assert content(outbox) == windows(*range(10, 20))
        assert outbox.damaged == 1


def test_damage_while_running_is_found_when_it_is_read(tmp_path, caplog):
    with opened(tmp_path) as outbox:
        for minute in range(10):
            outbox.put(window(minute))
        row = list(rows.scan((tmp_path / FILE_NAME).read_bytes()))[3]
        with (tmp_path / FILE_NAME).open("r+b") as file:
            file.seek(row.offset + 20)
            file.write(b"\0\0")
        assert content(outbox) == windows(0, 1, 2, *range(4, 10))
        assert (outbox.damaged, len(outbox)) == (1, 9)
    assert "damaged" in caplog.text


def test_the_highest_run_is_known_while_any_record_can_be_read(tmp_path):
    with opened(tmp_path) as outbox:
        for run in (3, 9, 5):
            outbox.put(replace(window(run), run=run))
        for waiting in outbox.pending(9):
            outbox.acknowledge(waiting.key)
    with opened(tmp_path) as outbox:
        assert (len(outbox), outbox.last_run) == (0, 9)


def test_the_file_is_written_anew_when_most_of_it_is_of_no_more_use(tmp_path):
    with opened(tmp_path) as outbox:
        for minute in range(600):
            outbox.put(window(minute))
            if minute > 10:
                outbox.acknowledge(outbox.pending(1)[0].key)
            assert (tmp_path / FILE_NAME).stat().st_size < 2 * SPARE_BYTES + FILL_BYTES
        left = content(outbox)
    with opened(tmp_path) as outbox:
        assert content(outbox) == left


# --- trouble with the disk ----------------------------------------------------


def test_a_deleted_directory_is_made_again_with_all_that_waits(tmp_path, caplog):
    with opened(tmp_path / "state") as outbox:
        for minute in range(20):
            outbox.put(window(minute))
        outbox.acknowledge(outbox.pending(1)[0].key)
        shutil.rmtree(tmp_path / "state")
        assert outbox.put(window(20))
        assert content(outbox) == windows(*range(1, 21))
    assert "removed" in caplog.text
    with opened(tmp_path / "state") as outbox:
        assert content(outbox) == windows(*range(1, 21))


def test_a_directory_that_cannot_be_made_keeps_windows_in_memory(tmp_path, caplog):
    place = tmp_path / "state"
    place.write_text("a file where the directory should be")
    with opened(place, max_rows=5) as outbox:
        for minute in range(7):
            assert not outbox.put(window(minute))
        assert content(outbox) == windows(*range(2, 7))
        assert (outbox.dropped, len(outbox)) == (2, 5)
        outbox.acknowledge(outbox.pending(1)[0].key)
        place.unlink()
        assert outbox.tend()
        assert content(outbox) == windows(*range(3, 7))
    complaints = [record for record in caplog.records if "memory" in record.message]
    assert len(complaints) == 1, "one complaint, not one per minute"
    assert "on disk again" in caplog.text


def run_task(name: str, *arguments: object, timeout_s: float = 60) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.delivery.outbox_process", name, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs.as_root
def test_a_read_only_directory_keeps_windows_in_memory():
    with tempfile.TemporaryDirectory() as place:  # a user without rights can reach it
        run_task("read-only", place)


def test_a_full_disk_keeps_windows_in_memory(tmp_path):
    run_task("full", tmp_path / "state")


# --- wear ---------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs Linux's /proc/self/io")
def test_a_day_of_windows_writes_less_than_a_megabyte(tmp_path, record_property):
    """1440 windows, each acknowledged, everything included that the process writes."""
    state = tmp_path / "state"
    # 1440 syncs, of a disk that others use
    written, blocks = map(int, run_task("a-day", state, timeout_s=110).split())
    record_property("bytes_written_per_day", written)
    record_property("bytes_per_day_in_4k_blocks", blocks)
    assert 0 < written < 1_000_000
    assert sum(file.stat().st_size for file in state.iterdir()) < 2 * SPARE_BYTES


@pytest.fixture
def card(tmp_path):
    """A card of its own with ext4, as a unit's data partition: its folder, and its statistics.

    Time runs 46 times as fast as on a unit, for the windows and for the journal, which the
    image has written every 600 s where no sync asks for it sooner.
    """
    image, place = tmp_path / "card", tmp_path / "mounted"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(48 << 20)
    ready = "lazy_itable_init=0,lazy_journal_init=0"  # else the kernel does it while we count
    format_it = ["mkfs.ext4", "-q", "-F", "-m", "0", "-E", ready, image]
    commands = [format_it, ["losetup", "--find", "--show", image]]
    try:
        done = [subprocess.run(c, capture_output=True, text=True, check=True) for c in commands]
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs root, to make a block device and a file system")
    device = done[1].stdout.strip()
    options = "noatime,commit=13"
    subprocess.run(["mount", "-o", options, device, place], check=True, timeout=30)
    yield place, Path("/sys/block", Path(device).name, "stat")
    subprocess.run(["umount", place], check=True, timeout=60)
    subprocess.run(["losetup", "--detach", device], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_window_on_a_card(card, record_property):
    """What blocks and journal of the file system make of it, with time between two windows."""
    place, statistics = card
    per_window = float(run_task("at-its-pace", place / "state", statistics, timeout_s=250))
    record_property("bytes_per_day_on_a_card", round(1440 * per_window))
    assert 512 < per_window < 8192
