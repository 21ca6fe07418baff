"""Makes the parts that look at pixels, as the configuration wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskcam.errors import ModelError
from maskcam.vision.accelerator import Mode, prepare
from maskcam.vision.detector import Detector, image_input
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.interpreter import Interpreter, load_delegate
from maskcam.vision.model_files import ModelDescription, describe
from maskcam.vision.second_look import SecondLook

# A face that is followed already needs less to be believed than a new one.
_CONTINUES = 0.6
# Of the threshold: what the detector alone doubts more is no face in seven of eight cases, and
# would take the second look's time from the others.
_WORTH_A_LOOK = 5 / 6


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """All models that a unit needs, ready to run.

    high_score: score from which on a detection may be a new person.
    runs_on: what runs it, for the operator.
    library: the shared library of its delegate; None: the CPU does all.
    face_in_view: what sees a hand before a face, for the head-shake stage.
    second_look: what judges each face again; always on the CPU. None: the model has none.
    """

    interpreter: Interpreter
    labels: tuple[str, ...]
    high_score: float
    runs_on: str
    face_in_view: FaceInView
    library: str | None = None
    second_look: SecondLook | None = None

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input in px.

        Raises:
            ModelError: the model is no detector.
        """
        _, height, width, _ = image_input(self.interpreter).shape
        return width, height

    def detector(self) -> Detector:
        """Returns what finds faces with it."""
        return Detector(
            self.interpreter,
            labels=self.labels,
            score_threshold=_CONTINUES * self.high_score,
            second_look=self.second_look,
            look_threshold=_WORTH_A_LOOK * self.high_score,
        )

    def renew(self) -> None:
        """Puts a new interpreter in place of one that failed; detectors of it go on.

        Raises:
            AcceleratorError, ModelError: it cannot be made.
        """
        library = self.library
        self.interpreter.renew(None if library is None else lambda: load_delegate(library))


def load_model(
    *,
    model: Path | None = None,
    threads: int = 2,
    score_threshold: float | None = None,
    accelerator: Mode = "off",
    edgetpu_model: Path | None = None,
) -> LoadedModel:
    """Loads a model, after its checksum and labels were verified.

    Args:
        model: the .tflite file; None: the one that comes with maskcam.
        threads: CPU threads of an inference.
        score_threshold: in place of the calibrated one.
        accelerator: whether an Edge TPU is used; it is tried in a child process first.
        edgetpu_model: the same model, compiled for it; None: the one beside the model.

    Raises:
        ModelError: the model is missing, damaged or unfit.
        AcceleratorError: the accelerator is required and does not work.
    """
    face_in_view = load_face_in_view()
    description = describe(model)
    chosen = prepare(accelerator, model=description.file, edgetpu_model=edgetpu_model)
    interpreter = Interpreter(
        chosen.model,
        threads=threads,
        sha256=description.sha256 if chosen.model == description.file else None,
        delegate=chosen.delegate,
    )
    threshold = score_threshold or description.score_threshold
    return LoadedModel(
        interpreter,
        description.labels,
        threshold,
        chosen.status,
        face_in_view,
        chosen.library,
        second_look_of(description),
    )


def load_face_in_view(model: Path | None = None) -> FaceInView:
    """Loads the network that sees a hand before a face.

    Args:
        model: the detector's .tflite file, beside which it is described; None: the one that
            comes with maskcam.

    Raises:
        ModelError: it is not described, missing, damaged or another model.
    """
    description = describe(model)
    if description.face_in_view is None:
        beside = description.file.with_suffix(".json")
        raise ModelError(f"{beside}: names no face_in_view; install maskcam again")
    return FaceInView(description.face_in_view)


def second_look_of(description: ModelDescription) -> SecondLook | None:
    """Loads the model that looks at each face again, if one belongs to the detector's.

    It runs on one thread: so small a network would wait for a second one longer than it works.
    """
    again = description.second_look
    if again is None:
        return None
    interpreter = Interpreter(again.file, threads=1, sha256=again.sha256)
    return SecondLook(interpreter, labels=again.labels)
