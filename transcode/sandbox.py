"""What a worker process gives up before it touches a publisher's bytes (Linux).

It decodes what strangers send, in C: it must not gain privileges, reach the network, fill the disk, open files without
end, take all memory or all of the processor, or outlive its node.

Strategy: everything that the kernel lets every process do to itself, through libc alone. Where it is hardened or
old it may refuse some of it; the worker goes on then, and tells the node what is in force. There is no filter of system
calls (seccomp) and none of paths (Landlock): the files that the node's user may read, a broken worker may read, too.
RLIMIT_NPROC is not set: it counts all threads of the node's user, and FFmpeg's threads would be refused with them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

ADDRESS_SPACE_BYTES = 8 * 1024**3
"""Mapped, not used: 4K with its ladder maps 0.75 GB on two cores, and every thread that a larger machine adds up to
72 MB, most of it never touched. A runaway allocation ends the worker, not the machine."""
OPEN_FILES = 64
"""Its socket, its standard streams, and libraries while they load."""
NICENESS = 5
"""Above the node's: passed-through media, playlists and the other streams' control come before a picture's encoding,
while a worker still gets a quarter of a core that others want, too."""
OUT_OF_MEMORY_SCORE = 500
"""Added to its share of the memory in thousandths (proc(5)): the kernel ends a worker, which is replaced, before the
node, which is all streams."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def enter_sandbox() -> tuple[str, ...]:
    """Drops what is not needed, for good, and returns the names of the MEASURES in force.

    Before any thread is started: a user namespace is for processes of one thread. Raises OSError when the kernel
    refuses what every kernel grants.
    """
    in_force = []
    for name, take in MEASURES.items():
        try:
            take()
        except OSError:
            if name not in REFUSABLE:
                raise
        else:
            in_force.append(name)
    os.chdir("/")
    return tuple(in_force)


def _gain_no_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _die_first() -> None:
    Path("/proc/self/oom_score_adj").write_text(str(OUT_OF_MEMORY_SCORE), encoding="ascii")


def _leave_network() -> None:
    """Into a network namespace without any interface. A new user namespace allows that to everyone; root does without
    where those are switched off."""
    try:
        _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    except OSError:
        _check(_libc.unshare(_CLONE_NEWNET))


def _drop_capabilities() -> None:
    """Those of root, and those that a new user namespace gives within itself."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice, because they are 64 bits
    _check(_libc.capset(header, none))


def _die_with_node() -> None:
    """After capabilities have changed: the kernel forgets it then."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _write_no_files() -> None:
    """Pipes and sockets are not meant. Python ignores SIGXFSZ, so that writing is an error and no death."""
    _limit(resource.RLIMIT_FSIZE, 0)


def _give_way() -> None:
    os.nice(NICENESS)


MEASURES: dict[str, Callable[[], None]] = {
    "no_new_privileges": _gain_no_privileges,
    "first_out_of_memory": _die_first,
    "no_network": _leave_network,
    "no_capabilities": _drop_capabilities,
    "dies_with_node": _die_with_node,
    "no_core_dump": lambda: _limit(resource.RLIMIT_CORE, 0),
    "no_file_written": _write_no_files,
    "few_files_open": lambda: _limit(resource.RLIMIT_NOFILE, OPEN_FILES),
    "bounded_memory": lambda: _limit(resource.RLIMIT_AS, ADDRESS_SPACE_BYTES),
    "low_priority": _give_way,
}
"""What is done, in this order."""
REFUSABLE = frozenset({"first_out_of_memory", "no_network", "no_capabilities", "low_priority"})
"""What a container, or a hardened kernel, may forbid."""


def missing_measures(in_force: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in MEASURES if name not in in_force)


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _limit(which: int, value: int) -> None:
    _soft, hard = resource.getrlimit(which)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))
