"""Walks docs/cityhall.md to the letter, in a root of its own that is thrown away.

The root is this machine's with a layer on top (overlayfs), so that users, /etc and /var are
changed there only; or a bare Debian, where the installation is walked, too. systemd does not run
in it: a stand-in for `systemctl` runs what the unit files say, under the user that they name.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import needs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/cityhall.md").read_text()
NOT_HERE = ("apt ", "python3 -m venv", "/opt/maskcam/bin/pip", "ln -s /opt/maskcam")
"""Installation: the programs of this machine stand in for it."""
BARE = Path(os.environ.get("MASKCAM_BARE_DEBIAN", "~/.cache/maskcam/debian-trixie-amd64.tar"))
"""A bare system with python3, as `scripts/fresh-debian` makes it."""

SYSTEMCTL = """#!/bin/bash
# Runs a unit's ExecStart under its User; remembers its process.
run() {
    local unit=$1 file user
    file=/etc/systemd/system/$unit.service
    [ "$unit" = mosquitto ] && file=/etc/systemd/system/mosquitto.service.d/maskcam.conf
    [ "$unit" = nginx ] && { nginx; return; }
    user=$(sed -n 's/^User=//p' "$file")
    local start=$(sed -n 's/^ExecStart=\\(.\\+\\)/\\1/p' "$file")
    cd /var/lib/maskcam-cityhall
    if [ -n "$user" ]; then
        setpriv --reuid="$user" --regid="$user" --clear-groups $start >>/tmp/$unit.log 2>&1 &
    else
        $start >>/tmp/$unit.log 2>&1 &
    fi
    echo $! >/tmp/$unit.pid
    sleep 4
    kill -0 $(cat /tmp/$unit.pid) || { cat /tmp/$unit.log; exit 1; }
}
halt() { kill $(cat /tmp/$1.pid 2>/dev/null) 2>/dev/null; sleep 2; rm -f /tmp/$1.pid; }
what=$1; shift; [ "$1" = --now ] && shift
for unit in "$@"; do
    case $what in
        enable | start) run $unit ;;
        stop) halt $unit ;;
        restart) halt $unit; run $unit ;;
        reload) if [ $unit = nginx ]; then nginx -s reload 2>/dev/null || nginx
            else kill -HUP $(cat /tmp/$unit.pid); fi ;;
    esac
done
"""


VISIT = (
    "import ssl, urllib.request as u; trust = ssl._create_unverified_context(); "
    'asked = u.Request("https://127.0.0.1/login", headers={"Host": "masques.example.org"}); '
    'page = u.urlopen(asked, context=trust).read(); print("VISITED", b"password" in page)'
)


def publishing(unit: str, site: str) -> str:
    """Returns a command by which a unit publishes something, and says whether it could."""
    folder = f"$([ -d units/{unit} ] && echo units || echo /tmp/units-before)/{unit}/maskcam"
    topic = f"maskcam/v2/{site}/{unit}/count"
    return (
        f"F={folder}; mosquitto_pub -V 5 -q 1 -h 127.0.0.1 -p 8883 --cafile $F/ca.crt "
        f"--cert $F/client.crt --key $F/client.key -t {topic} -m x >/dev/null 2>&1 "
        f"&& echo PUBLISHED {unit} || echo SHUT OUT {unit}"
    )


def commands(*headings: str) -> list[str]:
    """Returns the indented commands below these headings of the page, without `NOT_HERE`."""
    return [line for line in all_commands(*headings) if not line.startswith(NOT_HERE)]


def all_commands(*headings: str) -> list[str]:
    """Returns the indented commands below these headings of the page."""
    found = []
    for heading in headings:
        text = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        blocks = re.sub(r"\\\n\s+", "", text)
        found += [line.strip() for line in blocks.splitlines() if line.startswith("    ")]
    return found


STAND_IN = "cat >/usr/local/bin/systemctl <<'END'\n" + SYSTEMCTL + "END"


def installation() -> str:
    """Returns the page's commands of the installation, answered with "yes"."""
    lines = ["set -e", "export DEBIAN_FRONTEND=noninteractive", "cd /root"]
    for line in all_commands("Install"):
        lines += step(line.replace("apt install", "apt install --yes"))
    lines.append("apt install --yes mosquitto-clients")  # with which this test looks
    return "\n".join(lines)


def script(wheel_python: str, *, installed: bool = False) -> str:
    """Returns the walk: the page's commands, and what a reader does between them.

    Args:
        wheel_python: a Python of that system.
        installed: whether the installation was walked already.
    """
    lines = [
        "set -e",
        STAND_IN,
        "chmod +x /usr/local/bin/systemctl",
        "printf 'unit,site,contact\\ngare-01,gare,tel. 01 23 45 67 89\\n' >/tmp/units.csv",
        "mkdir -p /backup",
    ]
    lines += [] if installed else prepared(wheel_python)
    for line in commands("Set up") if installed else commands("Install", "Set up"):
        lines += step(line)
    for line in commands("Units"):
        if line.startswith("maskcam cityhall revoke-unit"):
            lines.append("cp -r units /tmp/units-before")
        lines += step(line)
    lines.append("echo REVOKED; grep -c 'user forville-01' broker/acl || true")
    for line in commands("Backup and restore"):
        if not line.startswith(("pg_dump", "createdb")):
            lines += step(line)
    lines += [publishing("gare-01", "gare"), publishing("forville-01", "forville")]
    tries = (
        f"for _ in $(seq 30); do {wheel_python} -c '{VISIT}' 2>/dev/null && break; sleep 1; done"
    )
    lines.append(tries)
    lines += ["maskcam cityhall list-units", "maskcam cityhall list-users", "echo WALKED"]
    return "\n".join(lines)


