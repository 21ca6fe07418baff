"""The unit's Python packages, laid into the root as a virtual environment in /opt/maskcam."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from sdcard.profiles import PYTHON
from sdcard.steps import BuildError, run

HOME = Path("opt/maskcam")
SITE = HOME / f"lib/python{PYTHON}/site-packages"

MODELS = HOME / "share/maskcam/models"

_PLATFORM = "aarch64-manylinux_2_28"
_COMMAND = f"""\
#!/{HOME}/bin/python3
import sys
from maskcam.cli import main
sys.exit(main())
"""


def install_packages(root: Path, requirements: Path) -> None:
    """Installs the pinned wheels for the unit, each checked by its hash."""
    home = root / HOME
    (home / "bin").mkdir(parents=True)
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    # The Raspberry Pi archive's picamera2 lies in the system's own packages.
    (home / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = true\nversion = {PYTHON}\n"
    )
    _uv(root, "--require-hashes", "--only-binary", ":all:", "-r", requirements)
    # colorzero asks for setuptools, and never uses it.
    for pattern in ("setuptools*", "_distutils_hack", "pkg_resources", "distutils-precedence.pth"):
        for path in (root / SITE).glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for tests in [*(root / SITE).glob("*/**/tests")]:
        shutil.rmtree(tests, ignore_errors=True)
    shutil.rmtree(root / SITE / "bin", ignore_errors=True)


def install_pinned(root: Path, lock: Path, name: str) -> None:
    """Installs one package as a lock pins it, with its hashes."""
    pins = rf"^{name}==.*\n(?:    .*\n)+"  # one for each version of Python
    found = re.findall(pins, lock.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise BuildError(f"{lock}: does not pin {name}; run scripts/lock")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(found)
        file.flush()
        _uv(root, "--require-hashes", "--only-binary", ":all:", "-r", file.name)


def install_maskcam(root: Path, checkout: Path, scratch: Path, *, epoch: int) -> None:
    """Installs the checkout itself, with its models and its command."""
    shutil.rmtree(scratch, ignore_errors=True)
    environment = {"SOURCE_DATE_EPOCH": str(epoch)}
    # Built from a copy: a build leaves folders beside setup.cfg.
    source = scratch / "source"
    listed = run(
        "git",
        "-C",
        checkout,
        "ls-files",
        "-z",
        "maskcam",
        "models",
        "setup.cfg",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ).decode()
    for name in filter(None, listed.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout / name, source / name)
    run(
        _program("uv"),
        "build",
        "--quiet",
        "--wheel",
        "--out-dir",
        scratch,
        source,
        environment=environment,
    )
    (wheel,) = scratch.glob("maskcam-*.whl")
    _uv(root, wheel)
    # These hold where and when it was built.
    for name in ("direct_url.json", "uv_cache.json", "RECORD", "REQUESTED", "INSTALLER"):
        for path in (root / SITE).glob(f"maskcam-*.dist-info/{name}"):
            path.unlink()
    (root / HOME / "share").mkdir(parents=True)
    shutil.move(root / SITE / "share/maskcam", root / HOME / "share/maskcam")
    command = root / HOME / "bin/maskcam"
    command.write_text(_COMMAND)
    command.chmod(0o755)
    for name in ("bin", "share"):
        shutil.rmtree(root / SITE / name, ignore_errors=True)


def replace_runtime(root: Path, wheel: Path) -> None:
    """Installs another TFLite runtime and removes ai-edge-litert, which is tried first."""
    for path in (root / SITE).glob("ai_edge_litert*"):
        shutil.rmtree(path)
    _uv(root, wheel)


def compile_all(root: Path, folders: Iterable[str], *, python: Sequence[str]) -> None:
    """Compiles folders of the root: on a read-only root each start would do it anew.

    Byte code is bound to the hash of its source, and not to a time, so that the same
    source gives the same bytes.

    Args:
        root: of the unit.
        folders: in it.
        python: a command that runs the same Python on this machine.
    """
    wanted = [str(root / folder) for folder in folders]
    run(
        *python, "-S", "-m", "compileall", "-q", "-f",
        "--invalidation-mode", "unchecked-hash", "-s", root, "-p", "/", *wanted,
    )  # fmt: skip


def _uv(root: Path, *arguments: str | Path) -> None:
    run(
        _program("uv"), "pip", "install", "--quiet", "--no-deps",
        "--python-platform", _PLATFORM, "--python-version", PYTHON,
        "--target", root / SITE, "--link-mode", "copy", "--no-compile-bytecode", *arguments,
    )  # fmt: skip


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
