"""Opens city hall's database and brings its tables up to date."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Select,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from maskcam.cityhall.schema import facts
from maskcam.errors import ConfigError, MaskcamError

BUSY_TIMEOUT_S = 30
CONNECT_TIMEOUT_S = 10
ROWS_AT_ONCE = 2000
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
"""Other signs in the place of a host are a part of a password that was not encoded."""


class DatabaseError(MaskcamError):
    """The database cannot be opened, or is not the one that the configuration means."""


def connect(url: str) -> Engine:
    """Returns an engine for `url`, SQLite (``sqlite:///FILE``) or PostgreSQL.

    SQLite runs with a write-ahead log, so that the dashboard reads while the
    collector writes, and with synchronous=FULL: what was committed outlives a power cut.

    Raises:
        ConfigError: the URL is of no known kind.
    """
    parsed = _parsed(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    raise ConfigError(f"[database] url: {backend} is not supported; use sqlite or postgresql")


@contextmanager
def up_to_date(url: str, *, zone: ZoneInfo) -> Iterator[Engine]:
    """Yields an engine whose tables are up to date, and closes its connections afterwards.

    Raises:
        ConfigError: the URL is of no known kind.
        DatabaseError: see `upgrade`.
    """
    engine = connect(url)
    try:
        upgrade(engine, zone=zone)
        yield engine
    finally:
        engine.dispose()


def writing(engine: Engine) -> Engine:
    """Returns the same engine for transactions that write (SQLite locks at their beginning)."""
    return engine.execution_options(maskcam_writes=True)


def plain_rows(connection: Connection, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of a query, as the driver gives them.

    For answers of a hundred thousand rows and more: SQLAlchemy's rows take a fifth longer. The
    values are not converted, and they are written into the statement: numbers only.
    """
    statement = query.compile(connection, compile_kwargs={"literal_binds": True})
    driver: Any = connection.connection
    if connection.dialect.name == "postgresql":
        cursor = driver.cursor(name="plain_rows")  # one without a name fetches all rows at once
        cursor.itersize = ROWS_AT_ONCE
    else:
        cursor = driver.cursor()
    with closing(cursor):
        cursor.execute(str(statement))
        yield from cursor


def upgrade(engine: Engine, *, zone: ZoneInfo) -> None:
    """Creates or migrates the tables, and notes the zone in which days are cut.

    Raises:
        DatabaseError: no connection, or the days were cut in another zone before.
    """
    config = _migrations()
    try:
        with writing(engine).begin() as connection:
            if engine.dialect.name == "postgresql":  # several collectors may start together
                connection.execute(text("SELECT pg_advisory_xact_lock(6202004)"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _claim_zone(connection, zone)
    except OperationalError as error:
        reason = reason_of(error)
        raise DatabaseError(f"database: cannot be opened ({reason}); {_advice(reason)}") from error
    except CommandError as error:
        raise DatabaseError(
            "database: a newer version of maskcam wrote it; install that one "
            "(pip install --upgrade), or restore an older backup"
        ) from error
    except SQLAlchemyError as error:
        raise DatabaseError(
            f"database: migration failed ({type(error).__name__}); restore the last backup"
        ) from error


def knows_version(version: str) -> bool:
    """Returns whether this program can open a database whose tables have this version."""
    known = ScriptDirectory.from_config(_migrations()).walk_revisions()
    return version in {script.revision for script in known}


def _migrations() -> AlembicConfig:
    script = resources.files("maskcam.cityhall").joinpath("migrations")
    config = AlembicConfig()
    config.set_main_option("script_location", str(script).replace("%", "%%"))
    return config


@contextmanager
def opened(config: Path) -> Iterator[Engine]:
    """Yields the database of a configuration file, up to date; for commands.

    Called by root, it acts as the owner of the database's folder: a file that root makes
    there, collector and dashboard could not write.

    Raises:
        ConfigError: the configuration is wrong.
        DatabaseError: the database cannot be opened.
    """
    from maskcam.cityhall.settings import load

    settings = load(config)
    file = sqlite_file(settings.database.url)
    with (
        _owner_of(file.parent) if file is not None else nullcontext(),
        up_to_date(settings.database.url, zone=settings.city.zone_info) as engine,
    ):
        yield engine


@contextmanager
def _owner_of(folder: Path) -> Iterator[None]:
    if os.geteuid() != 0 or not folder.exists():
        yield
        return
    found = folder.stat()
    os.setegid(found.st_gid)
    os.seteuid(found.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def sqlite_file(url: str) -> Path | None:
    """Returns the file of a SQLite database, None for another one."""
    parsed = _parsed(url)
    return Path(parsed.database) if _is_sqlite(parsed) and parsed.database else None


def _is_sqlite(parsed: URL) -> bool:
    return parsed.get_backend_name() == "sqlite"


def _parsed(url: str) -> URL:
    """Returns the parts of a database URL. No message shows any of it: a password is in it."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or (parsed.host and not _HOST.fullmatch(parsed.host)):
        raise ConfigError(
            "[database] url: is no database URL; use sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME with : / @ % # ? in the password written as "
            "%3A %2F %40 %25 %23 %3F"
        )
    return parsed


def reason_of(error: DBAPIError) -> str:
    """Returns what the database said, in a line; its messages hold no password."""
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"


def _advice(reason: str) -> str:
    if "readonly" in reason or "read-only" in reason:
        return "its file belongs to another user: chown it to the one who runs this command"
    return "check [database] url and that it runs"


def _claim_zone(connection: Connection, zone: ZoneInfo) -> None:
    found = connection.scalar(select(facts.c.value).where(facts.c.name == "zone"))
    if found is None:
        connection.execute(insert(facts).values(name="zone", value=zone.key))
    elif found != zone.key:
        raise DatabaseError(
            f"database: its days are those of {found}; set [city] zone back to it, "
            f"or begin a new database for {zone.key}"
        )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-16384",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("maskcam_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
