"""A terminal sees one line that is rewritten, a log file one line a minute."""

from __future__ import annotations

import io

from maskcam.unit.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_each_second():
    terminal = Terminal()
    progress = Progress(stream=terminal)
    for tenth in range(600):
        progress.show(tenth / 10, in_view=3)
    progress.end()
    assert terminal.getvalue().count("\r") == 60
    assert "  0:59    3 in view" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_a_log_sees_each_minute():
    log = io.StringIO()
    progress = Progress(stream=log)
    for second in range(180):
        progress.show(second, in_view=second)
    progress.end()
    assert [line.split()[0] for line in log.getvalue().splitlines()] == ["0:00", "1:00", "2:00"]
