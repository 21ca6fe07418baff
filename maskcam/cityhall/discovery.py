"""Announces the units as sensors to Home Assistant, if that is wanted (MQTT discovery). Pure.

Home Assistant then reads the units' own topics; nothing else is sent to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from maskcam.cityhall.statistics import FEW
from maskcam.delivery.wire import count_topic, status_topic
from maskcam.records import WindowKind

PREFIX = "homeassistant"
"""Where Home Assistant looks, unless it is set otherwise."""
LEAST_S = 1800
"""An hour of which less was observed is not compared with others."""


class _Sensor(NamedTuple):
    """A value of one unit; a template that gives ``None`` shows as unknown."""

    name: str
    kind: WindowKind
    template: str
    unit_of_measurement: str | None = None

    @property
    def expire_s(self) -> int:
        """Without a message for so long the value is unknown; with `decree` all come late."""
        return 2 * 3600 if self.kind is WindowKind.COUNT else 3 * 3600


_OBSERVED = f"value_json.observed_s >= {LEAST_S}"
_SENSORS = {
    "people": _Sensor("Passages", WindowKind.COUNT, "{{ value_json.people }}"),
    "people_per_hour": _Sensor(
        "Passages per hour",
        WindowKind.HOUR,
        "{{ (3600 * value_json.people / value_json.observed_s) | round(0) "
        f"if {_OBSERVED} else None }}}}",
    ),
    "mask_share": _Sensor(
        "Mask worn properly",
        WindowKind.HOUR,
        f"{{% if {_OBSERVED} %}}{{% set j = value_json.people - value_json.unclear %}}"
        f"{{{{ (100 * value_json.with_mask / j) | round(0) if j >= {FEW} else None }}}}"
        "{% else %}None{% endif %}",
        "%",
    ),
}
"""The second and third are per camera hour, so cameras and hours can be compared."""


def announcements(site: str, unit: str) -> Iterator[tuple[str, bytes]]:
    """Yields topics and retained messages that describe one unit."""
    device = {"identifiers": [f"maskcam_{unit}"], "name": unit, "manufacturer": "maskcam"}
    device["suggested_area"] = site
    available = {
        "topic": status_topic(site=site, unit=unit),
        "value_template": "{{ 'online' if value_json.online else 'offline' }}",
    }
    for field, sensor in _SENSORS.items():
        message: dict[str, Any] = {
            "name": sensor.name,
            "unique_id": f"maskcam_{unit}_{field}",
            "state_topic": count_topic(site=site, unit=unit, kind=sensor.kind),
            "value_template": sensor.template,
            "state_class": "measurement",
            "expire_after": sensor.expire_s,
            "availability": [available],
            "device": device,
        }
        if sensor.unit_of_measurement:
            message["unit_of_measurement"] = sensor.unit_of_measurement
        yield f"{PREFIX}/sensor/maskcam_{unit}/{field}/config", _packed(message)
    for field, name, topic, template in (
        ("online", "Online", available["topic"], "value_json.online"),
        ("sight", "Sees", count_topic(site=site, unit=unit), "value_json.observed_s > 0"),
    ):
        state: dict[str, Any] = {
            "name": name,
            "unique_id": f"maskcam_{unit}_{field}",
            "state_topic": topic,
            "value_template": f"{{{{ 'ON' if {template} else 'OFF' }}}}",
            "entity_category": "diagnostic",
            "device": device,
        }
        if field == "online":
            state["device_class"] = "connectivity"
        else:
            state["expire_after"] = _SENSORS["people"].expire_s
        yield f"{PREFIX}/binary_sensor/maskcam_{unit}/{field}/config", _packed(state)


def _packed(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
