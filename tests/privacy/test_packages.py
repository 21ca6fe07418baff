"""What a unit installs and loads: few packages, pinned; no code that makes pictures into files."""

from __future__ import annotations

import ast
import configparser
import re
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import maskcam

pytestmark = pytest.mark.timeout(300)  # the one run under strace, on a busy machine

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "unit.txt"
MOST_PACKAGES = 20
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
ENCODERS = {
    "PIL", "imageio", "av", "simplejpeg", "turbojpeg", "skimage", "matplotlib", "ffmpeg", "moviepy",
    "tifffile", "png", "imagecodecs", "gi", "pygame",
}  # fmt: skip
# Reads the film that stands for the street here; a unit's card does not hold it.
IN_PLACE_OF_A_CAMERA = {"av"}
# Loaded by the test machine's Python before the first line of maskcam is run.
OF_THE_ENVIRONMENT = {"_distutils_hack", "setuptools", "sitecustomize", "usercustomize"}
# Calls that make a file, a window or a stream of a picture or an array.
WRITERS = {
    "imwrite", "imwritemulti", "imwriteanimation", "imencode", "imencodemulti", "VideoWriter",
    "imshow", "FileStorage", "tofile", "savez", "savez_compressed", "savetxt", "memmap",
    "open_memmap", "pickle", "marshal", "shelve",
}  # fmt: skip
# It only turns four letters into a number, for `CAP_PROP_FOURCC`.
HARMLESS = {"cv2.VideoWriter.fourcc"}


@cache
def pinned() -> dict[str, set[str]]:
    """Versions by name, with at least one hash for each."""
    text = re.sub(r" *\\\n", " ", REQUIREMENTS.read_text())
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "--only-binary")):
            continue
        ((name, version),) = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", line)
        assert HASH.search(line), f"{name} has no hash"
        found.setdefault(_normal(name), set()).add(version)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _wanted() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"] + setup["options.extras_require"]["litert"]
    return {_normal(name) for name in re.findall(r"^[A-Za-z0-9._-]+", lines, re.MULTILINE)}


def test_the_list_of_packages_is_short_and_covers_what_a_unit_needs():
    assert _wanted() <= set(pinned())
    assert len(pinned()) <= MOST_PACKAGES


def test_the_list_names_no_host_and_allows_no_package_to_run_code_when_installed():
    text = REQUIREMENTS.read_text()
    assert "--only-binary :all:" in text
    assert "://" not in text
    assert "index" not in text


def test_no_package_of_the_list_is_there_to_write_pictures():
    of_list = {top for top, names in _tops().items() if names & set(pinned())}
    assert not of_list & ENCODERS


def _tops() -> dict[str, set[str]]:
    return {top: {_normal(n) for n in names} for top, names in packages_distributions().items()}


def _loaded(evidence) -> set[Path]:
    """Returns the files of Python modules that the running unit has loaded."""
    opened = {Path(c.strings[0].decode()) for c in evidence.named("openat") if not c.failed}
    return {path for path in opened if path.suffix in {".py", ".pyc", ".so"}}


def test_the_running_unit_loads_only_packages_of_the_list(evidence):
    tops = set()
    for path in _loaded(evidence):
        for folder in ("site-packages", "dist-packages"):
            if folder in path.parts:
                name = path.parts[path.parts.index(folder) + 1]
                tops.add(name if "." not in name else name.split(".")[0])
    assert {"cv2", "numpy", "paho"} <= tops, "the trace shows no packages"
    tops -= IN_PLACE_OF_A_CAMERA | OF_THE_ENVIRONMENT | {"__pycache__"}
    assert not tops & ENCODERS
    tops = {top for top in tops if not top.startswith(("__editable__", "maskcam"))}
    known = _tops()
    foreign = {
        top
        for top in tops
        if not known.get(top.removesuffix(".libs"), set()) & set(pinned())
        and _normal(top) not in pinned()
    }
    assert foreign == set()


def _own_sources(evidence) -> list[Path]:
    home = Path(maskcam.__file__).parent
    names = set()
    for path in _loaded(evidence):
        if path.is_relative_to(home):
            folder = path.parent.parent if path.parent.name == "__pycache__" else path.parent
            names.add(folder / f"{path.name.split('.')[0]}.py")
    return sorted(names)


def test_no_module_that_a_unit_loads_can_write_a_picture(evidence):
    sources = _own_sources(evidence)
    assert {"pipeline.py", "motion.py", "video.py", "detector.py"} <= {s.name for s in sources}
    faults = []
    for source in sources:
        faults += [f"{source.name}: {name}" for name in writers_in(source.read_text())]
    assert set(faults) <= {f"ffmpeg.py: {name}" for name in IN_PLACE_OF_A_CAMERA}


def writers_in(source: str) -> list[str]:
    tree = ast.parse(source)
    inside = {id(n.value) for n in ast.walk(tree)
              if isinstance(n, ast.Attribute) and ast.unparse(n) in HARMLESS}  # fmt: skip
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inside:
            is_save = ast.unparse(node) in {"np.save", "numpy.save"}
            if node.attr in WRITERS or is_save:
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names}
            names.add((getattr(node, "module", None) or "").split(".")[0])
            found += sorted(names & (WRITERS | ENCODERS))
    return found


def test_a_writer_would_be_found():
    assert writers_in("cv2.imwrite('/tmp/x.png', crop)") == ["cv2.imwrite"]
    assert writers_in("w = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'MJPG'), 15, size)")
    assert writers_in("from cv2 import imencode") == ["imencode"]
    assert writers_in("import pickle") == ["pickle"]
    assert writers_in("crop.tofile(path); np.save(path, crop)") == ["crop.tofile", "np.save"]
    assert writers_in("capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*'MJPG'))") == []
