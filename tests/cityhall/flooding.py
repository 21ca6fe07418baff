"""Floods the broker of a new city hall as one unit while another publishes; prints what came of it.

In a network of its own: unshare --net python -m tests.cityhall.flooding FOLDER NFT
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.cityhall.city import City
from tests.cityhall.test_takeover import mqtt_socket, publish_all, windows
from tests.mqtt_packets import remaining_length

FLOOD_S = 4.0
_TOPIC = b"maskcam/v2/gare/gare-01/count"


def flood(city: City, found: dict[str, float]) -> None:
    """Sends as fast as it can, from an address of its own, and counts the bytes."""
    rest = len(_TOPIC).to_bytes(2, "big") + _TOPIC + b"\0\1" + b"{}".ljust(384)
    packets = 20 * (b"\x32" + remaining_length(len(rest)) + rest)
    begun_s, sent = time.monotonic(), 0
    with mqtt_socket(city, "gare-01", source="127.0.0.2") as connection:
        threading.Thread(target=_read_all, args=(connection,), daemon=True).start()
        connection.settimeout(5)
        with suppress(TimeoutError):
            while time.monotonic() - begun_s < FLOOD_S:
                connection.sendall(packets)
                sent += len(packets)
    found.update(flood_bytes=sent, flood_s=time.monotonic() - begun_s)


def _read_all(connection: ssl.SSLSocket) -> None:
    with suppress(OSError):  # it is closed when the flood is over
        while connection.recv(65_536):
            pass


def main() -> None:
    """Loads the rules that `init` wrote, twice as at a restart, and runs both."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    city = City(Path(sys.argv[1]))
    rules = city.directory / "server/nftables.conf"
    rules.write_text(rules.read_text().replace("iif lo accept", ""))  # all is local here
    for _ in range(2):
        subprocess.run([sys.argv[2], "-f", str(rules)], check=True)
    found: dict[str, float] = {}
    city.broker.start()
    try:
        flooding = threading.Thread(target=flood, args=(city, found))
        flooding.start()
        time.sleep(FLOOD_S / 2)
        found["other"] = publish_all(city, "forville-01", *windows(20))
        flooding.join()
    finally:
        city.broker.kill()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
