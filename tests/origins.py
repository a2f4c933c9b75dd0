"""A server's origin processes, seen from outside: which there are, and which one has a connection."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

MOST_TRIES = 200
"""Connections until every process has one: the kernel gives them to whoever is quickest."""


def origin_pids(node_pid: int) -> list[int]:
    """Those that run."""
    children = Path(f"/proc/{node_pid}/task/{node_pid}/children").read_text().split()
    return [int(pid) for pid in children if b"pinkmedia.origins" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def connection_to_each(node_pid: int, port: int, stack: ExitStack) -> dict[int, socket.socket]:
    """A connection to each origin process, by its pid; ``stack`` closes them."""
    wanted, found = set(origin_pids(node_pid)), dict[int, socket.socket]()
    for _ in range(MOST_TRIES):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        connection.sendall(b"GET /live/time HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(4096)  # it is accepted
        found.setdefault(_holder(connection, wanted), connection)
        if found.keys() == wanted:
            return found
    raise AssertionError(f"of {wanted} only {found.keys()} accept connections")


def _holder(connection: socket.socket, pids: set[int]) -> int:
    link = f"socket:[{_far_inode(connection)}]"
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            if str(descriptor.readlink()) == link:
                return pid
    raise AssertionError("no origin process has this connection")


def _far_inode(connection: socket.socket) -> str:
    """Of the server's end."""
    ours, theirs = connection.getsockname()[1], connection.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.partition(":")[2], 16) for address in fields[1:3])
        if (local, remote) == (theirs, ours):
            return fields[9]
    raise AssertionError("the connection is gone")
