"""What can be wrong with a unit, and the number of flashes that says so."""

from __future__ import annotations

from enum import IntEnum


class Fault(IntEnum):
    """What is wrong: the number of flashes between two pauses."""

    CAMERA = 2
    PICTURE = 3
    MODEL = 4
    CLOCK = 5
    NETWORK = 6
    STORAGE = 7
    CONFIGURATION = 8

    @property
    def meaning(self) -> str:
        """What the technician reads in the table beside the code."""
        return _MEANINGS[self]


# No fault has one flash: it would be taken for a short answer to an objection.
_MEANINGS = {
    Fault.CAMERA: "the camera gives no pictures: check its ribbon cable",
    Fault.PICTURE: "too dark, too blurred or too few pictures: clean the window, aim again",
    Fault.MODEL: "the model or the accelerator does not work: plug the Coral in again",
    Fault.CLOCK: "the time is not known: check the network (NTP)",
    Fault.NETWORK: "city hall cannot be reached: check network and certificates",
    Fault.STORAGE: "counts cannot be stored: the memory card is full or worn",
    Fault.CONFIGURATION: "not configured, or wrongly: the console says why; run setup-unit again",
}
