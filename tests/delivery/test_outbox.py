"""The outbox: nothing that `put` has accepted is lost, and nothing is made up."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from maskcam.delivery import rows, wire
from maskcam.delivery.outbox import DELETE_BATCH, FILE_NAME, Outbox
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
    assert first.key == (UNIT, window(1).start)
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


def test_each_commit_waits_for_the_disk(outbox):
    database = outbox._database
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_second_window_with_the_same_start_is_not_taken(outbox, caplog):
    assert outbox.put(window(1))
    assert outbox.put(window(1))
    assert content(outbox) == windows(1)
    assert "same start" in caplog.text


def test_a_window_that_breaks_the_format_is_refused(outbox):
    bad = window(1).__class__.withheld(start=window(1).start, minutes=0, observed_s=0)
    with pytest.raises(wire.WireError):
        outbox.put(bad)
    assert not len(outbox)


def test_the_oldest_are_dropped_beyond_the_number_and_counted(tmp_path, caplog):
    with opened(tmp_path, max_rows=10) as outbox:
        for minute in range(25):
            outbox.put(window(minute))
        assert content(outbox) == windows(*range(15, 25))
        assert (len(outbox), outbox.dropped) == (10, 15)
    assert "dropped" in caplog.text


def test_the_oldest_are_dropped_beyond_the_age_and_counted(tmp_path):
    with opened(tmp_path, max_age=timedelta(minutes=10)) as outbox:
        for minute in (0, 5, 9, 17):
            outbox.put(window(minute))
        assert content(outbox) == windows(9, 17)
        assert outbox.dropped == 2


def test_many_acknowledgements_are_written_in_batches(tmp_path):
    with opened(tmp_path / "state") as outbox:
        for minute in range(DELETE_BATCH + 10):
            outbox.put(window(minute))
        for waiting in outbox.pending(DELETE_BATCH):
            outbox.acknowledge(waiting.key)
        shutil.copytree(tmp_path / "state", tmp_path / "cut")
    with opened(tmp_path / "cut") as found:
        assert content(found) == windows(*range(DELETE_BATCH, DELETE_BATCH + 10))


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


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_gives_back_what_is_intact_and_nothing_else(tmp_path, seed):
    """Random pages of 512 bytes are overwritten, as a dying card does."""
    file = filled(tmp_path)
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    pages = len(data) // 512
    for page in chance.sample(range(pages), chance.choice([1, 3, pages // 3])):
        data[page * 512 : page * 512 + 512] = chance.randbytes(512)
    file.write_bytes(data)
    intact = {found.key for found in rows.salvaged(file)}
    with opened(tmp_path) as outbox:
        found = content(outbox)
        assert outbox.put(window(1000))
    truth = {window(minute).start: window(minute) for minute in range(200)}
    assert all(truth[count.start] == count for count in found), "a window was made up"
    assert {count.start for count in found} >= {key.start for key in intact}
    with opened(tmp_path) as outbox:
        assert content(outbox) == [*found, window(1000)]


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_is_never_sent(tmp_path, seed):
    file = filled(tmp_path, 20)
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    data[chance.randrange(1024, len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    truth = {window(minute).start: window(minute) for minute in range(20)}
    with opened(tmp_path) as outbox:
        found = content(outbox)
    assert all(truth[count.start] == count for count in found)
    assert len(found) >= 19


@pytest.mark.parametrize(
    "bytes_left", [0, 1, 100, 512, 1023, 5000], ids=lambda number: f"{number} bytes"
)
def test_a_cut_file_is_no_obstacle(tmp_path, bytes_left):
    file = filled(tmp_path)
    os.truncate(file, bytes_left)
    intact = {found.key.start for found in rows.salvaged(file)}
    with opened(tmp_path) as outbox:
        assert {count.start for count in content(outbox)} >= intact
        assert outbox.put(window(500))
        assert outbox.on_disk


@pytest.mark.parametrize("garbage", [b"not a database at all\n" * 100, bytes(4096), b"\xff" * 700])
def test_a_file_of_something_else_is_set_aside(tmp_path, garbage, caplog):
    (tmp_path / FILE_NAME).write_bytes(garbage)
    with opened(tmp_path) as outbox:
        assert outbox.put(window(1))
    assert (tmp_path / f"{FILE_NAME}.damaged").read_bytes() == garbage
    assert "setting the file aside" in caplog.text


def test_a_cut_wal_loses_no_window_before_the_cut(tmp_path):
    with opened(tmp_path / "state") as outbox:
        sizes = []
        for minute in range(10):
            outbox.put(window(minute))
            sizes.append((tmp_path / "state" / f"{FILE_NAME}-wal").stat().st_size)
        shutil.copytree(tmp_path / "state", tmp_path / "cut")
    wal = tmp_path / "cut" / f"{FILE_NAME}-wal"
    os.truncate(wal, sizes[6] + 100)
    with opened(tmp_path / "cut") as found:
        assert content(found) == windows(*range(7))


def test_a_power_cut_while_recovering_loses_nothing(tmp_path):
    """The file was set aside, and the process died before its windows were written again."""
    file = filled(tmp_path, 30)
    file.rename(file.with_name(f"{FILE_NAME}.salvage"))
    with opened(tmp_path) as outbox:
        assert content(outbox) == windows(*range(30))
        assert outbox.on_disk
    assert (tmp_path / f"{FILE_NAME}.damaged").exists()
    with opened(tmp_path) as outbox:
        assert content(outbox) == windows(*range(30))


def test_damage_while_running_is_repaired(tmp_path):
    with opened(tmp_path) as outbox:
        for minute in range(100):
            outbox.put(window(minute))
        outbox._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        outbox._database.execute("PRAGMA cache_size=1")
        with (tmp_path / FILE_NAME).open("r+b") as file:
            file.seek(512 * 3)
            file.write(b"\x00" * 512 * 4)
        for minute in range(100, 140):
            outbox.put(window(minute))
        found = {count.start: count for count in content(outbox)}
        truth = {window(minute).start: window(minute) for minute in range(140)}
        assert found.items() <= truth.items()
        assert found.keys() >= {window(minute).start for minute in range(100, 140)}


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
    assert len(complaints) == 1, "one complaint, not one a minute"
    assert "on disk again" in caplog.text


def test_a_second_process_cannot_use_it_and_harms_nothing(tmp_path):
    with opened(tmp_path) as first:
        first.put(window(1))
        second = opened(tmp_path)
        assert not second.on_disk
        assert not second.put(window(2))
        assert content(first) == windows(1)
    assert second.tend()
    assert content(second) == windows(1, 2)
    second.close()


def run_child(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CHILD = """
import os, resource, signal, sys
from pathlib import Path
from maskcam.delivery.outbox import Outbox
from tests.delivery.windows import SITE, UNIT, window
state = Path(sys.argv[1])
def check(outbox, number):
    assert len(outbox.pending(10_000)) == len(outbox) == number, (len(outbox), number)
