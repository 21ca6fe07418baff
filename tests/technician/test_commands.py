"""The technician's commands, as they are typed."""

from __future__ import annotations

import json

import pytest

from maskcam import config
from maskcam.cli import main


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "maskcam.toml"
    path.write_text(config.example(), encoding="utf-8")
    return str(path)


def test_setup(folder, card, capsys):
    assert main(["setup", "--plain", str(card), str(folder)]) == 0
    assert "written and read back" in capsys.readouterr().out
    (folder / "client.key").unlink()
    assert main(["setup", "--plain", str(card), str(folder)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("maskcam: client.key is missing")


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png", "html"])
def test_sign(example, tmp_path, suffix, capsys):
    output = tmp_path / f"sign.{suffix}"
    arguments = ["--config", example, "--language", "fr", "--output", str(output)]
    assert main(["sign", *arguments]) == 2
    assert "still the example's" in capsys.readouterr().err
    assert main(["sign", "--draft", *arguments]) == 0
    starts = {"pdf": b"%PDF", "svg": b"<svg", "png": b"\x89PNG", "html": b"<!doctype html>"}
    assert output.read_bytes().startswith(starts[suffix])
    assert "legal_basis is not set" in capsys.readouterr().out


def test_explain(example, capsys):
    assert main(["explain", "--config", example, "--language", "fr"]) == 0
    assert "Ce que fait l’appareil" in capsys.readouterr().out  # noqa: RUF001


def test_check_of_a_machine_that_is_no_unit(tmp_path, folder, capsys):
    text = (folder / "maskcam.toml").read_text(encoding="utf-8")
    path = folder / "maskcam.toml"
    path.write_text(
        text.replace("mqtt.cannes.test", "localhost")
        .replace("# port = 8883", "port = 1")
        .replace('# source = "picamera2"', 'source = "v4l2:/dev/video-none"')
        .replace("/var/lib/maskcam", str(tmp_path))
        .replace("# state_directory", "state_directory"),
        encoding="utf-8",
    )
    assert main(["check", "--json", "--config", str(path)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert states["camera"] == states["broker"] == "fault"
    assert states["tls"] == "ok"


def test_aim_without_a_terminal(example, capsys):
    assert main(["aim", "--config", example]) == 2
    assert "needs a terminal" in capsys.readouterr().err


def test_the_folder_that_city_hall_makes_fits_a_card(tmp_path, card, capsys):
    office = tmp_path / "office"
    init = ["--directory", str(office), "--host", "mqtt.cannes.test"]
    assert main(["cityhall", "init", *init]) == 0
    add = ["forville-01", "--site", "forville", "--contact", "masques@cannes.test"]
    add += ["--controller", "Ville de Cannes"]
    add += ["--config", str(office / "cityhall.toml")]
    assert main(["cityhall", "add-unit", *add]) == 0
    folder = office / "units" / "forville-01" / "maskcam"
    setup = ["setup", "--plain", str(card), str(folder)]
    capsys.readouterr()
    assert main(setup) == 2
    assert "[notice] sign_date: is missing" in capsys.readouterr().err
    path = folder / "maskcam.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("# sign_date", "sign_date"))
    assert main(setup) == 0, capsys.readouterr().err
