"""Windows and messages for the tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from maskcam.cityhall import schema
from maskcam.cityhall.rollup import COUNTS, Calendar, Window, roll_up
from maskcam.delivery.wire import ReceivedCount
from maskcam.records import MinuteCount


def received(
    start: datetime | str,
    *,
    unit: str = "forville-01",
    site: str = "forville",
    minutes: int = 1,
    counts: tuple[int, int, int, int] | None = (7, 4, 0, 1),
    observed_s: float | None = None,
) -> ReceivedCount:
    moment = datetime.fromisoformat(start) if isinstance(start, str) else start
    seen = 60.0 * minutes if observed_s is None else observed_s
    if counts is None:
        count = MinuteCount.withheld(start=moment, minutes=minutes, observed_s=seen)
    else:
        named = dict(zip(COUNTS, counts, strict=True))
        count = MinuteCount(start=moment, minutes=minutes, observed_s=seen, **named)
    return ReceivedCount(site, unit, count)


def minutes_from(start: datetime, number: int, **rest: object) -> list[ReceivedCount]:
    return [received(start + timedelta(minutes=i), **rest) for i in range(number)]  # type: ignore[arg-type]


def assert_sums_are_right(engine: Engine, calendar: Calendar) -> None:
    """The stored roll-ups are what the stored windows give, computed again."""
    with engine.connect() as connection:
        columns = [schema.windows.c[name] for name in Window._fields]
        windows = [Window(*row) for row in connection.execute(select(*columns))]
        for table, expected in zip(
            (schema.hourly, schema.daily), roll_up(windows, calendar=calendar), strict=True
        ):
            rows = connection.execute(select(table)).all()
            assert len(rows) == len(expected)
            for row in rows:
                part = expected[row.bucket, row.site_id, row.unit_id]
                assert [getattr(row, name) for name in COUNTS] == part.counts
                assert row.covered_minutes == part.covered_minutes
                assert row.withheld_minutes == part.withheld_minutes
                assert abs(row.observed_s - part.observed_s) < 1e-3
