"""Sessions, scopes, limits and the audit log: each a promise that was broken once."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.sessions import IDLE_S, Sessions
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.limits import BusyError, Tries, Turns, network_of
from maskcam.cityhall.web.live import Live
from maskcam.cityhall.web.login import inner_address
from maskcam.cityhall.web.origin import foreign_form, foreign_host, plain_name
from maskcam.cityhall.web.server import WebServer
from tests.cityhall.servers import Postgres

PASSWORD = "a long pass phrase"
OURS = frozenset({"masques.example.org", "127.0.0.1", "localhost", "::1"})


@pytest.fixture
def engine(tmp_path: Path, calendar: Calendar) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'cityhall.db'}")
    upgrade(engine, zone=calendar.zone)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine, calendar: Calendar) -> Iterator[TestClient]:
    settings = Settings(
        city=CitySection(name="Ville d'Exemple"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(accounts=True),
    )
    Accounts(engine).add_person("maire", PASSWORD)
    Accounts(engine).add_person("chef", PASSWORD, admin=True)
    app = create_app(settings, engine=engine, calendar=calendar)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def sign_in(client: TestClient, name: str = "maire") -> str:
    form = {"name": name, "password": PASSWORD}
    assert client.post("/login", data=form, follow_redirects=False).status_code == 303
    cookie = client.cookies.get("maskcam")
    assert cookie
    return cookie


def test_a_copied_cookie_is_worth_nothing_after_signing_out(client: TestClient) -> None:
    copied = sign_in(client)
    assert client.get("/").status_code == 200
    client.post("/logout")
    client.cookies.clear()
    client.cookies.set("maskcam", copied)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_a_session_ends_with_its_account_and_with_a_new_password(
    client: TestClient, engine: Engine
) -> None:
    sign_in(client)
    Accounts(engine).add_person("maire", PASSWORD + " 2")
    assert client.get("/", follow_redirects=False).status_code == 303
    Accounts(engine).add_person("maire", PASSWORD)
    sign_in(client)
    Accounts(engine).remove("maire")
    assert client.get("/", follow_redirects=False).status_code == 303


def test_signing_in_gives_a_new_session_and_ends_the_one_before(client: TestClient) -> None:
    first = sign_in(client)
    second = sign_in(client)
    assert first != second
    client.cookies.clear()
    client.cookies.set("maskcam", first)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_a_session_is_over_when_it_was_idle_or_is_old(engine: Engine) -> None:
    now = 1_000_000.0
    Accounts(engine).add_person("maire", PASSWORD)
    sessions = Sessions(engine, hours=12, clock=lambda: now)
    token = sessions.begin("maire")
    for _ in range(11):
        now += 3600
        assert sessions.find(token)
    now += 3601
    assert sessions.find(token) is None  # 12 hours
    idle = sessions.begin("maire")
    now += IDLE_S + 1
    assert sessions.find(idle) is None
    assert sessions.find("nonsense") is None


def test_a_token_reads_what_it_is_for_and_no_more(client: TestClient, engine: Engine) -> None:
    accounts = Accounts(engine)
    metrics = {"authorization": f"Bearer {accounts.add_program('prometheus')}"}
    reads = {"authorization": f"Bearer {accounts.add_program('sheet', scope='read')}"}
    assert client.get("/metrics", headers=metrics).status_code == 200
    for page in ("/api/v1/sites", "/api/v1/counts", "/openapi.json", "/", "/live", "/audit"):
        answer = client.get(page, headers=metrics)
        assert answer.status_code == 403, page
    for page in ("/api/v1/sites", "/api/v1/counts", "/metrics", "/openapi.json"):
        assert client.get(page, headers=reads).status_code == 200, page
    for page in ("/", "/audit", "/report/2026-W18", "/metricsx", "/apix"):
        assert client.get(page, headers=reads).status_code == 403, page


def test_only_administrators_read_the_audit_log(client: TestClient) -> None:
    sign_in(client)
    assert client.get("/audit").status_code == 403
    assert "/audit" not in client.get("/").text
    sign_in(client, "chef")
    client.get("/api/v1/counts?step=day&format=csv&from=2026-05-03&to=2026-05-04")
    client.get("/api/v1/counts?step=day&format=csv&from=2026-05-03&to=2026-05-04")
    text = client.get("/audit?lang=en").text
    assert text.count("signed in") == 2
    assert text.count("day csv * 2026-05-03/2026-05-04") == 1
    assert PASSWORD not in text
    assert ">connexion<" in client.get("/audit?lang=fr").text


def test_an_account_has_its_share_of_listeners_even_if_all_come_at_once(
    engine: Engine, calendar: Calendar
) -> None:
    """37 of a hundred that came together found room."""
    settings = Settings(
        city=CitySection(name="Ville"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(accounts=True, port=0),
    )
    token = Accounts(engine).add_program("sheet", scope="read")
    ask = f"GET /live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    with WebServer(settings, engine=engine, calendar=calendar) as server, ExitStack() as opened:
        place = urlsplit(server.address)
        streams = [
            opened.enter_context(socket.create_connection((place.hostname or "", place.port or 0)))
            for _ in range(40)
        ]
        for stream in streams:
            stream.sendall(ask.encode())
        answers = [stream.recv(12)[9:] for stream in streams]
        assert sorted(answers) == [b"200"] * 10 + [b"503"] * 30


def test_a_listeners_place_is_free_again(engine: Engine, calendar: Calendar) -> None:
    live = Live(Reader(engine, calendar=calendar), clock=lambda: datetime.now(UTC))
    with ExitStack() as taken:
        for _ in range(10):
            taken.enter_context(live.listening("maire"))
        assert not live.has_room("maire")
        assert live.has_room("chef")
    assert live.has_room("maire")


def test_a_live_stream_ends_when_its_user_is_removed(
    engine: Engine, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    from maskcam.cityhall.reader import Reader
    from maskcam.cityhall.web import live as module

    monkeypatch.setattr(module, "RECHECK_S", 0.1)
    Accounts(engine).add_person("maire", PASSWORD)
    sessions = Sessions(engine, hours=1)
    token = sessions.begin("maire")

    async def run() -> None:
        reader = Reader(engine, calendar=calendar)
        live = Live(reader, clock=lambda: datetime.now(UTC), every_s=0.05)
        stream = live.events(lambda: sessions.find(token))
        await anext(stream)
        Accounts(engine).remove("maire")
        async with asyncio.timeout(10):
            assert [word async for word in stream if word.startswith("event")] == []

    asyncio.run(run())


@pytest.mark.parametrize(
    "host",
    [
        *("masques.example.org", "MASQUES.Example.org", "masques.example.org.", "127.0.0.1:8080"),
        *("masques.example.org:443", "localhost:81", "[::1]:8080", "[0:0:0:0:0:0:0:1]"),
    ],
)
def test_our_names_are_known_in_all_their_spellings(host: str) -> None:
    assert foreign_host(Headers({"host": host}), own=OURS) is None


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "masques.example.org.evil.example", "evil@masques.example.org"),
        *("masques.example.org/x", "[", "masques.example.org:port", "masques.example.org:99999"),
        *("xmasques.example.org", "%6dasques.example.org"),
    ],
)
def test_other_names_are_refused(host: str) -> None:
    assert foreign_host(Headers({"host": host}), own=OURS) is not None


@pytest.mark.parametrize(
    "sent",
    [
        {"host": "127.0.0.1:8080", "origin": "https://masques.example.org"},  # nginx's default
        {"host": "masques.example.org", "origin": "https://masques.example.org:8443"},
        {"host": "masques.example.org:443", "origin": "https://masques.example.org"},
        {"host": "masques.example.org", "origin": "https://MASQUES.example.org"},
        {"host": "masques.example.org", "origin": "null", "sec-fetch-site": "same-origin"},
        {"host": "masques.example.org"},
    ],
)
def test_our_own_form_is_ours_behind_a_proxy(sent: dict[str, str]) -> None:
    assert foreign_form(Headers(sent), scheme="https", own=OURS, behind_proxy=True) is None


@pytest.mark.parametrize("behind_proxy", [True, False])
@pytest.mark.parametrize(
    "sent",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://masques.example.org.evil.example"},
        {"origin": "https://evil.example#masques.example.org"},
        {"origin": "https://masques.example.org@evil.example"},
        {"sec-fetch-site": "cross-site", "origin": "https://masques.example.org"},
        {"sec-fetch-site": "same-site", "origin": "https://masques.example.org"},
    ],
)
def test_a_form_of_another_site_is_seen(sent: dict[str, str], behind_proxy: bool) -> None:
    headers = Headers({"host": "masques.example.org", **sent})
    assert foreign_form(headers, scheme="https", own=OURS, behind_proxy=behind_proxy)


def test_without_a_proxy_the_port_counts() -> None:
    def foreign(host: str, origin: str, scheme: str = "http") -> str | None:
        sent = Headers({"host": host, "origin": origin})
        return foreign_form(sent, scheme=scheme, own=OURS, behind_proxy=False)

    assert foreign("localhost:8080", "http://localhost:8080") is None
    assert foreign("masques.example.org", "https://masques.example.org:443", "https") is None
    assert foreign("localhost:8080", "http://localhost:9090") is not None


def test_odd_names_are_wrong_names(postgres: Postgres, calendar: Calendar) -> None:
    """PostgreSQL takes no NUL in a text: it gave 500."""
    engine = connect(postgres.new_database("odd"))
    upgrade(engine, zone=calendar.zone)
    settings = Settings(
        city=CitySection(name="Ville"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(accounts=True),
    )
    kind = {"content-type": "application/x-www-form-urlencoded"}
    app = create_app(settings, engine=engine, calendar=calendar)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        for name in ("maire%00", "%ff%fe"):
            answer = client.post("/login", content=f"name={name}&password=x", headers=kind)
            assert answer.status_code == 401
    engine.dispose()
    postgres.drop_database("odd")


def test_the_login_says_what_really_failed(client: TestClient) -> None:
    form = {"name": "maire", "password": PASSWORD}
    answer = client.post("/login?lang=en", data=form, headers={"origin": "null"})
    assert answer.status_code == 403
    assert "comes from another site (Origin: null)" in answer.text
    assert "wrong" not in answer.text


@pytest.mark.parametrize(
    "wanted", ["//evil", "/\\evil", "https://evil", "\n/x", "/a\\b", "x" * 600]
)
def test_an_address_outside_is_not_followed(wanted: str) -> None:
    assert inner_address(wanted) == "/"


def test_wrong_attempts_hold_up_nobody_elsewhere() -> None:
    tries = Tries()
    assert [tries.allowed(name="maire", address="203.0.113.7") for _ in range(7)] == [
        *[True] * 5,
        *[False] * 2,
    ]
    assert tries.allowed(name="maire", address="203.0.113.8")
    for number in range(30):  # many names from one address
        allowed = tries.allowed(name=f"n{number}", address="203.0.113.9")
    assert not allowed
    tries.forgive(name="maire", address="203.0.113.7")
    assert tries.allowed(name="maire", address="203.0.113.7")


def test_names_that_a_stranger_makes_up_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 names from one address took 22 MB, and so on for an hour."""
    tries = Tries()
    for number in range(500):
        tries.allowed(name=f"n{number}", address="203.0.113.9")
    assert len(tries._storage.events) <= 2 + 2 * 20
    monkeypatch.setattr("maskcam.cityhall.web.limits.MOST_REMEMBERED", 100)
    for number in range(500):  # and from as many addresses as somebody has
        tries.allowed(name=f"n{number}", address=f"2001:db8:0:{number:x}::1")
        assert len(tries._storage.events) <= 104


