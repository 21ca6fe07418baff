"""Names that are kept for examples are found; a city's own never are."""

from __future__ import annotations

import pytest

from maskcam.examples import find_examples, is_example


@pytest.mark.parametrize(
    "text",
    [
        "masques@example.org",
        "https://example.com/masques",
        "mqtt.example.net:8883",
        "dpo@exemple.fr",
        "Ville d'Exemple",
        "Ville d\N{RIGHT SINGLE QUOTATION MARK}Exemple, service des marchés",
        "mqtt.ville.example",
        "broker.invalid",
        "EXAMPLE.ORG",
    ],
)
def test_names_of_examples(text):
    assert is_example(text)


@pytest.mark.parametrize(
    "text",
    [
        "masques@cannes.test",
        "https://ville-exemple.fr/masques",
        "Mairie d'Exempleville",
        "For example, the town hall",
        "counterexample.org",
        "",
        8883,
        None,
    ],
)
def test_other_names(text):
    assert not is_example(text)


def test_keys_of_sections():
    values = {"unit": {"id": "a"}, "broker": {"host": "mqtt.example.org", "port": 1}}
    assert find_examples(values) == ["[broker] host"]
