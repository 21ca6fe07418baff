"""Nobody reads a password of a camera, whatever it is made of."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcam import addresses, cli
from maskcam.addresses import is_network, shown, shown_text
from maskcam.arguments import file_path
from maskcam.cityhall.settings import Settings
from maskcam.config import Config
from maskcam.fields import sections
from tests.minimal import MINIMAL

SECRETS = [
    "Sec/ret1", "Sec#ret1", "Sec?ret1", "Sec[ret1", "Sec]ret1", "Sec@ret1", "Sec:ret1", "Sec ret1",
    "Sec'ret1", 'Sec"ret1', "Sec\\ret1", "Sec&ret1", "Sec%2Fret1", "Sécrèt1", "Sec//ret1", "1234",
]  # fmt: skip
PLACES = [
    "rtsp://admin:{}@192.0.2.7:21554/live",
    "RTSP://admin:{}@camera.example/live",
    "Rtsps://admin:{}@[2001:db8::7]/live",
    "rtsp://192.0.2.7:21554/user=admin&password={}&channel=1&stream=0.sdp",
    "rtsp://192.0.2.7/live?user=admin&password={}",
    "rtsp://192.0.2.7/live#{}",
    "rtsp://192.0.2.7/live?mail=a@b&password={}",
    "rtsp://guard:1@192.0.2.7/live?token=a@{}",
    "guard:1@192.0.2.7/live?token=a@{}",
    "rtsp:/admin:{}@192.0.2.7/live",  # as a path is written
    "http://admin:{}@192.0.2.7/video.mjpg",
    "admin:{}@192.0.2.7/live",
]


def parts(secret: str) -> set[str]:
    """Returns what must not be read: the secret, and each longer piece of it."""
    pieces = secret.replace("%2F", " ").translate(str.maketrans("/#?[]@:'\"\\&", " " * 11)).split()
    return {secret, *(piece for piece in pieces if len(piece) > 2)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_part_of_a_password_is_shown(place, secret):
    source = place.format(secret)
    for text in (shown(source), shown_text(f"unrecognized: {source}")):
        if "://" in text or ":/" in source:
            assert not [part for part in parts(secret) if part in text], text
        assert "admin" not in shown(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("rtsp://admin:Sec/ret1@192.0.2.7:21554/live", "rtsp://192.0.2.7:21554"),
        ("RTSP://camera.example:554/live", "rtsp://camera.example:554"),
        ("rtsp://a:b@[2001:db8::7]:554/live", "rtsp://[2001:db8::7]:554"),
        ("rtsp://admin:123/4@camera/live", "rtsp://..."),  # "admin:123" may be the host
        ("rtsp://a:b@camera/live?mail=c@d", "rtsp://..."),
        ("street.mp4", "street.mp4"),
        ("/films/2026-05-04T08:00:00.mp4", "/films/2026-05-04T08:00:00.mp4"),
        ("2026-05-04T08:00:00.mp4", "2026-05-04T08:00:00.mp4"),
        ("v4l2:/dev/video0", "v4l2:/dev/video0"),
        ("picamera2", "picamera2"),
    ],
)
def test_what_is_shown(source, expected):
    assert shown(source) == expected


def test_schemes_have_no_case():
    assert is_network("RtSp://camera/live")
    assert not is_network("street.mp4")
    assert not is_network("v4l2:/dev/video0")


def test_special_characters_are_asked_for_as_xx():
    assert addresses.is_ambiguous("rtsp://admin:Sec/ret1@camera/live")
    assert addresses.is_ambiguous("rtsp://admin:Sec#ret1@camera/live")
    assert addresses.is_ambiguous("rtsp://admin:Sec@ret1@camera/live")
    assert not addresses.is_ambiguous("rtsp://admin:Sec%2Fret1@camera:554/live?x=a@b")


CALLS = [
    ["demo", "--minutes", "0.01", "--source", "{}"],
    ["demo", "--fast", "--source", "{}"],
    ["replay", "{}"],
    ["replay", "street.mp4", "{}"],
    ["replay", "street.mp4", "--start", "{}"],
]


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("secret", ["Sec/ret1", "Sec[ret1", "Secret1"])
def test_no_command_shows_it(call, secret, capsys):
    source = f"RTSP://admin:{secret}@127.0.0.1:9/live"
    code: object
    try:
        code = cli.main([word.format(source) for word in call])
    except SystemExit as ended:
        code = ended.code
    output = "".join(capsys.readouterr())
    assert code in (1, 2)
    assert not [part for part in parts(secret) if part in output], output
    assert "Traceback" not in output


def commands(parser: argparse.ArgumentParser, *words: str) -> Iterator[list[str]]:
    """Yields a call of each command for each path that it takes, with {} in its place."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, of_command in action.choices.items():
                yield from commands(of_command, *words, word)
        elif action.type is file_path:
            required = [one for one in parser._actions if one.required and one is not action]
            rest = [word for one in required for word in (*one.option_strings[:1], "x")]
            yield [*words, *rest, *action.option_strings[:1], "{}"]
        else:
            assert action.type is not Path, f"{action.dest}: would show a password"


