"""The technician's guide: two parts of two pages, which say what the software does."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from maskcam import messages
from maskcam.config import CameraSection
from maskcam.technician import console, prepare, verdicts
from maskcam.technician.typeset import typeset
from maskcam.unit.lamp_codes import Fault

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def build():
    loader = SourceFileLoader("build_guide", str(ROOT / "scripts" / "build-guide"))
    spec = spec_from_loader("build_guide", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


both = pytest.mark.parametrize(
    ("part", "language"), [(part, name) for part in ("workshop", "ladder") for name in ("en", "fr")]
)


@both
def test_each_part_has_two_pages(build, part, language):
    pages = typeset(
        build.GUIDE / f"{part}.typ", build.content(language), form="svg", dated=build.DATED
    )
    assert len(pages) == 2


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_read_on_the_ladder_is_set_in_14_points(language):
    sizes: dict[str, float] = {}

    def look(text, cm, tm, font, size):
        del font
        sizes[text.strip()] = abs(size * tm[3] * cm[3])

    front, back = PdfReader(ROOT / "docs/guide" / f"ladder.{language}.pdf").pages
    for page in (front, back):
        page.extract_text(visitor_text=look)
    steps = [size for text, size in sizes.items() if len(text) > 20 and "maskcam" not in text]
    small = [size for size in steps if size < 13.9]
    assert {round(size, 1) for size in small} == {6.6}, sizes  # the unit's screen
    assert len(steps) > 20


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_lamp_is_explained_on_the_back_of_the_ladder(build, language):
    _, back = PdfReader(ROOT / "docs/guide" / f"ladder.{language}.pdf").pages
    text = "".join(back.extract_text().split())
    for _, meaning in build.content(language)["lamp"]["codes"]:
        assert "".join(meaning.split()) in text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_says_what_the_unit_s_own_screen_says(build, language):
    content = build.content(language)
    steps = " ".join(content["ladder"]["steps"])
    with messages.language(language):
        for mark in ("OK", "NOT OK", "not present"):
            assert f"*{messages.translate(mark)}*" in steps
        assert messages.translate("tilt: good") in content["screen"]
    assert "22" in content["wiring"]["parts"][1]["note"]  # pins of a Pi 5's camera cable


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_blink_code_is_explained(build, language):
    codes = [number for number, _ in build.content(language)["lamp"]["codes"]]
    assert codes == [fault.value for fault in Fault]


def test_both_languages_have_the_same_parts(build):
    def shape(value):
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items() if key != "screen"}
        return [shape(item) for item in value] if isinstance(value, list) else type(value)

    assert shape(build.content("en")) == shape(build.content("fr"))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_names_the_keys_of_the_unit_s_own_screen(build, language):
    steps = build.content(language)["ladder"]["steps"]
    for key in (console.CHECK, console.AIM, console.COUNT):
        assert any(f"*{key}*" in step for step in steps)
    assert any(
        f"{console.UNTOUCHED_S:.0f} s" in step.replace("\N{NO-BREAK SPACE}", " ") for step in steps
    )
    assert str(prepare.GUIDE_GPIO) in build.content(language)["wiring"]["parts"][2]["note"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_its_distances_are_those_of_the_verdicts(build, language):
    distance = build.content(language)["where"]["distance"].replace("\N{NO-BREAK SPACE}", " ")
    assert f"{verdicts.SMALLEST_HEAD_PX} px" in distance
    metres = verdicts.reach(1280, CameraSection().field_of_view_deg).words.split()[-2]
    assert f"{metres} m." in distance


@both
def test_the_document_beside_it_was_made_from_these_words(build, part, language):
    [document] = typeset(
        build.GUIDE / f"{part}.typ", build.content(language), form="pdf", dated=build.DATED
    )
    beside = (ROOT / "docs/guide" / f"{part}.{language}.pdf").read_bytes()
    assert text_of(document) == text_of(beside), "run scripts/build-guide"


def text_of(document: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(document)).pages]
