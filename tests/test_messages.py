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
    return {text for text in found if re.search(r"[a-zA-Z]{2}", re.sub(r"\{\w*\}", "", text))}


SOURCES = sorted(
    path for path in PACKAGE.rglob("*.py") if str(path.relative_to(PACKAGE)).startswith(SAYING)
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_is_shown_has_its_french(path):
    with messages.language("fr"):
        known = messages.catalogue("fr")
        missing = [
            text
            for text in shown(path)
            if text not in known
            and messages.translate(re.sub(r"\{(\w*)\}", r"<\1>", text))
            in {re.sub(r"\{(\w*)\}", r"<\1>", text)}
        ]
    assert missing == []
