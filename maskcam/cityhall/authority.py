"""A small certificate authority: one root, one certificate a unit, and a list of revoked ones."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from maskcam.errors import UsageError

ROOT_DAYS = 3650
"""All certificates end with the root: nothing runs out alone, and the list takes one back."""
CRL_DAYS = 3650
"""A list that ran out would lock out every unit; it is made anew whenever it changes."""
_SKEW = timedelta(days=1)


class Authority:
    """The authority in `directory`: ``ca.key``, ``ca.crt``, ``revoked.crl``, ``issued/``.

    Raises:
        UsageError: it is not there, or cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            self._key = serialization.load_pem_private_key(
                (directory / "ca.key").read_bytes(), password=None
            )
            self._root = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{directory}: no certificate authority here; run: maskcam cityhall init"
            ) from error
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)

    @classmethod
    def create(cls, directory: Path, *, city: str) -> Authority:
        """Makes a new authority; its key is readable by its owner alone.

        Raises:
            UsageError: there is one already.
        """
        if (directory / "ca.key").exists():
            raise UsageError(f"{directory}: has a certificate authority already; it is kept")
        (directory / "issued").mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, city[:64]),
                x509.NameAttribute(NameOID.COMMON_NAME, "maskcam units"),
            ]
        )
        root = (
            _builder(
                name, name, key.public_key(), end=datetime.now(UTC) + timedelta(days=ROOT_DAYS)
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        write_secret(directory / "ca.key", _key_pem(key))
        (directory / "ca.crt").write_bytes(_pem(root))
        authority = cls(directory)
        authority._write_list([])
        return authority

    @property
    def root(self) -> Path:
        """The root certificate."""
        return self.directory / "ca.crt"

    @property
    def revoked_list(self) -> Path:
        """The list of revoked certificates."""
        return self.directory / "revoked.crl"

    def issued(self, name: str) -> bool:
        """Whether `name` has a certificate that was not revoked."""
        return (self.directory / "issued" / f"{name}.crt").exists()

    def issue_client(self, name: str, *, certificate: Path, key: Path) -> None:
        """Writes a certificate and key by which `name` shows the broker who it is.

        Raises:
            UsageError: the name has one already.
        """
        if self.issued(name):
            raise UsageError(f"{name}: has a certificate already; revoke it first")
        self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, certificate, key, hosts=())
        (self.directory / "issued" / f"{name}.crt").write_bytes(certificate.read_bytes())

    def issue_server(self, hosts: Sequence[str], *, certificate: Path, key: Path) -> None:
        """Writes a certificate and key for a server that is reached by these names."""
        self._issue(hosts[0], ExtendedKeyUsageOID.SERVER_AUTH, certificate, key, hosts=hosts)

    def revoke(self, name: str) -> None:
        """Puts the certificate of `name` on the list.

        Raises:
            UsageError: it has none.
        """
        path = self.directory / "issued" / f"{name}.crt"
        if not path.exists():
            raise UsageError(f"{name}: has no certificate; check the unit's id")
        serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
        revoked = x509.RevokedCertificateBuilder().serial_number(serial)
        now = datetime.now(UTC)
        entry = revoked.revocation_date(now).build()
        self._write_list([*self._read_list(), entry])
        path.rename(path.with_suffix(f".revoked-{serial:x}"))

    def _issue(
        self,
        name: str,
        use: x509.ObjectIdentifier,
        certificate: Path,
        key_file: Path,
        *,
        hosts: Sequence[str],
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            _builder(
                subject, self._root.subject, key.public_key(), end=self._root.not_valid_after_utc
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._signer, hashes.SHA256())
        write_secret(key_file, _key_pem(key))
        certificate.write_bytes(_pem(signed))

    @property
    def _signer(self) -> ec.EllipticCurvePrivateKey:
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        return self._key

    def _read_list(self) -> list[x509.RevokedCertificate]:
        return list(x509.load_pem_x509_crl(self.revoked_list.read_bytes()))

    def _write_list(self, entries: Sequence[x509.RevokedCertificate]) -> None:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._root.subject)
        builder = builder.last_update(now - _SKEW).next_update(now + timedelta(days=CRL_DAYS))
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        fresh = self.revoked_list.with_suffix(".new")
        fresh.write_bytes(_pem(builder.sign(self._signer, hashes.SHA256())))
        fresh.replace(self.revoked_list)


def write_secret(path: Path, content: bytes) -> None:
    """Writes a new file that only its owner can read.

    Raises:
        UsageError: it exists, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, end: datetime
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(end)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(item: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return item.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
