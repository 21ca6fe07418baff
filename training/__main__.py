"""The command behind scripts/train-model."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_EXAMPLES = """examples:
  scripts/train-model                          train, export and evaluate (resumes a broken run)
  scripts/train-model --steps 100 --stills 120 --runs /tmp/try --models /tmp/try
                                               see that everything works
  scripts/train-model --only second-look       train the second look for the last detector
  scripts/train-model --only face-in-view      train what sees hands before faces
  scripts/train-model --only head-shake        train what tells a "no" (renders clips: an hour)
  scripts/train-model --only export            make the models from the last weights
  scripts/train-model --only shapes            compare input shapes with the last weights
  scripts/train-model --only amount            would more photographs help? three short trainings
  scripts/train-model --only stills            render the stills of the street beforehand
  scripts/train-model --only times             time the model against the one to beat
"""


def main() -> int:
    """Trains, exports and evaluates; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/train-model",
        description="Trains the models on ../shared/data and writes models/*.tflite.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=_ROOT / "training/config.toml")
    parser.add_argument("--data", type=Path, default=_ROOT.parent / "shared/data")
    parser.add_argument(
        "--runs", type=Path, default=_ROOT / "runs/mask", help="checkpoints, curves"
    )
    parser.add_argument(
        "--stills", type=int, help="of the rendered street, in place of the configuration's"
    )
    parser.add_argument(
        "--models", type=Path, default=_ROOT / "models", help="where the model goes"
    )
    parser.add_argument("--steps", type=int, help="of training, in place of the configuration's")
    parser.add_argument(
        "--only",
        choices=(
            "stills",
            "train",
            "second-look",
            "face-in-view",
            "head-shake",
            "export",
            "shapes",
            "amount",
            "times",
        ),
        help="do only this step",
    )
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")

    if not (chosen.data / "masks/train.json").is_file():
        parser.error(f"{chosen.data}: no masks/train.json there; say where the data is: --data")
    from training.settings import Settings

    settings = Settings.read(chosen.config)
    if chosen.steps is not None:
        settings = replace(settings, steps=chosen.steps)
    if chosen.stills is not None:
        settings = replace(settings, stills=chosen.stills)
    if chosen.only == "times":
        from training.rival import compare_times

        times = compare_times(chosen.models / "maskcam.tflite", chosen.data)
        logging.info("%s", json.dumps(times))
        return 0
    if chosen.only == "head-shake":
        from training import head_shake

        head_shake.train(chosen.data, chosen.runs.with_name(chosen.runs.name + "-head-shake"))
        return 0
    stills = chosen.runs / "stills"
    if chosen.only in (None, "stills", "train", "amount"):
        from training.stills import render

        render(stills, count=settings.stills)
        if chosen.only == "stills":
            return 0
    weights = chosen.runs / "average.weights.h5"
    if chosen.only == "shapes":
        from training.shapes import compare

        compare(chosen.data, settings, weights, chosen.models)
        return 0
    if chosen.only == "amount":
        from training.amount import compare as compare_amounts

        compare_amounts(chosen.data, stills, settings, chosen.runs, chosen.models)
        return 0
    view = chosen.runs.with_name(chosen.runs.name + "-face-in-view")
    if chosen.only in (None, "face-in-view"):
        from training import face_in_view

        face_in_view.train(chosen.data, settings.face_in_view, view)
        if chosen.only:
            told = face_in_view.export(chosen.data, settings.face_in_view, view, chosen.models)
            _tell({"face_in_view": told}, chosen.models)
            return 0
    if chosen.only in (None, "train"):
        from training.train import train

        train(chosen.data, stills, settings, chosen.runs)
    if chosen.only != "train":
        from maskcam.evaluate.detections import as_text
        from training import face_in_view, second_look
        from training.calibrate import calibrate, measure, measure_street
        from training.export import export
        from training.rival import compare_times

        model = export(chosen.data, stills, settings, weights, chosen.models)
        again = chosen.runs.with_name(chosen.runs.name + "-second-look")
        if chosen.only != "export":
            second_look.train(chosen.data, settings.second_look, again, model)
        second_look.export(chosen.data, settings.second_look, again, chosen.models)
        calibrated = calibrate(chosen.data, model)
        described = json.loads(model.with_suffix(".json").read_text())
        results = {
            "sha256": described["sha256"],
            "second_look_sha256": described["second_look"]["sha256"],
            "training": json.loads((chosen.runs / "history.json").read_text()),
            "validation": calibrated,
            "test": measure(chosen.data, model),
            "street": measure_street(again / "held-back", model),
            "times": compare_times(model, chosen.data),
        }
        if chosen.only != "second-look":
            results["face_in_view"] = face_in_view.export(
                chosen.data, settings.face_in_view, view, chosen.models
            )
        curves = chosen.runs / "curves.png"
        if curves.is_file() and chosen.runs.resolve() != chosen.models.resolve():
            shutil.copy(curves, chosen.models)
        _tell(results, chosen.models)
        logging.info("test split:\n%s", as_text(results["test"]))
    return 0


def _tell(results: dict[str, Any], models: Path) -> None:
    """Puts results beside those that are there, and into the card."""
    from training.card import write_card

    file = models / "results.json"
    known = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps(known | results, indent=1) + "\n")
    if (models / "MODEL_CARD.md").is_file():
        write_card(models)


if __name__ == "__main__":
    raise SystemExit(main())
