"""mosquitto's configuration and access list; docs/mqtt is made from here, too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from maskcam.cityhall.discovery import PREFIX
from maskcam.names import TOPIC_ROOT, topic

COLLECTOR = "cityhall-collector"
"""Common name of the first collector's certificate; `add-collector` makes further ones."""
KINDS = ("count", "hour", "status")
"""What a unit publishes, one topic each."""

UNITS, DAYS, WINDOWS_PER_DAY, WINDOW_BYTES = 100, 3, 1440 + 24, 384
QUEUED_MESSAGES = UNITS * DAYS * (WINDOWS_PER_DAY + 1)
"""What may wait for a collector: three days of 100 units, their minutes, hours and a status."""
QUEUED_BYTES = QUEUED_MESSAGES * WINDOW_BYTES
MESSAGE_BYTES = 1536
"""The longest message: a description for Home Assistant of a unit with the longest name."""
PACKET_BYTES = 2048
MEMORY_BYTES = 1_000_000_000
"""Stops what no other limit does. The longest queue takes 340 MB (measured: 0.77 kB per window)."""
CONNECTIONS = 5000
PLUGIN = "mosquitto_dynamic_security.so"
"""Comes with mosquitto 2; without it mosquitto 2.0 lets everybody subscribe to everything."""
SUBSCRIPTIONS = "subscriptions.json"
"""The plugin's file beside the access list."""


def access_list(
    units: Mapping[str, str], *, collectors: Iterable[str], readers: Iterable[str] = ()
) -> str:
    """Returns mosquitto's access list: a unit writes its own topics and reads nothing.

    Args:
        units: the site of each unit.
        collectors: the names in the collectors' certificates.
        readers: the names in the certificates of other programs that read the counts.
    """
    reading = [f"topic read {topic('+', '+', kind)}" for kind in KINDS]
    announced = f"{PREFIX}/+/+/+/config"
    blocks = ["# Written by maskcam cityhall; the next add-unit or revoke-unit undoes changes."]
    blocks += [_rights(name, *reading, f"topic write {announced}") for name in sorted(collectors)]
    blocks += [_rights(name, *reading, f"topic read {announced}") for name in sorted(readers)]
    blocks += [
        _rights(unit, *(f"topic write {topic(site, unit, kind)}" for kind in KINDS))
        for unit, site in sorted(units.items())
    ]
    return "\n\n".join(blocks) + "\n"


def _rights(name: str, *rights: str) -> str:
    return "\n".join([f"user {name}", *rights])


def subscription_rules(units: Iterable[str], *, readers: Iterable[str] = ()) -> str:
    """Returns the plugin's rules: who may not subscribe. On all else the access list decides.

    What is delivered, the access list decides. But a subscription costs memory for ever, and who
    joins the collectors' shared group gets a part of the messages, which is lost where
    the access list holds it back.

    Args:
        units: may not subscribe at all.
        readers: may not join a shared group.
    """
    refused = {"unit": ["#", "$share/#", "$SYS/#"], "reader": ["$share/#"]}
    kinds = ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe")
    clients = [(name, "unit") for name in units] + [(name, "reader") for name in readers]
    rules = {
        "defaultACLAccess": dict.fromkeys(kinds, False),
        "roles": [
            {
                "rolename": role,
                "acls": [
                    {"acltype": "subscribePattern", "topic": topic, "allow": False}
                    for topic in topics
                ],
            }
            for role, topics in refused.items()
        ],
        "clients": [
            {"username": name, "roles": [{"rolename": role}]} for name, role in sorted(clients)
        ],
    }
    return json.dumps(rules, indent=1)


def access_patterns(reader: str) -> str:
    """Returns an access list without names of units, for a broker that others look after."""
    writing = "\n".join(f"pattern write {topic('+', '%u', kind)}" for kind in KINDS)
    reading = "\n".join(f"topic read {topic('+', '+', kind)}" for kind in KINDS)
    return f"""\
# Who may do what; %u is the common name of the client's certificate.
# Reload after a change: systemctl reload mosquitto

# A unit writes its own topics, below any site. It reads nothing.
{writing}

# One program reads everything and writes nothing.
user {reader}
{reading}
"""


