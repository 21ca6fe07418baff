"""The path to city hall: name resolution, certificates, the broker's answer; the sign's dates."""

from __future__ import annotations

import dataclasses
import queue
import socket
import ssl
import threading
from contextlib import suppress
from datetime import date

from maskcam.config import Config
from maskcam.delivery import reasons, wire
from maskcam.delivery.link import Connected, Disconnected, Link, LinkEvent, Will
from maskcam.errors import MaskcamError
from maskcam.examples import find_examples
from maskcam.names import LOOPBACK_HOSTS
from maskcam.technician.certificates import SOON_DAYS, TlsFiles, examine
from maskcam.technician.facts import hides_people
from maskcam.technician.finding import Finding

RESOLVE_TIMEOUT_S = 10.0
BROKER_TIMEOUT_S = 20.0

_GOODBYE_S = 5.0
_REFUSAL_S = 1.0


def network(config: Config) -> Finding:
    """Checks whether the broker's name can be resolved."""
    host, port = config.broker.host, config.broker.port
    answers: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(str(found[0][4][0]))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # The resolver has no timeout of its own: it gets a thread that is not waited for.
    threading.Thread(target=resolve, name="resolve", daemon=True).start()
    advice = "check the network cable or SIM, and that DNS is let out"
    try:
        answer = answers.get(timeout=RESOLVE_TIMEOUT_S)
    except queue.Empty:
        return Finding.fault("network", f"{host}: no answer in {RESOLVE_TIMEOUT_S:.0f} s", advice)
    if isinstance(answer, Exception):
        advice = "check the network cable or SIM; if both are in, ask city hall for the right name"
        return Finding.fault("network", f"{host}: this name is not known", advice)
    return Finding.ok("network", f"{host}: {answer}")


def noise(config: Config) -> Finding:
    """Reports how much noise protects each person in the counts."""
    counting = config.counting
    if counting.exact:
        return Finding.fault(
            "noise", "switched off: exact counts leave the unit", "remove exact from [counting]"
        )
    words = f"epsilon {counting.epsilon_minute:g} per window, {counting.epsilon_hour:g} per hour"
    if not hides_people(counting):
        return Finding.fault(
            "noise",
            f"{words}: so little that single people can be told from the counts",
            "write 2 or less for epsilon_minute and epsilon_hour in [counting]",
        )
    return Finding.ok("noise", words)


def tls(config: Config, *, today: date) -> Finding:
    """Checks whether the three TLS files are whole, fit together and are in date."""
    broker = config.broker
    if broker.ca is None or broker.certificate is None or broker.key is None:
        if broker.host in LOOPBACK_HOSTS:
            return Finding.absent("tls", "the broker is on this machine")
        return Finding.fault("tls", "switched off", "ask city hall for a new folder")
    files = TlsFiles(broker.ca, broker.certificate, broker.key)
    report = examine(files, unit=config.unit.id, today=today)
    if report.faults or report.days_left is None:
        return Finding.fault(
            "tls",
            "; ".join(report.faults),
            "ask city hall for a new folder and run setup-unit again",
        )
    days = f"good for {report.days_left:.0f} days"
    if report.days_left < SOON_DAYS:
        return Finding.ok("tls", f"{days}: ask city hall for new certificates now")
    return Finding.ok("tls", days)


def broker(
    config: Config, *, unit_runs: bool = False, timeout_s: float = BROKER_TIMEOUT_S
) -> Finding:
    """Connects to the broker as this unit, waits for its consent, and leaves again.

    unit_runs: only looks whether the broker answers; city hall's broker lets a certificate in
        once, so that connecting with it would throw out the unit that counts.
    """
    unit, site = config.unit.id, config.unit.site
    settings = config.broker
    where = f"{settings.host}:{settings.port}"
    if unit_runs:
        return _answers(config, where, timeout_s=timeout_s)
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    try:
        link = Link(
            config.broker.connection(),
            client_id=f"{unit}-check",
            will=Will(
                wire.status_topic(site=site, unit=unit),
                wire.encode_status(online=False, version="check", since=None),
            ),
            emit=events.put,
        )
    except MaskcamError as error:
        return Finding.fault("broker", str(error))
    link.start()
    try:
        answer = events.get(timeout=timeout_s)
        if isinstance(answer, Connected):
            answer.session.close()  # a goodbye: the broker keeps the will to itself
            events.get(timeout=_GOODBYE_S)
    except queue.Empty:
        return Finding.fault("broker", f"{where}: no answer in {timeout_s:.0f} s", "try again")
    finally:
        link.stop(timeout_s=_GOODBYE_S)
    if isinstance(answer, Disconnected):
        return Finding.fault("broker", f"{where}: {answer.why}")
    return Finding.ok("broker", f"{where} accepts this unit")


def _answers(config: Config, where: str, *, timeout_s: float) -> Finding:
    """Makes the encrypted connection, and says nothing in it."""
    try:
        settings = config.broker.connection()
        address = (settings.host, settings.port)
        with socket.create_connection(address, timeout=timeout_s) as connection:
            if settings.encrypted:
                context = settings.tls_context()
                with context.wrap_socket(connection, server_hostname=settings.host) as secured:
                    _wait_for_refusal(secured)
    except MaskcamError as error:
        return Finding.fault("broker", str(error))
    except OSError as error:
        why = reasons.of_network(error, encrypted=config.broker.ca is not None)
        return Finding.fault("broker", f"{where}: {why}")
    return Finding.ok("broker", f"{where} answers; the unit runs and has the connection")


def _wait_for_refusal(connection: ssl.SSLSocket) -> None:
    """With TLS 1.3 the broker refuses a certificate after the connection was made."""
    connection.settimeout(_REFUSAL_S)
    with suppress(TimeoutError):
        if not connection.recv(1):
            raise ConnectionResetError


def sign(config: Config, *, today: date) -> Finding:
    """Checks whether the sign is up and the deployment not over; otherwise nobody is counted."""
    notice = config.notice
    if notice.sign_date > today:
        return Finding.fault(
            "sign",
            f"goes up on {notice.sign_date}: nobody is counted before",
            "if it hangs already, ask city hall for a folder with the right date",
        )
    if notice.deployment_ends and notice.deployment_ends < today:
        return Finding.fault(
            "sign", f"the deployment ended on {notice.deployment_ends}", "take the unit down"
        )
    if keys := find_examples(dataclasses.asdict(config)):
        return Finding.fault(
            "sign",
            f"{', '.join(keys)}: still the example's",
            "ask city hall for a new folder and a new sign",
        )
    ends = f", until {notice.deployment_ends}" if notice.deployment_ends else ""
    return Finding.ok("sign", f"up since {notice.sign_date}{ends}; see that it hangs there")
