"""Which window goes to the broker next, and what its answer means. No threads, no clock.

A broker that speaks MQTT 5 also says when it threw a window away, because the unit
may not write there or because nobody subscribes. Such a window stays in the outbox
and is offered again after a pause that grows; the others behind it are tried too.

A broker saves what it has acknowledged every few seconds. If it is killed before that,
it has forgotten it. So a new session begins with the windows that were acknowledged
last; city hall stores each once by its key.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from maskcam.delivery import reasons
from maskcam.delivery.link import Session
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.rows import Key, Waiting

IN_FLIGHT = 16
ACKNOWLEDGE_WITHIN_S = 30.0
MAX_PAUSE_S = 60.0
REPEAT_S = 20.0
"""Twice the interval at which our mosquitto configuration lets the broker save."""
MOST_REPEATS = 5
"""Of one window: where the network comes and goes all day, the day is not sent again each time."""

_log = logging.getLogger(__name__)
_BATCH = 100
_REPEAT_LOG_S = 3600.0


class Complaints:
    """Logs what is wrong when it changes, and else once an hour."""

    def __init__(self) -> None:
        self._last = ""
        self._said_at_s = 0.0

    def say(self, what: str, *, waiting: int, now_s: float) -> None:
        """Logs a warning, unless the same was said less than an hour ago.

        waiting: how many windows wait in the outbox.
        """
        if what != self._last or now_s - self._said_at_s > _REPEAT_LOG_S:
            self._last, self._said_at_s = what, now_s
            _log.warning("%s (%d windows wait)", what, waiting)

    def over(self) -> None:
        """The trouble has ended for good; the next is logged even if it is the same."""
        self._last = ""


class _Flight(NamedTuple):
    window: Waiting | None  # None: the status, which is in no outbox
    sent_at_s: float
    repeats: int = 0  # in how many sessions before it was acknowledged


class Dispatcher:
    """Sends what waits in the outbox over one session after the other, few at a time.

    All times are monotonic, in seconds.

    Args:
        outbox: where windows wait.
        is_due: whether a window may be published yet.
        is_held: whether a window, and those behind it, are asked for again the next time.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        is_due: Callable[[Waiting], bool] = lambda window: True,
        is_held: Callable[[Key], bool] = lambda key: False,
    ) -> None:
        self._outbox, self._is_due, self._is_held = outbox, is_due, is_held
        self._session: Session | None = None
        self._limit = IN_FLIGHT
        self._flights: dict[int, _Flight] = {}
        self._ready: deque[Waiting] = deque()
        self._cursor: Key | None = None
        self._acknowledged: deque[tuple[float, _Flight]] = deque()
        self._repeats: deque[_Flight] = deque()
        self._pause_s = 0.0
        self._resume_at_s = 0.0
        self._complaints = Complaints()
        self.delivered = 0

    @property
    def session(self) -> Session | None:
        """The connection that is used now."""
        return self._session

    @property
    def idle(self) -> bool:
        """Whether there is nothing more that the broker would take now."""
        return self._session is None or not len(self._outbox) or self._pause_s > 0

    def begin(self, session: Session, *, room: int) -> None:
        """Uses a new session that takes `room` unacknowledged messages."""
        self.end()
        self._session, self._limit = session, room
        self._pause_s = self._resume_at_s = 0.0
        self._repeats.extend(
            flight for _, flight in self._acknowledged if flight.repeats < MOST_REPEATS
        )
        self._acknowledged.clear()

    def end(self) -> None:
        """The session is gone; what it left unanswered will be sent again."""
        self._session = None
        unanswered = [
            flight._replace(repeats=flight.repeats - 1)
            for flight in self._flights.values()
            if flight.repeats
        ]
        self._repeats.extendleft(reversed(unanswered))
        self._flights.clear()
        self._ready.clear()
        self._cursor = None

    def send_status(self, topic: str, payload: bytes, *, now_s: float) -> int | None:
        """Publishes the retained status; returns its token, or None without a connection."""
        if self._session is None:
            return None
        token = self._session.publish(topic, payload, retain=True)
        if token is not None:
            self._flights[token] = _Flight(None, now_s)
        return token

    def in_flight(self, token: int | None) -> bool:
        """Whether a message is still unanswered."""
        return token in self._flights

    def settle(self, token: int, code: int, *, now_s: float) -> None:
        """Takes the broker's answer to one message: acknowledged, or kept for later."""
        flight = self._flights.pop(token, None)
        if flight is None or (flight.window is None and code == reasons.NO_SUBSCRIBERS):
            return
        if code < reasons.FAILURE and code != reasons.NO_SUBSCRIBERS:
            if flight.window is not None:
                self._settle_window(flight, flight.window, now_s=now_s)
            return
        what = f"not taken, kept for later: {reasons.of_broker(code)}"
        self._complaints.say(what, waiting=len(self._outbox), now_s=now_s)
        if self._resume_at_s <= flight.sent_at_s:  # one pause for all that were under way
            self._pause_s = min(max(1.0, 2 * self._pause_s), MAX_PAUSE_S)
            self._resume_at_s = now_s + self._pause_s

    def feed(self, *, now_s: float) -> None:
        """Hands windows to the session; after a refusal one at a time, until one is taken."""
        if self._session is None or now_s < self._resume_at_s:
            return
        room = 1 if self._pause_s else IN_FLIGHT
        while self._under_way() < room and len(self._flights) < self._limit:
            again = self._repeats[0] if self._repeats else None
            window = self._next() if again is None else again.window
            if window is None:
                return
            token = self._session.publish(window.topic, window.payload)
            if token is None:
                return
            if again is not None:
                self._repeats.popleft()
            self._flights[token] = _Flight(window, now_s, again.repeats + 1 if again else 0)

    def overdue(self, *, now_s: float) -> bool:
        """Whether the broker owes an answer for too long."""
        return any(now_s - f.sent_at_s > ACKNOWLEDGE_WITHIN_S for f in self._flights.values())

    def _settle_window(self, flight: _Flight, window: Waiting, *, now_s: float) -> None:
        if not flight.repeats:
            self._outbox.acknowledge(window.key)
            self.delivered += 1
        self._pause_s = self._resume_at_s = 0.0
        self._complaints.over()
        self._acknowledged.append((now_s, flight))
        while self._acknowledged[0][0] < now_s - REPEAT_S:
            self._acknowledged.popleft()

    def _under_way(self) -> int:
        """Number of windows that the broker has not answered; the status is no window."""
        return sum(flight.window is not None for flight in self._flights.values())

    def _next(self) -> Waiting | None:
        window = self._next_due()
        if window is None and not self._under_way() and self._cursor is not None:
            # From the beginning: what was refused, is due by now, or came with an older start.
            self._cursor = None
            window = self._next_due()
        return window

    def _next_due(self) -> Waiting | None:
        while True:
            if not self._ready:
                self._ready += self._outbox.pending(_BATCH, after=self._cursor)
            if not self._ready or self._is_held(self._ready[0].key):
                return None
            window = self._ready.popleft()
            self._cursor = window.key
            if self._is_due(window):
                return window
