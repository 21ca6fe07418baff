"""What the running unit opens, starts and allows: no door in, and one way out."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import needs
from tests.minimal import MINIMAL
from tests.privacy import trace

pytestmark = pytest.mark.timeout(300)  # the one run under strace, on a busy machine

# What is opened for writing beside the state directory, and why.
ALLOWED_FILES = {"/dev/null": "holds nothing"}
# Files that exist in memory only, and why.
ALLOWED_MEMORY_FILES = {b"native-stderr": "the runtime's own words on their way to the log"}
# Written through shared memory by nobody: the mappings of libraries and tables are read-only.
_WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE")


def test_no_socket_listens(evidence):
    assert evidence.snapshot.listening == []
    assert evidence.named("listen,accept,accept4") == []


def test_a_socket_is_bound_only_as_the_own_end_of_the_connection(evidence):
    """Paho binds to port 0 before it connects: the kernel draws a port that listens to nobody."""
    for call in evidence.named("bind"):
        assert "htons(0)" in call.arguments


def test_the_only_peers_are_the_broker_and_systemd(evidence):
    sockets = [call.arguments for call in evidence.named("socket")]
    families = {found for arguments in sockets for found in re.findall(r"AF_\w+", arguments)[:1]}
    assert families <= {"AF_INET", "AF_INET6", "AF_UNIX"}
    for call in evidence.named("connect"):
        assert "127.0.0.1" in call.arguments or "AF_UNIX" in call.arguments


def test_no_file_outside_of_the_state_directory_is_opened_for_writing(evidence):
    opened = {
        call.strings[0].decode()
        for call in evidence.named("open,openat,openat2,creat")
        if call.name == "creat" or any(flag in call.arguments for flag in _WRITING)
    }
    state = f"{evidence.state}/"
    assert {path for path in opened if not path.startswith(state)} <= set(ALLOWED_FILES)
    assert any(path.startswith(state) for path in opened), "the outbox was not opened"


def test_no_file_in_memory_but_for_the_words_of_the_runtime(evidence):
    names = {call.strings[0] for call in evidence.named("memfd_create")}
    assert names <= set(ALLOWED_MEMORY_FILES)


def test_no_file_is_written_through_memory(evidence):
    """A write to a shared mapping would be no call that a trace could show."""
    shared = [
        call
        for call in evidence.named("mmap")
        if "MAP_SHARED" in call.arguments and "PROT_WRITE" in call.arguments
    ]
    assert shared == []


def test_no_other_way_out_is_used(evidence):
    assert evidence.named(trace.BACK_DOORS) == []
    [renamed] = evidence.named("rename,renameat,renameat2")  # the run counter, at the start
    assert [name.split(b"/")[-2:] for name in renamed.strings] == [
        [b"state", b"run.new"],
        [b"state", b"run"],
    ]


def test_there_is_no_child_process(evidence):
    assert evidence.snapshot.children == ""
    assert len(evidence.named("execve,execveat")) == 1, "itself"
    assert evidence.named("fork,vfork") == []
    for call in evidence.named("clone,clone3"):
        assert "CLONE_THREAD" in call.arguments


def test_memory_is_closed_before_the_first_picture(evidence):
    [dumpable] = [c for c in evidence.named("prctl") if c.arguments.startswith("PR_SET_DUMPABLE")]
    assert "SUID_DUMP_DISABLE" in dumpable.arguments
    assert not dumpable.failed
    assert dumpable.at_s < evidence.first_frame_s
    assert re.search(r"Max core file size +0 +0 ", evidence.snapshot.limits)


def test_memory_cannot_reach_a_swap(evidence):
    """Either there is no swap, or all memory is locked."""
    (locked_kb,) = map(int, re.findall(r"VmLck:\s+(\d+) kB", evidence.snapshot.status))
    no_swap = len(Path("/proc/swaps").read_text().splitlines()) <= 1
    assert no_swap or locked_kb > 0
    assert evidence.named("munlockall") == []


# --- when a technician looks ---------------------------------------------------------------

LOOKS = """
import ctypes, resource, sys
from maskcam import cli
from maskcam.errors import CameraError
from maskcam.technician import selfcheck, terminal

def camera_for(*_, **__):
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
    print("memory", *resource.getrlimit(resource.RLIMIT_CORE), dumpable)
    raise CameraError("seen enough")

terminal.refusal = lambda *_: ""
terminal.Screen = lambda *_: open("/dev/null")
selfcheck.camera_for = camera_for
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", ["check", "aim"])
def test_memory_is_closed_as_well_when_a_technician_looks(tmp_path, command):
    """Both open the unit's camera, in a process of their own."""
    (tmp_path / "maskcam.toml").write_text(MINIMAL)
    done = subprocess.run(
        [sys.executable, "-c", LOOKS, command, "--config", str(tmp_path / "maskcam.toml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "memory 0 0 0" in done.stdout or "memory cannot be locked" in done.stdout + done.stderr


# --- with a swap ----------------------------------------------------------------------------

NO_SWAP = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
ZRAM = "/dev/zram0                              partition\t1048572\t0\t100\n"
WITH_SWAP = """
import os, re, resource, sys
from pathlib import Path
from maskcam.unit.lockdown import lock_down
swaps = Path(sys.argv[1])
if sys.argv[2] == "refused":
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    if os.geteuid() == 0:
        os.setuid(65534)
lock_down(swaps=swaps)
sys.stdout.write(re.search(r"VmLck:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def _lock_down(case: str) -> subprocess.CompletedProcess[str]:
    with tempfile.NamedTemporaryFile("w+", prefix="swaps") as swaps:
        swaps.write(NO_SWAP + ZRAM)
        swaps.flush()
        Path(swaps.name).chmod(0o644)  # the child may become another user
        return subprocess.run(
            [sys.executable, "-c", WITH_SWAP, swaps.name, case],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@needs.as_root
def test_with_a_swap_all_memory_is_locked_or_the_unit_does_not_start():
    done = _lock_down("as we are")
    if done.returncode == 0:
        assert int(done.stdout) > 1000  # kB
    else:
        assert "memory cannot be locked" in done.stderr


def test_with_a_swap_and_no_right_to_lock_the_unit_does_not_start():
    done = _lock_down("refused")
    assert done.returncode != 0
    assert "swapoff -a" in done.stderr


def test_the_list_of_swaps_is_read(tmp_path):
    from maskcam.unit.lockdown import swap_is_on

    swaps = tmp_path / "swaps"
    swaps.write_text(NO_SWAP)
    assert not swap_is_on(swaps)
    swaps.write_text(NO_SWAP + ZRAM)
    assert swap_is_on(swaps)
    assert not swap_is_on(tmp_path / "none")  # a kernel without swap has no such file
