"""``init``: makes the folder of city hall, once."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from maskcam.cityhall.authority import Authority
from maskcam.cityhall.broker_files import COLLECTOR, PLUGIN, mosquitto_conf
from maskcam.cityhall.generated import cityhall_toml
from maskcam.cityhall.settings import parse
from maskcam.cityhall.state_folder import StateFolder
from maskcam.errors import UsageError

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
_SYSTEM_FOLDER = Path("/etc")
_SYSTEM_DATABASE = "sqlite:////var/lib/maskcam-cityhall/cityhall.db"
_WEB_PORT = 8080
_LIBRARIES = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))


def init(
    directory: Path,
    *,
    host: str,
    city: str | None,
    zone: str,
    port: int = 8883,
    say: Callable[[str], None],
) -> None:
    """Makes the folder of city hall and says what to do next.

    Raises:
        UsageError: the folder is in use, or the host is wrong.
        ConfigError: city, zone or port is wrong.
    """
    if not _HOST.fullmatch(host):
        raise UsageError(f"--host {host!r:.60}: give the name or address by which units reach it")
    if directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory}: is not empty; choose a new folder, nothing was changed")
    directory = directory.absolute()
    system = _SYSTEM_FOLDER in directory.parents
    name = "City hall" if city is None else city
    database = _SYSTEM_DATABASE if system else "sqlite:///cityhall.db"
    text = cityhall_toml(name, zone, port, database=database)
    parse(text, name="init")
    for folder in ("broker/data", "collector", "server", "units"):
        (directory / folder).mkdir(parents=True)
    authority = Authority.create(directory / "ca", city=name)
    _issue_own(authority, directory, host)
    plugin = find_plugin()
    broker = mosquitto_conf(directory / "broker", port=port, plugin=plugin)
    (directory / "broker/mosquitto.conf").write_text(broker, encoding="utf-8")
    (directory / "cityhall.toml").write_text(text, encoding="utf-8")
    (directory / "cityhall.toml").chmod(0o640)
    facts = {"host": host, "port": str(port), "city": city or "", "zone": zone}
    (directory / "cityhall.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    _write_server_files(directory, host=host, port=port)
    state = StateFolder(directory)
    state.write_access(units={}, programs={COLLECTOR: "collector"})
    state.give_to_services()
    for line in _next_steps(directory, plugin):
        say(line)


def find_plugin(folders: Sequence[Path] = _LIBRARIES) -> Path | None:
    """Returns where mosquitto's plugin for subscriptions is, None if it is not here.

    Args:
        folders: where it may be, or in a folder below (``x86_64-linux-gnu``).
    """
    found = (place for folder in folders for place in (folder, *sorted(folder.glob("*-linux-*"))))
    return next((place / PLUGIN for place in found if (place / PLUGIN).is_file()), None)


def _issue_own(authority: Authority, directory: Path, host: str) -> None:
    broker, collector = directory / "broker", directory / "collector"
    shutil.copy(authority.root, broker / "ca.crt")
    names = list(dict.fromkeys([host, "localhost", "127.0.0.1"]))
    authority.issue_server(names, certificate=broker / "server.crt", key=broker / "server.key")
    authority.issue_client(
        COLLECTOR, certificate=collector / "collector.crt", key=collector / "collector.key"
    )
    shutil.copy(authority.root, collector / "ca.crt")


def _write_server_files(directory: Path, *, host: str, port: int) -> None:
    """Writes unit files and proxy examples with the paths and names of this server."""
    templates = resources.files("maskcam.cityhall").joinpath("server")
    program = Path(sys.prefix) / "bin/maskcam"
    values = {
        "@MASKCAM@": str(program),
        "@DIRECTORY@": str(directory),
        "@HOST@": host,
        "@PORT@": str(_WEB_PORT),
        "@BROKER_PORT@": str(port),
    }

    def write(template: str, name: str, **more: str) -> None:
        text = templates.joinpath(template).read_text(encoding="utf-8")
        for mark, value in {**values, **more}.items():
            text = text.replace(mark, value)
        (directory / "server" / name).write_text(text, encoding="utf-8")

    for part in ("collector", "dashboard"):
        write("service.template", f"maskcam-{part}.service", **{"@PART@": part})
    for name in ("mosquitto.conf", "nftables.conf", "nginx.conf", "Caddyfile"):
        write(name, name)


def _next_steps(directory: Path, plugin: Path | None) -> list[str]:
    config = f"--config {directory}/cityhall.toml"
    missing = [
        f"warning: mosquitto's {PLUGIN} is not on this machine, so any unit may subscribe",
        f"to anything: install mosquitto 2, delete {directory}, and call init again",
    ]
    return [
        f"made {directory}",
        "next (docs/cityhall.md has each step in full):",
        f"  1. copy {directory}/ca to a stick and keep it safe; who has ca.key can make units",
        f"  2. the broker: {directory}/server/mosquitto.conf is for systemd, or run",
        f"     mosquitto -c {directory}/broker/mosquitto.conf",
        f"  3. maskcam cityhall add-user NAME --admin {config}",
        f"  4. maskcam cityhall add-unit forville-01 --site forville --contact ADDRESS {config}",
        f"  5. maskcam cityhall serve {config}",
        f"     (for systemd: {directory}/server/maskcam-*.service)",
        *(missing if plugin is None else []),
    ]
