"""Announces the units as sensors to Home Assistant, if that is wanted (MQTT discovery). Pure.

Home Assistant then reads the units' own topics; nothing else is sent to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from maskcam.delivery.wire import count_topic, status_topic

PREFIX = "homeassistant"
"""Where Home Assistant looks, unless it is set otherwise."""
EXPIRE_S = 2 * 3600
"""Without a count for so long a value is unknown; windows of 20 minutes come 15 minutes late."""
_COUNTS = {
    "people": "Passages",
    "with_mask": "Passages with mask",
    "without_mask": "Passages without mask",
}


def announcements(site: str, unit: str) -> Iterator[tuple[str, bytes]]:
    """Yields topics and retained messages that describe one unit.

    A window in which nothing was observed gives ``None``, which Home Assistant shows as unknown.
    """
    device = {"identifiers": [f"maskcam_{unit}"], "name": unit, "manufacturer": "maskcam"}
    device["suggested_area"] = site
    available = {
        "topic": status_topic(site=site, unit=unit),
        "value_template": "{{ 'online' if value_json.online else 'offline' }}",
    }
    for field, name in _COUNTS.items():
        sensor = {
            "name": name,
            "unique_id": f"maskcam_{unit}_{field}",
            "state_topic": count_topic(site=site, unit=unit),
            "value_template": f"{{{{ value_json.{field} }}}}",
            "state_class": "measurement",
            "expire_after": EXPIRE_S,
            "availability": [available],
            "device": device,
        }
        yield f"{PREFIX}/sensor/maskcam_{unit}/{field}/config", _packed(sensor)
    online = {
        "name": "Online",
        "unique_id": f"maskcam_{unit}_online",
        "state_topic": available["topic"],
        "value_template": "{{ 'ON' if value_json.online else 'OFF' }}",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "device": device,
    }
    yield f"{PREFIX}/binary_sensor/maskcam_{unit}/online/config", _packed(online)


def _packed(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