def test_one_subscriber_of_ipv6_is_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:1::")
    assert network_of("::ffff:203.0.113.7") == network_of("203.0.113.7")
    assert network_of("nonsense") == "?"
    assert plain_name("[::1]") == "::1"


def test_heavy_things_are_done_a_few_at_once_and_one_for_each() -> None:
    async def run() -> None:
        turns = Turns(2, waiting=8, wait_s=5)
        running: list[str] = []
        most = []

        async def work(who: str) -> None:
            async with turns.turn(who):
                running.append(who)
                most.append((len(running), running.count(who)))
                await asyncio.sleep(0.02)
                running.remove(who)

        await asyncio.gather(*(work(who) for who in "aaabbbcc"))
        assert max(number for number, _ in most) == 2
        assert max(own for _, own in most) == 1
        results = await asyncio.gather(
            *(work(str(number)) for number in range(40)), return_exceptions=True
        )
        assert any(isinstance(result, BusyError) for result in results)
        short = Turns(1, waiting=8, wait_s=0.01)
        async with short.turn("a"):
            with pytest.raises(BusyError):
                async with short.turn("b"):
                    pass

    asyncio.run(run())


def test_nobody_fills_the_waiting_room_alone() -> None:
    """Twenty attempts from one address kept everybody else out."""

    async def run() -> None:
        turns = Turns(1, waiting=30, wait_s=5)
        done: list[str] = []

        async def work(who: str) -> None:
            async with turns.turn(who):
                await asyncio.sleep(0.002)
                done.append(who)

        crowd = [work(f"stranger {number % 5}") for number in range(300)]
        results = await asyncio.gather(*crowd, work("maire"), return_exceptions=True)
        assert done.count("maire") == 1
        assert sum(isinstance(result, BusyError) for result in results) == 301 - len(done)
        assert len(done) <= 1 + 5 * 5
        assert turns._holders == turns._waiting == {}

    asyncio.run(run())


