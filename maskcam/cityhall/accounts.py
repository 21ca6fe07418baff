"""Who may look, and how much: people with a password, programs with a token."""

from __future__ import annotations

import hashlib
import re
import secrets
from functools import cache
from typing import Literal, NamedTuple, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, insert, select

from maskcam.cityhall.access_schema import accounts, sessions
from maskcam.cityhall.database import writing
from maskcam.errors import UsageError

Scope = Literal["metrics", "read", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
"""Each one includes those before it: collectors' figures; all figures; what administrators do."""
MIN_PASSWORD, MAX_PASSWORD = 12, 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_PASSWORD, _TOKEN = "password", "token"
_hasher = PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)
"""Argon2id with 46 MiB and two passes: twice what OWASP asks for, and one processor at a time."""


class Account(NamedTuple):
    """A person or a program."""

    name: str
    kind: str
    scope: str

    def may(self, scope: str) -> bool:
        """Whether its scope includes `scope`."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


class Accounts:
    """The accounts in the database. Passwords are kept as argon2id hashes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_person(self, name: str, password: str, *, admin: bool = False) -> None:
        """Adds a person, or gives a new password, which ends all sessions of the old one.

        Raises:
            UsageError: the name or the password is not fit.
        """
        check_password_strength(password, name=name)
        self._put(name, _PASSWORD, _hasher.hash(password), "admin" if admin else "read")

    def add_program(self, name: str, *, scope: str = "metrics") -> str:
        """Adds a program and returns its token, which is not kept and cannot be shown again.

        Raises:
            UsageError: the name or the scope is not fit.
        """
        if scope not in SCOPES[:2]:
            raise UsageError(f"scope {scope!r:.30}: a program's is metrics or read")
        token = secrets.token_urlsafe(32)
        self._put(name, _TOKEN, _digest(token), scope)
        return token

    def remove(self, name: str) -> None:
        """Removes an account; its sessions and its token no longer work.

        Raises:
            UsageError: there is no such account.
        """
        with writing(self._engine).begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.account == name))
            if not connection.execute(delete(accounts).where(accounts.c.name == name)).rowcount:
                raise UsageError(f"account {name!r:.70}: there is none; see: list-users")

    def all(self) -> list[Account]:
        """Returns all accounts, sorted by name."""
        columns = (accounts.c.name, accounts.c.kind, accounts.c.scope)
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).order_by(accounts.c.name))
            return [Account(*row) for row in rows]

    def check_password(self, name: str, password: str) -> bool:
        """Whether this is the person's password. Takes as long if there is no such person."""
        query = select(accounts.c.secret).where(
            accounts.c.name == name, accounts.c.kind == _PASSWORD
        )
        with self._engine.connect() as connection:
            stored = connection.scalar(query)
        try:
            # A longer one is never right, and is not worth hashing.
            _hasher.verify(stored or _decoy(), password if len(password) <= MAX_PASSWORD else "")
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def find_token(self, token: str) -> Account | None:
        """Returns the program to which a token belongs."""
        query = select(accounts.c.name, accounts.c.kind, accounts.c.scope).where(
            accounts.c.kind == _TOKEN, accounts.c.secret == _digest(token)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else Account(*row)

    def _put(self, name: str, kind: str, secret: str, scope: str) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(f"account {name!r:.70}: use letters, digits and . _ @ - (63 at most)")
        values = {"name": name, "kind": kind, "secret": secret, "scope": scope}
        with writing(self._engine).begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.account == name))
            connection.execute(delete(accounts).where(accounts.c.name == name))
            connection.execute(insert(accounts).values(values))


@cache
def _decoy() -> str:
    """Returns the hash of a password that nobody knows: an unknown name takes as long."""
    return _hasher.hash(secrets.token_hex(16))


def check_password_strength(password: str, *, name: str = "") -> None:
    """Checks a new password against its length and what guessers try first.

    Raises:
        UsageError: it is too short, too long, or among the first million guesses.
    """
    from zxcvbn import zxcvbn

    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UsageError(
            f"password: use {MIN_PASSWORD} to {MAX_PASSWORD} characters, best a few words"
        )
    if zxcvbn(password[:72], user_inputs=[name, "maskcam"])["guesses"] < 1e8:
        raise UsageError("password: is easy to guess; use a few words that do not belong together")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
