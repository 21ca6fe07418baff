"""A region of 2,000 units at 500 sites, with a year behind it, made in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, Engine, text

from maskcam.cityhall.rollup import Calendar, minute_of

SITES = 500
CAMERAS = 4
"""Units of each site."""
_COUNTS = "with_mask, without_mask, incorrect, unclear"
_SUMS = f"bucket, site_id, unit_id, {_COUNTS}, observed_s, covered_minutes, variance"


def fill_region(
    engine: Engine, calendar: Calendar, *, now: datetime, days: int = 365, sites: int = SITES
) -> None:
    """Makes `days` days of hours up to `now`, their daily sums, and the windows of an hour.

    Counts differ from unit to unit and from hour to hour, so that no cache of equal numbers helps.
    """

    today = calendar.local(minute_of(now)).date()

    def day(ago: int) -> int:
        return minute_of(datetime.combine(today - timedelta(days=ago), time(), calendar.zone))

    site = f"(v - 1) / {CAMERAS} + 1"
    false = "false" if engine.dialect.name == "postgresql" else "0"
    places, units = _numbers(engine, 1, sites), _numbers(engine, 1, CAMERAS * sites)
    with engine.begin() as connection:
        run = _runner(connection)
        run(f"INSERT INTO sites SELECT v, 'site-' || substr('' || (1000 + v), 2) FROM {places}")
        run(
            "INSERT INTO units (id, name, site_id, online, version, heard_at) SELECT v, "
            f"'unit-' || v, {site}, {false}, '1', {int(now.timestamp())} FROM {units}"
        )
        run(f"INSERT INTO stints SELECT v, {day(days)}, {site}, {day(0)} FROM {units}")
        minutes = _numbers(engine, minute_of(now) - 60, minute_of(now) - 1)
        run(
            f"INSERT INTO windows SELECT u.id, n.v, {false}, 1, u.site_id, 1, 1, 1, 0, 0, 60, 1.0 "
            f"FROM {minutes} CROSS JOIN units u"
        )
    last_hour = calendar.hour(minute_of(now))
    for ago in range(days, -1, -1):
        hours = _numbers(engine, day(ago), min(day(ago - 1) - 60, last_hour), step=60)
        with engine.begin() as connection:
            run = _runner(connection)
            run(
                f"INSERT INTO hourly ({_SUMS}) SELECT n.v, u.site_id, u.id, "
                "20 + (u.id * 37 + n.v / 60 * 101) % 59, 10 + (u.id * 53 + n.v / 60 * 71) % 43, "
                f"2, 3, 3600.0, 60, 1.8 FROM {hours} CROSS JOIN units u"
            )
            sums = ", ".join(f"sum({name})" for name in _SUMS.split(", ")[3:])
            run(
                f"INSERT INTO daily ({_SUMS}) SELECT {day(ago)}, site_id, unit_id, {sums} "
                f"FROM hourly WHERE bucket >= {day(ago)} GROUP BY site_id, unit_id"
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _runner(connection)("ANALYZE")


def _runner(connection: Connection) -> Callable[[str], object]:
    return lambda statement: connection.execute(text(statement))


def _numbers(engine: Engine, first: int, last: int, *, step: int = 1) -> str:
    """Returns a table `n` with a column `v`: the numbers from `first` to `last`."""
    if engine.dialect.name == "postgresql":
        return f"(SELECT generate_series({first}, {last}, {step}) AS v) n"
    return (
        f"(WITH RECURSIVE s(v) AS (SELECT {first} UNION ALL SELECT v + {step} FROM s "
        f"WHERE v + {step} <= {last}) SELECT v FROM s) n"
    )
