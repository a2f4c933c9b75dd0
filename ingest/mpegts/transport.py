"""Transport packets: where they begin, which of them are missing, and what each PID's sink gets of them.

    bytes ─► sync ─► PID ─► channel: continuity ─► sink: payloads in order, or a gap
                      └─ nobody listens: only counted

ISO/IEC 13818-1 §2.4.3. A publisher of 6 Mb/s sends 570 packets each second, nearly all of which continue a unit and
carry nothing but payload. The 4 bytes in front of such a packet are known before it comes, so one comparison checks
sync byte, flags and continuity counter at once; everything else takes the long way.
"""

from __future__ import annotations

import struct
from typing import Protocol

from ingest.mpegts.counters import TsCounters

PACKET_SIZE = 188
SYNC_BYTE = 0x47
SYNC_PACKETS = 3
"""Sync bytes in a row that begin a stream: 0x47 is common in payloads, three of them 188 bytes apart are not; more
would keep a datagram of 7 packets waiting for the next."""
NULL_PID = 0x1FFF
"""Packets that only fill a constant bit rate (§2.4.3.3)."""

_HEADER = struct.Struct(f">I{PACKET_SIZE - 4}x")
_HEADER_SIZE = 4
_TRANSPORT_ERROR = 0x800000
_UNIT_START = 0x400000
_SCRAMBLED = 0xC0
_ADAPTATION = 0x20
_PAYLOAD = 0x10
_CONTINUITY = 0x0F
_DISCONTINUITY, _PCR, _OPCR, _SPLICING_POINT, _PRIVATE_DATA, _EXTENSION = 0x80, 0x10, 0x08, 0x04, 0x02, 0x01
"""In the first byte of an adaptation field (§2.4.3.5)."""
_ANY_HEADER = -1
"""Next header of a PID whose continuity counter may be anything."""


class PayloadSink(Protocol):
    """Takes what the packets of one PID carry."""

    @property
    def is_assembling(self) -> bool:
        """A unit has begun and not ended."""

    def receive_payload(self, payload: bytes, is_start: bool) -> None:
        """What the next packet carries; ``is_start`` is its payload_unit_start_indicator."""

    def note_gap(self) -> None:
        """Packets before the next one are missing."""

    def note_stuffing(self) -> None:
        """The packet was filled up, which is needed where a unit ends."""

    def flush(self) -> None:
        """No packet follows."""


class _Channel:
    """One PID's continuity (§2.4.3.3)."""

    __slots__ = ("last_payload", "next_header", "sink")

    def __init__(self, sink: PayloadSink) -> None:
        self.sink = sink
        self.next_header = _ANY_HEADER
        """The first 4 bytes of the packet that comes next if it only continues."""
        self.last_payload = b""


