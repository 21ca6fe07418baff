"""Sends short messages out of the house: by e-mail (SMTP), or to a webhook (HTTP)."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Protocol

from maskcam.cityhall.settings import NotifySection
from maskcam.errors import ConfigError, DeliveryError

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message. `facts` are for programs; `pdf` is attached, with its name."""

    subject: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    pdf: tuple[str, bytes] | None = None


class Channel(Protocol):
    """Where letters go."""

    name: str

    def send(self, letter: Letter) -> None:
        """Sends a letter.

        Raises:
            DeliveryError: it was not taken; the text says why.
        """


class Mail:
    """Sends letters by SMTP, to all who are named, in one message."""

    name = "mail"

    def __init__(self, notify: NotifySection) -> None:
        self._notify = notify

    def send(self, letter: Letter) -> None:
        """See `Channel.send`."""
        notify = self._notify
        message = EmailMessage()
        message["Subject"] = letter.subject
        message["From"] = notify.email_from
        message["To"] = ", ".join(notify.email_to)
        message["Date"] = formatdate(localtime=True)
        message["Message-ID"] = make_msgid(domain=notify.email_from.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        if letter.pdf is not None:
            name, body = letter.pdf
            message.add_attachment(body, maintype="application", subtype="pdf", filename=name)
        try:
            with self._connected() as server:
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            place = f"{notify.smtp_host} port {notify.smtp_port}"
            raise DeliveryError(f"e-mail: {place}: {_in_a_line(error)}") from error

    def _connected(self) -> smtplib.SMTP:
        notify, context = self._notify, ssl.create_default_context()
        host, port = notify.smtp_host, notify.smtp_port
        server: smtplib.SMTP
        if notify.smtp_security == "tls":
            server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        try:
            if notify.smtp_security == "starttls":
                server.starttls(context=context)
            if notify.smtp_user:
                server.login(notify.smtp_user, self._password())
        except BaseException:
            server.close()
            raise
        return server

    def _password(self) -> str:
        file = self._notify.smtp_password_file
        if file is None:
            raise ConfigError("[notify] smtp_user needs smtp_password_file")
        try:
            return file.read_text("utf-8").strip()
        except OSError as error:
            raise ConfigError(f"[notify] smtp_password_file: {file}: {error.strerror}") from error


class Webhook:
    """Posts letters as JSON: ``text`` as chat programs take it, and what is for programs."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, letter: Letter) -> None:
        """See `Channel.send`."""
        body = {"text": f"{letter.subject}\n{letter.text}", **letter.facts}
        request = urllib.request.Request(  # noqa: S310 - the configuration lets https pass only
            self._url,
            data=json.dumps(body, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "maskcam-cityhall"},
        )
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S):
                pass
        except urllib.error.HTTPError as error:
            with error:  # the address may hold a secret: it is in no message
                raise DeliveryError(f"webhook: it answers {error.code}") from None
        except OSError as error:
            raise DeliveryError(f"webhook: {_in_a_line(error)}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was meant for one server goes to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler())


def channels(notify: NotifySection) -> list[Channel]:
    """Returns the channels that are set up."""
    found: list[Channel] = []
    if notify.email_to:
        found.append(Mail(notify))
    if notify.webhook:
        found.append(Webhook(notify.webhook))
    return found


def _in_a_line(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return " ".join(str(reason).split())[:200] or type(error).__name__