PATHS = list(commands(cli._parser()))


def test_paths_are_taken_in_many_places():
    assert len(PATHS) > 20
    assert ["replay", "{}"] in PATHS
    assert any("--model" in call for call in PATHS)
    assert any("cityhall" in call for call in PATHS)


@pytest.mark.parametrize("call", PATHS, ids=" ".join)
@pytest.mark.parametrize("place", ["rtsp://admin:{}@127.0.0.1/live", "admin:{}@127.0.0.1/live"])
def test_an_address_in_the_place_of_a_path_is_refused_and_not_shown(call, place, capsys):
    for secret in ("Secret1", "Sec/ret1", "Sec ret1"):
        with pytest.raises(SystemExit) as ended:
            cli.main([word.format(place.format(secret)) for word in call])
        said = "".join(capsys.readouterr())
        assert ended.value.code == 2
        assert not [part for part in parts(secret) if part in said], said
        assert "give a file or folder, not an address" in said
        assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["rtsp:street.mp4", "admin:1@street.mp4", "2026-05-04T08:00.mp4"])
def test_a_file_of_any_name_is_no_address(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    assert file_path(name) == Path(name)


@pytest.mark.parametrize("kind", [Config, Settings])
@pytest.mark.parametrize("place", ["rtsp://admin:{}@127.0.0.1/live", "admin:{}@127.0.0.1/live"])
def test_an_address_in_the_place_of_a_path_in_a_file_is_not_shown(kind, place):
    rules = [
        field.metadata["rule"]
        for section in sections(kind).values()
        for field in dataclasses.fields(section)
        if "Path" in str(field.type)
    ]
    assert len(rules) > 2
    for rule in rules:
        with pytest.raises(ValueError, match="not an address") as refused:
            rule.check(place.format("Secret1"))
        assert "Secret1" not in str(refused.value)


@pytest.mark.parametrize("place", ["rtsp://admin:{}@127.0.0.1/live", "admin:{}@127.0.0.1/live"])
@pytest.mark.parametrize("key", ["unit.state_directory", "detector.model", "broker.key"])
def test_no_path_in_a_file_shows_it(key, place, tmp_path, capsys, monkeypatch):
    file = tmp_path / "maskcam.toml"
    file.write_text(MINIMAL)
    section, name = key.split(".")
    variable = f"MASKCAM_{section}_{name}".upper()
    monkeypatch.setenv(variable, place.format("Secret1"))
    assert cli.main(["config", "show", "--config", str(file)]) == 2
    said = "".join(capsys.readouterr())
    assert "write a file name, not an address" in said
    assert "Secret1" not in said


@pytest.mark.parametrize("command", [["config", "show"], ["check"], ["run"]])
def test_no_command_that_reads_the_configuration_shows_it(command, tmp_path, capsys, monkeypatch):
    for module in ("unit.run", "technician.selfcheck"):
        monkeypatch.setattr(f"maskcam.{module}.lock_down", lambda: None)
    file = tmp_path / "maskcam.toml"
    source = "rtsp://admin:Sec/ret1@127.0.0.1:9/live"
    file.write_text(f'{MINIMAL}\n[camera]\nsource = "{source}"\n')
    cli.main([*command, "--config", str(file)])
    output = "".join(capsys.readouterr())
    assert "ret1" not in output
    assert "Sec" not in output.replace("Section", "")


@pytest.mark.parametrize("value", ['["{}"]', '{{a = "{}"}}', "'{}'\nfps = '{}'"])
def test_no_fault_of_the_configuration_shows_it(value, tmp_path, capsys):
    file = tmp_path / "maskcam.toml"
    source = "rtsp://admin:Secret1@127.0.0.1:9/live"
    file.write_text(f"{MINIMAL}\n[camera]\nsource = {value.format(source, source)}\n")
    assert cli.main(["config", "show", "--config", str(file)]) == 2
    assert "Secret1" not in "".join(capsys.readouterr())
