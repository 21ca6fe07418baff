"""Tables of who may look, what was done, and what was not stored for good reasons."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, Text

from maskcam.cityhall.schema import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("secret", String(200), nullable=False),
    Column("scope", String(8), nullable=False),
)
"""People (argon2 hash of a password) and programs (SHA-256 of a random token)."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("account", String(63), nullable=False, index=True),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)
"""Who is signed in. The cookie holds a random token; only its SHA-256 is kept."""

collectors = Table(
    "collectors",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
    Column("connected", Boolean, nullable=False),
    Column("figures", Text, nullable=False),
)
"""What each collector last said of itself, as Prometheus reads it."""

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("day", String(10), nullable=False, index=True),
    Column("site", String(63), nullable=False),
    Column("text", String(120), nullable=False),
)
"""What administrators note on local days (ISO 8601); `site` is "" for one on all sites."""

notices = Table(
    "notices",
    metadata,
    Column("channel", String(16), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""Of what e-mails and webhooks were sent, so that each is sent once."""

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", String(63), nullable=False),
    Column("what", String(40), nullable=False),
    Column("detail", String(200), nullable=False),
)
"""What was done, by whom. Triggers refuse to change or delete a row."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("received_at", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("unit", String(63), nullable=False, index=True),
    Column("topic", String(255), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("detail", String(300), nullable=False),
)
"""Messages that were acknowledged and not stored, each once; `unit` is "" if it is unknown."""
