"""Whatever a technician is shown has its French, with the same values."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from maskcam import messages
from tests.sdcard.conftest import ROOT

PACKAGE = ROOT / "maskcam"
# Calls whose texts are shown, and which of their arguments those are.
SHOWN = {
    "say": range(1), "ok": range(1, 2), "absent": range(1, 2), "fault": range(1, 3),
    "Verdict": (), "Rule": (),
    "text": (), "that": range(2, 3), "either": range(2, 3),
}  # fmt: skip
KEYWORDS = {"words", "advice", "detail"}
SAYING = ("fields.py", "config.py", "toml_settings.py", "technician/")


def template(node: ast.expr) -> list[str]:
    """The texts of an expression, with {…} for the values in them."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        parts = [
            part.value if isinstance(part, ast.Constant) else f"{{v{number}}}"
            for number, part in enumerate(node.values)
        ]
        return ["".join(map(str, parts))]
    if isinstance(node, ast.IfExp):
        return template(node.body) + template(node.orelse)
    return []


def shown(path: Path) -> set[str]:
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.expr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(name, ast.Name) and name.id == "advice" for name in targets):
                found.update(template(node.value))
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if name not in SHOWN:
            continue
        for number in SHOWN[name]:
            if number < len(node.args):
                found.update(template(node.args[number]))
        for keyword in node.keywords:
            if keyword.arg in KEYWORDS:
                found.update(template(keyword.value))
    return with_words(found)


def with_words(texts: set[str]) -> set[str]:
    return {text for text in texts if re.search(r"[a-zA-Z]{2}", re.sub(r"\{\w*\}", "", text))}


def errors(path: Path) -> set[str]:
    """The texts of the errors that a module raises, whatever place stands before them."""
    return with_words(
        {
            re.sub(r"^\{\w+\}: ", "", text)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error")
            for text in (template(node.args[0]) if node.args else [])
        }
    )


def without_french(texts: set[str]) -> list[str]:
    with messages.language("fr"):
        known = messages.catalogue("fr")
        marked = {text: re.sub(r"\{(\w*)\}", r"<\1>", text) for text in texts}
        return [
            text
            for text, shown_as in marked.items()
            if text not in known and messages.translate(shown_as) == shown_as
        ]


SOURCES = sorted(
    path for path in PACKAGE.rglob("*.py") if str(path.relative_to(PACKAGE)).startswith(SAYING)
)


# Whose errors check and aim show; demo, replay and evaluation are for a desk.
RAISING = sorted(
    path
    for folder in ("camera", "vision", "unit")
    for path in (PACKAGE / folder).rglob("*.py")
    if path.stem not in {"demo", "replay", "commands", "base"}
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_is_shown_has_its_french(path):
    assert without_french(shown(path)) == []


@pytest.mark.parametrize("path", RAISING, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_what_goes_wrong_with_a_part_has_its_french(path):
    assert without_french(errors(path)) == []
