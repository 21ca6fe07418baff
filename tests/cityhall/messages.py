"""Windows and messages for the tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from maskcam.cityhall import schema
from maskcam.cityhall.rollup import COUNTS, Calendar, Window, fold, roll_up
from maskcam.delivery.wire import ReceivedCount
from maskcam.records import MinuteCount, WindowKind


def received(
    start: datetime | str,
    *,
    unit: str = "forville-01",
    site: str = "forville",
    minutes: int = 1,
    counts: tuple[int, int, int, int] | None = (7, 4, 0, 1),
    observed_s: int | None = None,
    run: int = 1,
    hour: bool = False,
    epsilon: float | None = 1.0,
) -> ReceivedCount:
    """Returns a window; with `hour`, or of another length than 1 or 20 minutes, an hour."""
    moment = datetime.fromisoformat(start) if isinstance(start, str) else start
    seen = 60 * minutes if observed_s is None else observed_s
    numbers = counts if counts is not None and seen else (None,) * 4
    count = MinuteCount(
        kind=WindowKind.HOUR if hour or minutes not in {1, 20} else WindowKind.COUNT,
        run=run,
        start=moment,
        minutes=minutes,
        **dict(zip(COUNTS, numbers, strict=True)),
        observed_s=0 if counts is None else seen,
        epsilon=epsilon,
    )
    return ReceivedCount(site, unit, count)


def minutes_from(start: datetime, number: int, **rest: object) -> list[ReceivedCount]:
    return [received(start + timedelta(minutes=i), **rest) for i in range(number)]  # type: ignore[arg-type]


def assert_sums_are_right(engine: Engine, calendar: Calendar) -> None:
    """The stored roll-ups are what the stored windows give, computed again."""
    with engine.connect() as connection:
        columns = [schema.windows.c[name] for name in Window._fields]
        windows = [Window(*row) for row in connection.execute(select(*columns))]
        hours: dict[tuple[int, int], list[Window]] = {}
        for window in windows:
            hours.setdefault((window.unit_id, window.start // 60), []).append(window)
        counted = [window for hour in hours.values() for window in fold(hour)]
        for table, expected in zip(
            (schema.hourly, schema.daily), roll_up(counted, calendar=calendar), strict=True
        ):
            rows = connection.execute(select(table)).all()
            assert len(rows) == len(expected)
            for row in rows:
                part = expected[row.bucket, row.site_id, row.unit_id]
                assert [getattr(row, name) for name in COUNTS] == part.counts
                assert row.covered_minutes == part.covered_minutes
                assert abs(row.variance - part.variance) < 1e-6
                assert abs(row.observed_s - part.observed_s) < 1e-3
