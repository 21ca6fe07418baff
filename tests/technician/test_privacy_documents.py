"""Each proof that the privacy documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PRIVACY = Path(__file__).parents[2] / "docs" / "privacy"
DOCUMENTS = sorted(PRIVACY.glob("*.md"))
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_PROOF = re.compile(r"\[test_\w+\.py\]\((?P<path>[^)]+)\)(?P<names>(?:,? `test_\w+`)+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(document):
    targets = [link for link in _LINK.findall(document.read_text()) if "://" not in link]
    assert targets
    assert [link for link in targets if not (document.parent / link).exists()] == []


def proofs_of(text):
    return [
        (match["path"], name)
        for match in _PROOF.finditer(text)
        for name in re.findall(r"test_\w+", match["names"])
    ]


def test_both_languages_name_the_same_proofs():
    french, english = ((PRIVACY / name).read_text() for name in ("dpia.fr.md", "dpia.md"))
    assert proofs_of(french) == proofs_of(english)


@pytest.mark.parametrize("document", sorted(PRIVACY.glob("dpia*.md")), ids=lambda path: path.name)
def test_every_measure_has_a_test_that_exists(document):
    text = document.read_text()
    proofs = proofs_of(text)
    assert len(proofs) > 40
    missing = [
        f"{path}::{name}"
        for path, name in proofs
        if not re.search(rf"^def {name}\(", (document.parent / path).read_text(), re.MULTILINE)
    ]
    assert missing == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and "](../../tests" in line]
    assert all(_PROOF.search(row) for row in rows)
