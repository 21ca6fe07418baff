"""Commands for configuration and database: check, backup, restore."""

from __future__ import annotations

import argparse
from typing import Any

from maskcam.arguments import file_path
from maskcam.cityhall.speech import log_to_stderr, say
from maskcam.errors import ConfigError

EXAMPLES = """\
  maskcam cityhall send-test
  maskcam cityhall check
  maskcam cityhall backup cityhall-copy.sqlite3
  maskcam cityhall restore cityhall-copy.sqlite3
"""


def add_database_commands(command: Any) -> None:
    """Registers the commands; `command` makes a parser, as in `commands.py`."""
    command("send-test", _send_test, "send a test message to [notify]'s e-mail and webhook")

    command("check", _check, "check the configuration, the database and the certificates")

    backup = command("backup", _backup, "copy the SQLite database while it is in use")
    backup.add_argument("target", type=file_path, help="a new file")

    restore = command("restore", _restore, "put a backup in the place of the SQLite database")
    restore.add_argument("source", type=file_path, help="a file that backup made")


def _check(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.alone import name_at
    from maskcam.cityhall.database import opened
    from maskcam.cityhall.settings import load

    settings = load(arguments.config)
    say(f"{arguments.config}: is a valid configuration")
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
    from maskcam.cityhall.post import Letter, channels
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
