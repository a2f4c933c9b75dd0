"""What a worker process gives up before it touches a publisher's bytes (Linux).

It decodes what strangers send, in C: it must not gain privileges, fill the disk with a core dump, open files without
end, take all memory, or outlive its node.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

ADDRESS_SPACE_BYTES = 8 * 1024**3
"""Far above what 4K with its ladder maps (about 2 GB); a runaway allocation ends the worker, not the machine."""
OPEN_FILES = 64
"""Its socket, its standard streams, and libraries while they load."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def enter_sandbox() -> None:
    """Drops what is not needed; cannot be undone. Raises OSError when the kernel refuses."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_AS, ADDRESS_SPACE_BYTES)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _limit(which: int, value: int) -> None:
    _soft, hard = resource.getrlimit(which)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))
