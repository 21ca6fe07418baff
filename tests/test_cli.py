"""Each command explains itself, and errors are one line that says what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from maskcam.cli import main

COMMANDS = [
    ["run"],
    ["demo"],
    ["replay"],
    ["evaluate", "detections"],
    ["evaluate", "gestures"],
    ["check"],
    ["model", "inspect"],
    ["config", "show"],
    ["config", "example"],
    ["explain"],
    ["sign"],
    ["aim"],
    ["cityhall", "serve"],
    ["cityhall", "init"],
    ["cityhall", "add-unit"],
    ["cityhall", "revoke-unit"],
    ["cityhall", "demo"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "example" in shown
    assert f"maskcam {' '.join(command)}" in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay", "/nowhere/street.mp4", "--json"], "/nowhere/street.mp4"),
        (["run", "--config", "/nowhere/maskcam.toml"], "no such file"),
        (["model", "inspect", "/nowhere/model.tflite"], "/nowhere/model.tflite"),
        (["demo", "--source", "v4l2:/dev/nothing", "--fast"], "--fast"),
    ],
)
def test_an_error_is_one_line(arguments, told, capsys):
    assert main(arguments) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert line.startswith("maskcam: ")
    assert told in line


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["replay"],
        ["replay", "x.mp4", "--start", "yesterday"],
        ["replay", "x.mp4", "--detect-fps", "0"],
        ["demo", "--minutes", "nan"],
        ["run"],
    ],
)
def test_a_wrong_call_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_example_configuration_can_be_shown(tmp_path, capsys):
    assert main(["config", "example"]) == 0
    path = tmp_path / "maskcam.toml"
    path.write_text(capsys.readouterr().out)
    assert main(["config", "show", "--config", str(path)]) == 0
    assert '"id": "forville-01"' in capsys.readouterr().out


def test_a_unit_loads_no_web_and_no_training_code():
    wanted = "maskcam.unit.run"
    unwanted = ("fastapi", "sqlalchemy", "tensorflow", "matplotlib", "PIL", "amqtt", "uvicorn")
    code = f"import sys, {wanted}; print([name for name in {unwanted!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == "[]"
