#!/usr/bin/python3 -I
"""Lets the broker's present addresses through the packet filter and the service's own."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

CONFIG = Path("/run/maskcam/maskcam.toml")
SERVICES = ("maskcam.service",)


def rules(addresses: Iterable[str], port: int) -> str:
    """Returns what nft has to do, as one transaction."""
    lines = []
    for name, mark in (("broker4", "."), ("broker6", ":")):
        mine = sorted(address for address in addresses if (":" in address) == (mark == ":"))
        lines.append(f"flush set inet maskcam {name}")
        lines += [f"add element inet maskcam {name} {{ {address} . {port} }}" for address in mine]
    return "\n".join(lines) + "\n"


def addresses_of(host: str, port: int) -> list[str]:
    """Returns the addresses that a name has now; none if it cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name that can be
        logging.warning("%s: no address (%s); those known so far stay", host, error)
        return []
    return sorted({str(item[4][0]) for item in found})


def main() -> int:
    """Runs once; the timer calls again, since a name's addresses may change."""
    broker = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["broker"]
    host, port = str(broker["host"]), int(broker.get("port", 8883))
    addresses = addresses_of(host, port)
    if not addresses:
        return 0
    subprocess.run(
        ["/usr/sbin/nft", "-f", "-"], input=rules(addresses, port), text=True, check=True
    )
    allowed = " ".join(["127.0.0.0/8", "::1", *addresses])
    for service in SERVICES:
        subprocess.run(  # noqa: S603 - addresses, as getaddrinfo writes them
            ["/usr/bin/systemctl", "set-property", "--runtime", service,
             "IPAddressAllow=", f"IPAddressAllow={allowed}"],
            check=True,
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