_LIMITS = f"""\
# What waits while no collector runs: {DAYS} days of {UNITS} units. The default of 1000 messages
# would drop the rest without a word. (0, "no limit", is broken in mosquitto 2.0.11: it then
# disconnects whoever is refused a topic.)
max_queued_messages {QUEUED_MESSAGES}
max_queued_bytes {QUEUED_BYTES}
max_inflight_messages 0

# What one client may ask of it. Units publish with QoS 1; QoS 2 would let them leave
# messages half delivered in the broker's memory.
max_qos 1
message_size_limit {MESSAGE_BYTES}
max_packet_size {PACKET_BYTES}
memory_limit {MEMORY_BYTES}
max_connections {CONNECTIONS}
max_keepalive 3600
max_topic_alias 0
set_tcp_nodelay true
"""


def mosquitto_conf(broker: Path, *, port: int = 8883, plugin: Path | None = None) -> str:
    """Returns mosquitto's configuration: who is who, what it keeps, what it takes at most.

    Args:
        broker: the folder of its certificates, access list and data.
        port: where it listens.
        plugin: where `PLUGIN` is; None: subscriptions are not checked.
    """
    return f"""\
# Broker for maskcam; made by: maskcam cityhall init. For mosquitto 2.0 or newer.
# Run it with: mosquitto -c {broker}/mosquitto.conf
per_listener_settings false

# Only with TLS, only with a certificate that the city's own authority has signed and
# not revoked.
listener {port}
cafile {broker}/ca.crt
crlfile {broker}/revoked.crl
certfile {broker}/server.crt
keyfile {broker}/server.key
tls_version tlsv1.2
require_certificate true

# Who somebody is, the certificate says (its common name), and under no other name is a
# session kept: otherwise any unit could take over the collector's and empty it.
allow_anonymous false
use_identity_as_username true
use_username_as_clientid true
acl_file {broker}/acl
{_plugin(broker, plugin)}
{_LIMITS}
# Saved every ten seconds. What a killed broker had acknowledged since then, units send
# again; saving at every message would rewrite all that waits each time.
persistence true
persistence_location {broker}/data/
autosave_interval 10
"""


def _plugin(broker: Path, plugin: Path | None) -> str:
    if plugin is None:
        return ""
    return f"""
# The access list is not asked when somebody subscribes: this refuses the units. It is read at
# the start only, so a new unit needs a restart.
plugin {plugin}
plugin_opt_config_file {broker}/{SUBSCRIPTIONS}
"""


def bridge_conf(host: str, port: int, *, folder: Path, name: str) -> str:
    """Returns what another mosquitto needs to fetch counts and states from city hall's.

    Args:
        host: of city hall's broker.
        port: of city hall's broker.
        folder: where the other broker finds the certificate from ``add-reader``.
        name: in that certificate.
    """
    topics = "\n".join(f"topic {topic('+', '+', kind)} in 1" for kind in KINDS)
    return f"""\
# Fetches counts and states from city hall's broker, and sends it nothing: every topic is "in",
# and there the certificate of {name} may read and not write.
# For the mosquitto of a home or of another office: copy this file to /etc/mosquitto/conf.d/
# and its folder to {folder}/, where user mosquitto can read it.
connection maskcam-{name}
address {host}:{port}
bridge_cafile {folder}/ca.crt
bridge_certfile {folder}/client.crt
bridge_keyfile {folder}/client.key
bridge_tls_version tlsv1.2
bridge_protocol_version mqttv50
cleansession false
# It does not publish its own state, nor unsubscribe from what it does not have.
notifications false
bridge_attempt_unsubscribe false
{topics}
topic {PREFIX}/+/+/+/config in 1
"""


def home_access_list(user: str) -> str:
    """Returns an access list for the other broker: its user reads what the bridge brings.

    Args:
        user: the name under which Home Assistant connects there.
    """
    return f"""\
# What Home Assistant may do at its own broker with what the bridge brings: read it.
user {user}
topic read {TOPIC_ROOT}/#
topic read {PREFIX}/#
# Its own birth and last will.
topic write {PREFIX}/status
"""
