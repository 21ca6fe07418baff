"""The command behind scripts/train-model."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_EXAMPLES = """examples:
  scripts/train-model                          train, export and evaluate (resumes a broken run)
  scripts/train-model --minutes 2 --runs /tmp/try    see that everything works
  scripts/train-model --only export            make models/maskcam.tflite from the last weights
  scripts/train-model --only shapes            compare input shapes with the last weights
  scripts/train-model --rendered runs/stills   mix in stills of the rendered street
  scripts/train-model --only stills --rendered runs/stills    render these stills
"""


def main() -> int:
    """Trains, exports and evaluates; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/train-model",
        description="Trains the mask model on ../shared/data and writes models/maskcam.tflite.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=_ROOT / "training/config.toml")
    parser.add_argument("--data", type=Path, default=_ROOT.parent / "shared/data")
    parser.add_argument(
        "--runs", type=Path, default=_ROOT / "runs/mask", help="checkpoints, curves"
    )
    parser.add_argument("--rendered", type=Path, help="folder of rendered stills with stills.json")
    parser.add_argument(
        "--models", type=Path, default=_ROOT / "models", help="where the model goes"
    )
    parser.add_argument(
        "--minutes", type=float, help="of training, in place of the configuration's"
    )
    parser.add_argument(
        "--only", choices=("stills", "train", "export", "shapes"), help="do only this step"
    )
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")

    if not (chosen.data / "masks/train.json").is_file():
        parser.error(f"{chosen.data}: no masks/train.json there; say where the data is: --data")
    if chosen.only == "stills":
        from training.stills import render

        render(chosen.rendered or _ROOT / "runs/stills")
        return 0

    from dataclasses import replace

    from training.settings import Settings

    settings = Settings.read(chosen.config)
    if chosen.minutes is not None:
        settings = replace(settings, minutes=chosen.minutes)
    weights = chosen.runs / "average.weights.h5"
    if chosen.only == "shapes":
        from training.shapes import compare

        compare(chosen.data, settings, weights, chosen.models)
        return 0
    if chosen.only != "export":
        from training.train import train

        train(chosen.data, chosen.rendered, settings, chosen.runs)
    if chosen.only != "train":
        from maskcam.evaluate.detections import as_text
        from training.calibrate import calibrate, measure
        from training.export import export

        model = export(chosen.data, settings, weights, chosen.models, rendered=chosen.rendered)
        calibrated = calibrate(chosen.data, model)
        results = {"validation": calibrated, "test": measure(chosen.data, model)}
        (chosen.models / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        if (chosen.runs / "curves.png").is_file():
            shutil.copy(chosen.runs / "curves.png", chosen.models / "curves.png")
        logging.info("test split:\n%s", as_text(results["test"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
