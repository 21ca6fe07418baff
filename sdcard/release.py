"""What is handed on: the compressed image, its checksum, signature and list of contents."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdcard.steps import BuildError, run


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the certificate that the units trust (both PEM)."""

    key: Path
    certificate: Path

    @classmethod
    def throw_away(cls, folder: Path) -> SigningKey:
        """Returns a key for trials, made once per folder."""
        made = cls(folder / "throw-away.key", folder / "throw-away.crt")
        if not made.key.exists():
            folder.mkdir(parents=True, exist_ok=True)
            run(
                "openssl", "req", "-x509", "-newkey", "rsa:3072", "-noenc", "-days", "3650",
                "-subj", "/CN=maskcam images, not for use on a pole",
                "-keyout", made.key, "-out", made.certificate,
            )  # fmt: skip
            made.key.chmod(0o600)
        return made

    def fault(self) -> str | None:
        """Returns why the pair cannot be used, or None."""
        try:
            of_key = run("openssl", "pkey", "-in", self.key, "-pubout", stdin=b"")
            of_certificate = run("openssl", "x509", "-in", self.certificate, "-noout", "-pubkey")
        except BuildError:
            return f"{self.key}, {self.certificate}: not a private key and a certificate (PEM)"
        if of_key != of_certificate:
            return f"{self.certificate} was not made for the key {self.key}"
        try:  # as RAUC judges it on the units
            run(
                "openssl", "verify", "-purpose", "smimesign", "-CAfile", self.certificate,
                self.certificate,
            )  # fmt: skip
        except BuildError as error:
            why = str(error).partition("lookup: ")[2].partition(" | ")[0]
            return f"{self.certificate}: the units would refuse it: {why}; see docs/image.md"
        return None


def compress(image: Path, output: Path) -> None:
    """Writes the image in the form that card writers take."""
    run("zstd", "-3", "-T0", "--quiet", "--force", image, "-o", output)


def sign(file: Path, key: SigningKey) -> str:
    """Writes FILE.sha256 and its signature FILE.sha256.sig; returns the checksum."""
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while block := data.read(1 << 20):
            digest.update(block)
    checksum = file.with_name(f"{file.name}.sha256")
    checksum.write_text(f"{digest.hexdigest()}  {file.name}\n")
    signature = checksum.with_name(f"{checksum.name}.sig")
    run("openssl", "dgst", "-sha256", "-sign", key.key, "-out", signature, checksum)
    return digest.hexdigest()


def list_contents(root: Path, output: Path, *, epoch: int) -> int:
    """Writes what is in the root, with versions and licences (CycloneDX); returns how many."""
    syft = Path(sys.executable).with_name("syft")
    listed = run(
        syft, "scan", f"dir:{root}", "--quiet", "--output", "cyclonedx-json",
        "--base-path", root, "--source-name", "maskcam",
        environment={"SYFT_CHECK_FOR_APP_UPDATE": "false"},
    )  # fmt: skip
    document: dict[str, Any] = json.loads(listed)
    # The same root gives the same list: its number and time come from its content.
    document.pop("serialNumber", None)
    document["metadata"]["component"]["bom-ref"] = "maskcam"
    document["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, UTC).isoformat()
    packages = [part for part in document.get("components", []) if part.get("type") == "library"]
    for part in packages:
        part.pop("properties", None)  # a page of guesses under which names it may be known
    document["components"] = sorted(packages, key=lambda part: (part["name"], part["version"]))
    document.pop("dependencies", None)
    output.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return len(packages)
