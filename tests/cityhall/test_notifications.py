"""E-mails and webhooks: each thing is sent once, to real servers on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine

from maskcam.cityhall.commands import main
from maskcam.cityhall.mail_webhook import Letter, Mail, channels
from maskcam.cityhall.notifications import Notices
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import (
    CitySection,
    CollectorBroker,
    NotifySection,
    Settings,
    parse,
)
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.notifier import Notifier
from maskcam.errors import ConfigError, DeliveryError
from tests.cityhall.mailbox import Hook, Mailbox, running
from tests.cityhall.messages import minutes_from, received

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)  # a Friday
MONDAY = datetime(2026, 5, 25, 5, 0, tzinfo=UTC)  # 7 o'clock in Paris


class Office:
    """A city hall with a clock of its own, and its notifier."""

    def __init__(self, engine: Engine, calendar: Calendar, notify: NotifySection) -> None:
        self.now = NOW
        settings = Settings(
            city=CitySection(name="Ville", site_names={"forville": "Marché Forville"}),
            broker=CollectorBroker(host="localhost"),
            notify=notify,
        )
        app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: self.now)
        self.notifier = Notifier(app.state.context, channels(notify))

    def look(self, now: datetime | None = None) -> None:
        self.now = now or self.now
        self.notifier.look()


def mail_to(server: Mailbox, **more: Any) -> NotifySection:
    return NotifySection(
        email_to=("maire@example.org", "it@example.org"),
        email_from="masks@example.org",
        smtp_host="127.0.0.1",
        smtp_port=server.port,
        smtp_security="none",
        address="https://masques.example.org/",
        **more,
    )


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running(Mailbox()) as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Hook]:
    with running(Hook()) as server:
        yield server


@pytest.fixture
def cameras(store: Store) -> None:
    """Two cameras with two weeks behind them; of the second nothing came for 80 minutes."""
    for days in range(14, 0, -1):
        start = NOW - timedelta(days=days, hours=4)
        store.write(
            [
                received(start + timedelta(hours=h), unit=unit, minutes=60, counts=(60, 40, 0, 0))
                for h in range(8)
                for unit in ("forville-01", "forville-02")
            ]
        )
    store.write(minutes_from(NOW - timedelta(hours=4), 240))
    store.write(minutes_from(NOW - timedelta(hours=4), 160, unit="forville-02"))


@pytest.mark.usefixtures("cameras")
def test_a_silent_camera_is_notified_once_and_so_is_its_return(
    engine: Engine, calendar: Calendar, store: Store, mailbox: Mailbox
) -> None:
    office = Office(engine, calendar, mail_to(mailbox, language="fr"))
    other = Office(engine, calendar, mail_to(mailbox))  # a second dashboard at the same database
    for one in (office, other, office, other):
        one.look()
    ((to, message),) = mailbox.received
    assert to == ["maire@example.org", "it@example.org"]
    assert message["Subject"] == "Ville : 1 caméra à vérifier".replace(" :", "\u00a0:")
    text = message.get_content()
    assert "forville-02 (Marché Forville)" in text
    assert "éteinte ou déconnectée" in text
    assert "https://masques.example.org/" in text
    assert "forville-01" not in text
    store.write(minutes_from(NOW - timedelta(minutes=3), 4, unit="forville-02"))
    office.look(NOW + timedelta(minutes=1))
    office.look()
    assert len(mailbox.received) == 2
    assert "forville-02" in mailbox.received[1][1].get_content()
    assert "de nouveau" in mailbox.received[1][1]["Subject"]


@pytest.mark.usefixtures("cameras")
def test_nobody_is_notified_before_the_time_that_is_set(
    engine: Engine, calendar: Calendar, mailbox: Mailbox
) -> None:
    office = Office(engine, calendar, mail_to(mailbox, after_minutes=81))
    office.look()
    assert mailbox.received == []
    office.look(NOW + timedelta(minutes=1))
    assert len(mailbox.received) == 1


@pytest.mark.usefixtures("cameras")
def test_what_the_server_does_not_take_is_sent_later(
    engine: Engine, calendar: Calendar, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(engine, calendar, mail_to(mailbox))
    mailbox.refuses = True
    office.look()
    assert Notices(engine).known("mail") == set()
    assert "tried again later" in caplog.text
    mailbox.refuses = False
    office.look()
    assert len(mailbox.received) == 1


@pytest.mark.usefixtures("cameras")
def test_a_webhook_gets_the_same_for_programs(
    engine: Engine, calendar: Calendar, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(engine, calendar, NotifySection(webhook=hook.url))
    for status in (500, 302):  # what is meant for one address goes to no other
        hook.status = status
        office.look()
    assert len(hook.received) == 2
    assert "secret" not in caplog.text
    hook.status = 204
    office.look()
    office.look()
    assert len(hook.received) == 3
    body = hook.received[-1]
    assert body["cameras"] == [{"unit": "forville-02", "site": "forville", "state": "offline"}]
    assert body["event"] == "attention"
    assert "forville-02 (Marché Forville): off or disconnected" in body["text"]


@pytest.mark.usefixtures("cameras")
def test_where_nothing_arrives_of_any_camera_one_letter_says_so(
    engine: Engine, calendar: Calendar, store: Store, mailbox: Mailbox
) -> None:
    office = Office(engine, calendar, mail_to(mailbox))
    later = NOW + timedelta(minutes=80)
    office.look(later)
    office.look(later + timedelta(minutes=5))
    ((_, message),) = mailbox.received
    assert message["Subject"] == "Ville: no counts arrive from any camera"
    assert "forville" not in message.get_content()
    start = later + timedelta(minutes=6)
    store.write([*minutes_from(start, 4), *minutes_from(start, 4, unit="forville-02")])
    office.look(later + timedelta(minutes=11))
    assert "Counts arrive again." in mailbox.received[-1][1].get_content()


@pytest.mark.usefixtures("cameras")
def test_the_report_comes_on_monday_morning_with_its_pdf(
    engine: Engine, calendar: Calendar, mailbox: Mailbox
) -> None:
    office = Office(engine, calendar, mail_to(mailbox, weekly_report=True, attention=False))
    for now in (NOW, MONDAY - timedelta(minutes=1)):
        office.look(now)
    assert mailbox.received == []
    for now in (MONDAY, MONDAY + timedelta(hours=2), MONDAY + timedelta(days=1)):
        office.look(now)
    ((_, message),) = mailbox.received
    assert message["Subject"] == "Ville: passers-by and masks, week 21"
    body = message.get_body(("plain",))
    assert body is not None
    assert "the cameras counted" in body.get_content()
    (pdf,) = message.iter_attachments()
    assert pdf.get_filename() == "maskcam-2026-W21.pdf"
    assert pdf.get_content().startswith(b"%PDF")


def certificate(folder: Path) -> ssl.SSLContext:
    """Makes a certificate of 127.0.0.1 in `folder`, and returns a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_password_goes_only_to_a_server_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("geheim\n")
    with running(Mailbox(certificate(tmp_path))) as server:
        mail = Mail(
            NotifySection(
                email_to=("maire@example.org",),
                email_from="masks@example.org",
                smtp_host="localhost",
                smtp_port=server.port,
                smtp_user="city",
                smtp_password_file=tmp_path / "password",
            )
        )
        letter = Letter(subject="Test", text="Text")
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            mail.send(letter)
        assert server.logins == server.received == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        mail.send(letter)
        assert len(server.logins) == len(server.received) == 1


