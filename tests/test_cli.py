"""Each command explains itself, and errors are one line that says what to do."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from maskcam import cli
from maskcam.cli import main
from tests.minimal import MINIMAL


def commands_of(parser, *path):
    """Yields each command as it is typed, with its groups."""
    yield list(path)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from commands_of(command, *path, name)


ROOT = Path(__file__).parents[1]
COMMANDS = list(commands_of(cli._parser()))


def test_the_commands_of_the_design_are_there():
    typed = {" ".join(command) for command in COMMANDS}
    assert typed >= {
        *("run", "demo", "replay", "check", "setup", "aim", "sign", "explain", "prepare"),
        *("evaluate detections", "evaluate gestures", "model inspect", "cityhall serve"),
        *("config check", "config show", "config example"),
    }


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words) or "maskcam")
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "example" in shown
    examples = shown[shown.index("example") :]
    assert " ".join(["maskcam", *command]) in examples


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "/nowhere/street.mp4", "--json"], "/nowhere/street.mp4"),
        (["run", "--config", "/nowhere/maskcam.toml"], "no such file"),
        (["model", "inspect", "/nowhere/model.tflite"], "/nowhere/model.tflite"),
        (["demo", "--source", "v4l2:/dev/nothing", "--fast"], "--fast"),
    ],
)
def test_an_error_is_one_line(arguments, message, capsys):
    assert main(arguments) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    assert line.startswith("maskcam: ")
    assert message in line


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["replay"],
        ["replay", "x.mp4", "--start", "yesterday"],
        ["replay", "x.mp4", "--start", "2019-12-31T23:59:59Z"],
        ["replay", "x.mp4", "--start", "2020-01-01T00:00:00+02:00"],
        ["replay", "x.mp4", "--start", "0001-01-01T00:00:00+02:00"],
        ["replay", "x.mp4", "--threads", "65"],
        ["replay", "x.mp4", "--threads", "9" * 5000],
        ["replay", "x.mp4", "--detect-fps", "0"],
        ["replay", "x.mp4", "--site", "le/marché"],
        ["demo", "--minutes", "nan"],
        ["run", "--fast"],
        ["evaluate"],
        ["sign", "--size", "a2", "--output", "sign.pdf"],
        ["prepare", "folder"],
        ["cityhall", "add-unit"],
    ],
)
def test_a_wrong_call_is_one_line_and_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "error: " in line
    assert line.endswith("--help")


@pytest.mark.parametrize(
    "command", ["run", "check", "aim", "explain", "config show", "config check"]
)
def test_without_a_configuration_it_says_how_to_get_one(command, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("maskcam.arguments.CONFIG_FILE", tmp_path / "maskcam.toml")
    assert main(command.split()) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "maskcam config example > maskcam.toml" in line


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["cityhall", "init", "--directory", str(tmp_path / "file/x"), "--host", "h"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"maskcam: {tmp_path}/file/x")
    assert line.endswith(": Not a directory")


def test_a_configuration_is_checked_and_every_fault_named(tmp_path, capsys):
    path = tmp_path / "maskcam.toml"
    path.write_text(MINIMAL)
    assert main(["config", "check", "--config", str(path)]) == 2, "as `run`, that refuses examples"
    assert "[notice] contact" in capsys.readouterr().err
    path.write_text(MINIMAL.replace("example.org", "cannes.test").replace("d'Exemple", "de Cannes"))
    assert main(["config", "check", "--config", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: is a valid configuration\n"
    path.write_text(MINIMAL + '\n[counting]\nepsilon_hour = 9\npreset = "x"\n')
    assert main(["config", "check", "--config", str(path)]) == 2
    faults = capsys.readouterr().err
    assert "epsilon_hour" in faults
    assert "preset" in faults


def test_the_example_configuration_can_be_shown(tmp_path, capsys):
    assert main(["config", "example"]) == 0
    path = tmp_path / "maskcam.toml"
    path.write_text(capsys.readouterr().out)
    assert main(["config", "show", "--config", str(path)]) == 0
    assert '"id": "forville-01"' in capsys.readouterr().out


def test_a_name_that_is_no_text_can_be_shown(tmp_path):
    file = tmp_path / "maskcam.toml"
    file.write_text(MINIMAL)
    environment = {"PYTHONIOENCODING": "utf-8:strict", "MASKCAM_CAMERA_SOURCE": "caf\udce9.mp4"}
    done = subprocess.run(
        [sys.executable, "-m", "maskcam", "config", "show", "--config", str(file)],
        capture_output=True, timeout=60, check=False, env=os.environ | environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\udce9.mp4" in done.stdout


def test_a_unit_loads_no_web_and_no_training_code():
    wanted = "maskcam.unit.run"
    unwanted = ("fastapi", "sqlalchemy", "tensorflow", "matplotlib", "PIL", "amqtt", "uvicorn")
    code = f"import sys, {wanted}; print([name for name in {unwanted!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == "[]"


def shell(command):
    result = subprocess.run(
        ["bash", "-c", command.replace("maskcam", f"{sys.executable} -m maskcam")],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
    )  # fmt: skip
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("maskcam config example >&-", 0, ""),
        ("maskcam config example <&- >&- 2>&-", 0, ""),
        ("maskcam config example >/dev/full", 1, "maskcam: No space left on device\n"),
        ("maskcam replay /nowhere.mp4 2>&-", 1, ""),
        ("set -o pipefail; maskcam replay --help | true", 1, ""),
        ("maskcam replay --help >/dev/full", 1, "maskcam: No space left on device\n"),
    ],
)
def test_closed_and_full_streams(command, code, line):
    assert shell(command) == (code, "", line)


def test_a_demo_whose_reader_has_gone_ends_without_a_word_of_it():
    code, out, words = shell("set -o pipefail; maskcam demo --minutes 0.02 --fast | true")
    assert (code, out) == (1, "")
    assert "Traceback" not in words
    assert "fault" not in words


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    """Native code writes to descriptor 2, whatever lies there."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from maskcam import cli\n"
        "cli._open_closed_streams()\n"
        f"print(os.open({str(tmp_path / 'outbox.log')!r}, os.O_CREAT | os.O_WRONLY))\n"
    )
    for closed in ("<&-", "2>&-", "<&- 2>&-"):
        command = ["bash", "-c", f"{sys.executable} {program} {closed}"]
        assert int(subprocess.check_output(command, timeout=60)) > 2


