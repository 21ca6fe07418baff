"""`maskcam explain` puts the configuration of this unit into words."""

from __future__ import annotations

import pytest

from maskcam import config
from maskcam.technician.explain import explain


def explained(tmp_path, text, language="en"):
    path = tmp_path / "maskcam.toml"
    path.write_text(text, encoding="utf-8")
    return explain(config.load(path, environment={}), language=language)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_it_names_what_leaves_when_and_to_where(tmp_path, language):
    text = explained(tmp_path, config.example(), language)
    for fact in (
        "forville-01",
        "mqtt.example.org:8883",
        "TLS",
        "maskcam/v2/forville/forville-01/count",
        "maskcam/v2/forville/forville-01/hour",
        "maskcam/v2/forville/forville-01/status",
        "/var/lib/maskcam",
        "masques@example.org",
        "dpo@example.org",
        "CNIL",
    ):
        assert fact in text, fact
    assert "{" not in text
    assert max(map(len, text.splitlines())) <= 88


def test_defaults(tmp_path):
    text = " ".join(explained(tmp_path, config.example()).split())
    assert "The counts of each one minute, and of each hour" in text
    assert "at most 2 in a period (ε = 1) and 2 in an hour (ε = 1)" in text
    assert "When: at all times. No last day is set." in text
    assert "No zone of the picture is blanked." in text
    assert "Below 10 frames per second" in text
    assert "lamp" not in text


def test_settings_change_the_words(tmp_path):
    text = (
        config.example()
        .replace('# preset = "standard"', 'preset = "decree"')
        .replace('["07:00-13:30"]', '["07:00-09:00", "10:30-13:30"]')
        .replace("# operating_hours", "operating_hours")
        .replace("# gpio", "gpio")
        .replace("# deployment_ends", "deployment_ends")
        .replace("# exclusion_zones = [ ", "exclusion_zones = [[[0,0],[1,0],[1,1]]] # ")
    )  # fmt: skip
    english = " ".join(explained(tmp_path, text).split())
    assert "The counts of each 20 minutes, sent 15 minutes after their end" in english
    assert "07:00 to 09:00 and 10:30 to 13:30 (local time, Europe/Paris)" in english
    assert "Counting ends on 31 December 2026" in english
    assert "A lamp lights for two seconds" in english
    assert "1 zone(s) of the picture are blanked" in english
    french = " ".join(explained(tmp_path, text, "fr").split())
    assert "de 7 h à 9 h et de 10 h 30 à 13 h 30" in french
    assert "prend fin le 31 décembre 2026" in french


def test_the_button_is_named_only_where_there_is_one(tmp_path):
    without = explained(tmp_path, config.example())
    text = config.example().replace("# button_gpio", "button_gpio")
    text = text.replace("# button_pause_s = 30", "button_pause_s = 45")
    english = " ".join(explained(tmp_path, text).split())
    assert "button" not in without.lower()
    assert "Press the button on the pole: for 45 seconds nobody in view is counted." in english
    assert "pendant 45 secondes" in " ".join(explained(tmp_path, text, "fr").split())


def test_an_unencrypted_broker_is_named_so(tmp_path):
    text = config.example().replace("# insecure = false", "insecure = true")
    for name in ("ca", "certificate", "key"):
        text = text.replace(f"\n{name} = ", f"\n# {name} = ")
    assert "not encrypted" in explained(tmp_path, text)
    local = text.replace("mqtt.example.org", "localhost").replace("insecure = true", "")
    assert "on the unit itself" in explained(tmp_path, local)


def test_exact_numbers_are_said_to_be_so(tmp_path):
    text = config.example().replace("# exact = false", "exact = true")
    assert "noise that protects single people is switched off" in explained(tmp_path, text)
    assert "bruit qui protège chaque personne est désactivé" in explained(tmp_path, text, "fr")


def test_how_much_noise_there_is_is_said(tmp_path):
    text = config.example().replace("# epsilon_minute = 1.0", "epsilon_minute = 0.1")
    text = " ".join(explained(tmp_path, text).split())
    assert "at most 23 in a period (ε = 0.1) and 2 in an hour (ε = 1)" in text


@pytest.mark.parametrize("key", ["epsilon_minute", "epsilon_hour"])
def test_noise_that_hides_nobody_is_said_to_be_so_little(tmp_path, key):
    """At 4 of 100 numbers 96 are exact: it must not be said that nobody can be told from them."""
    text = config.example().replace(f"# {key} = 1.0", f"{key} = 4.0")
    english = " ".join(explained(tmp_path, text).split())
    assert "in a quiet street single people can be told from them" in english
    assert "nobody can tell" not in english
    assert "(ε = 4 for a period" in english or "4 for an hour)" in english
    french = " ".join(explained(tmp_path, text, "fr").split())
    assert "une personne seule peut s" in french
    assert "nul ne peut" not in french


def test_whether_the_camera_can_still_be_aimed_is_said(tmp_path):
    assert "for ten minutes where heads are" in " ".join(
        explained(tmp_path, config.example()).split()
    )
    locked = config.example().replace("# aim = true", "aim = false")
    assert "is locked" in explained(tmp_path, locked)
