"""Reads what strace wrote about a process: every call, with the whole of every string."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WRITES = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg"
# Ways to move bytes that would pass by the list above, and that a unit never needs.
BACK_DOORS = (
    "sendfile,copy_file_range,splice,tee,vmsplice,io_uring_setup,io_submit,process_vm_writev,"
    "ptrace,shmget,msgsnd,mq_open,fallocate,mknod,mknodat,link,linkat,symlink,symlinkat"
)
DOORS = "socket,bind,listen,accept,accept4,connect"
FILES = "open,openat,openat2,creat,memfd_create,rename,renameat,renameat2,mmap"
CHILDREN = "execve,execveat,clone,clone3,fork,vfork"
MEMORY = "prctl,prlimit64,setrlimit,mlockall,munlockall"
_ALL = ",".join((WRITES, BACK_DOORS, DOORS, FILES, CHILDREN, MEMORY))

# Strings and paths in hexadecimal, so that no content can be taken for something else.
STRACE = ["strace", "-D", "-f", "-q", "--seccomp-bpf", "-yy", "-xx", "-ttt", "-s", "9999999"]

_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FIRST_FD = re.compile(r"\d+<(.*?)>")


@dataclass(frozen=True)
class Call:
    """One call: when, its name, its arguments and result as text, and the bytes in it."""

    at_s: float
    name: str
    arguments: str
    result: str
    strings: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        return b"".join(self.strings)

    @property
    def target(self) -> str:
        """What its file descriptor stands for: a path, or such as TCP:[...]."""
        found = _FIRST_FD.match(self.arguments)
        return found[1] if found else ""

    @property
    def failed(self) -> bool:
        return self.result.startswith("-1")


def command(output: Path) -> list[str]:
    return [*STRACE, "-e", f"trace={_ALL}", "-o", str(output)]


def ended(output: Path) -> bool:
    """Whether the traced process has ended and all is written."""
    ended = re.compile(r"\+\+\+ (exited|killed)[^\n]*\n\Z")
    return output.exists() and ended.search(output.read_text()) is not None


def calls(output: Path) -> list[Call]:
    return list(_calls(output.read_text()))


def _calls(text: str) -> Iterator[Call]:
    begun: dict[str, tuple[float, str]] = {}
    for line in text.splitlines():
        parts = _LINE.fullmatch(line)
        assert parts, line
        pid, at, rest = parts.groups()
        at_s = float(at)
        if rest.endswith(_UNFINISHED):
            begun[pid] = at_s, rest.removesuffix(_UNFINISHED)
            continue
        if resumed := _RESUMED.fullmatch(rest):
            at_s, first = begun.pop(pid)
            rest = first + resumed[1]
        if rest.startswith(("+++", "---")):
            continue
        found = _CALL.fullmatch(rest)
        assert found, f"not understood: {rest[:200]}"
        name, arguments, result, more = found.groups()
        assert '"...' not in arguments, "a string was cut"
        strings = tuple(bytes.fromhex(s.replace(r"\x", "")) for s in _STRING.findall(arguments))
        yield Call(at_s, name, _readable(arguments), _readable(result + more), strings)


def _readable(text: str) -> str:
    return _HEX.sub(
        lambda found: bytes.fromhex(found[0].replace(r"\x", "")).decode(errors="replace"), text
    )
