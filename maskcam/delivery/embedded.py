"""An MQTT broker inside the process, for the demo only; a unit never imports it."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from types import TracebackType
from typing import Any, Self

from maskcam.errors import DeliveryError, UsageError

_WAIT_S = 10.0


class EmbeddedBroker:
    """A real broker (amqtt) on a free port of the loopback, in a thread of its own.

    Raises:
        UsageError: amqtt is not installed.
        DeliveryError: it did not start.
    """

    host = "127.0.0.1"

    def __init__(self) -> None:
        try:
            from amqtt.broker import Broker
        except ImportError as error:
            raise UsageError(
                "the demo needs its own broker: pip install 'maskcam[demo]' (or use scripts/demo)"
            ) from error
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        with socket.socket() as probe:
            probe.bind((self.host, 0))
            self.port: int = probe.getsockname()[1]
        self._broker_type = _closing(Broker)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._broker: Any = None

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._await(self._start())
        except Exception as error:
            self._end_thread()
            raise DeliveryError(f"the demo's broker did not start: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # Its connections end because we end them.
            logging.getLogger("amqtt").setLevel(logging.CRITICAL)
            self._await(_shut_down(self._broker))
        finally:
            self._end_thread()

    async def _start(self) -> None:
        listener = {"type": "tcp", "bind": f"{self.host}:{self.port}"}
        anonymous = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        self._broker = self._broker_type(
            {"listeners": {"default": listener}, "plugins": {anonymous: {"allow_anonymous": True}}}
        )
        await self._broker.start()

    def _await(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_S)

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_S)
        if not self._thread.is_alive():
            self._loop.close()


def _closing(broker_type: type[Any]) -> type[Any]:
    """Returns a broker that closes each connection that it is done with.

    amqtt forgets the open connection of a client that hangs up before it has sent its CONNECT.
    """

    class Closing(broker_type):  # type: ignore[misc]
        async def stream_connected(
            self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
        ) -> None:
            try:
                await super().stream_connected(reader, writer, listener_name)
            finally:
                writer.close()

    return Closing


async def _shut_down(broker: Any) -> None:
    """Ends the broker, each connection (also one that is just being made), and all their tasks.

    From Python 3.12 on, a server's end waits for its connections.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)  # each task says that it was cancelled
    ending = loop.create_task(broker.shutdown())
    while not ending.done():
        _abort_connections(loop)
        await asyncio.wait([ending], timeout=0.05)
    _abort_connections(loop)
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ending.result()


def _abort_connections(loop: asyncio.AbstractEventLoop) -> None:
    # asyncio says which connections are open from Python 3.12 on only, and of a server.
    for transport in list(getattr(loop, "_transports", {}).values()):
        transport.abort()
