"""Ports that cannot be had, in words for the operator."""

from __future__ import annotations

import errno


def bind_failure(host: str, port: int, key: str, error: OSError) -> str:
    """What to do about it; ``key`` is the configuration's for this port."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop the other program, or set {key} to a free one"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed for this user: set {key} to one above 1023"
    return f"cannot listen on port {port} of {host}: {error.strerror or error}"
