"""Why a broker cannot be reached or refuses, in words that say what to do.

Reason codes: MQTT 5.0 (OASIS, 2019), table 2-6. Certificate codes: OpenSSL,
`X509_V_ERR_*` of x509_vfy.h.
"""

from __future__ import annotations

import socket
import ssl

NO_SUBSCRIBERS = 0x10
FAILURE = 0x80

_BROKER = {
    NO_SUBSCRIBERS: "nobody subscribes to this unit's counts yet; start the collector at city hall",
    0x80: "the broker gave no reason; look into its log",
    0x81: "the broker could not read what was sent; is it an MQTT broker?",
    0x82: "the broker saw a protocol error; look into its log",
    0x83: "the broker does not take this; look into its log",
    0x84: 'the broker does not speak this version of MQTT; set protocol = "3.1.1"',
    0x85: "the broker does not take this unit's id as client id",
    0x86: "the broker refuses user, password or certificate",
    0x87: "this unit is not allowed to; check the broker's access list and this unit's certificate",
    0x88: "the broker is not available now",
    0x89: "the broker is busy",
    0x8A: "the broker has banned this unit",
    0x8B: "the broker is shutting down",
    0x8C: "the broker wants another method of authentication",
    0x8D: "the broker had not heard from this unit for too long",
    0x8E: "another client came with this unit's id: give every unit its own",
    0x90: "the broker does not take this topic",
    0x93: "too many messages at once for the broker",
    0x95: "the message is too large for the broker",
    0x96: "too many messages in a short time for the broker",
    0x97: "a quota of the broker is used up; look into its log",
    0x99: "the broker does not take this payload",
    0x9A: "the broker does not keep messages (retain); switch it on",
    0x9B: "the broker does not take QoS 1; switch it on",
    0x9C: "the broker says to use another one",
    0x9D: "the broker has moved",
    0x9F: "too many connections in a short time for the broker",
}
_CERTIFICATE = {
    9: "is not valid yet: check this unit's clock",
    10: "has expired: renew it on the broker (or check this unit's clock)",
    18: "was signed by itself, not by the CA of this unit: check ca",
    19: "was signed by another CA than this unit's: check ca",
    20: "was signed by another CA than this unit's: check ca",
    62: "is made out to another name: check host",
    64: "is made out to another address: check host",
}
_ALERTS = {
    "CERTIFICATE_REQUIRED": "the broker wants a client certificate",
    "CERTIFICATE_EXPIRED": "this unit's certificate has expired: renew it",
    "CERTIFICATE_REVOKED": "this unit's certificate was revoked: get a new one",
    "UNKNOWN_CA": "the broker does not know the CA of this unit's certificate",
    "BAD_CERTIFICATE": "the broker does not take this unit's certificate",
    "CERTIFICATE_UNKNOWN": "the broker does not take this unit's certificate",
    "WRONG_VERSION_NUMBER": "the broker speaks no TLS on this port: check port",
    "PROTOCOL_VERSION": "the broker speaks no TLS 1.2 or newer: update it",
}


def of_broker(code: int) -> str:
    """Returns what a reason code of MQTT 5 means."""
    return _BROKER.get(code, f"the broker refuses (reason code {code:#04x}); look into its log")


def of_network(error: Exception, *, encrypted: bool) -> str:
    """Returns why a connection could not be made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _CERTIFICATE.get(error.verify_code, f"is not trusted ({error.verify_message})")
        return f"the broker's certificate {words}"
    ended = isinstance(error, (ConnectionError, EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError))
    if ended and not isinstance(error, ConnectionRefusedError):
        hint = ": does it speak TLS on this port?" if encrypted else ""
        return f"the broker closed the connection at once{hint}"
    if isinstance(error, ssl.SSLError):
        return of_alert(str(error)) or f"TLS failed ({error.reason or error})"
    if isinstance(error, socket.gaierror):
        return "the name of the broker cannot be resolved: check host and the network"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there: is the broker running, is port right?"
    if isinstance(error, TimeoutError):
        return "no answer in time: check the network and the firewall"
    if isinstance(error, OSError) and error.strerror:
        return f"the network failed ({error.strerror})"
    return f"{type(error).__name__}: {error}"


def of_alert(text: str) -> str:
    """Returns what a TLS alert inside an error text means, or an empty string."""
    name = text.upper().replace(" ", "_")
    return next((words for alert, words in _ALERTS.items() if alert in name), "")
