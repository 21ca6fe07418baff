"""The sign carries the facts of the configuration, in both languages, on one page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from string import Formatter

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from maskcam import config
from maskcam.errors import ConfigError, MaskcamError, UsageError
from maskcam.technician import facts, sign

from .conftest import CITY

FULL = (
    CITY.replace('# way_round_fr = "Passez par le quai."', 'way_round_fr = "Passez par le quai"')
    .replace("# way_round_en", "way_round_en")
    .replace("# gpio", "gpio")
    .replace("# operating_hours", "operating_hours")
    .replace("# deployment_ends", "deployment_ends")
    .replace("# legal_basis", "legal_basis")
    .replace("# retention", "retention")
    .replace("# processor", "processor")
)


def style(*languages, size="a4", draft=False, arms=None) -> sign.Style:
    return sign.Style(languages=languages, size=size, draft=draft, arms=arms)


def together(text):
    """Text without the spaces, where it may have been broken over lines."""
    return re.sub(r"[\s\N{WORD JOINER}]", "", text)


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
    assert sign.write(full, style(language, size=size), output) == []
    picture = cv2.imdecode(np.frombuffer(output.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape[1] == pytest.approx(width_px, abs=1)
    assert picture.shape[0] / picture.shape[1] == pytest.approx(2**0.5, abs=0.002)
    address, _, _ = cv2.QRCodeDetector().detectAndDecode(picture)
    assert address == "https://cannes.test/masques"


def test_the_pdf_is_one_page_and_brings_its_fonts(tmp_path, full):
    output = tmp_path / "sign.pdf"
    sign.write(full, style("fr", size="a4"), output)
    content = output.read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    assert b"SourceSansPro" in content
    assert b"/FontFile" in content


@pytest.mark.parametrize(
    ("changed", "promises"),
    [({}, True), ({"epsilon_hour": 4.0}, False), ({"exact": True}, False)],
)
def test_the_sign_promises_noise_only_where_it_hides_people(tmp_path, full, changed, promises):
    counting = replace(full.counting, **changed)
    sign.write(replace(full, counting=counting), style("en"), tmp_path / "sign.pdf")
    [page] = PdfReader(tmp_path / "sign.pdf").pages
    noise = together(facts.words("en")["sign"]["processed_noise"])
    assert (noise in together(page.extract_text())) is promises


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_sign_itself_holds_the_first_layer_and_three_ways(tmp_path, full, language):
    output = tmp_path / "sign.pdf"
    sign.write(full, style(language, size="a3"), output)
    [page] = PdfReader(output).pages
    text = together(page.extract_text())
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
        assert together(fact) in text, fact


def test_the_svg_needs_no_font_and_nothing_from_outside(tmp_path, full):
    output = tmp_path / "sign.svg"
    sign.write(full, style("fr", size="a4"), output)
    text = output.read_text(encoding="utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert "<text" not in text
    assert not re.findall(r'href="(?!#|data:)', text)


def test_what_is_left_out_of_the_configuration_is_said(tmp_path):
    spare = CITY.replace("information_url", "# information_url")
    output = tmp_path / "sign.pdf"
    with pytest.raises(ConfigError) as caught:
        sign.write(loaded(tmp_path, spare), style("en"), output)
    assert [line.split()[1] for line in str(caught.value).splitlines()] == [
        "legal_basis",
        "information_url",
    ]
    assert "or add --draft" in str(caught.value)
    assert not output.exists()
    lines = sign.write(loaded(tmp_path, spare), style("en", draft=True), output)
    [page] = PdfReader(output).pages
    assert together(facts.words("en")["sign"]["draft"]) in together(page.extract_text())
    assert [line.split()[1] for line in lines] == [
        "legal_basis",
        "information_url",
        "retention",
        "way_round_fr",
        "deployment_ends",
    ]


def test_long_names_are_set_smaller_until_they_fit(tmp_path):
    long = FULL.replace("Ville de Cannes", "Communauté urbaine du Pays et du Littoral " * 3)
    output = tmp_path / "sign.pdf"
    sign.write(loaded(tmp_path, long), style("fr", size="a4"), output)
    assert output.exists()
    endless = FULL.replace("Ville de Cannes", "Communauté urbaine " * 50)
    with pytest.raises(MaskcamError, match=r"too long for the sign.*shorten"):
        sign.write(loaded(tmp_path, endless), style("fr", size="a4"), output)


def test_an_unknown_kind_of_file_is_refused(tmp_path, full):
    with pytest.raises(UsageError, match=r"\.pdf, \.png or \.svg"):
        sign.write(full, style("fr", size="a4"), tmp_path / "sign.docx")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, full):
    with pytest.raises(UsageError, match="cannot be written"):
        sign.write(full, style("fr", size="a4"), tmp_path / "none" / "sign.html")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_second_layer_says_what_article_13_asks_for(full, language):
    page = sign.second_layer(full, style(language))
    for fact in (
        full.notice.controller.replace("'", "&#x27;"),
        full.notice.contact,
        full.notice.dpo_contact,
        "art. 11",
        "art. 6",
        "CNIL",
        "mqtt.cannes.test:8883",
        "31",
        "forville-01",
        {"fr": "Passez par le quai.", "en": "Walk along the quay."}[language],
    ):
        assert fact in page.replace("\N{NO-BREAK SPACE}", " "), fact
    assert "{" not in re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL)
    assert not re.search(r"src=|<link|@import|url\(|<script", page), "the page loads nothing"
    assert f'<a href="mailto:{full.notice.contact}">' in page
    assert '<a href="https://www.cnil.fr">' in page
    assert full.notice.processor in page
    kept = {"fr": "pendant 400 jours", "en": "for 400 days"}[language]
    assert kept in page.replace("\N{NO-BREAK SPACE}", " ")


def test_markup_in_the_configuration_stays_text(tmp_path):
    hostile = FULL.replace("Ville de Cannes", "<script>alert(1)</script> {unit} # $x$")
    page = sign.second_layer(loaded(tmp_path, hostile), style("en"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "{unit} # $x$" in page
    output = tmp_path / "sign.pdf"
    sign.write(loaded(tmp_path, hostile), style("en", size="a4"), output)
    assert output.exists()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_sign_names_the_other_gesture_and_the_button_where_they_are_offered(tmp_path, language):
    said = {
        name: sign._sign_texts(loaded(tmp_path, text), language)["also"]
        for name, text in {
            "hand": CITY,
            "both": CITY.replace("# button_gpio", "button_gpio"),
            "none": CITY.replace("# hand = true", "hand = false"),
        }.items()
    }
    assert said["none"] == ""
    assert "2 second" in said["hand"].replace("\N{NO-BREAK SPACE}", " ")
    assert said["both"].startswith(said["hand"])
    assert "30 second" in said["both"].replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_gesture_is_never_the_only_way(tmp_path, language):
    page = sign.second_layer(loaded(tmp_path, CITY), style(language))
    assert page.count("<li>") == 4
    assert {"fr": "il peut arriver qu", "en": "which can miss it"}[language] in page
    assert "masques@cannes.test</a>" in page


def test_names_of_an_example_make_no_sign(tmp_path):
    text = FULL.replace("masques@cannes.test", "masques@example.org")
    with pytest.raises(ConfigError, match=r"\[notice\] contact: still the example's"):
        sign.write(loaded(tmp_path, text), style("fr"), tmp_path / "sign.pdf")
    sign.write(loaded(tmp_path, text), style("fr", draft=True), tmp_path / "sign.pdf")


@pytest.mark.parametrize("languages", [("fr", "en"), ("en", "fr")])
@pytest.mark.parametrize("size", ["a4", "a3"])
def test_two_languages_share_one_sign(tmp_path, full, languages, size):
    output = tmp_path / "sign.pdf"
    sign.write(full, style(*languages, size=size), output)
    [page] = PdfReader(output).pages
    text = together(page.extract_text())
    for language in languages:
        for key in ("title", "gesture", "rights_text", "detour"):
            assert together(facts.words(language)["sign"][key]) in text, (language, key)
    second = sign.second_layer(full, style(*languages))
    assert [second.count(f'<article lang="{language}">') for language in languages] == [1, 1]


def test_the_gesture_on_a4_can_be_read_at_3_m(tmp_path, full):
    """Capitals of 10 mm: Source Sans Pro's are 0.66 of the size of its letters."""
    for language in ("fr", "en"):
        output = tmp_path / "sign.pdf"
        sign.write(full, style(language), output)
        sizes: dict[str, float] = {}

        def look(text, cm, tm, font, size, sizes=sizes):
            sizes[text.strip()] = abs(size * tm[3] * cm[3])

        [page] = PdfReader(output).pages
        page.extract_text(visitor_text=look)
        largest = max(size for text, size in sizes.items() if text)
        assert largest * 0.66 * 25.4 / 72 >= 10.0


def test_citations_are_not_broken():
    for language in ("fr", "en"):
        text = str(facts.words(language))
        citations = re.findall(r"\((?:RGPD|GDPR),[^{}\"]*?art[^{}\"']*?\)", text)
        assert citations
        assert not any(" " in citation for citation in citations)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_there_is_a_place_for_the_city_s_arms(tmp_path, full, kind):
    arms = tmp_path / f"arms.{kind}"
    if kind == "svg":
        arms.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
                        '<path d="M0 0h9v9H0z" fill="#c00"/></svg>')  # fmt: skip
    else:
        cv2.imwrite(str(arms), np.full((90, 90, 3), (0, 0, 204), np.uint8))
    reds = []
    for style_of in (style("fr"), style("fr", arms=arms)):
        output = tmp_path / "sign.png"
        sign.write(full, style_of, output)
        picture = cv2.imread(str(output))
        assert picture is not None
        top = picture[:500]
        reds.append(int(((top[..., 2] > 180) & (top[..., 1] < 40)).sum()))
    assert reds[0] == 0
    assert reds[1] > 10_000
