"""What a new session begins with, after a broker that may have forgotten the last seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from maskcam.delivery.dispatch import MOST_REPEATS, REPEAT_S, Dispatcher
from maskcam.delivery.outbox import Outbox
from maskcam.records import MinuteCount

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
SUCCESS = 0


class FakeSession:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        self.sent.append(payload)
        return len(self.sent)

    def drop(self, why: str) -> None: ...

    def close(self) -> None: ...


def window(minute: int) -> MinuteCount:
    return MinuteCount(
        run=1,
        start=START + timedelta(minutes=minute),
        minutes=1,
        with_mask=5,
        without_mask=minute,
        incorrect=0,
        unclear=0,
        observed_s=60,
        epsilon=1.0,
    )


def begun(dispatcher: Dispatcher, *, now_s: float) -> FakeSession:
    session = FakeSession()
    dispatcher.begin(session, room=20)
    dispatcher.feed(now_s=now_s)
    return session


def test_what_was_acknowledged_last_is_sent_again_in_the_next_session(tmp_path: Path) -> None:
    with Outbox(tmp_path, site="forville", unit="forville-01") as outbox:
        dispatcher = Dispatcher(outbox)
        for minute in range(3):
            outbox.put(window(minute))
        first = begun(dispatcher, now_s=0)
        assert len(first.sent) == 3
        dispatcher.settle(1, SUCCESS, now_s=0)
        dispatcher.settle(2, SUCCESS, now_s=REPEAT_S + 1)
        dispatcher.settle(3, SUCCESS, now_s=REPEAT_S + 2)
        assert (dispatcher.delivered, len(outbox)) == (3, 0)
        second = begun(dispatcher, now_s=500)
        assert second.sent == first.sent[1:]  # the first was saved long ago

        dispatcher.settle(1, SUCCESS, now_s=501)  # the other is unanswered when this one ends
        outbox.put(window(3))
        third = begun(dispatcher, now_s=502)
        assert sorted(third.sent[:2]) == sorted(first.sent[1:])
        assert len(third.sent) == 3
        for token in (1, 2, 3):
            dispatcher.settle(token, SUCCESS, now_s=503)
        assert (dispatcher.delivered, len(outbox)) == (4, 0)  # each is counted once


def test_where_the_network_comes_and_goes_all_day_the_day_is_not_sent_again_each_time(
    tmp_path: Path,
) -> None:
    with Outbox(tmp_path, site="forville", unit="forville-01") as outbox:
        dispatcher = Dispatcher(outbox)
        sent = []
        for minute in range(100):  # a window in each of a hundred sessions, ten seconds apart
            outbox.put(window(minute))
            session = begun(dispatcher, now_s=10 * minute)
            for token in range(1, len(session.sent) + 1):
                dispatcher.settle(token, SUCCESS, now_s=10 * minute + 1)
            sent += session.sent
        assert dispatcher.delivered == 100
        assert {sent.count(payload) for payload in sent[-1:]} == {1}
        assert max(sent.count(payload) for payload in set(sent)) == 1 + MOST_REPEATS
