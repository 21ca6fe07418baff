"""Where the broker is, and how the connection to it is encrypted."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from maskcam.errors import ConfigError, DeliveryError
from maskcam.names import LOOPBACK_HOSTS

Protocol = Literal["5", "3.1.1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """All that is needed to reach a broker.

    Args:
        host: name or address; with TLS it must stand in the broker's certificate.
        port: 8883 is the usual port with TLS, 1883 without.
        ca, certificate, key: PEM files: who signs the broker's certificate, and the
            unit's own certificate and key. All three or none.
        insecure: allows to send in the clear to another machine.
        keepalive_s: a silent broker is noticed after at most twice this time.
        user, password: for a broker that asks for them as well.
        protocol: "5" says when a window was refused or nobody subscribes, so that
            it can be kept; "3.1.1" (for older brokers) answers both with success.
        reconnect_min_s, reconnect_max_s: the delay between attempts grows from one
            to the other; each is shortened at random by up to half.

    Raises:
        ConfigError: TLS files are missing, or encryption was not switched off on purpose.
    """

    host: str
    port: int = 8883
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    keepalive_s: int = 60
    user: str = ""
    password: str = field(default="", repr=False)
    protocol: Protocol = "5"
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0

    def __post_init__(self) -> None:
        fault = tls_fault(
            self.host,
            {"ca": self.ca, "certificate": self.certificate, "key": self.key},
            insecure=self.insecure,
        )
        if fault is not None:
            raise ConfigError(f"[broker]: {fault}")

    @property
    def encrypted(self) -> bool:
        """Whether the connection is made with TLS."""
        return self.ca is not None

    def tls_context(self) -> ssl.SSLContext:
        """Returns a context of TLS 1.2 or newer that checks the broker's name and shows our own.

        Raises:
            DeliveryError: a file is missing, damaged or belongs to another; says which.
        """
        assert self.ca is not None
        assert self.certificate is not None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise DeliveryError(f"[broker] ca {self.ca}: {_fault(error)}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # The empty password: a key that has one must fail, not ask at a terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ssl.SSLError) as error:
            files = f"certificate {self.certificate} and key {self.key}"
            raise DeliveryError(f"[broker] {files}: {_fault(error)}") from error
        return context


def tls_fault(host: str, files: Mapping[str, Path | None], *, insecure: bool) -> str | None:
    """Returns what is wrong with the TLS files of a broker, or None: all or none, and why none.

    Args:
        host: of the broker.
        files: its authority, our certificate and key, by the names of their settings.
        insecure: whether the counts may be sent in the clear to another machine.
    """
    missing = [name for name, path in files.items() if path is None]
    if 0 < len(missing) < len(files):
        return f"TLS needs {', '.join(files)} together; missing: {', '.join(missing)}"
    if missing and not insecure and host not in LOOPBACK_HOSTS:
        return (
            f"{host} is another machine: set {', '.join(files)} "
            "(or insecure = true, which sends the counts in the clear)"
        )
    return None


def _fault(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file; copy it to this path"
    if isinstance(error, PermissionError):
        return "may not be read; change its owner or mode"
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return f"not a usable PEM file ({error.reason or error})"
    return f"cannot be read ({error.strerror})"
