"""What can be wrong with a provisioning folder, and what the technician reads then."""

from __future__ import annotations

from pathlib import Path

from cryptography.x509.oid import ExtendedKeyUsageOID

from .conftest import issue

SCRIPT = Path(__file__).parents[2] / "scripts" / "setup-unit"


def edit(folder, old, new):
    path = folder / "maskcam.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def give(folder, issued, *, key=True):
    (folder / "client.crt").write_bytes(issued.pem)
    if key:
        (folder / "client.key").write_bytes(issued.key_pem())


FOLDER_FAULTS = {
    "no toml": (lambda f, ca: (f / "maskcam.toml").unlink(), "maskcam.toml is missing"),
    "no ca": (lambda f, ca: (f / "ca.crt").unlink(), "ca.crt is missing"),
    "no certificate": (lambda f, ca: (f / "client.crt").unlink(), "client.crt is missing"),
    "no key": (lambda f, ca: (f / "client.key").unlink(), "client.key is missing"),
    "empty key": (lambda f, ca: (f / "client.key").write_bytes(b""), "client.key is empty"),
    "huge file": (lambda f, ca: (f / "ca.crt").write_bytes(b"x" * 70_000), "over 64 KiB"),
    "authority's key": (
        lambda f, ca: (f / "ca.key").write_bytes(ca.key_pem()),
        "ca.key holds a private key that is not this unit's",
    ),
    "not utf-8": (
        lambda f, ca: (f / "maskcam.toml").write_bytes(b"\xff\xfe[unit]"),
        "not a text file in UTF-8",
    ),
    "not toml": (lambda f, ca: edit(f, "[unit]", "[unit"), "a section is written [name]"),
    "unknown section": (lambda f, ca: edit(f, "[lamp]", "[lamps]"), "[lamps]: is not a known key"),
    "unknown key": (lambda f, ca: edit(f, "# port", "prot"), "prot: is not a known key; did you"),
    "key outside of a section": (
        lambda f, ca: (edit(f, "[unit]", "lamp = 3\n[unit]"), edit(f, "\n[lamp]\n", "\n")),
        "[lamp]: must be a section",
    ),
    "no controller": (
        lambda f, ca: edit(f, "controller", "# controller"),
        "[notice] controller: is missing",
    ),
    "no sign date": (
        lambda f, ca: edit(f, "sign_date", "# sign_date"),
        "[notice] sign_date: is missing",
    ),
    "quoted date": (
        lambda f, ca: edit(f, "sign_date = 2026-05-01", 'sign_date = "2026-05-01"'),
        "write a date without quotes",
    ),
    "quoted last day": (
        lambda f, ca: edit(f, "# deployment_ends = 2026-12-31", 'deployment_ends = "2026-12-31"'),
        "[notice] deployment_ends = '2026-12-31': write a date without quotes",
    ),
    "blank contact": (
        lambda f, ca: edit(f, '"masques@cannes.test"', '"   "'),
        "[notice] contact = '   ': is empty",
    ),
    "host is a number": (
        lambda f, ca: edit(f, '"mqtt.cannes.test"', "5"),
        "[broker] host = 5: write a text in quotes",
    ),
    "over": (
        lambda f, ca: (
            edit(f, "# deployment_ends = 2026", "deployment_ends = 2021"),
            edit(f, "sign_date = 2026", "sign_date = 2021"),
        ),
        "deployment_ends = 2021-12-31: is over",
    ),
    "id with a slash": (lambda f, ca: edit(f, '"forville-01"', '"forville/01"'), "[unit] id"),
    "site with a space": (lambda f, ca: edit(f, '"forville"', '"le marché"'), "[unit] site"),
    "default id": (
        lambda f, ca: edit(f, '"forville-01"', '"unconfigured"'),
        "the image's default id: give the unit its own",
    ),
    "number out of range": (
        lambda f, ca: edit(f, "# field_of_view_deg = 66 ", "field_of_view_deg = 6 "),
        "[camera] field_of_view_deg = 6: use a number from 10 to 160",
    ),
    "number in quotes": (
        lambda f, ca: edit(f, "# fps = 30 ", 'fps = "30" '),
        "[camera] fps = '30': write the number without quotes",
    ),
    "address of the example": (
        lambda f, ca: edit(f, "masques@cannes.test", "masques@example.org"),
        "[notice] contact: still the example's; write the city's own",
    ),
    "broker of the example": (
        lambda f, ca: edit(f, "mqtt.cannes.test", "mqtt.example.org"),
        "[broker] host: still the example's",
    ),
    "French date": (
        lambda f, ca: edit(f, "sign_date = 2026-05-01", "sign_date = 01/05/2026"),
        "dates are written 2026-11-01, without quotes",
    ),
    "curly quotes": (
        lambda f, ca: edit(f, '"forville-01"', "\u201cforville-01\u201d"),
        "use straight quotes",
    ),
    "certificate elsewhere": (
        lambda f, ca: edit(f, '"client.crt"', '"/etc/client.crt"'),
        '[broker] certificate: must be "client.crt"',
    ),
    "in the clear": (
        lambda f, ca: edit(f, "# insecure = false", "insecure = true"),
        "sent in the clear",
    ),
    "wrong authority": (
        lambda f, ca: (f / "ca.crt").write_bytes(issue("Another", authority=True).pem),
        "client.crt was not issued by ca.crt",
    ),
    "ca is no authority": (
        lambda f, ca: (f / "ca.crt").write_bytes((f / "client.crt").read_bytes()),
        "ca.crt is not the certificate of an authority",
    ),
    "ca damaged": (
        lambda f, ca: (f / "ca.crt").write_bytes(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        ),
        "ca.crt is damaged",
    ),
    "expired authority": (
        lambda f, ca: (f / "ca.crt").write_bytes(
            issue("Old", authority=True, valid_from_days=-9, valid_to_days=-1).pem
        ),
        "ca.crt has expired",
    ),
    "expired certificate": (
        lambda f, ca: give(
            f, issue("forville-01", by=ca, valid_from_days=-9, valid_to_days=-1)
        ),
        "client.crt has expired",
    ),
    "not valid yet": (
        lambda f, ca: give(f, issue("forville-01", by=ca, valid_from_days=2)),
        "client.crt is not valid yet",
    ),
    "another unit's": (
        lambda f, ca: give(f, issue("forville-02", by=ca)),
        'the certificate of "forville-02", but the unit is "forville-01"',
    ),
    "a server's": (
        lambda f, ca: give(
            f, issue("forville-01", by=ca, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
        ),
        "client.crt is not made for a client",
    ),
    "self-signed": (
        lambda f, ca: give(f, issue("forville-01")),
        "client.crt is self-signed",
    ),
    "another key": (
        lambda f, ca: give(f, issue("forville-01", by=ca), key=False),
        "client.key does not belong to client.crt",
    ),
    "locked key": (
        lambda f, ca: (f / "client.key").write_bytes(ca.key_pem(passphrase=b"secret")),
        "client.key is locked with a passphrase",
    ),
    "key and certificate mixed up": (
        lambda f, ca: (f / "client.crt").write_bytes((f / "client.key").read_bytes()),
        "client.crt holds a private key instead of a certificate",
    ),
    "key is no pem": (
        lambda f, ca: (f / "client.key").write_bytes(b"\x30\x82\x01\x02"),
        "client.key is not a PEM file",
    ),
    "key cut": (
        lambda f, ca: (f / "client.key").write_bytes((f / "client.key").read_bytes()[:90]),
        "client.crt or client.key is damaged",
    ),
}  # fmt: skip
