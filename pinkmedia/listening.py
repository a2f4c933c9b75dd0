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


def port_keys(settings: Settings) -> tuple[str, ...]:
    """The keys of the TCP ports that the server listens on; reserved ones and those that are off are not looked at."""
    return ("http_port", "rtmp_port", "rtmps_port") if settings.rtmps_port else ("http_port", "rtmp_port")


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
        return _listen(settings.host, port)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot listen on {settings.host} port {port}: {_reason(error)}; choose another with {flag_name(key)}"
        ) from None


def listen_problem(host: str, port: int) -> str:
    """Why a TCP port cannot be listened on; empty when it can."""
    try:
        _listen(host, port).close()
    except OSError as error:
        return _reason(error)
    return ""


def _listen(host: str, port: int) -> socket.socket:
    family, _kind, _protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # It sets SO_REUSEADDR: a port whose last connections are still closing is free.
    return socket.create_server(address[:2], family=family, backlog=LISTEN_BACKLOG)


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
