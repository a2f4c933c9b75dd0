"""How many microseconds does a packet cost? Datagrams in memory, no sockets; run it by `benchmarks.srt_ingest`.

Measured 2026-11-23 on one core of an AMD EPYC (Zen 5) in a nested virtual machine, Python 3.11, µs of CPU time for a
packet of 1316 bytes; the media path reads its seven transport packets:

                      core   + media
    plain              3.7      14.6
    AES-128-CTR        4.7      15.6
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.srt_calling import Clip
from ingest.srt.events import CallerArrived, MediaArrived
from ingest.srt.handshake import Handshake
from ingest.srt.key_material import KeyMaterial
from ingest.srt.listener import SrtListener
from ingest.srt.media import SrtMedia
from ingest.srt.negotiation import LatencyLimits
from ingest.srt.packets import HEADER_BYTES, ControlPacket, parse_packet
from tests.fuzz.targets.checked_publication import CheckedPublication
from tests.ingest.srt.caller import CallerKeys, conclusion, induction

CORE_SECONDS = 10
CORE_ROUNDS = 5
TICK_PACKETS = 6
"""Ten milliseconds of 6 Mbit/s."""
PASSPHRASE = "a passphrase for the benchmark"
ADDRESS = ("127.0.0.1", 40_000)


def run_core() -> None:
    print(f"{'':22} {'core':>8} {'+ media':>8}   µs of CPU time per packet")
    with tempfile.TemporaryDirectory() as folder:
        for name, keys in (("plain", None), ("AES-128-CTR", CallerKeys(PASSPHRASE))):
            clip = Clip.encode(Path(folder), CORE_SECONDS, keys)
            core, media = (_microseconds(clip, has_media=choice) for choice in (False, True))
            print(f"{name:22} {core:8.1f} {media:8.1f}")


def _microseconds(clip: Clip, *, has_media: bool) -> float:
    return median(_round(clip, has_media=has_media) for _ in range(CORE_ROUNDS))


def _round(clip: Clip, *, has_media: bool) -> float:
    listener, socket_id = _connected(clip)
    datagrams = [datagram[:12] + socket_id.to_bytes(4) + datagram[HEADER_BYTES:] for datagram in clip.datagrams]
    media = SrtMedia(CheckedPublication()) if has_media else None
    now_us = 0
    began = time.process_time_ns()
    for index, datagram in enumerate(datagrams):
        now_us += 1750
        for event in listener.receive_datagram(datagram, ADDRESS, now_us):
            if media is not None and isinstance(event, MediaArrived):
                media.receive(event.payloads, now_us / 1e6)
        if index % TICK_PACKETS == 0:
            listener.tick(now_us)
            listener.datagrams_to_send()
    return (time.process_time_ns() - began) / 1000 / len(datagrams)


def _connected(clip: Clip) -> tuple[SrtListener, int]:
    """A listener with one caller, and the socket id that it has given to it."""
    listener = SrtListener(LatencyLimits(120, 120), 0)
    listener.receive_datagram(induction(), ADDRESS, 0)
    ((datagram, _),) = listener.datagrams_to_send()
    cookie = _handshake(datagram).cookie
    (arrived,) = listener.receive_datagram(conclusion(cookie, "key", keys=clip.keys), ADDRESS, 0)
    assert isinstance(arrived, CallerArrived)
    keys = None
    if arrived.caller.conclusion.key_material is not None:
        keys = KeyMaterial.parse(arrived.caller.conclusion.key_material).unwrap(PASSPHRASE)
    listener.accept(arrived.caller, keys, PASSPHRASE, 0)
    ((answer, _),) = listener.datagrams_to_send()
    return listener, _handshake(answer).socket_id


def _handshake(datagram: bytes) -> Handshake:
    packet = parse_packet(datagram)
    assert isinstance(packet, ControlPacket)
    return Handshake.parse(packet.body)
