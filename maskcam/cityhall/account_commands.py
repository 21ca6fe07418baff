"""Commands for who may look: people and programs."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from maskcam.cityhall.speech import log_to_stderr, say
from maskcam.errors import UsageError

EXAMPLES = """\
  maskcam cityhall add-user martin --admin
  maskcam cityhall add-token prometheus --scope metrics
  maskcam cityhall list-users
  maskcam cityhall remove-user martin
"""


def add_account_commands(command: Any) -> None:
    """Registers the commands; `command` makes a parser, as in `commands.py`."""
    user = command("add-user", _add_user, "let a person in, or give a new password")
    user.add_argument("name", help="user name; the password is asked for (or read from stdin)")
    user.add_argument("--admin", action="store_true", help="may see the audit log, too")

    token = command("add-token", _add_token, "let a program in; prints its token once")
    token.add_argument("name", help="what it is for, for example prometheus")
    token.add_argument(
        "--scope",
        choices=("metrics", "read"),
        default="metrics",
        help="metrics: /metrics only (default); read: all figures too",
    )

    command("list-users", _list_users, "list people and programs, and what each may see")

    remove = command("remove-user", _remove_user, "end the sessions or the token of an account")
    remove.add_argument("name", help="user or token")


@contextmanager
def _accounts(arguments: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """Yields the accounts and the audit log."""
    log_to_stderr()
    from maskcam.cityhall.accounts import Accounts
    from maskcam.cityhall.audit import Audit
    from maskcam.cityhall.database import opened

    with opened(arguments.config) as engine:
        yield Accounts(engine), Audit(engine)


def _add_user(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.audit import system_user

    with _accounts(arguments) as (accounts, audit):
        if sys.stdin.isatty():
            password = getpass.getpass("password (12 characters or more): ")
            if getpass.getpass("again: ") != password:
                raise UsageError("the two passwords differ; nothing was changed")
        else:
            password = sys.stdin.readline().rstrip("\n")
        accounts.add_person(arguments.name, password, admin=arguments.admin)
        what = "add administrator" if arguments.admin else "add user"
        audit.note(system_user(), what, arguments.name)
    say(f"{arguments.name}: may sign in")
    return 0


def _add_token(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.audit import system_user

    with _accounts(arguments) as (accounts, audit):
        token = accounts.add_program(arguments.name, scope=arguments.scope)
        audit.note(system_user(), "add token", f"{arguments.name} ({arguments.scope})")
    say(token)
    return 0


def _list_users(arguments: argparse.Namespace) -> int:
    with _accounts(arguments) as (accounts, _):
        say(f"{'name':<32} {'is':<9} may see")
        for account in accounts.all():
            kind = "program" if account.kind == "token" else "person"
            say(f"{account.name:<32} {kind:<9} {account.scope}")
    return 0


def _remove_user(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.audit import system_user

    with _accounts(arguments) as (accounts, audit):
        accounts.remove(arguments.name)
        audit.note(system_user(), "remove account", arguments.name)
    say(f"{arguments.name}: removed")
    return 0