def test_a_head_that_is_too_long_or_says_two_lengths_is_refused(client: TestClient) -> None:
    """The server itself takes 60 kB that come in one piece."""
    assert client.get("/login", headers={"cookie": "a=" + "x" * 10_000}).status_code == 200
    assert client.get("/login", headers={"cookie": "a=" + "x" * 20_000}).status_code == 431
    assert client.get("/login", params={"next": "/" + "x" * 20_000}).status_code == 431
    both = {"content-length": "3", "transfer-encoding": "chunked"}
    assert client.post("/login", content=b"a=b", headers=both).status_code == 400


def test_who_goes_away_within_a_body_leaves_no_traceback(
    engine: Engine, calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(
        city=CitySection(name="Ville"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(accounts=True, port=0),
    )
    with WebServer(settings, engine=engine, calendar=calendar) as server:
        address = urlsplit(server.address)
        for body in (b"name=a", b"6\r\nname=a"):
            length = b"Transfer-Encoding: chunked" if b"\r" in body else b"Content-Length: 99"
            with socket.create_connection((address.hostname or "", address.port or 0)) as stranger:
                stranger.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + length)
                stranger.sendall(b"\r\n\r\n" + body)
                time.sleep(0.05)
        time.sleep(0.1)
    assert caplog.records == []


def test_a_body_that_is_too_long_is_refused_and_nothing_is_kept(
    client: TestClient, tmp_path: Path
) -> None:
    answer = client.post("/login", content=b"x" * 20_000)
    assert answer.status_code == 413
    files = {"name": ("x", b"y" * 15_000)}
    assert client.post("/login", files=files).status_code == 401  # no form of ours: no name
    fields = "&".join(f"f{number}=1" for number in range(1000))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/login", content=fields, headers=kind).status_code == 401
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize(
    "week",
    ["\u0662\u0660\u0662\u0666-W18", "9999-W52", "0001-W01", "0000-W01", "9999-W01", "2026-W54"],
)
def test_weeks_at_the_end_of_time_are_wrong_addresses(client: TestClient, week: str) -> None:
    sign_in(client)
    assert client.get(f"/report/{week}").status_code == 422
    assert client.get(f"/report/{week}.pdf").status_code == 422
    assert client.get("/report", params={"week": week}).status_code == 422
