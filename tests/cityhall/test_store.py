from __future__ import annotations

import random
import shutil
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select

from maskcam.cityhall import schema
from maskcam.cityhall.backup import back_up
from maskcam.cityhall.database import DatabaseError, connect, up_to_date, upgrade
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.serve import apply_retention
from maskcam.cityhall.settings import DatabaseSection
from maskcam.cityhall.store import Doubt, Store, Written
from maskcam.delivery.wire import ReceivedCount, Status
from maskcam.errors import ConfigError
from tests import needs
from tests.cityhall.messages import assert_sums_are_right, minutes_from, received
from tests.cityhall.servers import Postgres

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(schema.windows)) or 0


def test_a_window_is_stored_once_however_often_it_arrives(store: Store, engine: Engine) -> None:
    batch = minutes_from(START, 3)
    assert store.write([*batch, batch[0]]) == Written(stored=3, repeated=1)
    assert store.write(batch) == Written(repeated=3)
    assert stored(engine) == 3


def test_the_first_arrival_stays_when_a_second_one_contradicts_it(store: Store) -> None:
    store.write([received(START, counts=(7, 4, 0, 1))])
    other = received(START, counts=(9, 9, 9, 9))
    assert store.write([other]) == Written(contradicting=1)
    assert store.write([received(START, counts=(7, 4, 0, 1))]) == Written(repeated=1)


def test_two_units_with_one_id_are_seen_in_any_order(
    store: Store, engine: Engine, calendar: Calendar
) -> None:
    """Their runs differ: of each minute the higher run counts, whichever came first."""
    one = [replace(item, count=replace(item.count, run=3)) for item in minutes_from(START, 25)]
    other = [replace(item, count=replace(item.count, run=17)) for item in minutes_from(START, 25)]
    doubted: list[Doubt] = []
    for number, pair in enumerate(zip(one, other, strict=True)):
        for item in pair if number % 2 else pair[::-1]:
            store.write([item], doubted=doubted)
    assert [(word, item.count.run) for word, item in doubted] == [("interleaved", 3)] * 13
    with engine.connect() as connection:
        assert set(connection.scalars(select(schema.windows.c.run))) == {17}
    assert_sums_are_right(engine, calendar)


def test_a_unit_that_starts_again_or_sets_its_clock_back_is_one_unit(store: Store) -> None:
    def windows(run: int, first: int, number: int) -> list[ReceivedCount]:
        found = minutes_from(START + timedelta(minutes=first), number)
        return [replace(item, count=replace(item.count, run=run)) for item in found]

    assert store.write(windows(1, 5, 5)).stored == 5
    assert store.write(windows(2, 9, 6)) == Written(stored=5, replaced=1)  # again, in its minute
    assert store.write(windows(1, 4, 1)).stored == 1  # late
    assert store.write(windows(3, 0, 20)) == Written(stored=9, replaced=11)  # the clock
    assert store.write(windows(2, 21, 1)).stored == 1  # of a clock that was ahead, later


def test_sums_stay_right_when_windows_arrive_late_and_twice(
    store: Store, engine: Engine, calendar: Calendar
) -> None:
    chance = random.Random(4)
    batch = []
    for unit in range(4):
        moment = START
        while moment < START + timedelta(days=2):
            minutes = chance.choice([1, 1, 1, 7])
            with_mask, without_mask, incorrect, unclear = chance.choices(range(30), k=4)
            blind = chance.random() < 0.2
            counts = None if blind else (with_mask, without_mask, incorrect, unclear)
            batch.append(received(moment, unit=f"u-{unit}", minutes=minutes, counts=counts))
            moment += timedelta(minutes=minutes + chance.choice([0, 0, 0, 45]))
    batch += chance.sample(batch, 100)
    chance.shuffle(batch)
    written = Written()
    for place in range(0, len(batch), 77):
        written = Written(
            *map(sum, zip(written, store.write(batch[place : place + 77]), strict=True))
        )
    assert written == Written(stored=len(batch) - 100, repeated=100)
    assert_sums_are_right(engine, calendar)


