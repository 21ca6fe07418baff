"""Makes the parts that look at pixels, as the configuration wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import default_model, describe

# A face that is followed already needs less to be believed than a new one.
_CONTINUES = 0.6


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to run.

    high_score: score from which on a detection may be a new person.
    """

    interpreter: Interpreter
    labels: tuple[str, ...]
    high_score: float

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input in px."""
        _, height, width, _ = self.interpreter.inputs[0].shape
        return width, height

    def detector(self, *, frame_size: tuple[int, int]) -> Detector:
        """Returns a detector that tells boxes in px of a picture of `frame_size`."""
        return Detector(
            self.interpreter,
            labels=self.labels,
            frame_size=frame_size,
            score_threshold=_CONTINUES * self.high_score,
        )


def load_model(
    *,
    model: Path | None = None,
    threads: int = 2,
    score_threshold: float | None = None,
    delegate: object | None = None,
) -> LoadedModel:
    """Loads a model, after its checksum and labels were verified.

    Args:
        model: the .tflite file; None: the one that comes with maskcam.
        threads: CPU threads of an inference.
        score_threshold: in place of the calibrated one.
        delegate: the accelerator; None: the CPU.

    Raises:
        ModelError: the model is missing, damaged or unfit.
        AcceleratorError: the accelerator refuses it.
    """
    told = describe(model or default_model())
    interpreter = Interpreter(told.file, threads=threads, sha256=told.sha256, delegate=delegate)
    return LoadedModel(interpreter, told.labels, score_threshold or told.score_threshold)
