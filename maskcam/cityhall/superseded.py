"""Takes back older counts of hours that a camera of ours observed after all."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, and_, delete, or_, select

from maskcam.cityhall import schema
from maskcam.cityhall.older_counts import PREFIX
from maskcam.cityhall.rollup import Calendar, Window


def withdraw_older_counts(
    connection: Connection, windows: Iterable[Window], *, calendar: Calendar
) -> list[Window]:
    """Deletes and returns the older counts of the sites and hours that `windows` observed.

    Two counters side by side would count everybody twice. Of two collectors that delete the same
    rows, one gets them.
    """
    units, table = schema.units, schema.windows
    imported = select(units.c.site_id, units.c.id).where(units.c.name.startswith(PREFIX))
    unit_of = {row.site_id: row.id for row in connection.execute(imported)}
    if not unit_of:
        return []
    hours = {
        (unit_of[window.site_id], calendar.hour(window.start))
        for window in windows
        if window.observed_s > 0 and unit_of.get(window.site_id, window.unit_id) != window.unit_id
    }
    if not hours:
        return []
    theirs = (
        and_(
            table.c.unit_id == unit,
            table.c.start >= hour,
            table.c.start < calendar.next_hour(hour),
        )
        for unit, hour in sorted(hours)
    )
    columns = [table.c[name] for name in Window._fields]
    found = connection.execute(delete(table).where(or_(*theirs)).returning(*columns))
    return [Window(*row) for row in found]
