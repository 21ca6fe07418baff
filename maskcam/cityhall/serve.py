"""Runs the collector, the dashboard or both in this process, until it is stopped."""

from __future__ import annotations

import gc
import logging
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from maskcam.cityhall.collector import Collector
from maskcam.cityhall.collector_state import REPORT_EVERY_S, report
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.registry import Registry
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.settings import DatabaseSection, Settings
from maskcam.cityhall.single_collector import alone
from maskcam.cityhall.store import Store
from maskcam.errors import DeliveryError

_log = logging.getLogger(__name__)

Part = Literal["all", "collector", "dashboard"]
RETENTION_EVERY_S = 3600.0


def serve(
    settings: Settings,
    *,
    part: Part = "all",
    ready: Callable[[str], None] = lambda _address: None,
    stopping: threading.Event | None = None,
) -> None:
    """Runs until SIGTERM, SIGINT or `stopping`.

    Args:
        settings: the configuration.
        part: what runs in this process. `pair.serve_pair` runs two of them; "all" is for
            the demo.
        ready: is called with the address of the dashboard ("" without one) once all runs.
        stopping: set by the caller to end; without it, signals end the process.

    Raises:
        ConfigError: another collector or dashboard runs already.
        DatabaseError: the database cannot be opened.
        DeliveryError: a thread died.
    """
    if stopping is None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    calendar = Calendar(settings.city.zone_info)
    with ExitStack() as running:
        engine = running.enter_context(up_to_date(settings.database.url, zone=calendar.zone))
        address = ""
        alive: list[Callable[[], bool]] = []
        if part != "collector":  # its port shows first whether another one runs
            from maskcam.cityhall.web.server import WebServer

            web = running.enter_context(WebServer(settings, engine=engine, calendar=calendar))
            address = web.address
            alive.append(lambda: web.alive)
        if part != "dashboard":
            gc.set_threshold(50_000)  # thousands of small records without cycles pass every second
            collecting = _Collecting(settings, engine, running)
            alive.append(collecting.tend)
        ready(address)
        while not stopping.wait(1.0):
            if not all(check() for check in alive):
                raise DeliveryError(f"{part}: a thread died; see the log, systemd restarts it")


class _Collecting:
    """The collector, and what is done beside it every few seconds."""

    def __init__(self, settings: Settings, engine: Engine, running: ExitStack) -> None:
        self._name = running.enter_context(alone(settings.broker, engine))
        self._engine, self._kept = engine, settings.database
        self._store = Store(engine, calendar=Calendar(settings.city.zone_info))
        self._metrics = Metrics()
        self._collector = running.enter_context(
            Collector(
                broker=settings.broker,
                store=self._store,
                metrics=self._metrics,
                registry=Registry(settings.broker.units_file),
            )
        )
        self._next_report = self._next_cleaning = time.monotonic()

    def tend(self) -> bool:
        """Reports, cleans up when it is time, and returns whether the collector runs."""
        now = time.monotonic()
        try:
            if now >= self._next_report:
                self._next_report = now + REPORT_EVERY_S
                report(self._engine, self._name, self._metrics)
            if now >= self._next_cleaning:
                self._next_cleaning = now + RETENTION_EVERY_S
                apply_retention(self._store, self._kept, now=datetime.now(UTC))
        except SQLAlchemyError as error:  # counting goes on; it is tried again
            _log.warning("report or retention: not now (%s)", type(error).__name__)
        return self._collector.alive


def apply_retention(store: Store, kept: DatabaseSection, *, now: datetime) -> None:
    """Deletes what is older than the configuration says; whole local days only."""

    def border(days: int) -> int | None:
        return store.calendar.day(minute_of(now - timedelta(days=days))) if days else None

    windows, hours = border(kept.keep_windows_days), border(kept.keep_hours_days)
    if windows is not None or hours is not None:
        store.forget(windows_before=windows, hours_before=hours)
