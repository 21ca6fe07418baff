"""Refuses what stands in an example: a sign must not send people to nobody. Standard library only.

The one rule for all who write or read a unit's configuration: city hall's `add-unit`,
`setup-unit`, `prepare`, `sign`, `check` and `run`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# RFC 2606 and RFC 6761 keep these names free for ever; ".test" is left to tests.
_RESERVED: Final = re.compile(
    r"(?<![\w-])(?:ex[ae]mple\.[a-z]{2,}|[\w.-]+\.(?:example|invalid))\b|\bd['\u2019]exemple\b",
    re.I,
)


def is_example(text: object) -> bool:
    """Returns whether a text holds a name that is kept for examples.

    >>> is_example("masques@example.org"), is_example("masques@ville-exemple.fr")
    (True, False)
    """
    return isinstance(text, str) and _RESERVED.search(text) is not None


def find_examples(values: Mapping[str, object]) -> list[str]:
    """Returns the keys whose texts are still an example's; those of tables inside too.

    >>> find_examples({"broker": {"host": "mqtt.example.org", "port": 8883}})
    ['[broker] host']
    """
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += [f"[{key}] {name}" for name in find_examples(value)]
        elif is_example(value):
            found.append(key)
    return found
