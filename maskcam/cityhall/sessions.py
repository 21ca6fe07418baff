"""Sessions on the server: the browser holds a random token, and a session can be ended here."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from sqlalchemy import Engine, delete, insert, or_, select, update

from maskcam.cityhall.access_schema import accounts, sessions
from maskcam.cityhall.accounts import Account
from maskcam.cityhall.database import writing

IDLE_S = 2 * 3600
"""Without a request for so long, a session is over."""
_NOTED_EVERY_S = 60


class Sessions:
    """Who is signed in.

    Args:
        engine: the database.
        hours: after these a session is over, however busy.
        clock: seconds since the epoch.
    """

    def __init__(
        self, engine: Engine, *, hours: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._longest_s = hours * 3600
        self._clock = clock

    def begin(self, account: str) -> str:
        """Begins a session and returns its token; forgets those that are over."""
        token, now = secrets.token_urlsafe(32), int(self._clock())
        over = or_(sessions.c.started_at < now - self._longest_s, sessions.c.seen_at < now - IDLE_S)
        with writing(self._engine).begin() as connection:
            connection.execute(delete(sessions).where(over))
            connection.execute(
                insert(sessions).values(
                    digest=_digest(token), account=account, started_at=now, seen_at=now
                )
            )
        return token

    def find(self, token: str) -> Account | None:
        """Returns whose session a token belongs to, None if it is over."""
        now = int(self._clock())
        query = (
            select(sessions.c.seen_at, accounts.c.name, accounts.c.kind, accounts.c.scope)
            .join(accounts, accounts.c.name == sessions.c.account)
            .where(
                sessions.c.digest == _digest(token),
                sessions.c.started_at >= now - self._longest_s,
                sessions.c.seen_at >= now - IDLE_S,
            )
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if now - row.seen_at >= _NOTED_EVERY_S:
            with writing(self._engine).begin() as connection:
                connection.execute(
                    update(sessions).where(sessions.c.digest == _digest(token)).values(seen_at=now)
                )
        return Account(row.name, row.kind, row.scope)

    def end(self, token: str) -> None:
        """Ends a session."""
        with writing(self._engine).begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
