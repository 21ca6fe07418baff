"""The first tables: sites, units, windows, roll-ups, accounts.

Written out, not taken from `schema`: a migration must do the same in ten years.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    _create_facts()
    _create_sites_and_units()
    _create_windows()
    _create_stints()
    for name in ("hourly", "daily"):
        _create_sums(name)
    _create_accounts()


def _create_facts() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
    )


def _create_sites_and_units() -> None:
    op.create_table(
        "sites",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
    )
    op.create_table(
        "units",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("site_id", sa.Integer, sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("heard_at", sa.BigInteger),
        sa.Column("online", sa.Boolean),
        sa.Column("version", sa.String(32)),
        sa.Column("since", sa.BigInteger),
    )


def _create_windows() -> None:
    op.create_table(
        "windows",
        sa.Column(
            "unit_id", sa.Integer, sa.ForeignKey("units.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("start", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("is_hour", sa.Boolean, primary_key=True, autoincrement=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("minutes", sa.SmallInteger, nullable=False),
        *(
            sa.Column(count, sa.Integer)
            for count in ("with_mask", "without_mask", "incorrect", "unclear")
        ),
        sa.Column("observed_s", sa.Integer, nullable=False),
        sa.Column("epsilon", sa.Float),
        sqlite_with_rowid=False,
    )


def _create_stints() -> None:
    op.create_table(
        "stints",
        sa.Column(
            "unit_id", sa.Integer, sa.ForeignKey("units.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("since", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "site_id", sa.Integer, sa.ForeignKey("sites.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("until", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_sums(name: str) -> None:
    op.create_table(
        name,
        sa.Column("bucket", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "site_id",
            sa.Integer,
            sa.ForeignKey("sites.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column(
            "unit_id",
            sa.Integer,
            sa.ForeignKey("units.id"),
            primary_key=True,
            autoincrement=False,
        ),
        *(
            sa.Column(count, sa.Integer, nullable=False)
            for count in ("with_mask", "without_mask", "incorrect", "unclear")
        ),
        sa.Column("observed_s", sa.Float, nullable=False),
        sa.Column("covered_minutes", sa.Integer, nullable=False),
        sa.Column("variance", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("secret", sa.String(200), nullable=False),
    )


def downgrade() -> None:
    """Drops the tables and all that is in them."""
    for name in ("accounts", "daily", "hourly", "stints", "windows", "units", "sites", "facts"):
        op.drop_table(name)