class TransportReader:
    """Cuts a byte stream into packets and hands what they carry to the sinks of their PIDs."""

    def __init__(self, counters: TsCounters) -> None:
        self._counters = counters
        self._channels: dict[int, _Channel] = {}
        self._remainder = b""
        self._is_synced = False

    def listen(self, pid: int, sink: PayloadSink) -> None:
        """From the next packet on; replaces who listened before."""
        self._channels[pid] = _Channel(sink)

    def ignore(self, pid: int) -> None:
        """Undoes `listen`."""
        self._channels.pop(pid, None)

    def receive_data(self, data: bytes) -> None:
        """Takes any piece of the stream; raises only what sinks raise, and then the rest of ``data`` is lost."""
        if self._remainder:
            data, self._remainder = self._remainder + data, b""
        position = 0
        while not self._is_synced or len(data) - position >= PACKET_SIZE:
            if not self._is_synced:
                position, self._is_synced = _find_sync(data, position)
                if not self._is_synced:
                    break
            position = self._read_packets(data, position)
        self._remainder = data[position:]

    def note_loss(self) -> None:
        """Something before the next byte is missing: every unit that has begun lacks a part, for all that is known."""
        self._remainder = b""
        self._is_synced = False
        for channel in self._channels.values():
            if channel.sink.is_assembling:
                channel.sink.note_gap()

    def _read_packets(self, data: bytes, start: int) -> int:
        """Reads whole packets until the data or the sync bytes end; returns where that is."""
        end = start + (len(data) - start) // PACKET_SIZE * PACKET_SIZE
        channels = self._channels
        position = start
        for (header,) in _HEADER.iter_unpack(memoryview(data)[start:end]):
            channel = channels.get(header >> 8 & 0x1FFF)
            if channel is None:
                if header >> 24 != SYNC_BYTE:
                    self._lose_sync()
                    break
            elif header == channel.next_header:
                channel.next_header = header & ~_CONTINUITY | header + 1 & _CONTINUITY
                channel.last_payload = payload = data[position + _HEADER_SIZE : position + PACKET_SIZE]
                channel.sink.receive_payload(payload, False)
            elif header >> 24 != SYNC_BYTE:
                self._lose_sync()
                break
            else:
                self._read_packet(channel, header, data[position : position + PACKET_SIZE])
            position += PACKET_SIZE
        self._counters.packets += (position - start) // PACKET_SIZE
        return position

    def _lose_sync(self) -> None:
        self._counters.sync_losses += 1
        self.note_loss()

    def _read_packet(self, channel: _Channel, header: int, packet: bytes) -> None:
        """Any packet that is not a plain continuation."""
        if header & _TRANSPORT_ERROR:
            self._counters.transport_errors += 1
            return
        if header & _SCRAMBLED:
            self._counters.scrambled_packets += 1
            return
        payload_start, has_stuffing = _HEADER_SIZE, False
        if header & _ADAPTATION:
            payload_start += 1 + packet[_HEADER_SIZE]
            if payload_start > PACKET_SIZE:
                self._counters.malformed_packets += 1
                return
            if packet[_HEADER_SIZE] and packet[_HEADER_SIZE + 1] & _DISCONTINUITY:
                channel.next_header = _ANY_HEADER
            has_stuffing = _has_stuffing(packet)
        if header & _PAYLOAD and self._receive_payload(channel, header, packet[payload_start:]) and has_stuffing:
            channel.sink.note_stuffing()

    def _receive_payload(self, channel: _Channel, header: int, payload: bytes) -> bool:
        """False for a duplicate, which is passed over."""
        if channel.next_header != _ANY_HEADER and (step := header - channel.next_header & _CONTINUITY):
            if step == _CONTINUITY and payload == channel.last_payload:
                self._counters.duplicate_packets += 1
                return False
            self._counters.continuity_errors += 1
            channel.sink.note_gap()
        pid_bits = header & NULL_PID << 8
        channel.next_header = SYNC_BYTE << 24 | pid_bits | _PAYLOAD | header + 1 & _CONTINUITY
        channel.last_payload = payload
        channel.sink.receive_payload(payload, bool(header & _UNIT_START))
        return True


def _has_stuffing(packet: bytes) -> bool:
    """Whether the adaptation field is longer than its fields: there was not enough payload (§2.4.3.5)."""
    size = packet[_HEADER_SIZE]
    flags = packet[_HEADER_SIZE + 1]
    if not size or (size == 1 and not flags):
        return True  # a field with nothing in it is there for its size
    needed = 1 + 6 * bool(flags & _PCR) + 6 * bool(flags & _OPCR) + bool(flags & _SPLICING_POINT)
    for flag in (_PRIVATE_DATA, _EXTENSION):  # each begins with its own length
        if flags & flag and needed < size:
            needed += 1 + packet[_HEADER_SIZE + 1 + needed]
    return size > needed


def _find_sync(data: bytes, start: int) -> tuple[int, bool]:
    """Where packets begin and whether that is certain; if not, where they may begin when more data comes."""
    position = data.find(SYNC_BYTE, start)
    while position >= 0:
        sync_bytes = data[position : position + (SYNC_PACKETS - 1) * PACKET_SIZE + 1 : PACKET_SIZE]
        if sync_bytes.count(SYNC_BYTE) == len(sync_bytes):
            return position, len(sync_bytes) == SYNC_PACKETS
        position = data.find(SYNC_BYTE, position + 1)
    return len(data), False
