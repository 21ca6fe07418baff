"""What our documents point to is there: files, folders and headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "models").glob("*.md")),
]
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`|^ {4}[^\n]*$", re.MULTILINE | re.DOTALL)
_OUTSIDE = re.compile(r"[a-z]+:")
_MODULE = re.compile(r"`((?:\w+/)*\w+\.py)`")
_PATH = re.compile(
    r"(?<![\w./-])(?:scripts|tests|training|headclips|sdcard|systemd|docs)/[\w./-]*\w"
)
MODULES = [
    f"/{file.relative_to(ROOT).as_posix()}"
    for folder in ("maskcam", "tests", "training", "headclips", "sdcard")
    for file in (ROOT / folder).rglob("*.py")
]


def links_of(text: str) -> list[str]:
    """Returns the links within the project."""
    return [link for link in _LINK.findall(_CODE.sub("", text)) if not _OUTSIDE.match(link)]


def anchors_of(text: str) -> set[str]:
    """Returns what GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+?)\s*$", _CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(document: Path) -> list[str]:
    found = []
    for link in links_of(document.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        there = target.exists()
        if there and anchor:
            there = anchor in anchors_of(target.read_text(encoding="utf-8"))
        if not there:
            found.append(link)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_within_the_project_leads_somewhere(document):
    assert broken(document) == []


def missing(text: str) -> list[str]:
    """Returns the modules and paths of the project that a text names and that are not there."""
    modules = [
        name
        for name in _MODULE.findall(text)
        if not any(module.endswith(f"/{name}") for module in MODULES)
    ]
    return modules + [path for path in _PATH.findall(text) if not (ROOT / path).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_that_is_named_is_there(document):
    assert missing(document.read_text(encoding="utf-8")) == []


def test_a_file_that_is_gone_would_be_found():
    assert missing("`people/votes.py` `people/vote.py`, scripts/test and scripts/tests.") == [
        "people/vote.py",
        "scripts/tests",
    ]


def test_a_broken_link_would_be_found(tmp_path):
    document = tmp_path / "a.md"
    document.write_text(
        "# Über uns\n\n    [0](code.md)\n\n[1](none.md) [2](#über-uns) [3](#x) `[4](code.md)`\n"
        "[5](a.md#y)"
    )
    assert broken(document) == ["none.md", "#x", "a.md#y"]
