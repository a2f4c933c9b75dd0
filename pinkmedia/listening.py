"""Ports of this machine: whether they can be listened on, and whether a server of ours answers there."""

from __future__ import annotations

import http.client
import os
import socket

from pinkmedia.config import flag_name
from pinkmedia.errors import EnvironmentFault
from pinkmedia.settings import Settings, is_wildcard

LISTEN_BACKLOG = 1024
"""Connections that wait to be accepted: a thousand viewers may come back at once after a network fault."""
ANSWER_SECONDS = 2.0
"""How long the holder of a port may take to answer: ours needs milliseconds."""


UDP_KEYS = frozenset({"srt_port"})
"""The others are TCP's."""


def port_keys(settings: Settings) -> tuple[str, ...]:
    """The keys of the ports that the server listens on, without those that are off."""
    optional = tuple(key for key in ("https_port", "rtmps_port", "srt_port") if getattr(settings, key))
    return ("http_port", "rtmp_port", *optional)


def require_free_ports(settings: Settings) -> None:
    """Raises EnvironmentFault naming the first port that is taken."""
    for key in port_keys(settings):
        listen(settings, key).close()


def listen(settings: Settings, key: str) -> socket.socket:
    """A socket that listens on the port of this key.

    Raises EnvironmentFault.
    """
    port = getattr(settings, key)
    try:
        return _listen(settings.host, port, is_udp=key in UDP_KEYS)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot listen on {settings.host} port {port}: {_reason(error)}; choose another with {flag_name(key)}"
        ) from None


def listen_problem(settings: Settings, key: str) -> str:
    """Why the port of this key cannot be listened on; empty when it can."""
    try:
        _listen(settings.host, getattr(settings, key), is_udp=key in UDP_KEYS).close()
    except OSError as error:
        return _reason(error)
    return ""


def _listen(host: str, port: int, *, is_udp: bool) -> socket.socket:
    kind = socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM
    family, _kind, _protocol, _name, address = socket.getaddrinfo(host, port, type=kind)[0]
    if is_udp:
        return _bound(socket.socket(family, kind), address)
    # It sets SO_REUSEADDR: a port whose last connections are still closing is free.
    return socket.create_server(address[:2], family=family, backlog=LISTEN_BACKLOG)


def _bound(unbound: socket.socket, address: object) -> socket.socket:
    try:
        unbound.bind(address)  # type: ignore[arg-type]
    except OSError:
        unbound.close()
        raise
    return unbound


def _reason(error: OSError) -> str:
    # asyncio and socket add the address to strerror; name resolution has numbers of its own, below zero.
    text = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return (text or str(error)).lower()


def ask_server(settings: Settings, path: str) -> bytes | None:
    """The body of a GET from the HTTP port of this machine; None when there is no answer, or not 200."""
    connection = http.client.HTTPConnection(local_host(settings), settings.http_port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def local_host(settings: Settings) -> str:
    """The address by which this machine reaches its own server."""
    if not is_wildcard(settings.host):
        return settings.host
    return "::1" if ":" in settings.host else "127.0.0.1"
