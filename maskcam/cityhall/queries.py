"""Parts of the queries that read sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    func,
    select,
)

from maskcam.cityhall import schema
from maskcam.cityhall.rollup import COUNTS

SUMMED = (*COUNTS, "observed_s", "covered_minutes", "variance")
"""What is summed of each hour or day, in the order of `reader.Totals`."""


def site_ids(sites: Sequence[str]) -> Select[Any]:
    """Returns the numbers of sites, as a part of a query."""
    return select(schema.sites.c.id).where(schema.sites.c.name.in_(sites))


def of_sites(table: Table, sites: Sequence[str], buckets: Iterable[int]) -> ColumnElement[bool]:
    """Returns the condition for the rows of some sites in these hours or days.

    Sums lie by time, so a span of all sites would be read for a few of them: it is read by its
    buckets, each of which the primary key finds. They are written into the statement: of a year of
    hours, drivers take longer for the parameters than databases for the rows.
    """
    listed: BindParameter[int] = bindparam(
        "buckets", list(buckets), expanding=True, unique=True, literal_execute=True
    )
    return and_(table.c.site_id.in_(site_ids(sites)), table.c.bucket.in_(listed))


def names_of(connection: Connection, table: Table) -> dict[int, str]:
    """Returns the names of all sites or units by their ids."""
    return {row.id: row.name for row in connection.execute(select(table.c.id, table.c.name))}


def inside(table: Table, start: int, end: int) -> ColumnElement[bool]:
    """Returns the condition for the rows of all sites from `start` to before `end`."""
    return and_(table.c.bucket >= start, table.c.bucket < end)


def matched_hours(hours: ColumnElement[bool], earlier: int, least_s: float) -> Select[Any]:
    """Selects, by the number of the site, sums of `hours` observed both times, now and before."""
    now, before = schema.hourly, schema.hourly.alias("before")
    same = and_(
        before.c.bucket == now.c.bucket - earlier,
        before.c.site_id == now.c.site_id,
        before.c.unit_id == now.c.unit_id,
    )
    sums = [func.sum(table.c[name]) for table in (now, before) for name in SUMMED]
    return (
        select(now.c.site_id, *sums)  # by its name, each row would be sorted
        .join(before, same)
        .where(hours, now.c.observed_s >= least_s, before.c.observed_s >= least_s)
        .group_by(now.c.site_id)
    )
