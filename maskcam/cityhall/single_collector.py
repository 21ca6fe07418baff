"""Makes sure that a collector is alone with its name, before it disturbs the other one.

The broker ends the connection of whoever was there first under a name. So a second
collector looks first: on this machine by a socket name of the kernel, which is gone with
the process; on other machines that share a PostgreSQL database, by a lock there.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine, text

from maskcam.cityhall.settings import CollectorBroker
from maskcam.errors import ConfigError
from maskcam.names import LOOPBACK_HOSTS

WAIT_S = 10.0
"""A collector that was just killed may still be seen for a moment."""


@contextmanager
def alone(broker: CollectorBroker, engine: Engine) -> Iterator[str]:
    """Yields the collector's name at the broker, which it has to itself meanwhile.

    Raises:
        ConfigError: another collector runs under this name.
    """
    name = name_at(broker)
    host = "localhost" if broker.host in LOOPBACK_HOSTS else broker.host.lower()
    until = time.monotonic() + WAIT_S
    with socket.socket(socket.AF_UNIX) as held:
        while not _bind(held, f"\0maskcam collector {host}:{broker.port} {name}"):
            _wait(name, until)
        if engine.dialect.name != "postgresql":
            yield name
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            query = text("SELECT pg_try_advisory_lock(hashtext(:name), 6202004)")
            while not connection.scalar(query, {"name": name}):
                _wait(name, until)
            yield name


def name_at(broker: CollectorBroker) -> str:
    """Returns the name of this collector's session at the broker.

    With a certificate it is the name in it (our broker binds one to the other).
    """
    if broker.certificate is None:
        return broker.client_id
    try:
        certificate = x509.load_pem_x509_certificate(broker.certificate.read_bytes())
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError) as error:
        raise ConfigError(f"[broker] certificate {broker.certificate}: {error}") from error
    return str(names[0].value)[:63] if names else broker.client_id


def _bind(held: socket.socket, name: str) -> bool:
    try:
        held.bind(name[:100])
    except OSError:
        return False
    return True


def _wait(name: str, until: float) -> None:
    if time.monotonic() > until:
        raise ConfigError(
            f"collector: another one runs as {name}; stop it, or give this one a certificate "
            "of its own: maskcam cityhall add-collector NAME"
        )
    time.sleep(0.2)