def prepared(wheel_python: str) -> list[str]:
    """Returns how this machine's root becomes one with the program and nothing set up."""
    return [
        f"ln -sf {Path(wheel_python).parent}/maskcam /usr/local/bin/maskcam",
        "chmod 711 /root",  # where this machine's Python may lie
        "userdel maskcam-cityhall 2>/dev/null || true",
        "rm -rf /etc/nginx/sites-enabled/* /etc/systemd/system/maskcam-* /etc/maskcam-cityhall",
        "rm -rf /var/lib/maskcam-cityhall",
    ]


def step(line: str) -> list[str]:
    """Returns one command as it is run here."""
    line = line.replace("units.csv", "/tmp/units.csv")
    line = re.sub(r"cityhall-\d{4}-\d\d-\d\d\.db", "cityhall-$(date +%F).db", line)
    if line.startswith("behind_proxy"):
        return ["sed -i 's/^# behind_proxy = false.*/behind_proxy = true/' cityhall.toml"]
    if line.startswith("host_names"):
        return [f"sed -i 's/^# host_names.*/{line}/' cityhall.toml"]
    if line.startswith("maskcam cityhall add-user"):
        line = f"echo 'a long pass phrase' | {line}"
    if line.startswith("nginx -t"):  # the certificate is the host's own affair
        certificate = (
            "mkdir -p /etc/letsencrypt/live/masques.example.org && openssl req -x509 -nodes "
            "-newkey rsa:2048 -days 2 -subj /CN=masques.example.org "
            "-keyout /etc/letsencrypt/live/masques.example.org/privkey.pem "
            "-out /etc/letsencrypt/live/masques.example.org/fullchain.pem 2>/dev/null"
        )
        return [certificate, line]
    return [f"echo '+ {line.replace(chr(39), '')}'", line]


@needs.mounts
def test_an_administrator_who_only_reads_the_page_has_a_running_city_hall(tmp_path: Path) -> None:
    for port in (8883, 8080):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} is in use on this machine")
    walk = tmp_path / "walk.sh"
    walk.write_text(script(sys.executable))
    layers = tmp_path / "layers"
    inside = f"""
        set -e
        mount -t tmpfs tmpfs {layers}
        mkdir {layers}/up {layers}/work {layers}/root
        cd {layers}
        mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root
        mount --rbind /dev {layers}/root/dev
        mount -t proc proc {layers}/root/proc
        ip link set lo up
        mkdir -p {layers}/root/tmp && cp {walk} {layers}/root/tmp/walk.sh
        chroot {layers}/root bash /tmp/walk.sh
    """
    layers.mkdir()
    walked = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--net", "--kill-child", "sh", "-c", inside],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
        cwd="/",
    )
    check(walked)


def check(walked: subprocess.CompletedProcess[str]) -> None:
    """Checks what the walk ends with: two units, of which one is out, a user, HTTPS, a backup."""
    said = walked.stdout + walked.stderr
    assert walked.returncode == 0, said[-4000:]
    assert "WALKED" in walked.stdout
    assert re.search(r"REVOKED\n0\n", walked.stdout), said[-2000:]
    assert "gare-01" in walked.stdout
    assert re.search(r"maire\s+person\s+admin", walked.stdout)
    assert "VISITED True" in walked.stdout
    assert "PUBLISHED gare-01" in walked.stdout
    assert "SHUT OUT forville-01" in walked.stdout


@needs.mounts
@pytest.mark.skipif(not BARE.expanduser().is_file(), reason=f"needs a bare Debian: {BARE}")
def test_the_same_on_a_bare_debian_installation_included(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    subprocess.run(["tar", "-xpf", BARE.expanduser(), "-C", bare, "--numeric-owner"], check=True)
    lend_the_network(bare)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", f"{bare}/root"]
    subprocess.run([*pip, str(ROOT)], check=True, timeout=300)
    python = "/opt/maskcam/bin/python"
    (bare / "root/install.sh").write_text(installation())
    (bare / "root/walk.sh").write_text(script(python, installed=True))
    took_s = []
    for number, name in enumerate(("install", "walk")):
        mounts = f"mount --rbind /dev {bare}/dev; mount -t proc proc {bare}/proc; "
        network = ["--net"] if number else []
        begun_s = time.monotonic()
        walked = subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child", *network, "sh", "-ec"),
                f"{mounts} ip link set lo up; exec chroot {bare} bash /root/{name}.sh",
            ],
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
            env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
        )
        took_s.append(time.monotonic() - begun_s)
        assert walked.returncode == 0, (walked.stdout + walked.stderr)[-4000:]
    print(f"\ninstallation {took_s[0]:.0f} s, all that follows {took_s[1]:.0f} s")
    check(walked)
    assert "plugin /usr/lib/" in (bare / "etc/maskcam-cityhall/broker/mosquitto.conf").read_text()
    shutil.rmtree(bare)


def lend_the_network(bare: Path) -> None:
    """Lets apt and pip of the bare system reach what those of this machine reach."""
    (bare / "etc/resolv.conf").write_text(Path("/etc/resolv.conf").read_text())
    (bare / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (bare / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # as in a container
    (bare / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", bare / "etc/ssl/certs/ca-certificates.crt")
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    options = re.findall(
        r"^(?:global|:env:)\.(index-url|cert|proxy|trusted-host)='(.*)'$", said.stdout, re.MULTILINE
    )
    lines = [f"{name} = {value}" for name, value in dict(options).items()]
    (bare / "etc/pip.conf").write_text("\n".join(["[global]", *lines, ""]))
