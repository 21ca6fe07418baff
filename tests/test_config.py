"""The configuration is checked as a whole, and each fault says what is allowed."""

from __future__ import annotations

import dataclasses
import random
import tomllib
from pathlib import Path

import pytest

from maskcam import config, fields
from maskcam.errors import ConfigError
from tests.minimal import MINIMAL


def load(tmp_path: Path, text: str, **environment: str) -> config.Config:
    path = tmp_path / "maskcam.toml"
    path.write_text(text)
    return config.load(path, environment=environment)


def faults(tmp_path: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **environment)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_the_example_is_valid_and_its_comments_are_the_defaults(tmp_path):
    text = config.example()
    defaults = load(tmp_path, text)
    uncommented = "\n".join(
        line[2:] if line.startswith("# ") and ("=" in line or line.startswith("#  ")) else line
        for line in text.splitlines()[5:]
    )
    everything = tomllib.loads(uncommented.replace("# ]\n", "]\n"))
    for section, cls in fields.sections(config.Config).items():
        assert set(everything[section]) == {field.name for field in dataclasses.fields(cls)}, (
            section
        )
    assert defaults.camera.width == everything["camera"]["width"]
    assert defaults.counting.min_fps == everything["counting"]["min_fps"]
    assert defaults.broker.keepalive_s == everything["broker"]["keepalive_s"]


def test_all_faults_are_reported_together(tmp_path):
    text = MINIMAL.replace("forville-01", "Forville/01") + "[camera]\nfps = 900\ncolour = true\n"
    lines = faults(tmp_path, text, MASKCAM_DETECTOR_THREADS="99")
    assert len(lines) == 4
    assert all("maskcam.toml: [" in line for line in lines)
    assert any("[camera] fps = 900" in line and "60" in line for line in lines)
    assert any("[camera] colour: is not a known key" in line for line in lines)
    assert any("[detector] threads = 99" in line for line in lines)


def test_environment_overrides_the_file(tmp_path):
    loaded = load(
        tmp_path,
        MINIMAL,
        MASKCAM_BROKER_PORT="1883",
        MASKCAM_CAMERA_SOURCE="v4l2:/dev/video0",
        MASKCAM_NOTICE_DEPLOYMENT_ENDS="2026-12-31",
        HOME="/nowhere",
    )
    assert loaded.broker.port == 1883
    assert loaded.camera.source == "v4l2:/dev/video0"
    assert str(loaded.notice.deployment_ends) == "2026-12-31"


def test_text_in_the_environment_may_look_like_a_number(tmp_path):
    loaded = load(
        tmp_path,
        MINIMAL,
        MASKCAM_UNIT_ID="42",
        MASKCAM_NOTICE_CONTACT="33493000000",
        MASKCAM_NOTICE_CONTROLLER='"Ville"',
        MASKCAM_BROKER_INSECURE="true",
    )
    assert (loaded.unit.id, loaded.notice.contact) == ("42", "33493000000")
    assert loaded.notice.controller == "Ville"
    assert loaded.broker.insecure is True


def test_a_misspelt_override_is_refused(tmp_path):
    assert faults(tmp_path, MINIMAL, MASKCAM_BROKER_PROT="1") == [
        "environment: MASKCAM_BROKER_PROT is not a known setting; unset it"
    ]


def test_a_broker_elsewhere_needs_tls(tmp_path):
    elsewhere = MINIMAL.replace("localhost", "mqtt.example.org")
    assert "insecure = true" in faults(tmp_path, elsewhere)[0]
    assert (
        "missing: key"
        in faults(
            tmp_path, elsewhere, MASKCAM_BROKER_CA="ca.crt", MASKCAM_BROKER_CERTIFICATE="c.crt"
        )[0]
    )
    assert load(tmp_path, elsewhere, MASKCAM_BROKER_INSECURE="true").broker.insecure


def test_paths_are_relative_to_the_file(tmp_path):
    files = 'ca = "ca.crt"\ncertificate = "/etc/client.crt"\nkey = "client.key"\n'
    broker = load(tmp_path, MINIMAL.replace("[notice]", files + "[notice]")).broker
    assert broker.ca == tmp_path / "ca.crt"
    assert broker.certificate == Path("/etc/client.crt")


def test_the_image_default_id_is_refused(tmp_path):
    assert "default id" in faults(tmp_path, MINIMAL.replace("forville-01", "unconfigured"))[0]


@pytest.mark.parametrize("missing", ["controller", "contact", "sign_date"])
def test_a_unit_without_a_sign_does_not_count(tmp_path, missing):
    text = "\n".join(line for line in MINIMAL.splitlines() if not line.startswith(missing))
    assert faults(tmp_path, text) == [
        f"{tmp_path}/maskcam.toml: [notice] {missing}: is missing; add it"
    ]