"""


@needs.as_root
def test_a_read_only_directory_keeps_windows_in_memory():
    script = (
        CHILD
        + """
if os.getuid() == 0:  # root may write anywhere
    os.chown(state, 65534, 65534)
    os.setuid(65534)
with Outbox(state, site=SITE, unit=UNIT) as outbox:
    assert outbox.put(window(0))
for name in [*state.iterdir(), state]:
    name.chmod(0o555)
with Outbox(state, site=SITE, unit=UNIT) as outbox:
    assert not outbox.put(window(1))
    assert not outbox.put(window(2))
    check(outbox, 3)  # the one on disk as well: it can still be read
    outbox.acknowledge(outbox.pending(1)[0].key)
    check(outbox, 2)
    for name in [state, *state.iterdir()]:
        name.chmod(0o777)
    assert outbox.put(window(3))
    check(outbox, 3)
with Outbox(state, site=SITE, unit=UNIT) as outbox:
    check(outbox, 3)
"""
    )
    with tempfile.TemporaryDirectory() as place:  # a user without rights can reach it
        run_child(script, place)


def test_a_full_disk_keeps_windows_in_memory(tmp_path):
    """A limit on the size of files stands for the full disk; it needs no right to mount."""
    script = (
        CHILD
        + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Outbox(state, site=SITE, unit=UNIT) as outbox:
    full = False
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    for minute in range(120):
        full |= not outbox.put(window(minute))
        check(outbox, minute + 1)
    assert full
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert outbox.put(window(120))
    check(outbox, 121)
with Outbox(state, site=SITE, unit=UNIT) as outbox:
    check(outbox, 121)
"""
    )
    run_child(script, tmp_path / "state")