def test_several_writers_lose_and_double_nothing(
    engine: Engine, calendar: Calendar, database_url: str
) -> None:
    batches = [
        minutes_from(START + timedelta(minutes=20 * i), 30, unit=unit)
        for i in range(8)
        for unit in ("a", "b", "c")
    ]
    results: list[Written] = []

    def write(seed: int) -> None:
        own = connect(database_url)
        store = Store(own, calendar=calendar)
        results.extend(map(store.write, random.Random(seed).sample(batches, len(batches))))
        own.dispose()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert stored(engine) == sum(result.stored for result in results) == 3 * (7 * 20 + 30)
    assert len(results) == 4 * len(batches)
    assert_sums_are_right(engine, calendar)


def test_not_observed_is_not_zero(store: Store, engine: Engine) -> None:
    store.write([received(START, counts=None), received("2026-05-04T11:00:00Z")])
    with engine.connect() as connection:
        blind = connection.execute(
            select(schema.windows).where(schema.windows.c.start == minute_of(START))
        ).one()
        hours = connection.execute(select(schema.hourly).order_by(schema.hourly.c.bucket)).all()
    assert blind.with_mask is None
    assert [(hour.covered_minutes, hour.observed_s) for hour in hours] == [(1, 0), (1, 60)]
    assert [hour.variance > 0 for hour in hours] == [False, True]


def test_a_higher_run_replaces_a_lower_one_whichever_comes_first(
    store: Store, engine: Engine, calendar: Calendar
) -> None:
    low, high = received(START, counts=(1, 1, 1, 1)), received(START, counts=(9, 0, 0, 0), run=2)
    assert store.write([low]) == Written(stored=1)
    assert store.write([high]) == Written(replaced=1)
    assert store.write([low]) == Written(replaced=1)
    assert store.write([high]) == Written(repeated=1)
    with engine.connect() as connection:
        (hour,) = connection.execute(select(schema.hourly)).all()
    assert (hour.with_mask, hour.without_mask, hour.covered_minutes) == (9, 0, 1)
    assert_sums_are_right(engine, calendar)


def test_minutes_give_way_to_their_hour_in_any_order(
    store: Store, engine: Engine, calendar: Calendar
) -> None:
    start = START.replace(minute=0)
    batch = [*minutes_from(start, 60), received(start, minutes=60, counts=(400, 200, -1, 3))]
    random.Random(1).shuffle(batch)
    for place in range(0, 61, 7):
        store.write(batch[place : place + 7])
        assert_sums_are_right(engine, calendar)
    with engine.connect() as connection:
        (hour,) = connection.execute(select(schema.hourly)).all()
    assert (hour.with_mask, hour.incorrect, hour.covered_minutes) == (400, -1, 60)
    assert hour.variance == pytest.approx(1.84, abs=0.01)


def test_status_and_site_of_a_unit_are_the_latest(store: Store, engine: Engine) -> None:
    status = Status(online=True, version="1.0", since=START)
    store.write([], [HeardStatus("forville", "u-1", status, 5)])
    store.write([received(START, unit="u-1", site="gambetta")])
    store.write([], [HeardStatus("gambetta", "u-1", status._replace(online=False), 9)])
    with engine.connect() as connection:
        unit = connection.execute(
            select(schema.units.c.online, schema.units.c.heard_at, schema.sites.c.name).join(
                schema.sites
            )
        ).one()
    assert tuple(unit) == (False, 9, "gambetta")


def test_retention_deletes_windows_and_does_not_let_them_in_again(
    store: Store, engine: Engine, calendar: Calendar
) -> None:
    old, new = minutes_from(START, 5), minutes_from(START + timedelta(days=3), 5)
    store.write(old + new)
    border = minute_of(START + timedelta(days=1))
    store.forget(windows_before=border, hours_before=None)
    assert stored(engine) == 5
    assert store.write(old) == Written(too_old=5)
    store.forget(windows_before=border - 1440, hours_before=None)  # a later, shorter retention
    assert store.write(old) == Written(too_old=5)
    with engine.connect() as connection:
        days = connection.execute(select(func.count()).select_from(schema.daily)).scalar()
    assert days == 2


def test_the_retention_setting_keeps_daily_sums(store: Store, engine: Engine) -> None:
    store.write(minutes_from(START, 5) + minutes_from(START + timedelta(days=30), 5))
    kept = DatabaseSection(keep_windows_days=10, keep_hours_days=20)
    apply_retention(store, kept, now=START + timedelta(days=31))
    with engine.connect() as connection:
        numbers = [
            connection.scalar(select(func.count()).select_from(table))
            for table in (schema.windows, schema.hourly, schema.daily)
        ]
    assert numbers == [5, 1, 2]


