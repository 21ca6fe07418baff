"""Where the model lies that comes with maskcam, and what is written beside a model."""

from __future__ import annotations

import json
import math
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskcam.errors import ModelError

_NAME = "maskcam.tflite"


@dataclass(frozen=True, slots=True)
class SecondLookDescription:
    """The model that looks at each face again; `file` lies beside the detector's."""

    file: Path
    sha256: str | None
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaceInViewDescription:
    """The model that sees what is before a face; `file` lies beside the detector's."""

    file: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What must be known of a model beside its file; see models/maskcam.json.

    sha256: of the file, None if not given. labels: class 0 first. score_threshold: the one
    that was calibrated on the validation split. second_look, face_in_view: None if there is
    none; the head-shake stage takes the one that comes with maskcam, whatever the detector.
    """

    file: Path
    sha256: str | None
    labels: tuple[str, ...]
    input: tuple[int, int] | None
    score_threshold: float
    second_look: SecondLookDescription | None = None
    face_in_view: FaceInViewDescription | None = None


def default_model() -> Path:
    """Returns the .tflite file that comes with maskcam.

    Raises:
        ModelError: it is not there.
    """
    checkout = Path(__file__).resolve().parents[2] / "models"
    installed = Path(sysconfig.get_path("data")) / "share/maskcam/models"
    for folder in (checkout, installed):
        if (folder / _NAME).is_file():
            return folder / _NAME
    raise ModelError(f"{installed / _NAME}: the model is missing; install maskcam again")


def describe(model: Path | None = None) -> ModelDescription:
    """Reads the .json file beside a model (None: the one that comes with maskcam).

    Raises:
        ModelError: it is missing, or not as it must be.
    """
    file = default_model() if model is None else model
    beside = file.with_suffix(".json")
    try:
        content: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        labels = tuple(str(label) for label in content["labels"])
        threshold = float(content["score_threshold"])
        size = content.get("input")
        shape = (int(size[0]), int(size[1])) if size is not None else None
        sha256 = content.get("sha256")
        again = content.get("second_look")
        second_look = None if again is None else _second_look(file, again)
        view = content.get("face_in_view")
        face_in_view = None if view is None else _face_in_view(file, view)
    except RecursionError as error:
        raise ModelError(f"{beside}: is no description of a model; copy it again") from error
    except OSError as error:
        raise ModelError(
            f"{beside}: cannot be read ({error.strerror}); it belongs beside the model and "
            "holds labels, score_threshold and sha256"
        ) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ModelError(
            f"{beside}: needs labels (a list) and score_threshold (a number), of second_look "
            f"its file and labels, and of face_in_view its file and sha256; found {error!r}"
        ) from error
    if not labels or not math.isfinite(threshold) or not 0 < threshold < 1:
        raise ModelError(f"{beside}: labels are empty or score_threshold is not between 0 and 1")
    return ModelDescription(
        file, str(sha256) if sha256 else None, labels, shape, threshold, second_look, face_in_view
    )


def _second_look(model: Path, content: dict[str, Any]) -> SecondLookDescription:
    return SecondLookDescription(
        model.with_name(str(content["file"])),
        str(content["sha256"]) if content.get("sha256") else None,
        tuple(str(label) for label in content["labels"]),
    )


def _face_in_view(model: Path, content: dict[str, Any]) -> FaceInViewDescription:
    return FaceInViewDescription(model.with_name(str(content["file"])), str(content["sha256"]))