# --- wear ---------------------------------------------------------------------

A_DAY = (
    CHILD
    + """
def written():
    fields = dict(line.split(": ") for line in open("/proc/self/io"))
    return int(fields["wchar"]), int(fields["write_bytes"])
outbox = Outbox(state, site=SITE, unit=UNIT)
before = written()
for minute in range(1440):
    assert outbox.put(window(minute))
    for waiting in outbox.pending(16):
        outbox.acknowledge(waiting.key)
outbox.close()
print(*(b - a for a, b in zip(before, written())))
"""
)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs Linux's /proc/self/io")
def test_a_day_of_windows_writes_less_than_a_megabyte(tmp_path, record_property):
    """1440 windows, each acknowledged, everything included that the process writes."""
    state = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-c", A_DAY, str(state)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    written, blocks = map(int, done.stdout.split())
    record_property("bytes_written_per_day", written)
    record_property("bytes_per_day_in_4k_blocks", blocks)
    assert 0 < written < 1_000_000
    assert sum(file.stat().st_size for file in state.iterdir()) < 10_000


AT_ITS_PACE = (
    CHILD
    + """
import time
def written():
    return 512 * int(open(sys.argv[2]).read().split()[6])
def close(minute):
    assert outbox.put(window(minute))
    for waiting in outbox.pending(16):
        outbox.acknowledge(waiting.key)
outbox = Outbox(state, site=SITE, unit=UNIT)
for minute in range(200):
    close(minute)
os.sync()
time.sleep(2.5)
before = written()
for minute in range(200, 240):
    close(minute)
    time.sleep(1.3)
print((written() - before) / 40)
outbox.close()
"""
)


@pytest.fixture
def card(tmp_path):
    """A card of its own with ext4, as a unit's data partition: its folder, and its statistics.

    The journal is written each second instead of every five, to save the test some time.
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
    options = "noatime,commit=1"
    subprocess.run(["mount", "-o", options, device, place], check=True, timeout=30)
    yield place, Path("/sys/block", Path(device).name, "stat")
    subprocess.run(["umount", place], check=True, timeout=60)
    subprocess.run(["losetup", "--detach", device], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_window_on_a_card(card, record_property):
    """What blocks and journal of the file system make of it, with time between two windows."""
    place, statistics = card
    command = [sys.executable, "-c", AT_ITS_PACE, str(place / "state"), str(statistics)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=True
    )
    record_property("bytes_per_day_on_a_card", round(1440 * float(done.stdout)))
    assert 512 < float(done.stdout) < 8192


def test_sqlite_is_new_enough():
    assert sqlite3.sqlite_version_info >= (3, 34)


def test_the_end_of_the_latest_window_outlives_its_acknowledgement(tmp_path):
    with opened(tmp_path) as outbox:
        assert outbox.told_until is None
        for minute in (1, 3, 2):
            outbox.put(window(minute))
        for waiting in outbox.pending(9):
            outbox.acknowledge(waiting.key)
        assert outbox.told_until == window(4).start
    with opened(tmp_path) as outbox:
        assert len(outbox) == 0
        assert outbox.told_until == window(4).start
