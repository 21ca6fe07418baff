"""Commands for configuration and database: check, backup, restore."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from maskcam.arguments import file_path
from maskcam.cityhall.speech import log_to_stderr, say
from maskcam.errors import ConfigError, UsageError

_AT_ONCE = 5000

EXAMPLES = """\
  maskcam cityhall import-counts counts-2019.csv --dry-run
  maskcam cityhall send-test
  maskcam cityhall check
  maskcam cityhall backup cityhall-copy.sqlite3
  maskcam cityhall restore cityhall-copy.sqlite3
"""


def add_database_commands(command: Any) -> None:
    """Registers the commands; `command` makes a parser, as in `commands.py`."""
    command("send-test", _send_test, "send a test message to [notify]'s e-mail and webhook")

    command("check", _check, "check the configuration, the database and the certificates")

    older = command("import-counts", _import_counts, "take in older counts of other counters")
    older.add_argument(
        "table",
        type=file_path,
        help="CSV with the columns site, start, people (or with_mask, without_mask, incorrect, "
        "unclear) and, if they are not hours, minutes",
    )
    older.add_argument("--dry-run", action="store_true", help="only say what would be taken in")

    backup = command("backup", _backup, "copy the SQLite database while it is in use")
    backup.add_argument("target", type=file_path, help="a new file")

    restore = command("restore", _restore, "put a backup in the place of the SQLite database")
    restore.add_argument("source", type=file_path, help="a file that backup made")


def _check(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.database import opened
    from maskcam.cityhall.outline import read_outline
    from maskcam.cityhall.settings import load
    from maskcam.cityhall.single_collector import name_at

    settings = load(arguments.config)
    say(f"{arguments.config}: is a valid configuration")
    if settings.city.outline is not None:
        say(f"outline of the map: {len(read_outline(settings.city.outline))} lines")
    broker = settings.broker
    if broker.certificate is not None:
        broker.connection().tls_context()
    say(f"broker: {broker.host} port {broker.port}, as {name_at(broker)}")
    with opened(arguments.config) as engine:
        say(f"database: {engine.url.get_backend_name()}, opened and up to date")
    return 0


def _send_test(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.language import Words
    from maskcam.cityhall.mail_webhook import Letter, channels
    from maskcam.cityhall.settings import load

    settings = load(arguments.config)
    found = channels(settings.notify)
    if not found:
        raise ConfigError(f"{arguments.config}: [notify] has neither email_to nor webhook")
    words = Words(settings.notify.language, zone=settings.city.zone_info)
    for channel in found:
        facts = {"event": "test"}
        text = words("notice_test")
        channel.send(Letter(subject=settings.city.name, text=text, facts=facts))
        say(f"{channel.name}: sent")
    return 0


def _import_counts(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.cameras import without_hours_of_cameras
    from maskcam.cityhall.database import opened
    from maskcam.cityhall.older_counts import read_older_counts
    from maskcam.cityhall.rollup import Calendar
    from maskcam.cityhall.settings import load
    from maskcam.cityhall.store import Store, Written

    zone, place = load(arguments.config).city.zone_info, arguments.table
    try:
        with place.open(encoding="utf-8", newline="") as lines:
            found = read_older_counts(lines, zone=zone, now=datetime.now(UTC))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8; save it as such"
        raise UsageError(f"{place}: {reason}") from error
    except UsageError as error:
        raise UsageError(f"{place}: nothing was taken in\n{error}") from error
    say(f"{place}: {len(found)} counts of {len({item.site for item in found})} sites")
    if arguments.dry_run:
        return 0
    written = Written()
    with opened(arguments.config) as engine:
        store = Store(engine, calendar=Calendar(zone))
        found, before = without_hours_of_cameras(found, engine, store.calendar), len(found)
        for begin in range(0, len(found), _AT_ONCE):
            part = store.write(found[begin : begin + _AT_ONCE])
            written = Written(*map(sum, zip(written, part, strict=True)))
    say(f"stored: {written.stored}; there before: {written.repeated}")
    if kept := written.contradicting + written.overlapping:
        say(f"left as they were: {kept} that differ from what was taken in before")
    if doubled := before - len(found):
        say(f"left out: {doubled} of hours that cameras of the same site counted")
    if written.too_old:
        say(f"refused: {written.too_old} from before what is kept (see keep_windows_days)")
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.backup import back_up
    from maskcam.cityhall.settings import load

    back_up(load(arguments.config).database.url, arguments.target)
    say(f"{arguments.target}: written, readable by you alone: the accounts are in it")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.backup import restore
    from maskcam.cityhall.settings import load

    settings = load(arguments.config)
    kept = restore(settings.database.url, arguments.source)
    if kept is not None:
        say(f"{kept}: the database that was there before")
    say("restored; start collector and dashboard again")
    return 0
