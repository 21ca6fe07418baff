"""The tables of city hall's database, the same for SQLite and PostgreSQL.

Times are whole minutes (windows, roll-ups) or seconds (what happened) since the
Unix epoch, as integers: half the size of a date, and the same in both databases.
`NULL` counts mean "not observed", never zero; a `NULL` epsilon means exact counts.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
)

metadata = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
"""What the database knows of itself: the zone of its days, what was deleted."""

sites = Table(
    "sites",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
)

units = Table(
    "units",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("heard_at", BigInteger),
    Column("online", Boolean),
    Column("version", String(32)),
    Column("since", BigInteger),
)
"""A unit, the site that it last spoke for, and its last status message."""

windows = Table(
    "windows",
    metadata,
    Column("unit_id", ForeignKey("units.id"), primary_key=True, autoincrement=False),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("is_hour", Boolean, primary_key=True, autoincrement=False),
    Column("run", Integer, nullable=False),
    Column("site_id", ForeignKey("sites.id"), nullable=False),
    Column("minutes", SmallInteger, nullable=False),
    Column("with_mask", Integer),
    Column("without_mask", Integer),
    Column("incorrect", Integer),
    Column("unclear", Integer),
    Column("observed_s", Integer, nullable=False),
    Column("epsilon", Float),
    sqlite_with_rowid=False,
)
"""Every window and hour as it arrived; of two with one key, that of the higher run stays."""

stints = Table(
    "stints",
    metadata,
    Column("unit_id", ForeignKey("units.id"), primary_key=True, autoincrement=False),
    Column("since", Integer, primary_key=True, autoincrement=False),
    Column("site_id", ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("until", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""At which site a unit stood: `since` and `until` begin the first and last day with counts."""


def _roll_up(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("bucket", Integer, primary_key=True, autoincrement=False),
        Column("site_id", ForeignKey("sites.id"), primary_key=True, autoincrement=False),
        Column("unit_id", ForeignKey("units.id"), primary_key=True, autoincrement=False),
        *(
            Column(count, Integer, nullable=False)
            for count in ("with_mask", "without_mask", "incorrect", "unclear")
        ),
        Column("observed_s", Float, nullable=False),
        Column("covered_minutes", Integer, nullable=False),
        Column("variance", Float, nullable=False),
        sqlite_with_rowid=False,
    )


hourly = _roll_up("hourly")
daily = _roll_up("daily")
"""Sums per unit and hour, or day of the city's zone; `bucket` is its first minute.

Counts are booked in the bucket in which their window began, and so is the variance of the
noise in each of the four. Seconds observed and minutes covered are split at bucket borders.
"""