def test_hostile_names_are_only_names(store: Store, engine: Engine) -> None:
    # The wire format refuses these; the store would survive them all the same.
    names = ["'; DROP TABLE windows; --", '" OR 1=1', "%s %(x)s :x", "<script>alert(1)</script>"]
    store.write([received(START, unit=name, site=name) for name in names])
    with engine.connect() as connection:
        assert set(connection.scalars(select(schema.units.c.name))) == set(names)
    assert stored(engine) == len(names)


def test_upgrading_twice_changes_nothing_and_another_zone_is_refused(engine: Engine) -> None:
    upgrade(engine, zone=ZoneInfo("Europe/Paris"))
    with pytest.raises(DatabaseError, match="Europe/Paris"):
        upgrade(engine, zone=ZoneInfo("Asia/Kolkata"))


def test_the_migrations_make_what_the_program_expects(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_a_backup_of_a_database_in_use_is_complete(tmp_path: Path, calendar: Calendar) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}"
    engine = connect(url)
    upgrade(engine, zone=calendar.zone)
    store = Store(engine, calendar=calendar)
    store.write(minutes_from(START, 200))
    back_up(url, tmp_path / "copy.db")
    store.write(minutes_from(START + timedelta(days=1), 10))
    engine.dispose()
    copy = connect(f"sqlite:///{tmp_path / 'copy.db'}")
    assert stored(copy) == 200
    assert_sums_are_right(copy, calendar)
    copy.dispose()
    with pytest.raises(DatabaseError, match="exists"):
        back_up(url, tmp_path / "copy.db")


def test_a_restored_file_is_what_was_backed_up_and_goes_on(
    tmp_path: Path, calendar: Calendar
) -> None:
    """As docs/cityhall.md says: copy it over, delete the two files beside it, start."""
    place, copy = tmp_path / "city.db", tmp_path / "copy.db"
    engine = connect(f"sqlite:///{place}")
    upgrade(engine, zone=calendar.zone)
    store = Store(engine, calendar=calendar)
    store.write(minutes_from(START, 200))
    back_up(f"sqlite:///{place}", copy)
    store.write(minutes_from(START + timedelta(days=1), 10))
    engine.dispose()
    shutil.copy(copy, place)
    for ending in ("-wal", "-shm"):
        place.with_name(place.name + ending).unlink(missing_ok=True)
    engine = connect(f"sqlite:///{place}")
    upgrade(engine, zone=calendar.zone)
    assert stored(engine) == 200
    again = minutes_from(START + timedelta(minutes=190), 30)  # the broker delivers what waited
    assert Store(engine, calendar=calendar).write(again) == Written(stored=20, repeated=10)
    assert_sums_are_right(engine, calendar)
    engine.dispose()


@needs.as_root
def test_a_dump_of_postgresql_is_restored(
    postgres: Postgres, calendar: Calendar, tmp_path: Path
) -> None:
    """As docs/cityhall.md says: pg_dump -Fc, createdb, pg_restore."""
    url = postgres.new_database("dumped")
    engine = connect(url)
    upgrade(engine, zone=calendar.zone)
    Store(engine, calendar=calendar).write(minutes_from(START, 200))
    engine.dispose()
    access = ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", "tests"]
    dump, target = tmp_path / "cityhall.dump", postgres.new_database("restored")
    for command in (
        ["pg_dump", "-Fc", *access, "-f", str(dump), "dumped"],
        ["pg_restore", "--exit-on-error", *access, "-d", "restored", str(dump)],
    ):
        subprocess.run([f"{postgres.bin}/{command[0]}", *command[1:]], check=True, timeout=60)
    engine = connect(target)
    upgrade(engine, zone=calendar.zone)
    assert stored(engine) == 200
    assert Store(engine, calendar=calendar).write(minutes_from(START, 201)) == Written(
        stored=1, repeated=200
    )
    assert_sums_are_right(engine, calendar)
    engine.dispose()


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite:////nowhere/at/all.db"])
def test_a_wrong_database_is_one_line(url: str) -> None:
    with (
        pytest.raises((ConfigError, DatabaseError)) as caught,
        up_to_date(url, zone=ZoneInfo("UTC")),
    ):
        pass
    assert "\n" not in str(caught.value)
