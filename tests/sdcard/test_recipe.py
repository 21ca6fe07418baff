"""What of the image's recipe can be checked without building it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdcard import boot, bundle, coral, disk, host, options, root, steps
from sdcard.options import SUFFIX
from sdcard.packages import COMMON_PACKAGES
from sdcard.profiles import CI, FIELD, PROFILES
from sdcard.release import SigningKey
from sdcard.sealed import Sealed

ROOT = Path(__file__).parents[2]
PACKED = Sealed(Path("root.img"), "ab" * 32, 4096 * 1000)
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl (apt install openssl)"
)


@pytest.fixture
def ready(monkeypatch):
    """A machine on which an image could be built."""
    monkeypatch.setattr(host, "faults", list)
    monkeypatch.setattr(host, "archive_fault", lambda url, suite: None)
    monkeypatch.setattr(host, "debian_archives", lambda mirror: [("http://debian.test", "trixie")])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def faults(*arguments: str) -> list[str]:
    with pytest.raises(steps.BuildError) as error:
        options.read(list(arguments))
    return str(error.value).splitlines()


def test_the_partition_table_is_one_that_every_boot_rom_reads():
    lines = [line for line in disk.table().splitlines() if line.startswith("start")]
    assert "label: dos" in disk.table()
    assert len(lines) == 4
    assert "type=c" in lines[0]
    assert "bootable" in lines[0]


def test_partitions_lie_behind_each_other_and_begin_on_whole_mebibytes():
    at_mib = 1
    for part in disk.PARTITIONS:
        assert part.start_mib == at_mib
        at_mib += part.size_mib
    assert at_mib == disk.CARD_MIB < 1024  # the smallest card that is sold holds it


def test_the_units_on_the_card_know_the_partitions():
    data = (ROOT / "systemd/maskcam-data.service").read_text()
    assert f"/dev/disk/by-partuuid/{disk.DATA.uuid}" in data
    assert disk.DATA.uuid.replace("-", r"\x2d") in data
    assert disk.BOOT.uuid in (ROOT / "systemd/boot-firmware.mount").read_text()


@pytest.mark.skipif(
    shutil.which("sfdisk", path="/usr/sbin:/sbin") is None,
    reason="needs sfdisk (apt install fdisk)",
)
def test_a_card_is_put_together(tmp_path):
    (tmp_path / "boot").write_bytes(b"BOOT" * 1024)
    (tmp_path / "root").write_bytes(b"ROOT" * 1024)
    card = tmp_path / "card"
    disk.put_together(card, boot=tmp_path / "boot", root=tmp_path / "root")
    content = card.read_bytes()
    assert content[510:512] == b"\x55\xaa"
    assert content[450] == 0x0C
    assert content[disk.BOOT.start_mib * disk.MIB :].startswith(b"BOOT")
    assert content[disk.ROOT_A.start_mib * disk.MIB :] == b"ROOT" * 1024
    data = disk.DATA.start_mib * disk.MIB
    assert not content[data : data + disk.MIB].strip(b"\0")


def test_a_root_that_is_too_large_is_refused(tmp_path):
    with (tmp_path / "root").open("wb") as file:
        file.truncate(disk.ROOT_MIB * disk.MIB + 1)
    with pytest.raises(steps.BuildError, match="leave packages out"):
        disk.put_together(tmp_path / "card", boot=tmp_path / "root", root=tmp_path / "root")


def test_the_profiles_differ_in_packages_kernel_and_camera_only():
    assert {CI.kernel, FIELD.kernel} == {"linux-image-arm64", "linux-image-rpi-v8"}
    assert "python3-picamera2" in FIELD.packages
    assert not any(re.search("ssh|getty|avahi|cups", name) for name in COMMON_PACKAGES)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
@pytest.mark.parametrize("slot", boot.SLOTS)
def test_the_firmware_can_read_its_configuration(profile, slot):
    """By the documented rules of config.txt, tryboot.txt (a copy of it) and cmdline.txt."""
    text = boot.config_txt(profile, slot)
    assert len(text) < 4096  # a Pi 5 was seen to stop at large ones
    for line in text.splitlines():
        assert len(line) <= 98  # the rest of a longer one is ignored
        # No spaces around "=", no quotes, comments on lines of their own.
        assert re.fullmatch(r"#.*|\[\w+\]|initramfs \S+ followkernel|\w+=[^\s\"#]+", line), line
    settings = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    assert settings["os_prefix"].endswith("/")  # it is put before names as it is
    assert settings["kernel"] == "vmlinuz"
    assert settings["arm_64bit"] == "1"
    assert len(boot.arguments(profile, PACKED, slot).splitlines()) == 1
    assert len(boot.arguments(profile, PACKED, slot)) < 1024  # of arm64's COMMAND_LINE_SIZE 2048


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
@pytest.mark.parametrize("slot", boot.SLOTS)
def test_what_the_firmware_is_given(profile, slot):
    settings = boot.config_txt(profile, slot).splitlines()
    assert f"os_prefix={slot}/" in settings
    arguments = boot.arguments(profile, PACKED, slot).split()
    assert f"maskcam.root={boot.SLOTS[slot].uuid}" in arguments
    assert f"maskcam.hash={PACKED.hash}" in arguments
    assert f"rauc.slot={slot}" in arguments
    assert "quiet" in arguments


def test_each_tool_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    assert host.missing_tools({"mcopy": "mtools", "mmd": "mtools", "zstd": "zstd"}) == [
        "mtools",
        "zstd",
    ]


def test_all_that_the_machine_lacks_is_listed_at_once(monkeypatch):
    monkeypatch.setattr(host, "missing_tools", lambda: ["mtools", "zstd"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = host.faults()
    assert any("sudo" in line for line in found)
    assert any("apt-get install mtools zstd" in line for line in found)


@pytest.mark.parametrize(
    "text",
    [
        "deb http://debian.test/debian bookworm main",
        "deb [arch=amd64 signed-by=/k.gpg] http://debian.test/debian/ bookworm main",
        "Types: deb\nURIs: http://debian.test/debian\nSuites: bookworm",
    ],
)
def test_the_archive_is_that_of_the_machines_own_apt(tmp_path, text):
    other = tmp_path / "other.list"
    other.write_text("# deb http://debian.test/debian\ndeb https://tools.test/apt stable main\n")
    own = tmp_path / "own"
    own.write_text(text)
    found = host.debian_archives(None, [other, own, tmp_path / "missing"])
    assert found == [
        ("http://debian.test/debian", "trixie"),
        ("http://debian.test/debian", "trixie-updates"),
    ]


def test_security_updates_come_where_apt_knows_them(tmp_path):
    own = tmp_path / "own"
    own.write_text("deb http://d.test/debian x main\ndeb http://d.test/debian-security x main\n")
    assert ("http://d.test/debian-security", "trixie-security") in host.debian_archives(None, [own])


def test_a_machine_without_an_archive_learns_how_to_name_one(tmp_path):
    with pytest.raises(steps.BuildError, match="--mirror"):
        host.debian_archives(None, [tmp_path / "nothing"])


def test_an_archive_that_cannot_be_reached_is_a_fault():
    assert "cannot be reached" in str(host.archive_fault("http://127.0.0.1:9", "trixie"))


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("name", ["maskcam.img", "maskcam.zst", SUFFIX])
def test_the_output_has_a_name_that_card_writers_know(name, tmp_path):
    assert SUFFIX in faults("--profile", "ci", "--output", str(tmp_path / name))[0]


@pytest.mark.usefixtures("ready")
def test_the_output_has_a_place(tmp_path):
    found = faults("--profile", "ci", "--output", str(tmp_path / "no/x.img.zst"))
    assert "make it first" in found[0]


@pytest.mark.usefixtures("ready")
def test_what_the_field_profile_lacks_is_one_line(tmp_path):
    found = faults("--profile", "field", "--output", str(tmp_path / "x.img.zst"))
    assert len(found) == 1
    for option in ("--pi-archive", "--pi-key", "--signing-key"):
        assert option in found[0]


def _field(tmp_path: Path, **changes: str) -> list[str]:
    files = {name: tmp_path / name for name in ("key.gpg", "sign.key", "sign.crt")}
    for path in files.values():
        path.write_text(path.name)
    values = {
        "--profile": "field",
        "--output": str(tmp_path / "x.img.zst"),
        "--pi-archive": "http://pi.test",
        "--pi-key": str(files["key.gpg"]),
        "--signing-key": str(files["sign.key"]),
        "--signing-certificate": str(files["sign.crt"]),
    } | changes
    return [word for pair in values.items() for word in pair]


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"--pi-key": "/nowhere.gpg"}, "/nowhere.gpg: no such file"),
        ({"--coral": "/nowhere/coral.toml"}, "--coral /nowhere/coral.toml: no such file"),
        ({}, "key.gpg: no OpenPGP public key"),
        ({}, "not a private key and a certificate"),
    ],
)
@needs_openssl
def test_what_is_wrong_for_the_field_is_refused(tmp_path, changes, fault):
    found = faults(*_field(tmp_path, **changes))
    assert any(fault in line for line in found), found


DEB = "libedgetpu1-std_16.0tf2.19.1-1.trixie_arm64.deb"
WHEEL = "tflite_runtime-2.19.1-cp313-cp313-linux_aarch64.whl"


class CoralFolder:
    """A coral.toml with its files, and the model that the image holds."""

    def __init__(self, folder: Path):
        self.folder, self.model = folder, folder / "maskcam.tflite"
        self.model.write_bytes(b"weights")
        self.files = {"libedgetpu": DEB, "runtime": WHEEL, "model": "maskcam_edgetpu.tflite"}
        self.tensorflow = "2.19.1"
        for name in self.files.values():
            (folder / name).write_bytes(name.encode())
        self.note(made_from=self.model)

    def note(self, *, made_from: Path) -> None:
        compiled = self.folder / "maskcam_edgetpu.tflite"
        facts = {"made_from": made_from, "sha256": compiled}
        text = json.dumps({k: hashlib.sha256(p.read_bytes()).hexdigest() for k, p in facts.items()})
        compiled.with_suffix(".json").write_text(text)

    def read(self, **hashes: str) -> list[str]:
        lines = [f'tensorflow = "{self.tensorflow}"']
        lines += [f'{key} = "{name}"' for key, name in self.files.items()]
        lines.append("[sha256]")
        for key, name in self.files.items():
            found = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
            lines.append(f'{key} = "{hashes.get(key, found)}"')
        (self.folder / "coral.toml").write_text("\n".join(lines))
        made, faults = coral.read(self.folder / "coral.toml", model=self.model)
        assert (made is None) == bool(faults)
        return faults


@pytest.fixture
def coral_folder(tmp_path) -> CoralFolder:
    return CoralFolder(tmp_path)


def test_a_pair_of_one_tensorflow_and_a_model_of_the_same_weights_are_taken(coral_folder):
    assert coral_folder.read() == []


def test_a_coral_with_a_wrong_hash_is_refused(coral_folder):
    assert "its SHA-256 is" in coral_folder.read(runtime="00" * 32)[0]
    assert "64 small hexadecimal digits" in coral_folder.read(model="abc")[0]


def test_a_runtime_of_another_tensorflow_is_refused(coral_folder):
    coral_folder.tensorflow = "2.17.1"
    assert len(coral_folder.read()) == 2
    coral_folder.tensorflow = "2.19"
    assert "both must be of the same" in coral_folder.read()[0]


def test_a_model_compiled_from_other_weights_is_refused(coral_folder):
    coral_folder.note(made_from=coral_folder.folder / DEB)
    assert "was not made from" in coral_folder.read()[0]
    (coral_folder.folder / "maskcam_edgetpu.json").unlink()
    assert "scripts/compile-edgetpu" in coral_folder.read()[0]


def test_a_coral_toml_that_says_too_little_is_one_line(tmp_path):
    (tmp_path / "coral.toml").write_text('tensorflow = "2.19.1"\n')
    made, faults = coral.read(tmp_path / "coral.toml", model=tmp_path / "maskcam.tflite")
    assert made is None
    assert len(faults) == 1


def test_the_document_shows_a_coral_toml():
    shown = (ROOT / "docs/image.md").read_text(encoding="utf-8")
    assert (
        "".join(f"    {line}\n" if line else "\n" for line in coral.EXAMPLE.splitlines()) in shown
    )


def test_the_kernel_is_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    handler, table = tmp_path / "handler", tmp_path / "binfmt"
    handler.write_text(":qemu-aarch64:M::…:/usr/bin/qemu-aarch64-static:F\n")
    table.mkdir()
    (table / "register").write_text("")
    with host.arm_programs(table, handler):
        assert "qemu-aarch64" in (table / "register").read_text()
    assert (table / "qemu-aarch64").read_text() == "-1"  # which takes the entry away
    (table / "qemu-aarch64").write_text("enabled")
    with host.arm_programs(table, handler):
        pass
    assert (table / "qemu-aarch64").read_text() == "enabled"  # somebody else's stays


@pytest.mark.usefixtures("ready")
def test_a_key_without_its_certificate_is_refused(tmp_path):
    found = faults("--profile", "ci", "--output", str(tmp_path / "x.img.zst"), "--signing-key", "x")
    assert "belong together" in found[0]


@pytest.mark.parametrize(
    ("made_for", "fault"),
    [("emailProtection", ""), ("codeSigning", "the units would refuse it: unsuitable")],
)
@needs_openssl
def test_a_certificate_that_the_units_would_refuse_is_refused_at_once(tmp_path, made_for, fault):
    pair = SigningKey(tmp_path / "city.key", tmp_path / "city.crt")
    steps.run(
        "openssl", "req", "-x509", "-newkey", "ed25519", "-noenc", "-days", "30",
        "-subj", "/CN=Cannes", "-addext", f"extendedKeyUsage={made_for}",
        "-keyout", pair.key, "-out", pair.certificate,
    )  # fmt: skip
    found = pair.fault() or ""
    assert fault in found if fault else not found


@pytest.mark.usefixtures("ready")
@needs_openssl
def test_the_ci_profile_needs_nothing_but_an_output(tmp_path):
    found = options.read(
        ["--profile", "ci", "--output", str(tmp_path / "x.img.zst"), "--cache", str(tmp_path / "c")]
    )
    assert found.epoch == 1700000000
    assert found.signing.fault() is None
    again = SigningKey.throw_away(tmp_path / "c/signing")
    assert again == found.signing


def test_help_has_examples():
    done = subprocess.run(
        [ROOT / "scripts/build-image", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "examples:" in done.stdout


def test_a_command_that_fails_is_shown_with_its_last_words():
    with pytest.raises(steps.BuildError, match=r"sh failed \(3\): it broke"):
        steps.run("sh", "-c", "echo it broke >&2; exit 3")


def test_an_unknown_package_is_named_by_apts_own_line():
    text = """I: running apt-get install...
