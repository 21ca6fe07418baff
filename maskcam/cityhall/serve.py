"""Runs collector and dashboard in one process until it is told to stop."""

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

from prometheus_client import start_http_server
from sqlalchemy.exc import SQLAlchemyError

from maskcam.cityhall.collector import Collector
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.settings import DatabaseSection, Settings
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
        part: several collectors and one dashboard may run as separate processes.
        ready: is called with the address of the dashboard ("" without one) once all runs.
        stopping: set by the caller to end; without it, signals end the process.

    Raises:
        DatabaseError: the database cannot be opened.
        DeliveryError: a thread of the collector died.
    """
    if stopping is None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    gc.set_threshold(50_000)  # thousands of small records without cycles pass every second
    calendar = Calendar(settings.city.zone_info)
    metrics = Metrics()
    with ExitStack() as running:
        engine = running.enter_context(up_to_date(settings.database.url, zone=calendar.zone))
        store = Store(engine, calendar=calendar)
        collector = None
        if part != "dashboard":
            collector = Collector(broker=settings.broker, store=store, metrics=metrics)
            running.enter_context(collector)
        address = ""
        if part != "collector":
            from maskcam.cityhall.web.server import WebServer

            web = running.enter_context(
                WebServer(settings, engine=engine, calendar=calendar, metrics=metrics)
            )
            address = web.address
        elif settings.web.metrics_port:
            server, thread = start_http_server(
                settings.web.metrics_port, addr="127.0.0.1", registry=metrics.registry
            )
            running.callback(thread.join, 5)
            running.callback(server.shutdown)
        ready(address)
        next_cleaning = time.monotonic()
        while not stopping.wait(1.0):
            if collector is not None and not collector.alive:
                raise DeliveryError("collector: a thread died; see the log, systemd restarts it")
            if collector is not None and time.monotonic() >= next_cleaning:
                next_cleaning = time.monotonic() + RETENTION_EVERY_S
                try:
                    apply_retention(store, settings.database, now=datetime.now(UTC))
                except SQLAlchemyError as error:  # counting goes on; the next hour tries again
                    _log.warning("retention: not applied now (%s)", type(error).__name__)


def apply_retention(store: Store, kept: DatabaseSection, *, now: datetime) -> None:
    """Deletes what is older than the configuration says; whole local days only."""

    def border(days: int) -> int | None:
        return store.calendar.day(minute_of(now - timedelta(days=days))) if days else None

    windows, hours = border(kept.keep_windows_days), border(kept.keep_hours_days)
    if windows is not None or hours is not None:
        store.forget(windows_before=windows, hours_before=hours)
