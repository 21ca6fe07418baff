"""Who may look: people with a password, programs with a token."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, insert, select

from maskcam.cityhall.database import writing
from maskcam.cityhall.schema import accounts
from maskcam.errors import UsageError

MIN_PASSWORD = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_PASSWORD, _TOKEN = "password", "token"
_hasher = PasswordHasher()
_hashing = threading.BoundedSemaphore(4)
"""Each check takes 64 MiB: strangers who try many at once must not use up the memory."""


class Accounts:
    """The accounts in the database. Passwords are kept as argon2id hashes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._decoy = _hasher.hash(secrets.token_hex(16))

    def add_person(self, name: str, password: str) -> None:
        """Adds a person, or gives a new password, which ends all sessions of the old one.

        Raises:
            UsageError: the name or the password is not fit.
        """
        if len(password) < MIN_PASSWORD:
            raise UsageError(f"password: use at least {MIN_PASSWORD} characters")
        self._put(name, _PASSWORD, _hasher.hash(password))

    def add_program(self, name: str) -> str:
        """Adds a program and returns its token, which is not kept and cannot be shown again.

        Raises:
            UsageError: the name is not fit.
        """
        token = secrets.token_urlsafe(32)
        self._put(name, _TOKEN, _digest(token))
        return token

    def remove(self, name: str) -> None:
        """Removes an account; its sessions and token no longer work.

        Raises:
            UsageError: there is no such account.
        """
        with writing(self._engine).begin() as connection:
            if not connection.execute(delete(accounts).where(accounts.c.name == name)).rowcount:
                raise UsageError(f"account {name!r:.70}: there is none; check the name")

    def check_password(self, name: str, password: str) -> str | None:
        """Returns the mark of a session for this person, or None. Takes as long either way."""
        stored = self._secret(name, _PASSWORD)
        try:
            with _hashing:
                _hasher.verify(stored or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return None
        return _mark(stored) if stored else None

    def check_session(self, name: str, mark: str) -> bool:
        """Whether a session's mark still fits: the account exists with the same password."""
        stored = self._secret(name, _PASSWORD)
        return stored is not None and secrets.compare_digest(_mark(stored), mark)

    def check_token(self, token: str) -> bool:
        """Whether a program's token is known."""
        wanted = accounts.c.secret == _digest(token)
        query = select(accounts.c.name).where(accounts.c.kind == _TOKEN, wanted)
        with self._engine.connect() as connection:
            return connection.scalar(query) is not None

    def _secret(self, name: str, kind: str) -> str | None:
        query = select(accounts.c.secret).where(accounts.c.name == name, accounts.c.kind == kind)
        with self._engine.connect() as connection:
            secret: str | None = connection.scalar(query)
            return secret

    def _put(self, name: str, kind: str, secret: str) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(f"account {name!r:.70}: use letters, digits and . _ @ - (63 at most)")
        with writing(self._engine).begin() as connection:
            connection.execute(delete(accounts).where(accounts.c.name == name))
            connection.execute(insert(accounts).values(name=name, kind=kind, secret=secret))


def _mark(stored: str) -> str:
    """Returns what a session carries: it changes with the password and does not tell it."""
    return _digest(stored)[:32]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
