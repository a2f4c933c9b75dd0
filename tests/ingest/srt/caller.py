"""An SRT caller for tests: the publisher's side, spelled out. It sends nothing again: loopback loses nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from ingest.srt.handshake import Extension, ExtensionType, Handshake, HandshakeType, LatencyOffer, encode_text
from ingest.srt.packets import ControlPacket, ControlType, DataPacket, KeyFlag, parse_packet

SOCKET_ID = 0x00123456
FIRST_SEQUENCE = 0x1000
FLAGS = 0xBF
ANSWER_SECONDS = 5.0


class CallerKeys:
    """One stream key of 16 bytes and its key material (§3.2.2), wrapped by a passphrase."""

    def __init__(self, passphrase: str, flag: KeyFlag = KeyFlag.EVEN, secret: bytes | None = None) -> None:
        """``secret`` is the salt and the key, random if not given."""
        self.flag = flag
        secret = secret or os.urandom(32)
        self._salt, self._key = secret[:16], secret[16:]
        key_encrypting = PBKDF2HMAC(SHA1(), 16, self._salt[8:], 2048).derive(passphrase.encode())
        header = bytes.fromhex("12 2029") + bytes((flag,)) + bytes(4) + bytes((2, 0, 2, 0, 0, 0, 4, 4))
        self.material = header + self._salt + aes_key_wrap(key_encrypting, self._key)

    def encrypt(self, sequence: int, payload: bytes) -> bytes:
        counter = int.from_bytes(self._salt[:14]) << 16 ^ sequence << 16
        return Cipher(algorithms.AES(self._key), modes.CTR(counter.to_bytes(16))).encryptor().update(payload)


def induction(socket_id: int = SOCKET_ID) -> bytes:
    handshake = Handshake(4, 0, 2, FIRST_SEQUENCE, 1500, 8192, HandshakeType.INDUCTION, socket_id, 0)
    return _handshake_packet(handshake)


def conclusion(
    cookie: int,
    stream_id: str | None,
    *,
    socket_id: int = SOCKET_ID,
    keys: CallerKeys | None = None,
    latency_ms: int = 120,
    version: int = 5,
    flags: int = FLAGS,
    extra: Iterable[Extension] = (),
) -> bytes:
    offer = LatencyOffer(0x00010501, flags, latency_ms, latency_ms)
    extensions = [Extension(ExtensionType.HSREQ, offer.serialise())]
    if keys is not None:
        extensions.append(Extension(ExtensionType.KMREQ, keys.material))
    if stream_id is not None:
        extensions.append(Extension(ExtensionType.STREAM_ID, encode_text(stream_id)))
    handshake = Handshake(
        version=version,
        encryption_field=0 if keys is None else 2,
        extension_field=5 if keys is None else 7,
        first_sequence=FIRST_SEQUENCE,
        mss_bytes=1500,
        flow_window_packets=8192,
        type_id=HandshakeType.CONCLUSION,
        socket_id=socket_id,
        cookie=cookie,
        extensions=(*extensions, *extra),
    )
    return _handshake_packet(handshake)


def _handshake_packet(handshake: Handshake) -> bytes:
    return ControlPacket(ControlType.HANDSHAKE, 0, 0, 0, 0, handshake.serialise()).serialise()


def data_packet(sequence: int, payload: bytes, socket_id: int, keys: CallerKeys | None = None) -> bytes:
    """Its timestamp is a millisecond for each packet."""
    body = payload if keys is None else keys.encrypt(sequence, payload)
    flags = 0xC0000000 | (0 if keys is None else keys.flag << 27) | (sequence & 0x03FFFFFF)
    timestamp_us = (sequence - FIRST_SEQUENCE) * 1000 & 0xFFFFFFFF
    header = b"".join(word.to_bytes(4) for word in (sequence, flags, timestamp_us, socket_id))
    return header + body


class Caller(asyncio.DatagramProtocol):
    """One caller's socket; an async context manager."""

    def __init__(self, port: int, socket_id: int = SOCKET_ID, source_address: str = "127.0.0.1") -> None:
        self._address = ("127.0.0.1", port)
        self._source = (source_address, 0)
        self._socket_id = socket_id
        self._transport: asyncio.DatagramTransport | None = None
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._sequence = FIRST_SEQUENCE
        self._keys: CallerKeys | None = None
        self.listener_id = 0

    async def __aenter__(self) -> Caller:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, remote_addr=self._address, local_addr=self._source
        )
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received.put_nowait(data)

    def send(self, datagram: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(datagram)

    async def received(self) -> bytes:
        """The next datagram."""
        return await self._received.get()

    async def control(self, type_id: ControlType) -> ControlPacket:
        """The next control packet of this type."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                packet = parse_packet(await self.received())
                assert packet is not None
                if not isinstance(packet, DataPacket) and packet.type_id == type_id:
                    return packet

    async def handshake(self) -> Handshake:
        return Handshake.parse((await self.control(ControlType.HANDSHAKE)).body)

    async def call(self, stream_id: str | None, *, keys: CallerKeys | None = None) -> Handshake:
        """The answer to a conclusion."""
        self.send(induction(self._socket_id))
        cookie = (await self.handshake()).cookie
        self.send(conclusion(cookie, stream_id, socket_id=self._socket_id, keys=keys))
        answer = await self.handshake()
        self._keys, self.listener_id = keys, answer.socket_id
        return answer

    def use(self, keys: CallerKeys) -> None:
        """Encrypt with these from now on."""
        self._keys = keys

    def publish(self, payload: bytes) -> None:
        """One packet."""
        self.send(data_packet(self._sequence, payload, self.listener_id, self._keys))
        self._sequence += 1

    def say(self, type_id: ControlType, *, subtype: int = 0, body: bytes = b"") -> None:
        self.send(ControlPacket(type_id, subtype, 0, 0, self.listener_id, body).serialise())
