"""What an administrator does by commands, and what goes wrong on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from maskcam import config as unit_config
from maskcam.cityhall.audit import Audit
from maskcam.cityhall.backup import back_up, restore
from maskcam.cityhall.commands import main
from maskcam.cityhall.database import DatabaseError, connect, sqlite_file, up_to_date, upgrade
from maskcam.cityhall.plausibility import find_fault
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CollectorBroker, load
from maskcam.cityhall.single_collector import alone, name_at
from maskcam.cityhall.state_folder import StateFolder
from maskcam.delivery.wire import ReceivedCount
from maskcam.errors import ConfigError
from maskcam.records import WindowKind
from tests.cityhall.city import CONTACT
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received
from tests.cityhall.servers import Postgres

SECRET = "p:a/s@s%w#o?rd"


@pytest.fixture
def hall(tmp_path: Path) -> Path:
    place = tmp_path / "hall"
    assert main(["init", "--directory", str(place), "--host", "mqtt.test", "--city", "Ville"]) == 0
    return place


def run(hall: Path, *arguments: str) -> int:
    return main([*arguments, "--config", str(hall / "cityhall.toml")])


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://maskcam:{SECRET}@db.test/maskcam",
        "postgresql://maskcam:geheim:1@db.test:x/maskcam",
        "postgresql://maskcam:geheim/1@db.test/maskcam:y",
        "geheim",
    ],
)
def test_no_message_shows_a_part_of_the_databases_password(
    hall: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = hall / "cityhall.toml"
    text = file.read_text()
    file.write_text(text.replace('url = "sqlite:///cityhall.db"', f'url = "{url}"'))
    capsys.readouterr()
    code = run(hall, "list-users")
    said = capsys.readouterr()
    assert code in {1, 2}
    assert said.err.splitlines()[-1].count("\n") == 0
    for part in ("geheim", "p:a", "s%w", "rd@", "a/s"):
        assert part not in said.out + said.err


def test_a_password_with_every_sign_works_when_it_is_written_as_documented(
    postgres: Postgres,
) -> None:
    from urllib.parse import quote

    url = postgres.new_database("signs")
    host = url.partition("@")[2]
    engine = connect(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE ROLE signs LOGIN PASSWORD '{SECRET.replace('%', '%%')}'"
        )
        connection.exec_driver_sql("GRANT ALL ON SCHEMA public TO signs")
    engine.dispose()
    with up_to_date(f"postgresql://signs:{quote(SECRET, safe='')}@{host}", zone=PARIS) as opened:
        assert opened.url.password == SECRET


def test_a_restored_backup_is_checked_and_the_old_database_kept(
    tmp_path: Path, hall: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = load(hall / "cityhall.toml").database.url
    place = sqlite_file(url)
    assert place is not None
    with up_to_date(url, zone=PARIS):
        pass
    assert run(hall, "backup", str(tmp_path / "copy.db")) == 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600  # the accounts are in it
    (tmp_path / "no.db").write_text("nonsense")
    for wrong in ("no.db", "missing.db"):
        assert run(hall, "restore", str(tmp_path / wrong)) == 1
    assert place.exists()
    place.write_bytes(b"damaged")
    capsys.readouterr()
    assert run(hall, "restore", str(tmp_path / "copy.db")) == 0
    assert "before" in capsys.readouterr().out
    with up_to_date(url, zone=PARIS):
        pass
    assert [path.read_bytes() for path in place.parent.glob("*.before-*")] == [b"damaged"]


def test_the_backup_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}"
    with up_to_date(url, zone=PARIS) as engine:
        back_up(url, tmp_path / "old.db")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")
        back_up(url, tmp_path / "new.db")
    with pytest.raises(DatabaseError, match="newer version"):  # it gave a traceback
        upgrade(engine, zone=PARIS)
    engine.dispose()
    with pytest.raises(DatabaseError, match="newer version"):
        restore(url, tmp_path / "new.db")
    assert restore(url, tmp_path / "old.db") is not None


def test_a_database_in_use_is_not_restored_over(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}"
    with up_to_date(url, zone=PARIS) as engine:
        back_up(url, tmp_path / "copy.db")
        with engine.connect() as held:
            held.exec_driver_sql("SELECT count(*) FROM facts").all()
            with pytest.raises(DatabaseError, match="in use"):
                restore(url, tmp_path / "copy.db")
    assert restore(url, tmp_path / "copy.db") is not None


def test_a_file_of_another_user_is_named_as_such(tmp_path: Path) -> None:
    """As a backup that root had copied into the place of the database."""
    url = f"sqlite:///{tmp_path / 'city.db'}"
    engine = connect(url)
    event.listen(engine, "connect", lambda opened, _: opened.execute("PRAGMA query_only=ON"))
    with pytest.raises(DatabaseError, match=r"readonly.*chown"):
        upgrade(engine, zone=PARIS)
    engine.dispose()


def test_units_are_listed_and_added_from_a_table(
    tmp_path: Path, hall: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "units.csv"
    table.write_text(
        "unit;site;contact;controller;preset;exact\n"
        "gare-01;gare;tel. 01 23 45 67 89;Ville;standard;no\n"
        "gare-02;gare;tel. 01 23 45 67 89;;decree;no\n"
        "gare-03;gare;tel. 01 23 45 67 89;;;yes\n",
        encoding="utf-8-sig",
    )
    assert run(hall, "add-unit", "--from", str(table)) == 0
    capsys.readouterr()
    assert run(hall, "list-units", "--json") == 0
    units = json.loads(capsys.readouterr().out)
    assert [units[f"gare-0{n}"]["minutes"] for n in (1, 2, 3)] == [1, 20, 1]
    assert units["gare-03"]["epsilon"] is None
    assert run(hall, "list-units") == 0
    assert "exact" in capsys.readouterr().out


def test_what_a_unit_is_registered_with_stands_in_its_configuration(hall: Path) -> None:
    """And a window with another noise is not taken for its own."""
    options = ("--epsilon-minute", "0.5", "--epsilon-hour", "2", "--language", "fr")
    assert run(hall, "add-unit", "gare-01", "--site", "gare", *CONTACT, *options) == 0
    file = hall / "units/gare-01/maskcam/maskcam.toml"
    file.write_text(file.read_text().replace("# sign_date", "sign_date"))
    written = unit_config.load(file)
    assert (written.counting.epsilon_minute, written.counting.epsilon_hour) == (0.5, 2.0)
    assert written.technician.language == "fr"
    units = StateFolder(hall).units()
    assert (units["gare-01"].epsilon, units["gare-01"].epsilon_hour) == (0.5, 2.0)
    start = datetime.fromtimestamp(units["gare-01"].added_at, UTC).replace(second=0)
    for kind, right in ((WindowKind.COUNT, 0.5), (WindowKind.HOUR, 2.0)):
        for epsilon in (0.5, 1.0, 2.0, None):
            count = replace(received(start).count, kind=kind, epsilon=epsilon)
            window = ReceivedCount(site="gare", unit="gare-01", count=count)
            fault = find_fault(window, units)
            assert (fault is None) == (epsilon == right), (kind, epsilon, fault)


def test_the_contact_of_an_example_goes_on_no_sign(
    hall: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [
        ("--contact", "masques@example.org"),
        ("--contact", "tel. 01 23 45", "--controller", "Ville d'Exemple"),
    ]
    for options in wrong:
        capsys.readouterr()
        assert run(hall, "add-unit", "gare-01", "--site", "gare", *options) == 2
        assert "example" in capsys.readouterr().err
    assert StateFolder(hall).units() == {}


@pytest.mark.parametrize(
    ("city", "answer", "controller"),
    [([], "Ville de Test", "Ville de Test"), ([], "", None), (["--city", "Ville"], None, "Ville")],
    ids=str,
)
def test_a_terminal_is_asked_who_is_responsible_if_nobody_is_known(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    city: list[str],
    answer: str | None,
    controller: str | None,
) -> None:
    place = tmp_path / "hall"
    assert main(["init", "--directory", str(place), "--host", "mqtt.test", *city]) == 0
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    done = run(place, "add-unit", "gare-01", "--site", "gare", *CONTACT)
    assert (done == 0) == (controller is not None)
    assert set(StateFolder(place).units()) == ({"gare-01"} if controller else set())
    if controller:
        written = (place / "units/gare-01/maskcam/maskcam.toml").read_text()
        assert f'\ncontroller = "{controller}"\n' in written


def test_what_is_done_by_command_stands_in_the_audit_log(hall: Path) -> None:
    settings = load(hall / "cityhall.toml")
    assert run(hall, "add-unit", "early-01", "--site", "gare", *CONTACT) == 0  # no database yet
    with up_to_date(settings.database.url, zone=PARIS) as engine:
        assert run(hall, "add-unit", "gare-01", "--site", "gare", *CONTACT) == 0
        assert run(hall, "add-reader", "sheet") == 0
        assert run(hall, "add-collector", "second") == 0
        assert run(hall, "revoke-unit", "gare-01") == 0
        entries = [entry for _, entry in Audit(engine).latest()]
    assert [(entry.what, entry.detail) for entry in reversed(entries)] == [
        ("add unit", "gare-01"),
        ("add reader", "sheet"),
        ("add collector", "second"),
        ("revoke", "gare-01"),
    ]
    assert all("command line" in entry.who for entry in entries)


@pytest.mark.parametrize(
    "text",
    [
        "unit,site\na-1,a\n",
        "unit,site,contact,colour\na-1,a,tel. 01 23,red\n",
        "unit,site,contact\na-1,a,tel. 01 23\na-1,a,tel. 01 23\n",
        "unit,site,contact\na-1,a,tel. 01 23\nBIG,a,tel. 01 23\n",
        "unit,site,contact\na-1,a,\n",
        "unit,site,contact,exact\na-1,a,tel. 01 23,perhaps\n",
        "unit,site,contact,epsilon_hour\na-1,a,tel. 01 23,5\n",
        "unit,site,contact,epsilon_minute\na-1,a,tel. 01 23,much\n",
        "unit,site,contact,language\na-1,a,tel. 01 23,de\n",
        "unit,site,contact\na-1,a,masques@example.org\n",
        "",
        "\x00",
    ],
)
def test_a_wrong_table_adds_nobody(
    tmp_path: Path, hall: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "units.csv").write_text(text)
    capsys.readouterr()
    assert run(hall, "add-unit", "--from", str(tmp_path / "units.csv")) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert json.loads((hall / "units.json").read_text()) == {}
    assert list((hall / "units").iterdir()) == []


def test_the_authority_is_used_from_where_it_was_moved_to(
    tmp_path: Path, hall: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (hall / "ca").rename(tmp_path / "stick")
    call = ("add-unit", "gare-01", "--site", "gare", *CONTACT)
    capsys.readouterr()
    assert run(hall, *call) == 2
    said = capsys.readouterr().err
    assert "--ca" in said
    assert "init" not in said
    assert list((hall / "units").iterdir()) == []
    assert not (hall / "ca").exists()
    assert run(hall, *call, "--ca", str(tmp_path / "stick")) == 0
    assert run(hall, "revoke-unit", "gare-01", "--ca", str(tmp_path / "stick")) == 0


def test_a_second_collector_is_refused_before_it_connects(
    tmp_path: Path, calendar: Calendar
) -> None:
    broker = CollectorBroker(host="127.0.0.1", port=47_123, client_id="one")
    other = CollectorBroker(host="localhost", port=47_123, client_id="two")
    with up_to_date(f"sqlite:///{tmp_path / 'c.db'}", zone=calendar.zone) as engine:
        with alone(broker, engine) as name, alone(other, engine):
            assert name == "one"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("maskcam.cityhall.single_collector.WAIT_S", 0.3)
                with pytest.raises(ConfigError, match="add-collector"), alone(broker, engine):
                    pass
        with alone(broker, engine):
            pass  # it is free again


def test_a_second_collector_on_another_machine_sees_the_lock_in_postgresql(
    postgres: Postgres, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_database("alone")
    here = CollectorBroker(host="127.0.0.1", port=47_124, client_id="one")
    there = CollectorBroker(host="10.0.0.1", port=47_124, client_id="one", insecure=True)
    monkeypatch.setattr("maskcam.cityhall.single_collector.WAIT_S", 0.3)
    with (
        up_to_date(url, zone=calendar.zone) as engine,
        alone(here, engine),
        pytest.raises(ConfigError, match="another one runs as one"),
        alone(there, engine),
    ):
        pass


def test_a_collector_is_called_as_its_certificate_says(hall: Path) -> None:
    assert name_at(load(hall / "cityhall.toml").broker) == "cityhall-collector"
    assert run(hall, "add-collector", "cityhall-2") == 0
    text = (
        (hall / "cityhall.toml")
        .read_text()
        .replace("collector/collector.", "collectors/cityhall-2/client.")
    )
    (hall / "second.toml").write_text(text)
    assert name_at(load(hall / "second.toml").broker) == "cityhall-2"
    assert "user cityhall-2" in (hall / "broker/acl").read_text()
    assert run(hall, "revoke-unit", "cityhall-2") == 0
    assert "cityhall-2" not in (hall / "broker/acl").read_text()


def test_check_says_what_is_in_force(hall: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(hall, "check") == 0
    assert "as cityhall-collector" in capsys.readouterr().out
    (hall / "cityhall.toml").write_text('[web]\ncolour = "red"\n')
    assert run(hall, "check") == 2
