"""``maskcam cityhall demo``: an imagined city, two weeks old and alive."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from maskcam import __version__
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.registry import Registered, write_units
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.serve import serve
from maskcam.cityhall.settings import (
    CitySection,
    CollectorBroker,
    DatabaseSection,
    Settings,
    WebSection,
)
from maskcam.cityhall.simulation import EPSILON, SITES, SimulatedSite, day_of_windows
from maskcam.cityhall.store import Store
from maskcam.delivery.wire import (
    ReceivedCount,
    count_topic,
    encode_count,
    encode_status,
    status_topic,
)
from maskcam.errors import DeliveryError

DAYS = 14
_BATCH = 5000
_START_S = 10.0
_OFFLINE = "promenade-03"
_ZONES = (
    "Europe/Paris",
    "America/Guadeloupe",
    "Indian/Reunion",
    "Pacific/Noumea",
    "Pacific/Tahiti",
)


def demo(
    *,
    port: int = 0,
    browser: bool = True,
    say: Callable[[str], None],
    stopping: threading.Event | None = None,
    days: int = DAYS,
) -> None:
    """Runs an imagined city until SIGTERM, SIGINT or `stopping`.

    Args:
        port: of the dashboard on this machine; 0 takes a free one.
        browser: opens it.
        say: receives what happens, line by line.
        stopping: set by the caller to end.
        days: how much history is made up.

    Raises:
        DeliveryError: no broker could be started.
    """
    if stopping is None:
        stopping = threading.Event()
        ended = stopping
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="maskcam-demo-")))
        version, broker_port = running.enter_context(_broker(folder))
        settings = _settings(folder, broker_port=broker_port, protocol=version, web_port=port)
        units = {name: _registered(place) for place in SITES for name in place.unit_names()}
        write_units(settings.broker.units_file, units)
        zone = settings.city.zone
        say(f"making up {days} days of {len(units)} units, by the clocks of {zone} ...")
        make_history(settings, days=days, now=datetime.now(UTC))
        fleet = _Fleet(broker_port, settings)
        running.callback(fleet.stop)
        fleet.start()

        def ready(address: str) -> None:
            say(f"dashboard: {address}   (everything in it is made up; Ctrl-C ends it)")
            if browser:
                webbrowser.open(address)

        serve(settings, ready=ready, stopping=stopping)


def _settings(
    folder: Path, *, broker_port: int, protocol: Literal["5", "3.1.1"], web_port: int
) -> Settings:
    return Settings(
        city=CitySection(
            name="Ville d'Exemple",
            zone=zone_where_it_is_day(datetime.now(UTC)),
            site_names={place.site: place.name for place in SITES},
        ),
        database=DatabaseSection(url=f"sqlite:///{folder / 'cityhall.db'}"),
        broker=CollectorBroker(
            host="127.0.0.1",
            port=broker_port,
            protocol=protocol,
            units_file=folder / "units.json",
        ),
        web=WebSection(port=web_port),
    )


def _registered(place: SimulatedSite) -> Registered:
    latitude, longitude = place.position or (None, None)
    return Registered(
        site=place.site,
        epsilon=EPSILON,
        epsilon_hour=EPSILON,
        latitude=latitude,
        longitude=longitude,
    )


def zone_where_it_is_day(now: datetime) -> str:
    """Returns Europe/Paris by day; at night, a zone in which the streets are busy."""

    def hour(zone: str) -> int:
        return now.astimezone(ZoneInfo(zone)).hour

    if 9 <= hour("Europe/Paris") <= 18:
        return "Europe/Paris"
    return min(_ZONES, key=lambda zone: abs(hour(zone) - 13))


def make_history(settings: Settings, *, days: int, now: datetime) -> None:
    """Stores the imagined past, up to `now`, through the same door as real windows."""
    zone = settings.city.zone_info
    with up_to_date(settings.database.url, zone=zone) as engine:
        store = Store(engine, calendar=Calendar(zone))
        windows = _past(settings, days=days, now=now)
        while batch := list(islice(windows, _BATCH)):
            store.write(batch)


def _past(settings: Settings, *, days: int, now: datetime) -> Iterator[ReceivedCount]:
    today = now.astimezone(settings.city.zone_info).date()
    for age in range(days, -1, -1):
        yield from _windows_of(settings, age_days=age, day=today - timedelta(days=age), now=now)


def _windows_of(
    settings: Settings, *, age_days: int, day: date, now: datetime
) -> Iterator[ReceivedCount]:
    for place in SITES:
        for unit, name in enumerate(place.unit_names()):
            if name == _OFFLINE and age_days == 0:
                continue
            for window in day_of_windows(
                place, unit=unit, day=day, age_days=age_days, zone=settings.city.zone_info
            ):
                if window.count.start + timedelta(minutes=window.count.minutes) <= now:
                    yield window


class _Fleet:
    """Sends each imagined window when it ends, and the states of the units."""

    def __init__(self, port: int, settings: Settings) -> None:
        self._port = port
        self._settings = settings
        self._stopping = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="maskcam-demo-fleet")
        self._thread = threading.Thread(target=self._run, name="demo-fleet", daemon=True)

    def start(self) -> None:
        self._client.connect("127.0.0.1", self._port, keepalive=60)
        self._client.loop_start()
        since = datetime.now(UTC)
        for place in SITES:
            for name in place.unit_names():
                online = name != _OFFLINE
                state = encode_status(online=online, version=__version__, since=since)
                topic = status_topic(site=place.site, unit=name)
                self._client.publish(topic, state, qos=1, retain=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_START_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        sent_until = datetime.now(UTC) - timedelta(minutes=1)  # what history just missed
        known: date | None = None
        windows: list[ReceivedCount] = []
        while not self._stopping.wait(2.0):
            now = datetime.now(UTC)
            day = now.astimezone(self._settings.city.zone_info).date()
            if day != known:
                later = now + timedelta(days=2)
                known = day
                windows = list(_windows_of(self._settings, age_days=0, day=day, now=later))
            for window in windows:
                # Units do not all send on the full minute: each has its own few seconds.
                delay = timedelta(seconds=sum(window.unit.encode()) % 50)
                ends = window.count.start + timedelta(minutes=window.count.minutes)
                if sent_until < ends + delay <= now:
                    self._send(window)
            sent_until = now

    def _send(self, window: ReceivedCount) -> None:
        topic = count_topic(site=window.site, unit=window.unit, kind=window.count.kind)
        payload = encode_count(window.count, site=window.site, unit=window.unit)
        self._client.publish(topic, payload, qos=1)


@contextmanager
def _broker(folder: Path) -> Iterator[tuple[Literal["5", "3.1.1"], int]]:
    """Yields MQTT version and port of mosquitto, or of the embedded broker without it."""
    command = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if command is None:
        from maskcam.delivery.embedded import EmbeddedBroker

        with EmbeddedBroker() as embedded:
            yield "3.1.1", embedded.port
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
    process = subprocess.Popen(  # noqa: S603
        [command, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield "5", port
    finally:
        process.terminate()
        process.wait(_START_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise DeliveryError("demo: mosquitto did not start; try without it") from None
            time.sleep(0.05)
        else:
            return
