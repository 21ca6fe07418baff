"""Errors that an operator can act on.

MaskcamError                 (exit code 1: failed at run time)
 |-- CameraError             no frames: missing, stalled or unreadable source
 |    `-- CameraStalledError (10) frames stopped coming; a new process opens it again
 |-- ModelError              the model file is missing, damaged or unfit
 |-- AcceleratorError   (11) the Edge TPU is required and cannot be used
 |    `-- InferenceStalledError (11) an inference hangs or failed
 |-- DeliveryError           the broker, its certificates or the outbox
 `-- UsageError              (exit code 2: wrong call)
      `-- ConfigError        wrong configuration; lists every fault

Each message is one line that says what is wrong and what to do about it.
"""


class MaskcamError(Exception):
    """Base of all errors that the command line prints as one line."""

    exit_code = 1


class CameraError(MaskcamError):
    """The source gives no frames, or none that can be read."""


class CameraStalledError(CameraError):
    """The camera worked and then stopped; only a new process can open it again."""

    exit_code = 10


class ModelError(MaskcamError):
    """The model or its labels are missing, damaged or not fit for use."""


class AcceleratorError(MaskcamError):
    """The accelerator is required, but is missing or does not work.

    Its exit code is that of one that stalled: both ask for the next step of the ladder.
    """

    exit_code = 11


class InferenceStalledError(AcceleratorError):
    """The accelerator worked and then failed or hung; a new process tries again."""


class DeliveryError(MaskcamError):
    """Counts cannot be handed over: broker, certificates or outbox."""


class UsageError(MaskcamError):
    """The command was called wrongly."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration is wrong; the message names every fault."""
