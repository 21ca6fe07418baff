"""The walls of the house hold."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]


def lint(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=checkout, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / ".importlinter", checkout)
    for package in ("maskcam", "training", "headclips", "sdcard"):
        shutil.copytree(
            ROOT / package, checkout / package,
            ignore=lambda folder, names: [n for n in names if "." in n and not n.endswith(".py")],
        )  # fmt: skip
    return checkout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("maskcam/people/walk.py", "import cv2"),
        ("maskcam/vision/quality.py", "from maskcam.config import Config"),
        ("maskcam/delivery/outbox.py", "from maskcam.vision.quality import QualityMeter"),
        ("maskcam/cityhall/reader.py", "from maskcam.people.tracker import Tracker"),
        ("maskcam/unit/loop.py", "from maskcam.street import Scene"),
        ("maskcam/evaluate/detections.py", "import training.settings"),
    ],
)
def test_an_import_through_a_wall_is_refused(copy, module, line):
    place = copy / module
    before = place.read_text()
    place.write_text(f"{before}\n{line}\n")
    try:
        done = lint(copy)
    finally:
        place.write_text(before)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize(("package", "most"), [("maskcam", 45), ("training", 60)])
def test_functions_fit_on_a_page(package, most):
    longer = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines"
        for file in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > most
    ]
    assert longer == []


def test_modules_can_be_read_in_one_go():
    numbers = ROOT / "maskcam/people/shake_weights.py"  # nobody reads them
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sorted((ROOT / "maskcam").rglob("*.py"))
        if file != numbers
    }
    assert {file: lines for file, lines in lengths.items() if lines > 350} == {}


def logic(file: Path) -> list[tuple[int, str]]:
    """Returns the numbered lines of a module but for imports, signatures, fields and comments."""
    text = file.read_text(encoding="utf-8")
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            skipped.update(range(node.lineno, node.body[0].lineno))
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.AnnAssign) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            skipped.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return [
        (number, line)
        for number, line in lines
        if number not in skipped and line and not line.startswith("#")
    ]


def repetitions(folder: Path) -> list[str]:
    """Returns the places that hold eight lines of logic which stand elsewhere, too."""
    known: dict[tuple[str, ...], str] = {}
    found = []
    for file in sorted(folder.rglob("*.py")):
        lines = logic(file)
        for first in range(len(lines) - 7):
            here = f"{file.relative_to(folder)}:{lines[first][0]}"
            there = known.setdefault(tuple(line for _, line in lines[first : first + 8]), here)
            if there != here:
                found.append(f"{here} as {there}")
    return found


@pytest.mark.parametrize("package", ["maskcam", "training", "headclips", "sdcard"])
def test_no_logic_stands_twice(package):
    assert repetitions(ROOT / package) == []


def test_logic_that_stands_twice_is_found(tmp_path):
    text = (ROOT / "maskcam/delivery/rows.py").read_text(encoding="utf-8")
    (tmp_path / "one.py").write_text(text)
    (tmp_path / "other.py").write_text(text.replace("    ", "        "))
    assert any(line.startswith("other.py:") for line in repetitions(tmp_path))
