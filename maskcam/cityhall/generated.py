"""The text of each configuration file that city hall writes: broker, collector, unit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from maskcam.cityhall.discovery import PREFIX

COLLECTOR = "cityhall-collector"


def acl(units: Mapping[str, str], readers: Sequence[str] = ()) -> str:
    """Returns mosquitto's ACL: a unit writes its own two topics and reads nothing."""
    blocks = ["# Written by maskcam cityhall; the next add-unit or revoke-unit undoes changes."]
    reading = [f"topic read maskcam/v1/+/+/{kind}" for kind in ("count", "status")]
    announced = f"{PREFIX}/+/+/+/config"
    blocks.append("\n".join([f"user {COLLECTOR}", *reading, f"topic write {announced}"]))
    blocks += [
        "\n".join([f"user {reader}", *reading, f"topic read {announced}"])
        for reader in sorted(readers)
    ]
    for unit, site in sorted(units.items()):
        topic = f"maskcam/v1/{site}/{unit}"
        blocks.append(f"user {unit}\ntopic write {topic}/count\ntopic write {topic}/status")
    return "\n\n".join(blocks) + "\n"


def mosquitto_conf(directory: Path, *, port: int) -> str:
    """Returns a mosquitto configuration: mutual TLS, nothing else listens, nothing is dropped."""
    broker = directory / "broker"
    return f"""# Broker for maskcam: mosquitto -c this-file
per_listener_settings false
listener {port}
cafile {broker}/ca.crt
crlfile {broker}/revoked.crl
certfile {broker}/server.crt
keyfile {broker}/server.key
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {broker}/acl
# A collector that is away for days must find everything: the default limit of 1000
# messages would drop the rest. (0 for "no limit" is broken in mosquitto 2.0.11: it then
# disconnects whoever is refused a topic.)
max_queued_messages 100000000
max_inflight_messages 0
# Saved every ten seconds. What a killed broker had acknowledged since then, units send
# again; saving at every message would rewrite all that waits each time.
persistence true
persistence_location {broker}/data/
autosave_interval 10
message_size_limit 4096
max_keepalive 3600
set_tcp_nodelay true
"""


def cityhall_toml(city: str, zone: str, port: int) -> str:
    """Returns the configuration of ``maskcam cityhall serve``."""
    return f"""# Configuration of city hall. A line that begins with "#" shows the default.

[city]
name = {json.dumps(city, ensure_ascii=False)}
zone = {json.dumps(zone)}            # days and hours are cut by these clocks; never change it later

[city.site_names]                # what people call the sites
# forville = "Marché Forville"

[database]
url = "sqlite:///cityhall.db"    # or "postgresql://user@host/maskcam"
# keep_windows_days = 400        # 0: for ever. Daily sums are always kept
# keep_hours_days = 0

[broker]
host = "localhost"
port = {port}
ca = "broker/ca.crt"
certificate = "collector/collector.crt"
key = "collector/collector.key"
# client_id = "maskcam-cityhall" # of each collector its own
# shared_group = ""              # a name: several collectors share the work
# home_assistant = false         # true: the units are announced to Home Assistant

[web]
# listen = "127.0.0.1"           # another address needs accounts and certificate and key
# port = 8080
accounts = true                  # add yourself: maskcam cityhall add-user NAME
# behind_proxy = false           # true: a proxy on this machine does HTTPS
# host_names = ["masques.example.org"]
"""


def unit_toml(unit: str, site: str, facts: Mapping[str, str], contact: str) -> str:
    """Returns the configuration that goes on a unit's card."""
    controller, zone = json.dumps(facts["city"], ensure_ascii=False), json.dumps(facts["zone"])
    return f"""# A maskcam unit; see `maskcam config example` for all keys.

[unit]
id = "{unit}"
site = "{site}"

[counting]
timezone = {zone}

[broker]
host = "{facts["host"]}"
port = {facts["port"]}
ca = "ca.crt"
certificate = "client.crt"
key = "client.key"

[notice]                      # what the sign on the pole says; without it the unit does not count
controller = {controller}
contact = {json.dumps(contact)}
# sign_date = 2026-05-01      # the day on which the sign was put up
"""