def test_a_fault_of_maskcam_is_one_line_without_what_is_of_a_person(capsys, caplog):
    def command():
        crops: dict[str, int] = {}
        return crops["23x31 px at (412, 97)"]

    assert cli.exit_code_of(command) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("maskcam: unexpected KeyError in test_cli.py, line ")
    assert "412" not in line + caplog.text


def test_a_full_disk_on_the_way_out_tells_nothing_of_what_failed_before(capsys, caplog):
    """At --verbose: an error that comes while another passes brings the text of that one along."""

    def command():
        try:
            raise ValueError("23x31 px at (412, 97)")
        finally:
            raise OSError(errno.ENOSPC, "No space left on device", "run.new")

    caplog.set_level(logging.DEBUG)
    assert cli.exit_code_of(command) == 1
    assert capsys.readouterr().err == "maskcam: run.new: No space left on device\n"
    assert "test_cli.py" in caplog.text
    assert "412" not in caplog.text


def test_a_thread_that_fails_is_one_line(monkeypatch, caplog):
    def fail():
        raise ValueError("23x31 px at (412, 97)")

    monkeypatch.setattr(threading, "excepthook", cli._on_thread_failure)
    thread = threading.Thread(target=fail, name="video-reader")
    thread.start()
    thread.join()
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert message.startswith("thread video-reader ended: unexpected ValueError in test_cli.py")
    assert "412" not in caplog.text
