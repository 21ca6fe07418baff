"""Delivers closed windows to city hall over MQTT, each at least once.

Two threads: this module's worker owns the outbox and sends what waits in it; the
link's thread serves the network. Both are reached by one queue, so `deliver` never
waits for disk or network. A window goes to disk first, then to the broker, and
leaves the outbox when the broker has acknowledged it, not before.

A frame with people in it takes longer than one without, and the first frame behind the end of
a minute closes it. So that nobody on the path can read that from when a window leaves, it leaves
with the next whole second of the clock.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from types import TracebackType
from typing import Any, Protocol, Self

import maskcam
from maskcam.delivery import wire
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.dispatch import ACKNOWLEDGE_WITHIN_S, Complaints, Dispatcher
from maskcam.delivery.link import Acknowledged, Connected, Disconnected, Link, LinkEvent, Will
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.rows import Key, Waiting
from maskcam.errors import ConfigError, DeliveryError
from maskcam.names import UNCONFIGURED
from maskcam.records import MinuteCount

__all__ = ["BrokerSettings", "Publisher"]

STALE_S = 60.0

_log = logging.getLogger(__name__)
_TICK_S = 0.5
_TEND_S = 30.0
_GOODBYE_S = 0.5
_GRID_S = 1.0  # new windows leave with its whole multiples; a unit's frame takes 0.1 s
_EARLY_S = 0.01  # by which a wait may end too soon


class AnyLink(Protocol):
    """What the publisher needs of a link; tests bring their own."""

    @property
    def healthy(self) -> bool:
        """Whether its thread is alive and moving."""

    def start(self) -> None:
        """Begins to connect."""

    def stop(self, *, timeout_s: float) -> bool:
        """Ends its thread."""


@dataclass(frozen=True, slots=True, eq=False)
class _Closed:
    count: MinuteCount
    stored: Future[bool]


@dataclass(frozen=True, slots=True)
class _Stop:
    deadline_s: float


class Publisher:
    """Takes closed windows and sees to it that each reaches the broker at least once.

    A context manager: starts on entry; on exit tries for `stop_timeout_s` to send
    what waits, says goodbye and closes the outbox, which it owns.

    Args:
        outbox: where windows wait.
        broker: which broker, and how.
        site, unit: the names in the topics; the unit's id is the client id.
        utc_now: the time in UTC, or None while the clock is not synchronised.
        delay_minutes: a window waits in the outbox for so long after its end.
        stop_timeout_s: how long leaving may take, with the broker in reach.
        open_link: makes the connection; replaced in tests.

    Raises:
        ConfigError: the unit still has the id of the image.
        WireError: site or unit is no name fit for a topic.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        broker: BrokerSettings,
        site: str,
        unit: str,
        utc_now: Callable[[], datetime | None] = lambda: datetime.now(UTC),
        delay_minutes: int = 0,
        stop_timeout_s: float = 1.5,
        open_link: Callable[..., AnyLink] = Link,
    ) -> None:
        if unit == UNCONFIGURED:
            raise ConfigError(
                f'[unit] id: "{unit}" is the id of the image; two units with one id throw each '
                "other out: give this one its own"
            )
        self._outbox, self._broker, self._unit = outbox, broker, unit
        self._status_topic = wire.status_topic(site=site, unit=unit)
        self._utc_now, self._stop_timeout_s = utc_now, stop_timeout_s
        self._delay = timedelta(minutes=delay_minutes)
        self._events: queue.SimpleQueue[_Closed | _Stop | LinkEvent] = queue.SimpleQueue()
        self._open_link = open_link
        self._link: AnyLink | None = None
        self._worker = Thread(target=self._work, name="maskcam-delivery", daemon=True)
        self._beat_s = time.monotonic()
        self._tended_s = self._beat_s
        self._new: set[Key] = set()  # handed over since the last whole second
        self._dispatcher = Dispatcher(
            outbox, is_due=self._is_due, is_held=lambda key: key in self._new
        )
        self._complaints = Complaints()
        self._stopping: _Stop | None = None
        self._untimed = False
        self._new_until_s = self._beat_s
        self.waiting = len(outbox)
        self.restarts = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(timeout_s=self._stop_timeout_s)

    def start(self) -> None:
        """Starts both threads; returns before a connection is made."""
        if not self._broker.encrypted:
            _log.warning(
                "the connection to %s is NOT ENCRYPTED: everyone on the path can read and change "
                "the counts; set ca, certificate and key in [broker]",
                self._broker.host,
            )
        self._link = self._new_link()
        self._worker.start()

    def deliver(self, count: MinuteCount) -> Future[bool]:
        """Takes a closed window, without waiting.

        Returns:
            A future that says, within milliseconds as a rule, that the window is
            kept: True on disk, False in memory because the disk fails. It raises
            WireError if the count breaks the wire format, and DeliveryError after `stop`.

        Raises:
            TypeError: `count` is anything but a `MinuteCount`.
        """
        if type(count) is not MinuteCount:
            raise TypeError(f"only a MinuteCount may be delivered, not {type(count).__name__}")
        closed = _Closed(count, Future())
        if self._worker.is_alive():
            self._events.put(closed)
        else:
            closed.stored.set_exception(DeliveryError("the publisher is not running"))
        return closed.stored

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection that exists now."""
        return self._dispatcher.session is not None

    @property
    def delivered(self) -> int:
        """Windows that the broker has acknowledged since start."""
        return self._dispatcher.delivered

    @property
    def healthy(self) -> bool:
        """Whether both threads live and move; says nothing about the broker."""
        moving = time.monotonic() - self._beat_s < STALE_S
        return self._worker.is_alive() and moving and self._link is not None and self._link.healthy

    def stop(self, *, timeout_s: float) -> bool:
        """Sends what can be sent in time, says goodbye and closes the outbox.

        Returns whether all that ended in time; what was not sent waits in the outbox.
        """
        self._events.put(_Stop(time.monotonic() + max(timeout_s - _GOODBYE_S, 0)))
        self._worker.join(timeout_s + 2 * _GOODBYE_S)
        if self._worker.is_alive():
            _log.error("the delivery did not stop in %.1f s; is the disk stuck?", timeout_s)
        return not self._worker.is_alive()

    def _new_link(self) -> AnyLink:
        version = maskcam.__version__
        will = wire.encode_status(online=False, version=version, since=None)
        link = self._open_link(
            self._broker,
            client_id=self._unit,
            will=Will(self._status_topic, will),
            emit=self._events.put,
        )
        link.start()
        return link

    def _work(self) -> None:
        while not self._finished():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - counts must go on being kept
                _log.debug("delivery", exc_info=True)
                self._complain(f"unexpected error in the delivery, going on: {error!r}")
        try:
            self._say_goodbye()
        finally:
            self._outbox.close()

    def _step(self) -> None:
        event = None
        with suppress(queue.Empty):
            event = self._events.get(timeout=_until_next(_TICK_S))
        self._beat_s = now_s = time.monotonic()
        self._handle(event)
        self._watch(now_s)
        if now_s >= self._new_until_s - _EARLY_S:
            self._new.clear()
        self._dispatcher.feed(now_s=now_s)
        self.waiting = len(self._outbox)

    def _handle(self, event: Any) -> None:
        session = self._dispatcher.session
        match event:
            case _Closed():
                self._keep(event)
            case Connected():
                self._begin(event)
            case Disconnected() if event.session is session or session is None:
                self._dispatcher.end()
                if self._stopping is None:
                    self._complain(event.why)
            case Acknowledged() if event.session is session:
                self._dispatcher.settle(event.token, event.code, now_s=self._beat_s)
            case _Stop():
                self._stopping = event
                self._new.clear()

    def _keep(self, closed: _Closed) -> None:
        if not self._new:
            self._new_until_s = self._beat_s + _until_next(_GRID_S)
        self._new.add(Key.of(closed.count, self._unit))
        try:
            closed.stored.set_result(self._outbox.put(closed.count))
        except wire.WireError as error:
            _log.error("a window breaks the wire format and is lost: %s", error)
            closed.stored.set_exception(error)

    def _is_due(self, window: Waiting) -> bool:
        if not self._delay:
            return True
        now = self._utc_now()
        if now is None:
            return False
        count = wire.decode_count(window.payload, kind=window.key.kind).count
        return now >= count.start + timedelta(minutes=count.minutes) + self._delay

    def _begin(self, event: Connected) -> None:
        _log.info("connected to %s:%d", self._broker.host, self._broker.port)
        self._dispatcher.begin(event.session, room=event.room)
        self._send_status(online=True)

    def _send_status(self, *, online: bool) -> int | None:
        since = self._utc_now()
        self._untimed = since is None
        status = wire.encode_status(online=online, version=maskcam.__version__, since=since)
        return self._dispatcher.send_status(self._status_topic, status, now_s=time.monotonic())

    def _watch(self, now_s: float) -> None:
        """Replaces a dead link, drops a mute connection, and does what had to wait."""
        if self._link is not None and not self._link.healthy:
            self.restarts += 1
            _log.error("the network thread died or hangs; starting another")
            self._link.stop(timeout_s=0)
            self._dispatcher.end()
            self._link = self._new_link()
        if self._dispatcher.session and self._dispatcher.overdue(now_s=now_s):
            self._dispatcher.session.drop(f"no answer for {ACKNOWLEDGE_WITHIN_S:.0f} s")
        if self._untimed and self.connected and self._utc_now() is not None:
            self._send_status(online=True)
        if not self._outbox.on_disk and now_s - self._tended_s > _TEND_S:
            self._tended_s = now_s
            self._outbox.tend()

    def _finished(self) -> bool:
        if self._stopping is None:
            return False
        return self._dispatcher.idle or time.monotonic() > self._stopping.deadline_s

    def _say_goodbye(self) -> None:
        """Leaves a retained "offline" and ends the connection in order."""
        session, token = self._dispatcher.session, self._send_status(online=False)
        until_s = time.monotonic() + _GOODBYE_S
        while self._dispatcher.in_flight(token) and time.monotonic() < until_s:
            with suppress(queue.Empty):
                self._handle(self._events.get(timeout=0.05))
        if session is not None:
            session.close()
        if self._link is not None and not self._link.stop(timeout_s=2 * _GOODBYE_S):
            _log.error("the network thread did not end; is the name server out of reach?")
        with suppress(queue.Empty):
            while True:
                self._handle(self._events.get_nowait())

    def _complain(self, what: str) -> None:
        place = f"{self._broker.host}:{self._broker.port}"
        what = f"broker {place}: {what}"
        self._complaints.say(what, waiting=len(self._outbox), now_s=time.monotonic())


def _until_next(grid_s: float) -> float:
    """Returns the seconds until the clock next shows a whole multiple of `grid_s`."""
    return grid_s - time.time() % grid_s
