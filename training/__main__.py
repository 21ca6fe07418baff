"""The command behind scripts/train-model."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.settings import Settings

_log = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parent.parent
_EXAMPLES = """examples:
  scripts/train-model                          train, export and measure (resumes a broken run)
  scripts/train-model --steps 20 --stills 120 --runs /tmp/try --models /tmp/try
                                               see that everything works
  scripts/train-model --only second-look       train the second look for the last detector;
                                               once more: go on from its weights
  scripts/train-model --only face-in-view      train what sees hands before faces
  scripts/train-model --only head-shake        train what recognises a "no" (renders for hours)
  scripts/train-model --only export            make the detector from the last weights
  scripts/train-model --only measure           measure the models and write the card's tables
  scripts/train-model --only measure --part clips          only the figures of the real clips
  scripts/train-model --only times             time the detector against the one to beat
  scripts/train-model --only times --against old.tflite    and against another in the same run
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Where everything lies: the shared data and teacher, what is made on the way, the models."""

    data: Path
    teacher: Path
    runs: Path
    models: Path
    settings: Settings
    against: Path | None = None
    part: str | None = None

    @property
    def stills(self) -> Path:
        """The folder of the rendered stills."""
        return self.runs / "stills"

    @property
    def weights(self) -> Path:
        """The trained weights of the detector."""
        return self.runs / "average.weights.h5"

    @property
    def model(self) -> Path:
        """The exported detector."""
        return self.models / "maskcam.tflite"

    def beside(self, name: str) -> Path:
        """Returns the folder of another network's training."""
        return self.runs.with_name(f"{self.runs.name}-{name}")


def _render_stills(run: Run) -> dict[str, Any]:
    from training.stills import FULL_SIZE, render

    render(run.stills, count=run.settings.stills, first_seed=3_000_000, size=FULL_SIZE)
    return {}


def _train_detector(run: Run) -> dict[str, Any]:
    from training.train import train

    train(run.data, run.teacher, run.stills, run.settings, run.runs)
    curves = run.runs / "curves.png"
    if curves.is_file() and run.runs.resolve() != run.models.resolve():
        run.models.mkdir(parents=True, exist_ok=True)
        shutil.copy(curves, run.models)
    return {"training": json.loads((run.runs / "history.json").read_text())}


def _export_detector(run: Run) -> dict[str, Any]:
    from training.export import export

    model = export(run.data, run.settings, run.weights, run.models)
    return {"sha256": json.loads(model.with_suffix(".json").read_text())["sha256"]}


def _train_second_look(run: Run) -> dict[str, Any]:
    from training import second_look

    settings, folder = run.settings.second_look, run.beside("second-look")
    second_look.train(run.data, run.teacher, run.stills, settings, folder, run.model)
    second_look.export(run.data, run.teacher, run.stills, settings, folder, run.models)
    description = json.loads(run.model.with_suffix(".json").read_text())
    return {"second_look_sha256": description["second_look"]["sha256"]}


def _train_face_in_view(run: Run) -> dict[str, Any]:
    from training import face_in_view

    settings, folder = run.settings.face_in_view, run.beside("face-in-view")
    face_in_view.train(run.data, settings, folder)
    return {"face_in_view": face_in_view.export(run.data, settings, folder, run.models)}


def _train_head_shake(run: Run) -> dict[str, Any]:
    from training import head_shake

    head_shake.train(run.data, run.beside("head-shake"))
    return {}


def _measure(run: Run) -> dict[str, Any]:
    from training.measure import PARTS, measure

    parts = PARTS if run.part is None else (run.part,)
    return measure(run.data, run.teacher, run.beside("boxes"), run.model, parts)


def _time(run: Run) -> dict[str, Any]:
    from training.rival import compare_times

    found = compare_times(run.model, run.data, against=run.against)
    for name, times in found.items():
        _log.info("%s: %s", name, json.dumps(times))
    return {"times": found["model"]}


STEPS: dict[str, Callable[[Run], dict[str, Any]]] = {
    "stills": _render_stills,
    "train": _train_detector,
    "export": _export_detector,
    "second-look": _train_second_look,
    "face-in-view": _train_face_in_view,
    "head-shake": _train_head_shake,
    "measure": _measure,
    "times": _time,
}
_ON_REQUEST = {"head-shake"}


def main() -> int:
    """Does all steps in turn but those on request, or one of them; returns the exit code."""
    chosen = _parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    settings = Settings.read(chosen.config)
    if chosen.steps is not None:
        settings = replace(
            settings,
            steps=chosen.steps,
            second_look=replace(
                settings.second_look,
                steps=chosen.steps,
                more=replace(settings.second_look.more, steps=chosen.steps),
            ),
            face_in_view=replace(settings.face_in_view, steps=chosen.steps),
        )
    if chosen.stills is not None:
        settings = replace(settings, stills=chosen.stills)
    places = (chosen.data, chosen.teacher, chosen.runs, chosen.models)
    run = Run(*places, settings, chosen.against, chosen.part)
    for name, step in STEPS.items():
        if name == chosen.only or (chosen.only is None and name not in _ON_REQUEST):
            _publish(step(run), run.models)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/train-model",
        description="Trains the models on ../shared/data and writes models/*.tflite.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared = _ROOT.parent / "shared"
    parser.add_argument("--config", type=Path, default=_ROOT / "training/config.toml")
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument(
        "--teacher", type=Path, default=shared / "teacher", help="the folder of its ONNX file"
    )
    parser.add_argument(
        "--runs", type=Path, default=_ROOT / "runs/mask", help="checkpoints, curves, stills"
    )
    parser.add_argument("--models", type=Path, default=_ROOT / "models", help="where models go")
    parser.add_argument(
        "--stills", type=int, help="of the rendered street, in place of the configuration's"
    )
    parser.add_argument(
        "--steps", type=int, help="of each training, in place of the configuration's"
    )
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="times: a .tflite to time in the same run"
    )
    parser.add_argument(
        "--part",
        choices=("clips", "photographs", "fairness", "streets"),
        help="measure: only this part",
    )
    parser.add_argument("--only", choices=tuple(STEPS), help="do only this step")
    chosen = parser.parse_args()
    if not (chosen.data / "masks/train.json").is_file():
        parser.error(f"{chosen.data}: no masks/train.json there; say where the data is: --data")
    if not (chosen.teacher / "yunet_n_dynamic.onnx").is_file():
        parser.error(f"{chosen.teacher}: no yunet_n_dynamic.onnx there; say where it is: --teacher")
    return chosen


def _publish(results: dict[str, Any], models: Path) -> None:
    """Puts results beside those that are there, and into the card."""
    from training.card import write_card

    if not results:
        return
    models.mkdir(parents=True, exist_ok=True)
    file = models / "results.json"
    known = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps(known | results, indent=1) + "\n")
    if (models / "MODEL_CARD.md").is_file() and "clips" in known | results:
        write_card(models)


if __name__ == "__main__":
    raise SystemExit(main())
