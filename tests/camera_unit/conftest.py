"""A clock that the test turns, and gpiozero's pins without a machine."""

from __future__ import annotations

import pytest
from gpiozero.pins.mock import MockFactory


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def factory():
    made = MockFactory()
    yield made
    made.reset()
