from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from maskcam.cityhall import audit as module
from maskcam.cityhall.audit import Audit


def test_the_audit_log_cannot_be_changed_even_by_sql(engine: Engine) -> None:
    Audit(engine).note("chef", "sign in")
    for sql in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(sql)
    assert [entry.who for _, entry in Audit(engine).latest()] == ["chef"]


def test_what_is_done_every_minute_is_noted_once_an_hour(engine: Engine) -> None:
    now = 1000.0
    audit = Audit(engine, clock=lambda: now)
    for _ in range(5):
        audit.note("sheet", "export", "day", repeated=False)
    audit.note("sheet", "export", "hour", repeated=False)
    now += 3601
    audit.note("sheet", "export", "day\x1b[2J", repeated=False)
    audit.note("sheet", "export", "day", repeated=False)
    details = [entry.detail for _, entry in audit.latest()]
    assert details == ["day", r"day\x1b[2J", "hour", "day"]
    assert [entry.detail for _, entry in audit.latest(2, before=3)] == ["hour", "day"]


def test_a_program_does_not_fill_the_log(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PER_HOUR", 3)
    now = 1000.0
    audit = Audit(engine, clock=lambda: now)
    for number in range(9):
        audit.note("sheet", "export", f"day {number}", repeated=False)
    audit.note("maire", "export", "day 0", repeated=False)
    audit.note("sheet", "sign in")
    details = [entry.detail for _, entry in audit.latest()]
    assert details == ["", "day 0", "day 2; more of this hour are left out", "day 1", "day 0"]
    now += 3600
    audit.note("sheet", "export", "day 9", repeated=False)
    assert audit.latest(1)[0][1].detail == "day 9"