E: Unable to locate package python3-picamera3
E: apt-get --yes install -oAPT::Status-Fd=<$fd> failed: process exited with 100
W: hooks failed
I: main() received signal PIPE: waiting for setup...
E: mmdebstrap failed to run
"""
    assert steps.complaint(text).split(" | ")[0] == (
        "E: Unable to locate package python3-picamera3"
    )
    assert "mmdebstrap" not in steps.complaint(text)
    assert steps.complaint("a\nb\nc\nd") == "b | c | d"


def test_the_version_is_that_of_the_package_and_the_time():
    assert re.fullmatch(r"\d+\.\d+\.\d+-202311142213", root.version(1700000000))


def test_the_load_has_the_rights_of_the_unit():
    service = (ROOT / "systemd/maskcam.service").read_text()
    load = root.loaded(service)
    assert "load.py" in load
    assert "maskcam run" not in load
    for line in service.splitlines():
        if line.startswith(("Protect", "Capability", "SystemCall", "Load", "Dynamic", "Device")):
            assert line in load


def test_an_update_fits_its_profile_only():
    assert f"compatible={bundle.compatible(CI)}" in bundle.system_conf(CI)
    assert bundle.compatible(CI) != bundle.compatible(FIELD)
    for slot, part in boot.SLOTS.items():
        assert f"device=/dev/disk/by-partuuid/{part.uuid}\ntype=raw\nbootname={slot}" in (
            bundle.system_conf(CI)
        )


def test_the_way_to_the_broker_is_one_transaction():
    script = runpy.run_path(str(ROOT / "sdcard/overlay/usr/lib/maskcam/broker.py"))
    rules = script["rules"](["192.0.2.7", "2001:db8::7"], 8883).splitlines()
    assert rules == [
        "flush set inet maskcam broker4",
        "add element inet maskcam broker4 { 192.0.2.7 . 8883 }",
        "flush set inet maskcam broker6",
        "add element inet maskcam broker6 { 2001:db8::7 . 8883 }",
    ]


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.test"])
def test_a_name_that_cannot_be_leaves_the_addresses_as_they_are(host, caplog):
    script = runpy.run_path(str(ROOT / "sdcard/overlay/usr/lib/maskcam/broker.py"))
    assert script["addresses_of"](host, 8883) == []
    assert "those known so far stay" in caplog.text
