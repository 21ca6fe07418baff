"""The sign carries the facts of the configuration, in both languages, on one page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from string import Formatter

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from maskcam import config
from maskcam.errors import MaskcamError, UsageError
from maskcam.technician import facts, sign

FULL = (
    config.example()
    .replace('# way_round_fr = "Passez par le quai."', 'way_round_fr = "Passez par le quai"')
    .replace("# way_round_en", "way_round_en")
    .replace("# gpio", "gpio")
    .replace("# operating_hours", "operating_hours")
    .replace("# deployment_ends", "deployment_ends")
    .replace("# legal_basis", "legal_basis")
)


@pytest.fixture
def full(tmp_path):
    return loaded(tmp_path, FULL)


def loaded(tmp_path, text):
    path = tmp_path / "maskcam.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, environment={})


def placeholders(value):
    if isinstance(value, str):
        return {name for _, name, _, _ in Formatter().parse(value) if name}
    items = value.values() if isinstance(value, dict) else value
    return set().union(*(placeholders(item) for item in items))


def shape(value):
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else str


def test_both_languages_say_the_same_things():
    french, english = facts.words("fr"), facts.words("en")
    assert shape(french) == shape(english)
    for part in ("sign", "layer", "explain"):
        assert placeholders(french[part]) == placeholders(english[part])


def test_french_signs_of_punctuation_stay_with_their_word():
    text = str(facts.words("fr"))
    assert not re.search(r" [:;?!»](?!/)|« ", text)
    assert "«\N{NO-BREAK SPACE}non\N{NO-BREAK SPACE}»" in facts.words("fr")["sign"]["gesture"]


@pytest.mark.parametrize(("language", "size", "width_px"), [("fr", "a4", 1654), ("en", "a3", 2339)])
def test_the_qr_code_on_the_printed_sign_leads_to_the_second_layer(
    tmp_path, full, language, size, width_px
):
    output = tmp_path / "sign.png"
    assert sign.write(full, language=language, size=size, output=output) == []
    picture = cv2.imdecode(np.frombuffer(output.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape[1] == pytest.approx(width_px, abs=1)
    assert picture.shape[0] / picture.shape[1] == pytest.approx(2**0.5, abs=0.002)
    address, _, _ = cv2.QRCodeDetector().detectAndDecode(picture)
    assert address == "https://example.org/masques"


def test_the_pdf_is_one_page_and_brings_its_fonts(tmp_path, full):
    output = tmp_path / "sign.pdf"
    sign.write(full, language="fr", size="a4", output=output)
    content = output.read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    assert b"SourceSansPro" in content
    assert b"/FontFile" in content


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_sign_itself_tells_the_first_layer_and_three_ways(tmp_path, full, language):
    output = tmp_path / "sign.pdf"
    sign.write(full, language=language, size="a3", output=output)
    [page] = PdfReader(output).pages
    told = " ".join(page.extract_text().split())
    words = facts.words(language)["sign"]
    for fact in (
        words["gesture"],
        *words["gesture_how"],
        {"fr": "Passez par le quai", "en": "Walk along the quay."}[language],
        full.notice.contact,
        full.notice.controller,
        full.notice.dpo_contact,
        words["purpose_text"],
        words["processed_text"],
        words["rights_text"],
        full.notice.authority,
        full.notice.information_url,
        "forville-01",
        facts.day(full.notice.sign_date, language),
        facts.day(full.notice.deployment_ends, language),
    ):
        assert " ".join(fact.split()) in told, fact


def test_the_svg_needs_no_font_and_nothing_from_outside(tmp_path, full):
    output = tmp_path / "sign.svg"
    sign.write(full, language="fr", size="a4", output=output)
    text = output.read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert "<text" not in text
    assert not re.findall(r'href="(?!#|data:)', text)


def test_what_is_left_out_of_the_configuration_is_said(tmp_path):
    spare = config.example().replace("information_url", "# information_url")
    output = tmp_path / "sign.pdf"
    lines = sign.write(loaded(tmp_path, spare), language="en", size="a4", output=output)
    assert output.exists()
    assert [line.split()[1] for line in lines] == [
        "information_url",
        "legal_basis",
        "way_round_fr",
        "deployment_ends",
    ]


def test_long_names_are_set_smaller_until_they_fit(tmp_path):
    long = FULL.replace("Ville d'Exemple", "Communauté urbaine du Pays et du Littoral " * 3)
    output = tmp_path / "sign.pdf"
    sign.write(loaded(tmp_path, long), language="fr", size="a4", output=output)
    assert output.exists()
    endless = FULL.replace("Ville d'Exemple", "Communauté urbaine " * 50)
    with pytest.raises(MaskcamError, match=r"too long for the sign.*shorten"):
        sign.write(loaded(tmp_path, endless), language="fr", size="a4", output=output)


def test_an_unknown_kind_of_file_is_refused(tmp_path, full):
    with pytest.raises(UsageError, match=r"\.pdf, \.png or \.svg"):
        sign.write(full, language="fr", size="a4", output=tmp_path / "sign.docx")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, full):
    with pytest.raises(UsageError, match="cannot be written"):
        sign.write(full, language="fr", size="a4", output=tmp_path / "none" / "sign.html")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_second_layer_says_what_article_13_asks_for(full, language):
    page = sign.second_layer(full, language=language)
    for fact in (
        full.notice.controller.replace("'", "&#x27;"),
        full.notice.contact,
        full.notice.dpo_contact,
        "art. 11",
        "art. 6",
        "CNIL",
        "mqtt.example.org:8883",
        "31",
        "forville-01",
        {"fr": "Passez par le quai.", "en": "Walk along the quay."}[language],
    ):
        assert fact in page.replace("\N{NO-BREAK SPACE}", " "), fact
    assert "{" not in re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=\"(?!#)|url\(|<script", page), "the page loads nothing"


def test_markup_in_the_configuration_stays_text(tmp_path):
    hostile = FULL.replace("Ville d'Exemple", "<script>alert(1)</script> {unit} # $x$")
    page = sign.second_layer(loaded(tmp_path, hostile), language="en")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "{unit} # $x$" in page
    output = tmp_path / "sign.pdf"
    sign.write(loaded(tmp_path, hostile), language="en", size="a4", output=output)
    assert output.exists()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_gesture_is_never_the_only_way(tmp_path, language):
    page = sign.second_layer(loaded(tmp_path, config.example()), language=language)
    assert page.count("<li>") == 3
    assert {"fr": "il peut arriver qu", "en": "which can miss it"}[language] in page
    assert "masques@example.org</li>" in page.replace(".</li>", "</li>")
