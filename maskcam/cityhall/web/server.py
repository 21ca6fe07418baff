"""Serves the dashboard from a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

import uvicorn
from sqlalchemy import Engine

from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import Settings
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.notifier import Notifier, notifiers
from maskcam.cityhall.web.prefetch import Warmer
from maskcam.cityhall.web.slow_connections import PatientProtocol
from maskcam.errors import ConfigError, MaskcamError

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
HANDSHAKE_S = 10.0


class WebServer:
    """A context manager; inside it the pages are served at `address`."""

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Engine,
        calendar: Calendar,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        web = settings.web
        app = create_app(settings, engine=engine, calendar=calendar, clock=clock)
        self._socket = _bind(web.listen, web.port)
        host = f"[{web.listen}]" if ":" in web.listen else web.listen
        scheme = "https" if web.certificate else "http"
        self.address = f"{scheme}://{host}:{self._socket.getsockname()[1]}/"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=web.behind_proxy,
                forwarded_allow_ips="127.0.0.1,::1" if web.behind_proxy else "",
                ssl_certfile=web.certificate,
                ssl_keyfile=web.key,
                timeout_graceful_shutdown=2,
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                h11_max_incomplete_event_size=16_384,
            )
        )
        self._beside: list[Warmer | Notifier] = [
            Warmer(app.state.context),
            *notifiers(app.state.context),
        ]
        self._thread = threading.Thread(target=self._run, name="dashboard")

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise MaskcamError("dashboard: the server did not start; see the log")
            time.sleep(0.02)
        for thread in self._beside:
            thread.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._beside:
            thread.__exit__()
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S)
        self._socket.close()
        if self._thread.is_alive():
            raise MaskcamError("dashboard: the server does not end")

    @property
    def alive(self) -> bool:
        """Whether pages are served."""
        return self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))


class _Loop(asyncio.SelectorEventLoop):
    """Waits less long for a connection that does not begin with TLS; else a minute."""

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", HANDSHAKE_S)
        return await super().create_server(*arguments, **options)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"[web] listen {host} port {port}: {error.strerror}; "
            "does another dashboard run? Stop it, or choose a free port"
        ) from error
    listener.listen(100)
    return listener
