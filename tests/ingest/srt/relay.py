"""A bad line between an SRT caller and its listener: loses, delays, reorders and duplicates datagrams, seeded."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import cast

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LineQuality:
    """Of each direction. Probabilities are of each datagram."""

    loss: float = 0.0
    delay_ms: float = 0.0
    """One way: half of the round trip."""
    jitter_ms: float = 0.0
    """Up to so much more, evenly; what is delayed less overtakes."""
    duplication: float = 0.0
    spared_datagrams: int = 0
    """So many first ones are not lost: callers and listeners differ in what they make of a handshake's loss."""


class Direction:
    """What happens to datagrams one way; its own numbers, so that the other way does not change them."""

    def __init__(self, quality: LineQuality, seed: str) -> None:
        self._quality = quality
        self._random = random.Random(seed)
        self.datagram_count = 0
        self.lost_count = 0

    def delays_seconds(self) -> list[float]:
        """Of each copy of the next datagram; empty when it is lost."""
        quality, generator = self._quality, self._random
        loses, jitter, duplicates = generator.random(), generator.random(), generator.random()
        self.datagram_count += 1
        if loses < quality.loss and self.datagram_count > quality.spared_datagrams:
            self.lost_count += 1
            return []
        delay_seconds = (quality.delay_ms + jitter * quality.jitter_ms) / 1000
        return [delay_seconds] * (2 if duplicates < quality.duplication else 1)


class UdpRelay(asyncio.DatagramProtocol):
    """Listens for callers, each of whom gets a socket of its own towards the listener. An async context manager."""

    def __init__(self, target_port: int, quality: LineQuality, seed: int) -> None:
        self.port = 0
        self.up = Direction(quality, f"{seed} up")
        self.down = Direction(quality, f"{seed} down")
        self._target = ("127.0.0.1", target_port)
        self._transport: asyncio.DatagramTransport | None = None
        self._lines: dict[Address, asyncio.Task[_Line]] = {}

    async def __aenter__(self) -> UdpRelay:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        for opening in self._lines.values():
            (await opening).close()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        opening = self._lines.get(addr)
        if opening is None:
            opening = self._lines[addr] = asyncio.get_running_loop().create_task(self._open(addr))
        if not opening.done():
            opening.add_done_callback(lambda opened: opened.result().send_up(data))
        else:
            opening.result().send_up(data)

    async def _open(self, caller: Address) -> _Line:
        loop = asyncio.get_running_loop()
        line = _Line(self, caller)
        await loop.create_datagram_endpoint(lambda: line, remote_addr=self._target)
        return line

    def send_down(self, data: bytes, caller: Address) -> None:
        for delay_seconds in self.down.delays_seconds():
            asyncio.get_running_loop().call_later(delay_seconds, self._send, data, caller)

    def _send(self, data: bytes, caller: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, caller)


class _Line(asyncio.DatagramProtocol):
    """One caller's."""

    def __init__(self, relay: UdpRelay, caller: Address) -> None:
        self._relay = relay
        self._caller = caller
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def send_up(self, data: bytes) -> None:
        for delay_seconds in self._relay.up.delays_seconds():
            asyncio.get_running_loop().call_later(delay_seconds, self._send, data)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._relay.send_down(data, self._caller)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens (any more); as on a real line, the caller finds out by silence."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data)
