"""Older counts of other counters are taken in as they are, marked, and held against nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from maskcam.cityhall import schema
from maskcam.cityhall.commands import main
from maskcam.cityhall.database import connect, up_to_date
from maskcam.cityhall.figures import Seen, site_points
from maskcam.cityhall.older_counts import read_older_counts
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.store import Store
from maskcam.errors import UsageError
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import minutes_from, received

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)


def read(text: str) -> list[tuple[str, str, int, int]]:
    found = read_older_counts(text.splitlines(keepends=True), zone=PARIS, now=NOW)
    return [
        (i.site, f"{i.count.start:%Y-%m-%dT%H:%M}Z", i.count.people or 0, i.count.unclear or 0)
        for i in found
    ]


@pytest.mark.parametrize(
    "table",
    [
        "site,start,people\ngare,2019-05-04 09:00,120\n",
        "\ufeffSite;Start;People\r\ngare;2019-05-04T09:00;120\r\n\r\n",
        "people\tstart\tsite\n120\t2019-05-04T07:00:00+00:00\tgare\n",
        "site,start,minutes,people,name\ngare,2019-05-04 09:00,60,120,Place de la Gare\n",
    ],
)
def test_tables_of_several_kinds(table: str) -> None:
    assert read(table) == [("gare", "2019-05-04T07:00Z", 120, 120)]


def test_mask_states_and_what_is_left_over() -> None:
    head = "site,start,people,with_mask,without_mask\n"
    assert read(head + "gare,2020-11-04 09:00,120,70,40\n") == [
        ("gare", "2020-11-04T08:00Z", 120, 10)
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "line 1: name the columns"),
        ("site,start\n", "line 1: name the columns"),
        ("site,start,people\nGare,2019-05-04 09:00,1\n", "line 2: site 'Gare'"),
        ("site,start,people\ngare,04/05/2019 9h,1\n", "line 2: start '04/05/2019 9h': write 2019"),
        ("site,start,people\ngare,2019-03-31 02:00,1\n", "the clocks skipped this hour"),
        ("site,start,people\ngare,2026-05-22 12:00,1\n", "line 2: the hour is not over yet"),
        ("site,start,people\ngare,2019-05-04 09:00,-1\n", "line 2: people '-1'"),
        ("site,start,people\ngare,2019-05-04 09:00,\u0661\n", "line 2: people"),
        ("site,start,people,with_mask\ngare,2019-05-04 09:00,5,6\n", "fewer than in the mask"),
        ("site,start,people,minutes\ngare,2019-05-04 09:30,5,60\n", "within an hour"),
        ("site,start,people\n" + "gare,2019-05-04 09:00,5\n" * 2, "line 3: this hour stands"),
        ("site,start,people\n" + "?,1,1\n" * 12, "and 2 more"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken_in(table: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read(table)
    assert said in str(error.value)


def test_it_is_marked_and_not_missed_afterwards(store: Store, calendar: Calendar) -> None:
    lines = ["site,start,people"]
    for day in range(1, 11):
        lines += [f"gare,2026-05-{day:02d} {hour:02d}:00,100" for hour in range(8, 18)]
    store.write(read_older_counts(lines, zone=PARIS, now=NOW))
    for day in range(11, 22):
        start = datetime(2026, 5, day, 8, tzinfo=PARIS).astimezone(UTC)
        store.write(
            [received(start + timedelta(hours=h), unit="gare-01", site="gare", minutes=60)
             for h in range(10)]
        )  # fmt: skip
    reader = Reader(store.engine, calendar=calendar)
    span = Periods(calendar, now=NOW).days(date(2026, 5, 1), date(2026, 5, 21))
    points = site_points(reader, site="gare", level="daily", span=span, now=NOW)
    assert [point.totals.people for point in points[:10]] == [1000] * 10
    assert {point.seen for point in points} == {Seen.FULLY}
    assert {unit.name for unit in reader.units()} == {"imported-gare", "gare-01"}


def test_hours_that_cameras_counted_are_not_counted_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, table = tmp_path / "cityhall.toml", tmp_path / "old.csv"
    config.write_text('[city]\nname = "V"\n[broker]\nhost = "localhost"\ninsecure = true\n')
    with up_to_date(f"sqlite:///{tmp_path / 'cityhall.db'}", zone=PARIS) as engine:
        store = Store(engine, calendar=Calendar(PARIS))
        nine = datetime(2026, 5, 4, 7, tzinfo=UTC)
        store.write(minutes_from(nine, 60, counts=(1, 0, 0, 0), unit="gare-01", site="gare"))
        ten = nine + timedelta(hours=1)
        store.write([received(ten, counts=None, unit="gare-01", site="gare")])  # it is blind
        lines = [f"gare,2026-05-04 {hour:02d}:00,100" for hour in (8, 9, 10)]
        lines.append("port,2026-05-04 09:00,100")
        table.write_text("\n".join(["site,start,people", *lines]))
        assert main(["import-counts", str(table), "--config", str(config)]) == 0
        said = capsys.readouterr().out
        assert "stored: 3" in said
        assert "left out: 1 of hours that cameras of the same site counted" in said
        reader = Reader(engine, calendar=Calendar(PARIS))
        day = Periods(reader.calendar, now=NOW).day(date(2026, 5, 4))
        people = {site: total.people for site, total in reader.by_site("daily", day).items()}
        assert people == {"gare": 260, "port": 100}


def test_what_a_camera_observed_after_all_takes_the_place_of_older_counts(
    store: Store, calendar: Calendar
) -> None:
    lines = [f"{site},2026-05-04 {hour:02d}:00,100" for site in ("gare", "port") for hour in (8, 9)]
    store.write(read_older_counts(["site,start,people", *lines], zone=PARIS, now=NOW))
    reader = Reader(store.engine, calendar=calendar)
    day = Periods(calendar, now=NOW).day(date(2026, 5, 4))

    def people() -> dict[str, int]:
        hours, days = (
            {site: sums.people for site, sums in reader.by_site(level, day).items()}
            for level in ("hourly", "daily")
        )
        assert hours == days
        return days

    nine = datetime(2026, 5, 4, 7, tzinfo=UTC)
    blind = received(nine - timedelta(hours=1), counts=None, unit="gare-01", site="gare")
    store.write([blind])
    assert people() == {"gare": 200, "port": 200}
    for _ in range(2):  # it arrives minute by minute, and again
        for minute in range(3):
            item = received(nine + timedelta(minutes=minute), unit="gare-01", site="gare")
            store.write([item])
    assert people() == {"gare": 100 + 3 * (item.count.people or 0), "port": 200}


def test_the_command_takes_in_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, table = tmp_path / "cityhall.toml", tmp_path / "old.csv"
    config.write_text('[city]\nname = "V"\n[broker]\nhost = "localhost"\ninsecure = true\n')
    table.write_text("site,start,people\ngare,2019-05-04 09:00,120\ngare,2019-05-04 10:00,80\n")
    command = ["import-counts", str(table), "--config", str(config)]
    assert main([*command, "--dry-run"]) == 0
    assert main(command) == 0
    assert "stored: 2; there before: 0" in capsys.readouterr().out
    assert main(command) == 0
    assert "stored: 0; there before: 2" in capsys.readouterr().out
    table.write_text("site,start,people\ngare,2019-05-04 09:00,121\n")
    assert main(command) == 0
    assert "left as they were: 1" in capsys.readouterr().out
    engine = connect(f"sqlite:///{tmp_path / 'cityhall.db'}")
    with engine.connect() as connection:
        rows = connection.execute(select(schema.daily.c.unclear)).all()
    engine.dispose()
    assert [row.unclear for row in rows] == [200]
    table.write_text("site,start,people\ngare,yesterday,121\n")
    assert main(command) == 2
    table.write_bytes(b"site,start,people\ng\xe9,2019-05-04 09:00,1\n")
    assert main(command) == 2
