"""A throwaway CA for tests; keys never leave the test's own folder."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
VALID = (-DAY, DAY)
EXPIRED = (-2 * DAY, -DAY)


class Authority:
    """Makes certificates and a revocation list below `directory`."""

    def __init__(self, directory: Path, *, name: str = "Test CA"):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(self._name, self._name, self._key.public_key(), VALID)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, True)
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = builder.add_extension(own, False)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.ca = directory / "ca.crt"
        self.ca.write_bytes(_pem(self._certificate))

    def server(self, *, host: str = "localhost", valid=VALID, name: str = "server"):
        """Returns the paths of a certificate for `host` (a name or an address) and its key."""
        try:
            place: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            place = x509.DNSName(host)
        names = x509.SubjectAlternativeName([place])
        return self._issue(name, host, valid, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, unit: str, *, valid=VALID):
        """Returns the paths of a unit's certificate and key."""
        return self._issue(unit, unit, valid, ExtendedKeyUsageOID.CLIENT_AUTH)

    def revoke(self, *certificates: Path) -> Path:
        """Returns a revocation list with these certificates."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - DAY).next_update(now + DAY)
        for path in certificates:
            serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial)
            builder = builder.add_revoked_certificate(revoked.revocation_date(now).build())
        path = self.directory / "revoked.crl"
        path.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        return path

    def _issue(self, file: str, common_name: str, valid, usage, *extensions):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(common_name), self._name, key.public_key(), valid)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        # Python 3.13 takes no certificate that does not say which key has signed it.
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(signer, False)
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        certificate = builder.sign(self._key, hashes.SHA256())
        paths = self.directory / f"{file}.crt", self.directory / f"{file}.key"
        paths[0].write_bytes(_pem(certificate))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths


def _builder(subject, issuer, public_key, valid):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(thing) -> bytes:
    return thing.public_bytes(serialization.Encoding.PEM)