@pytest.mark.parametrize(
    ("lines", "advice"),
    [
        ('email_to = ["maire"]', "name@example.org"),
        ('email_to = ["maire@example.org"]', "email_from"),
        ('smtp_security = "none"\nsmtp_host = "mail.example.org"', "this machine"),
        ('smtp_user = "city"', "smtp_password_file"),
        ('webhook = "http://chat.example.org/x"', "https://"),
        ('webhook = "file:///etc/passwd"', "https://"),
        ("after_minutes = -1", "after_minutes"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(lines: str, advice: str) -> None:
    text = f'[city]\nname = "V"\n[broker]\nhost = "localhost"\ninsecure = true\n[notify]\n{lines}\n'
    with pytest.raises(ConfigError, match=advice):
        parse(text, name="cityhall.toml")


def test_nothing_is_sent_unless_it_is_set_up() -> None:
    assert channels(NotifySection()) == []


def test_the_command_sends_a_test_message(tmp_path: Path, mailbox: Mailbox, hook: Hook) -> None:
    config = tmp_path / "cityhall.toml"
    text = (
        '[city]\nname = "V"\n[broker]\nhost = "localhost"\ninsecure = true\n[notify]\n'
        f'email_to = ["maire@example.org"]\nemail_from = "masks@example.org"\nlanguage = "fr"\n'
        f'smtp_host = "127.0.0.1"\nsmtp_port = {mailbox.port}\nsmtp_security = "none"\n'
        f'webhook = "{hook.url}"\n'
    )
    config.write_text(text)
    assert main(["send-test", "--config", str(config)]) == 0
    assert "message d'essai" in mailbox.received[0][1].get_content()
    assert "message d'essai" in hook.received[0]["text"]
    hook.status = 500
    assert main(["send-test", "--config", str(config)]) == 1
    config.write_text(text.partition("[notify]")[0])
    assert main(["send-test", "--config", str(config)]) == 2