def test_a_missing_file_says_where_to_start(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        config.load(tmp_path / "none.toml", environment={})


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_one_line(tmp_path, seed):
    path = tmp_path / "maskcam.toml"
    path.write_bytes(random.Random(seed).randbytes(10_000))
    with pytest.raises(ConfigError) as caught:
        config.load(path, environment={})
    assert len(str(caught.value).splitlines()) == 1


def test_hours_zones_and_time_zone(tmp_path):
    text = MINIMAL + (
        '[counting]\noperating_hours = ["07:30-13:00"]\ntimezone = "Europe/Nowhere"\n'
        "[camera]\nexclusion_zones = [[[0, 0], [1, 1]]]\n"
    )
    lines = faults(tmp_path, text)
    assert any("Europe/Nowhere" in line for line in lines)
    assert any("3 corners" in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"Ville d\'Exemple"', '"   "', "[notice] controller"),
        ('"masques@example.org"', '"        "', "[notice] contact"),
        ("sign_date = 2026-05-01", 'sign_date = "soon"', "[notice] sign_date"),
        ("[notice]", '[notice]\ninformation_url = "example.org"', "https://"),
        ("[notice]", "[notice]\ndeployment_ends = 2026-04-30", "before sign_date"),
    ],
)
def test_a_sign_that_says_nothing_is_no_sign(tmp_path, old, new, message):
    assert old in MINIMAL
    [line] = faults(tmp_path, MINIMAL.replace(old, new))
    assert message in line


def test_an_old_broker_can_be_named_as_the_link_advises(tmp_path):
    """The link says: an old broker needs protocol = "3.1.1"."""
    text = MINIMAL.replace('host = "localhost"', 'host = "localhost"\nprotocol = "3.1.1"')
    assert load(tmp_path, text).broker.connection().protocol == "3.1.1"


ODD = (
    "nan",
    "-inf",
    "1e400",
    "9" * 400,
    "9" * 5000,
    f"0x{'f' * 5000}",
    f"[[[{'9' * 400}, 0], [0, 0], [1, 1]]]",
    "[" * 3000 + "]" * 3000,
    '"\\u0000"',
    '"a\\nb"',
    '"\\u001b[2J"',
    f'"{"x" * 2000}"',
    "{ a = 1 }",
    "0001-01-01",
)
KEYS = [
    (section, field.name)
    for section, cls in fields.sections(config.Config).items()
    for field in dataclasses.fields(cls)
]


def outcome(path: Path, text: str, **environment: str) -> config.Config | list[str]:
    path.write_text(text)
    try:
        return config.load(path, environment=environment)
    except ConfigError as error:
        return str(error).splitlines()


def with_value(section: str, key: str, value: str) -> str:
    """Returns the minimal file with this value, in place of its own if it has one."""
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key} =")]
    if f"[{section}]" not in lines:
        lines.append(f"[{section}]")
    lines.insert(lines.index(f"[{section}]") + 1, f"{key} = {value}")
    return "\n".join(lines)


@pytest.mark.parametrize("value", ODD, ids=lambda value: value[:9])
def test_any_value_of_any_key_is_taken_or_refused_in_one_line(value, tmp_path):
    path = tmp_path / "maskcam.toml"
    for section, key in KEYS:
        for found in (
            outcome(path, with_value(section, key, value)),
            outcome(path, MINIMAL, **{f"MASKCAM_{section}_{key}".upper(): value}),
        ):
            if isinstance(found, config.Config):
                assert fields.as_json(found)
            else:
                assert len(found) == 1
                assert found[0].isprintable()
                assert len(found[0]) < 300


@pytest.mark.parametrize("host", ["mqtt://city.test", "city.test:8883", "u:p@city.test", "a b"])
def test_a_host_is_a_name_or_an_address_and_nothing_more(host, tmp_path):
    [line] = faults(tmp_path, with_value("broker", "host", f'"{host}"'))
    assert "without mqtt:// and without the port" in line


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "192.0.2.7", "mqtt.cannes.test", "hôte"])
def test_these_are_hosts(host, tmp_path):
    text = with_value("broker", "host", f'"{host}"').replace(
        "[broker]", "[broker]\ninsecure = true"
    )
    assert load(tmp_path, text).broker.host == host


@pytest.mark.parametrize("name", ['"a\\nb\\u001b[2J"', '""', f'"{"k" * 3000}"'])
def test_an_odd_key_is_shown_in_one_line(name, tmp_path):
    for text in (f"{MINIMAL}{name} = 1\n", f"{MINIMAL}[{name}]\n", f"{MINIMAL}\x1b[2J = 1\n"):
        [line] = faults(tmp_path, text)
        assert line.isprintable()
        assert len(line) < 300


def test_hours_that_end_as_they_begin_are_refused(tmp_path):
    text = MINIMAL + '[counting]\noperating_hours = ["08:00-12:00", "00:00-00:00"]\n'
    [line] = faults(tmp_path, text)
    assert "nobody would ever be counted" in line
