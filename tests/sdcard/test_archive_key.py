"""A key that apt of Debian 13 would refuse is refused before the build begins."""

from __future__ import annotations

import base64

import pytest

from sdcard import archive_key

SHA1, SHA512 = 2, 10
A_NAME, A_SUBKEY = 0x13, 0x18


def packet(tag: int, body: bytes, *, old: bool = False) -> bytes:
    """Returns a packet with its head, in the old format of gpg or in the new one."""
    if old:
        return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2) + body
    if len(body) < 192:
        return bytes([0xC0 | tag, len(body)]) + body
    if len(body) < 8384:
        return bytes([0xC0 | tag]) + (len(body) - 192 + 0xC000).to_bytes(2) + body
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4) + body


def key(*signatures: tuple[int, int], old: bool = False, numbers: int = 260) -> bytes:
    """Returns a public key with a name, and signatures of a type by a hash algorithm each."""
    parts = [packet(6, bytes(numbers), old=old), packet(13, b"Archive", old=old)]
    for kind, digest in signatures:
        parts.append(packet(2, bytes([4, kind, 1, digest]) + bytes(numbers), old=old))
    return b"".join(parts)


def armoured(data: bytes, end: str = "\n") -> bytes:
    text = base64.encodebytes(data).decode()
    lines = ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "Comment: of the archive", "", *text.split()]
    return end.join([*lines, "=abcd", "-----END PGP PUBLIC KEY BLOCK-----", ""]).encode()


OF_2012 = key((A_NAME, SHA1), (A_SUBKEY, SHA512))  # what a subkey is bound by does not matter
OF_2025 = key((A_NAME, SHA1), (A_NAME, SHA512))


@pytest.mark.parametrize(
    "data",
    [
        OF_2025,
        key((A_NAME, SHA512), old=True),
        key((A_NAME, SHA512), numbers=100),
        key((A_NAME, SHA512), numbers=9000),
        armoured(OF_2025),
        armoured(OF_2025, end="\r\n"),
        armoured(OF_2012) + armoured(OF_2025),
    ],
)
def test_a_key_bound_by_more_than_sha1_is_taken(data, tmp_path):
    path = tmp_path / "archive.gpg"
    path.write_bytes(data)
    assert archive_key.fault(path) is None


@pytest.mark.parametrize("data", [OF_2012, key((A_NAME, SHA1), old=True), armoured(OF_2012)])
def test_a_key_bound_by_sha1_only_is_refused(data, tmp_path):
    path = tmp_path / "archive.gpg"
    path.write_bytes(data)
    assert "raspberrypi-archive-keyring 2025" in (archive_key.fault(path) or "")


@pytest.mark.parametrize(
    "data", [b"", b"Not Found\n", OF_2025[:-9], key(), b"\xc6\xe1", armoured(b"no packet")]
)
def test_what_is_no_key_is_refused(data, tmp_path):
    path = tmp_path / "archive.gpg"
    path.write_bytes(data)
    assert (archive_key.fault(path) or "").endswith("no OpenPGP public key")
