"""What init, add-unit and revoke-unit make, against a real mosquitto with TLS and ACL."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from maskcam import config
from maskcam.cityhall.broker_files import access_list
from maskcam.cityhall.collector import Collector
from maskcam.cityhall.commands import main
from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.registry import Registered
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import load
from maskcam.cityhall.state_folder import StateFolder
from maskcam.cityhall.store import Store
from tests import needs
from tests.cityhall.city import CONTACT, City
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import message, wait_until
from tests.cityhall.messages import minutes_from, received

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)


@needs.as_root
def test_units_write_their_own_topics_and_a_revoked_one_is_out(city: City) -> None:
    settings = load(city.config)
    engine = connect(settings.database.url)
    upgrade(engine, zone=PARIS)
    metrics = Metrics()
    store = Store(engine, calendar=Calendar(PARIS))
    ours = message(received(START, unit="forville-01", site="forville"))
    theirs = message(received(START, unit="gare-01", site="gare"))
    city.broker.start()

    def stored() -> float:
        return metrics.value("windows_total", result="stored")

    with Collector(broker=settings.broker, store=store, metrics=metrics):
        wait_until(lambda: metrics.value("connected") == 1)
        city.publish("forville-01", *ours)
        wait_until(lambda: stored() == 1)
        city.publish("forville-01", *theirs)  # another unit's topic: the broker drops it
        city.publish("gare-01", *theirs)
        wait_until(lambda: stored() == 2)
        assert metrics.value("windows_total", result="repeated") == 0

        folder = city.directory / "units/forville-01/maskcam"
        listening = subprocess.run(
            [
                *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(city.port), "-t", "maskcam/#"),
                *("-W", "2", "--cafile", str(folder / "ca.crt"), "--cert"),
                *(str(folder / "client.crt"), "--key", str(folder / "client.key")),
            ],
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert listening.stdout == b""  # a unit reads nothing

        assert city.run("revoke-unit", "forville-01") == 0
        city.broker.stop()
        city.broker.start()
        later = message(received(datetime(2026, 5, 4, 9, 0, tzinfo=UTC)))
        assert city.publish("forville-01", *later) != 0
        wait_until(lambda: metrics.value("connected") == 1)
        again = message(
            received(datetime(2026, 5, 4, 9, 0, tzinfo=UTC), unit="gare-01", site="gare")
        )
        assert city.publish("gare-01", *again) == 0
        wait_until(lambda: stored() == 3)
    engine.dispose()


def test_a_backlog_comes_through_tls_whole(city: City) -> None:
    settings = load(city.config)
    engine = connect(settings.database.url)
    upgrade(engine, zone=PARIS)
    metrics = Metrics()
    store = Store(engine, calendar=Calendar(PARIS))
    city.broker.start()
    with Collector(broker=settings.broker, store=store, metrics=metrics):
        wait_until(lambda: metrics.value("connected") == 1)
    batch = [message(item) for item in minutes_from(START, 5000)]
    lines = "\n".join(payload.decode() for _, payload in batch) + "\n"
    folder = city.directory / "units/forville-01/maskcam"
    subprocess.run(
        [
            *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(city.port), "-q", "1", "-l"),
            *("--cafile", str(folder / "ca.crt"), "--cert", str(folder / "client.crt")),
            *("--key", str(folder / "client.key"), "-t", batch[0][0]),
        ],
        input=lines,
        text=True,
        check=True,
        timeout=90,
    )
    with Collector(broker=settings.broker, store=store, metrics=metrics):
        wait_until(lambda: metrics.value("windows_total", result="stored") == 5000, 60)
    assert metrics.value("windows_total", result="repeated") == 0
    engine.dispose()


def test_a_stranger_is_not_let_in(city: City, tmp_path: Path) -> None:
    from maskcam.cityhall.authority import Authority

    city.broker.start()
    other = Authority.create(tmp_path / "other", city="Elsewhere")
    folder = city.directory / "units/forville-01/maskcam"
    for name in ("client.crt", "client.key"):
        (folder / name).unlink()
    other.issue_client("forville-01", certificate=folder / "client.crt", key=folder / "client.key")
    assert city.publish("forville-01", *message(received(START))) != 0


def test_the_folder_for_the_card_is_what_a_unit_reads(city: City) -> None:
    folder = city.directory / "units/forville-01/maskcam"
    assert sorted(path.name for path in folder.iterdir()) == [
        "ca.crt",
        "client.crt",
        "client.key",
        "maskcam.toml",
    ]
    assert (folder / "client.key").stat().st_mode & 0o077 == 0
    text = (folder / "maskcam.toml").read_text()
    (folder / "maskcam.toml").write_text(text.replace("# sign_date", "sign_date"))
    loaded = config.load(folder / "maskcam.toml", environment={})
    assert (loaded.unit.id, loaded.unit.site) == ("forville-01", "forville")
    assert loaded.broker.port == city.port
    certificate = x509.load_pem_x509_certificate((folder / "client.crt").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=forville-01"


def test_a_revoked_unit_can_be_issued_again(city: City) -> None:
    folder = city.directory / "units/gare-01/maskcam"
    before = (folder / "client.crt").read_bytes()
    assert city.run("revoke-unit", "gare-01") == 0
    assert "gare-01" not in StateFolder(city.directory).units()
    assert city.run("add-unit", "gare-01", "--site", "gare", *CONTACT) == 0
    assert (folder / "client.crt").read_bytes() != before
    revoked = x509.load_pem_x509_crl((city.directory / "ca/revoked.crl").read_bytes())
    assert len(list(revoked)) == 1


def test_a_reader_reads_the_counts_and_writes_nothing(city: City) -> None:
    assert city.run("add-reader", "home-assistant") == 0
    city.broker.start()
    folder = city.directory / "readers/home-assistant"
    access = [
        *("-h", "127.0.0.1", "-p", str(city.port), "--cafile", str(folder / "ca.crt")),
        *("--cert", str(folder / "client.crt"), "--key", str(folder / "client.key")),
    ]
    topic, payload = message(received(START))
    # Its own message is dropped; the one that it reads is the unit's. One certificate is
    # one client: it cannot publish while it reads.
    forged = ["mosquitto_pub", *access, "-q", "1", "-r", "-t", topic, "-m", "forged"]
    subprocess.run(forged, timeout=30, check=False)
    reading = subprocess.Popen(
        ["mosquitto_sub", *access, "-t", "maskcam/v2/+/+/count", "-C", "1", "-W", "60"],
        stdout=subprocess.PIPE,
    )
    time.sleep(1)
    assert city.publish("forville-01", topic, payload) == 0
    assert reading.communicate(timeout=90)[0].rstrip(b"\n") == payload
    assert city.run("add-unit", "home-assistant", "--site", "forville", *CONTACT) == 2
    assert city.run("revoke-unit", "home-assistant") == 0
    assert "home-assistant" not in (city.directory / "broker/acl").read_text()


def test_a_call_that_was_cut_off_half_way_can_be_undone(city: City) -> None:
    state = StateFolder(city.directory)
    state.write_access(
        units={"gare-01": Registered(site="gare")}, programs={}
    )  # as if add-unit had not come to its end
    assert city.run("add-unit", "forville-01", "--site", "forville", *CONTACT) == 2
    assert city.run("revoke-unit", "forville-01") == 0
    assert city.run("add-unit", "forville-01", "--site", "forville", *CONTACT) == 0
    state.authority.revoke("forville-01")  # as if revoke-unit had not come to its end
    assert city.run("revoke-unit", "forville-01") == 0
    assert "forville-01" not in state.units()


def test_no_certificate_ends_before_the_root(city: City) -> None:
    root = x509.load_pem_x509_certificate((city.directory / "ca/ca.crt").read_bytes())
    for name in (
        *("broker/server.crt", "collector/collector.crt"),
        "units/gare-01/maskcam/client.crt",
    ):
        leaf = x509.load_pem_x509_certificate((city.directory / name).read_bytes())
        assert leaf.not_valid_after_utc == root.not_valid_after_utc


@pytest.mark.parametrize("wrong", [["--zone", "Mars/Crater"], ["--city", ""], ["--port", "99999"]])
def test_init_makes_no_configuration_that_serve_would_refuse(
    tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "hall"
    assert main(["init", "--directory", str(place), "--host", "h", *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not place.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["add-unit", "forville-01", "--site", "forville", *CONTACT],
        ["add-unit", "Forville 1", "--site", "forville", *CONTACT],
        ["add-unit", "x\ntopic readwrite #", "--site", "forville", *CONTACT],
        ["add-unit", "../../etc", "--site", "forville", *CONTACT],
        ["add-unit", "new-01", "--site", "+", *CONTACT],
        ["add-unit", "unconfigured", "--site", "forville", *CONTACT],
        ["add-unit", "cityhall-collector", "--site", "forville", *CONTACT],
        ["add-reader", "forville-01"],
        ["add-reader", "../x"],
        ["revoke-unit", "nobody"],
        ["revoke-unit", "cityhall-collector"],
        ["revoke-unit", "../../etc"],
        ["remove-user", "nobody"],
    ],
)
def test_wrong_calls_are_one_line_and_change_nothing(
    city: City, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (city.directory / "broker/acl").read_text()
    capsys.readouterr()
    assert city.run(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert (city.directory / "broker/acl").read_text() == before


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["init", "--directory", str(tmp_path), "--host", "h"]) == 2
    assert "not empty" in capsys.readouterr().err
    there = ["--config", str(tmp_path / "c.toml")]
    assert main(["add-unit", "a-1", "--site", "a", *CONTACT, *there]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_accounts_and_backup_by_command(
    city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("a long pass phrase\n"))
    assert city.run("add-user", "maire") == 0
    assert city.run("add-token", "prometheus") == 0
    assert city.run("backup", str(city.directory / "copy.db")) == 0
    assert "a long pass phrase" not in capsys.readouterr().out
    assert city.run("backup", str(city.directory / "copy.db")) == 1


def test_each_unit_has_its_three_topics_and_no_more() -> None:
    text = access_list({"b-1": "b", "a-1": "a"}, collectors=["cityhall-collector"])
    assert text.index("user a-1") < text.index("user b-1")
    assert "readwrite" not in text
    assert text.count("topic write maskcam") == 6
    assert text.count("topic write") == 7  # and the collector announces to Home Assistant
