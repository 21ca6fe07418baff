"""What an image needs for a Coral: an option, for the CPU does the work without it.

libedgetpu must be built from the TensorFlow of the runtime: another pair crashes the process
(google-coral/edgetpu issues 821 and 841). So both are given, and their names must agree; the
compiled model must come from the image's own, by the note that scripts/compile-edgetpu writes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = """\
# coral.toml: the files lie beside it
tensorflow = "2.19.1"
libedgetpu = "libedgetpu1-std_16.0tf2.19.1-1.trixie_arm64.deb"
runtime = "tflite_runtime-2.19.1-cp313-cp313-linux_aarch64.whl"
model = "maskcam_edgetpu.tflite"        # and maskcam_edgetpu.json, as compile-edgetpu wrote it

[sha256]
libedgetpu = "…"
runtime = "…"
model = "…"
"""
MODEL = Path("models/maskcam.tflite")
_FILES = ("libedgetpu", "runtime", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coral:
    """The three files, checked: a Debian package, a wheel, and a model for the Edge TPU."""

    libedgetpu: Path
    runtime: Path
    model: Path


def read(description: Path, *, model: Path) -> tuple[Coral | None, list[str]]:
    """Checks what a coral.toml names; returns it, and a line for each fault.

    model: the image's own, from which the compiled one must have been made.
    """
    try:
        values = tomllib.loads(description.read_text(encoding="utf-8"))
        hashes = dict(values["sha256"])
        files = {name: description.parent / str(values[name]) for name in _FILES}
        tensorflow = str(values["tensorflow"])
    except FileNotFoundError:
        return None, [f"--coral {description}: no such file"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, [f"--coral {description}: {error!r}; see docs/image.md for what it holds"]
    faults = [
        fault for name, path in files.items() if (fault := _hash_fault(path, hashes.get(name)))
    ]
    pair = {"libedgetpu": rf"tf{re.escape(tensorflow)}\b", "runtime": rf"-{re.escape(tensorflow)}-"}
    faults += [
        f"{files[name].name}: is not of TensorFlow {tensorflow}; both must be of the same"
        for name, pattern in pair.items()
        if not re.search(pattern, files[name].name)
    ]
    if not faults and (fault := _model_fault(files["model"], model)):
        faults.append(fault)
    return (None, faults) if faults else (Coral(**files), [])


def _hash_fault(path: Path, wanted: object) -> str:
    if not path.is_file():
        return f"{path}: no such file"
    if not isinstance(wanted, str) or not re.fullmatch(r"[0-9a-f]{64}", wanted):
        return f"[sha256] of {path.name}: 64 small hexadecimal digits are wanted"
    found = _sha256(path)
    return "" if found == wanted else f"{path}: its SHA-256 is {found}, not the one that is given"


def _model_fault(compiled: Path, model: Path) -> str:
    note = compiled.with_suffix(".json")
    try:
        facts = json.loads(note.read_text(encoding="utf-8"))
        same = (facts["made_from"], facts["sha256"]) == (_sha256(model), _sha256(compiled))
    except (OSError, ValueError, KeyError, TypeError):
        return f"{note}: is missing or damaged; make both with scripts/compile-edgetpu"
    return "" if same else f"{compiled}: was not made from {model}; compile that one"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
