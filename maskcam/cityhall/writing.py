"""From messages to the database: stored, or kept in quarantine with the reason. Never lost.

Nothing that arrives can stop what arrives after it: whatever one message raises, it is
set aside, and the others are stored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from maskcam.cityhall.database import reason_of
from maskcam.cityhall.flood import Floods
from maskcam.cityhall.intake import HeardStatus, Refused, sort
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.plausibility import DOUBTS, find_fault
from maskcam.cityhall.quarantine import NOTICE, Kept, Quarantine, unit_of
from maskcam.cityhall.registry import Registry
from maskcam.cityhall.rollup import minute_of
from maskcam.cityhall.store import Doubt, Store, Written
from maskcam.delivery.wire import ReceivedCount

_log = logging.getLogger(__name__)

Record = ReceivedCount | HeardStatus
RETRY_S = (0.2, 5.0)
QUIET_S = 10.0
_NEWEST = "newest_window_timestamp_seconds"


class Writing:
    """Stores batches of messages.

    Args:
        store: where windows go.
        metrics: counts what becomes of them.
        registry: what the units were registered with.
        floods: sets aside what is too much.
    """

    def __init__(
        self,
        store: Store,
        *,
        metrics: Metrics,
        registry: Registry,
        floods: Floods | None = None,
    ) -> None:
        self._store = store
        self._quarantine = Quarantine(store.engine)
        self._metrics = metrics
        self._registry = registry
        self._floods = floods or Floods()
        self._logged_at: dict[str, float] = {}

    def save(
        self,
        messages: Sequence[tuple[str, bytes]],
        *,
        now: datetime,
        stopping: threading.Event,
    ) -> set[tuple[str, str]] | None:
        """Stores messages or keeps them aside, and goes on trying until the database takes them.

        Returns:
            Site and unit of what was stored; None if it stopped before that.
        """
        readable, floods = self._floods.sort_out(messages)
        self._metrics.rejected.labels(NOTICE).inc(len(messages) - len(readable) - len(floods))
        sorted_out = [(m, self._read(*m, now=now)) for m in readable]
        good = [(m, r) for m, r in sorted_out if not isinstance(r, Refused)]
        aside = floods + [_kept(m, r) for m, r in sorted_out if isinstance(r, Refused)]
        counts = sum(isinstance(record, ReceivedCount) for _, record in good)
        self._metrics.received.labels("count").inc(counts)
        self._metrics.received.labels("status").inc(len(good) - counts)
        delay, last = RETRY_S
        while True:
            try:
                doubted = self._store_all(good)
                self._quarantine.keep(aside + doubted, now_s=int(now.timestamp()))
            except DBAPIError as error:
                self._metrics.database_failures.inc()
                _log.error("database: %s; trying again", reason_of(error))
                if stopping.wait(delay):
                    return None
                delay = min(2 * delay, last)
            else:
                break
        self._floods.note_useless(kept.topic for kept in aside + doubted)
        for kept in aside + doubted:
            self._note_refusal(kept)
        return {(record.site, record.unit) for _, record in good}

    def _read(self, topic: str, payload: bytes, *, now: datetime) -> Record | Refused:
        try:
            record = sort(topic, payload, now=now)
            if isinstance(record, ReceivedCount):
                return find_fault(record, self._registry.units()) or record
        except Exception as error:  # noqa: BLE001 - what nobody foresaw must not stop the rest
            return _unforeseen(error)
        return record

    def _store_all(self, good: Sequence[tuple[tuple[str, bytes], Record]]) -> list[Kept]:
        """Stores records and returns those that are kept aside instead.

        Raises:
            DBAPIError: the database does not work at all; nothing or a part was stored.
        """
        if not good:
            return []
        counts = [record for _, record in good if isinstance(record, ReceivedCount)]
        statuses = [record for _, record in good if isinstance(record, HeardStatus)]
        doubted: list[Doubt] = []
        try:
            with self._metrics.batch_seconds.time():
                written = self._store.write(counts, statuses, doubted=doubted)
        except (DataError, IntegrityError) as error:
            return self._store_halves(good, Refused("unstorable", type(error.orig).__name__))
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            return self._store_halves(good, _unforeseen(error))
        self._count(written, counts)
        message_of = {id(record): message for message, record in good}
        return [
            _kept(message_of[id(record)], Refused(word, f"window of {record.unit} {DOUBTS[word]}"))
            for word, record in doubted
        ]

    def _store_halves(
        self, good: Sequence[tuple[tuple[str, bytes], Record]], refused: Refused
    ) -> list[Kept]:
        """Finds the message that cannot be stored, by halves, and stores the others."""
        if len(good) == 1:
            return [_kept(good[0][0], refused)]
        middle = len(good) // 2
        return self._store_all(good[:middle]) + self._store_all(good[middle:])

    def _count(self, written: Written, counts: Sequence[ReceivedCount]) -> None:
        for result in ("stored", "repeated", "contradicting", "replaced"):
            self._metrics.windows.labels(result).inc(getattr(written, result))
        self._metrics.rejected.labels("too_old").inc(written.too_old)
        if counts:
            newest = max(minute_of(item.count.start) for item in counts) * 60
            self._metrics.newest.set(max(newest, self._metrics.value(_NEWEST)))

    def _note_refusal(self, kept: Kept) -> None:
        """Counts a refusal and logs it, at most one of a kind in `QUIET_S`."""
        self._metrics.rejected.labels(kept.reason).inc()
        now = time.monotonic()
        if now - self._logged_at.get(kept.reason, -QUIET_S) >= QUIET_S:
            self._logged_at[kept.reason] = now
            _log.warning("message refused and kept (%s): %s", kept.reason, kept.detail)


def _kept(message: tuple[str, bytes], refused: Refused) -> Kept:
    topic, payload = message
    return Kept(refused.reason, refused.detail, unit_of(topic), topic, payload)


def _unforeseen(error: Exception) -> Refused:
    return Refused("unforeseen", f"{type(error).__name__}: {error}"[:200])
