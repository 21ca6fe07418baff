"""Are the three TLS files of a unit fit to be used? Standard library only.

The proof is a TLS handshake in memory: a server that trusts only `ca.crt` asks the
unit for its certificate, as the broker will. So chain, dates and purpose are judged
by OpenSSL itself.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from maskcam.messages import say

DAY_S = 86400
SOON_DAYS = 30

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, from include/openssl/x509_vfy.h; Python has no name for it.
_NO_CHECK_TIME = 0x200000

# OpenSSL's X509_V_ERR_* codes, from include/openssl/x509_vfy.h.
_VERDICTS = {
    7: "client.crt was changed or its signature is wrong; get a new one from city hall",
    9: "client.crt is not valid yet by this machine's date, {today}; set the date",
    10: "client.crt has expired by this machine's date, {today}; "
    "set the date if it is wrong, or get a new one from city hall",
    18: "client.crt is self-signed, not issued by ca.crt; get both from the same city hall",
    19: "client.crt was not issued by ca.crt; get both files from the same city hall",
    20: "client.crt was not issued by ca.crt; get both files from the same city hall",
    26: "client.crt is not made for a client; ask city hall for a unit's certificate",
}


class TlsFiles(NamedTuple):
    """The authority's certificate, the unit's certificate and its private key (all PEM)."""

    ca: Path
    certificate: Path
    key: Path


class Report(NamedTuple):
    """Faults (a line each, with what to do) and the days until the first of both expires."""

    faults: list[str]
    days_left: float | None


def examine(files: TlsFiles, *, unit: str | None, today: date | None) -> Report:
    """Examines the files as the broker would.

    Args:
        files: the three files.
        unit: the name that the certificate must bear (its common name); None: any.
        today: by this machine's clock; None where that is not set: then no date is judged.
    """
    dates = today is not None
    faults = [
        fault
        for fault in (
            _pem_fault(files.ca, "ca.crt", ["CERTIFICATE"]),
            _pem_fault(files.certificate, "client.crt", ["CERTIFICATE"]),
            _pem_fault(
                files.key, "client.key", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]
            ),
        )
        if fault
    ]
    if faults:
        return Report(faults, None)
    authority = _authority_expiry(files.ca, today=today)
    if isinstance(authority, str):
        return Report([authority], None)
    fault = _pair_fault(files)
    if fault:
        return Report([fault], None)
    certificate = _accepted_certificate(files, today=today)
    if isinstance(certificate, str):
        return Report([certificate], None)
    expiry = min(authority, ssl.cert_time_to_seconds(certificate["notAfter"]))
    names = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    if unit is not None and unit not in names:
        faults.append(
            say(
                'client.crt is the certificate of "{names}", but the unit is "{unit}"; '
                "use the folder that was made for this unit",
                names=", ".join(names),
                unit=unit,
            )
        )
    return Report(faults, (expiry - time.time()) / DAY_S if dates else None)


def _pem_fault(path: Path, name: str, kinds: list[str]) -> str | None:
    try:
        text = path.read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        return say("{name} is missing; copy the whole folder from city hall again", name=name)
    except OSError as error:
        return say(
            "{name} cannot be read ({why}); copy the folder again", name=name, why=error.strerror
        )
    if not text.strip():
        return say("{name} is empty; copy the folder from city hall again", name=name)
    if "ENCRYPTED" in text:
        return say(
            "{name} is locked with a passphrase, which a unit cannot type; ask for one without",
            name=name,
        )
    if not any(f"-----BEGIN {kind}-----" in text for kind in kinds):
        if "PRIVATE KEY-----" in text:
            return say(
                "{name} holds a private key instead of a certificate; the files are mixed up",
                name=name,
            )
        if "CERTIFICATE-----" in text:
            return say(
                "{name} holds a certificate instead of a private key; the files are mixed up",
                name=name,
            )
        return say("{name} is not a PEM file; copy the folder from city hall again", name=name)
    return None


def _authority_expiry(ca: Path, *, today: date | None) -> float | str:
    """Returns when the authority expires (seconds since 1970), or a fault."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        return say("ca.crt is damaged; copy the folder from city hall again")
    authorities = context.get_ca_certs()
    if not authorities:
        return say("ca.crt is not the certificate of an authority; the files are mixed up")
    expiry = max(ssl.cert_time_to_seconds(_text(entry["notAfter"])) for entry in authorities)
    if today is not None and expiry < time.time():
        return say(
            "ca.crt has expired by this machine's date, {today}; set the date if it is wrong, or "
            "city hall must make a new authority and new certificates",
            today=today,
        )
    return expiry


def _pair_fault(files: TlsFiles) -> str | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return say("client.key does not belong to client.crt; copy both from city hall again")
        if error.reason in {"EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"}:
            return say("client.crt uses a key or signature that is too weak; ask for a new one")
        return say("client.crt or client.key is damaged; copy the folder from city hall again")
    return None


def _accepted_certificate(files: TlsFiles, *, today: date | None) -> dict[str, Any] | str:
    """Returns the unit's certificate as a server that trusts `ca` sees it, or a fault."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    if today is None:
        server.verify_flags = ssl.VerifyFlags(server.verify_flags | _NO_CHECK_TIME)
    server.load_verify_locations(files.ca)
    server.load_cert_chain(files.certificate, files.key)  # any will do: nobody looks at it
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE  # both ends are here; only the server judges
    client.load_cert_chain(files.certificate, files.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = server.wrap_bio(to_server, to_client, server_side=True)
    answering = client.wrap_bio(to_client, to_server)
    try:
        pending: list[Callable[[], None]] = [answering.do_handshake, asking.do_handshake]
        for _ in range(8):
            pending = [step for step in pending if not _finished(step)]
            if not pending:
                break
    except ssl.SSLCertVerificationError as error:
        refused = "client.crt is refused: {why}; ask city hall for a new one"
        verdict = _VERDICTS.get(error.verify_code, refused)
        return say(verdict, today=today, why=error.verify_message)
    except ssl.SSLError as error:
        return say(
            "client.crt cannot be used ({why}); ask city hall for a new one", why=error.reason
        )
    certificate = asking.getpeercert()
    assert certificate, "a server that requires a certificate has one"
    return dict(certificate)


def _finished(handshake: Callable[[], None]) -> bool:
    try:
        handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _text(value: object) -> str:
    assert isinstance(value, str)
    return value
