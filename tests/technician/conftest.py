"""A small certificate authority of the tests' own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from maskcam import config

# The example with names that are a city's own.
CITY = config.example().replace("example.org", "cannes.test").replace("d'Exemple", "de Cannes")

PEM = serialization.Encoding.PEM


class Issued(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    def key_pem(self, *, passphrase: bytes | None = None) -> bytes:
        lock = (
            serialization.BestAvailableEncryption(passphrase)
            if passphrase
            else serialization.NoEncryption()
        )
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock)


def issue(
    name: str,
    *,
    by: Issued | None = None,
    authority: bool = False,
    valid_from_days: float = -1,
    valid_to_days: float = 365,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    host: str | None = None,
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    issuer_key = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid_from_days))
        .not_valid_after(now + timedelta(days=valid_to_days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if authority:
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if host:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
    return Issued(builder.sign(issuer_key, hashes.SHA256()), key)


@pytest.fixture(scope="session")
def authority() -> Issued:
    return issue("City authority", authority=True)


@pytest.fixture(scope="session")
def unit_certificate(authority) -> Issued:
    return issue("forville-01", by=authority)


@pytest.fixture
def folder(tmp_path: Path, authority: Issued, unit_certificate: Issued) -> Path:
    """A provisioning folder as city hall makes it."""
    path = tmp_path / "forville-01"
    path.mkdir()
    (path / "maskcam.toml").write_text(CITY, encoding="utf-8")
    (path / "ca.crt").write_bytes(authority.pem)
    (path / "client.crt").write_bytes(unit_certificate.pem)
    (path / "client.key").write_bytes(unit_certificate.key_pem())
    return path


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A flashed card's first partition, with what an earlier set-up left on it."""
    path = tmp_path / "card"
    (path / "maskcam").mkdir(parents=True)
    (path / "config.txt").write_text("arm_64bit=1\n")
    (path / "cmdline.txt").write_text("console=tty1\n")
    (path / "maskcam" / "maskcam.toml").write_text("# the one before\n")
    return path
