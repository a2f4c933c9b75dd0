"""An SRT connection after its handshake, as a pure object: packets and time in, payloads and datagrams out.

    data     ─► decrypt ─► Receiver ─► payloads in order
    gaps     ─► NAK, at once and again            every 10 ms ─► ACK ─► ACKACK ─► round trip, drift
    key refresh ─► new keys ─► echo               silence ─► keepalive; 5 s of it ─► lost

Times are monotonic microseconds. Sections are those of draft-sharabayko-srt.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum

from ingest.srt.clock import SenderClock
from ingest.srt.decryption import Decryption
from ingest.srt.packets import (
    ControlPacket,
    ControlType,
    DataPacket,
    KeyFlag,
    full_acknowledgement,
    light_acknowledgement,
    loss_reports,
    parse_drop_request,
)
from ingest.srt.rates import ArrivalRates
from ingest.srt.receiver import Receiver
from ingest.srt.round_trip import RoundTrip
from ingest.srt.sequence import sequence_difference

TICK_US = 10_000
"""Between acknowledgements (§4.8.1)."""
LIGHT_ACK_PACKETS = 64
"""A sender at full speed must not wait for the next full ACK (§4.8.1)."""
KEEPALIVE_US = 1_000_000
"""Of our silence (§4.11)."""
PEER_IDLE_US = 5_000_000
"""Of the peer's: it is gone."""
REMEMBERED_ACKS = 1_024
"""Whose ACKACK may still come: ten seconds."""
SHORTEST_REPORT_INTERVAL_US = 20_000
"""Between two requests for the same packet on a short line: the sender's own pace is a packet each 1 to 2 ms. On others
it is half a round trip, as libsrt's: requests are lost, too, and a sender passes over the second within one."""

_KEY_REQUEST = 3
_KEY_RESPONSE = 4
"""Subtypes of user-defined packets (§3.2.2)."""


class Ending(StrEnum):
    """Why a connection is over."""

    SHUTDOWN = "shutdown"
    """The peer said goodbye."""
    PEER_IDLE = "peer_idle"
    CLOSED = "closed"
    """By this side."""


class SrtConnection:
    """One caller's connection."""

    def __init__(
        self,
        *,
        peer_socket_id: int,
        first_sequence: int,
        clock: SenderClock,
        decryption: Decryption | None,
        now_us: int,
    ) -> None:
        """``decryption`` is None on a connection in clear."""
        self.receiver = Receiver(first_sequence, clock)
        self.round_trip = RoundTrip()
        self.rates = ArrivalRates(now_us)
        self.undecrypted_count = 0
        self.ending: Ending | None = None
        self._clock = clock
        self._peer_socket_id = peer_socket_id
        self._decryption = decryption
        self._began_us = now_us
        self._heard_us = now_us
        self._spoke_us = now_us
        self._outgoing: list[bytes] = []
        self._ack_number = 0
        self._acks: OrderedDict[int, tuple[int, int]] = OrderedDict()
        """When each full ACK was sent, and for what, by its number."""
        self._acknowledged = first_sequence
        self._acknowledged_us = now_us
        self._confirmed = first_sequence
        self._since_light_ack = 0

    @property
    def latency_ms(self) -> int:
        """Agreed in the handshake: how long what is missing is waited for."""
        return self._clock.latency_us // 1000

    @property
    def is_encrypted(self) -> bool:
        return self._decryption is not None

    @property
    def heard_us(self) -> int:
        """When the peer said something last."""
        return self._heard_us

    def datagrams_to_send(self) -> list[bytes]:
        """Each is returned once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def receive_data(self, packet: DataPacket, now_us: int) -> list[bytes | None]:
        """Payloads in order; None stands where something is lost for good."""
        self._heard_us = now_us
        payload = self._readable(packet)
        if payload is None:
            self.undecrypted_count += 1
        else:
            self.rates.note(packet.sequence, len(payload), now_us)
        receiver = self.receiver
        delivered = receiver.receive(
            packet.sequence, payload, packet.timestamp_us, now_us, is_retransmitted=packet.is_retransmitted
        )
        if receiver.losses.has_fresh:
            self._request_missing(now_us)
        self._since_light_ack += 1
        if self._since_light_ack >= LIGHT_ACK_PACKETS:
            self._since_light_ack = 0
            self._send(ControlType.ACK, now_us, body=light_acknowledgement(receiver.next_expected))
        return delivered

    def receive_control(self, packet: ControlPacket, now_us: int) -> list[bytes | None]:
        """What a control packet brings in order: a drop request may."""
        self._heard_us = now_us
        match packet.type_id:
            case ControlType.ACKACK:
                self._receive_ackack(packet, now_us)
            case ControlType.DROP_REQUEST:
                dropped = parse_drop_request(packet.body)
                return self.receiver.drop(dropped, now_us) if dropped else []
            case ControlType.SHUTDOWN:
                self.ending = Ending.SHUTDOWN
            case ControlType.USER_DEFINED if packet.subtype == _KEY_REQUEST and self._decryption:
                answer = self._decryption.refresh(packet.body, now_us)
                if answer is not None:
                    self._send(ControlType.USER_DEFINED, now_us, subtype=_KEY_RESPONSE, body=answer)
        return []  # keepalives, and what only senders of both directions need

    def tick(self, now_us: int) -> list[bytes | None]:
        """To be called every TICK_US. Returns what is in order now, because the time of what was missing is over."""
        if now_us - self._heard_us > PEER_IDLE_US:
            self.ending = Ending.PEER_IDLE
            return []
        self.rates.tick(now_us)
        delivered = self.receiver.give_up_due(now_us)
        self._request_missing(now_us)
        self._acknowledge(now_us)
        if now_us - self._spoke_us > KEEPALIVE_US:
            self._send(ControlType.KEEPALIVE, now_us)
        return delivered

    def close(self, now_us: int) -> None:
        """Says goodbye."""
        if self.ending is None:
            self.ending = Ending.CLOSED
            self._send(ControlType.SHUTDOWN, now_us)

    def _readable(self, packet: DataPacket) -> bytes | None:
        """The payload in clear; None for one that should be encrypted and is not, or the other way round."""
        if self._decryption is not None:
            return self._decryption.decrypt(packet)
        return packet.payload if packet.key == KeyFlag.NONE else None

    # Reports

    def _request_missing(self, now_us: int) -> None:
        interval_us = max((self.round_trip.rtt_us + 4 * self.round_trip.variance_us) // 2, SHORTEST_REPORT_INTERVAL_US)
        nearest_tick_us = interval_us - TICK_US // 2  # the next one may come too late for one try more
        for report in loss_reports(self.receiver.losses.due_requests(now_us, nearest_tick_us)):
            self._send(ControlType.NAK, now_us, body=report)

    def _acknowledge(self, now_us: int) -> None:
        """When there is news, or when the last one was not confirmed in time."""
        next_expected, trip = self.receiver.next_expected, self.round_trip
        is_news = next_expected != self._acknowledged
        is_unconfirmed = self._confirmed != self._acknowledged
        if not is_news and not (is_unconfirmed and now_us - self._acknowledged_us > trip.rtt_us + 4 * trip.variance_us):
            return
        self._acknowledged, self._acknowledged_us = next_expected, now_us
        self._ack_number = (self._ack_number + 1) & 0xFFFFFFFF or 1
        self._acks[self._ack_number] = (now_us, next_expected)
        if len(self._acks) > REMEMBERED_ACKS:
            self._acks.popitem(last=False)
        body = full_acknowledgement(
            next_expected,
            rtt_us=trip.rtt_us,
            rtt_variance_us=trip.variance_us,
            free_packets=max(2, self.receiver.free_packets),  # fewer would stop the sender for good
            packets_per_second=self.rates.packets_per_second,
            capacity_packets_per_second=self.rates.capacity_packets_per_second,
            bytes_per_second=self.rates.bytes_per_second,
        )
        self._send(ControlType.ACK, now_us, information=self._ack_number, body=body)

    def _receive_ackack(self, packet: ControlPacket, now_us: int) -> None:
        sent = self._acks.pop(packet.information, None)
        if sent is None:
            return
        sent_us, confirmed = sent
        if sequence_difference(confirmed, self._confirmed) > 0:
            self._confirmed = confirmed
        trip = self.round_trip
        trip.sample(now_us - sent_us)
        self._clock.sample(packet.timestamp_us, now_us, trip.rtt_us - (trip.first_rtt_us or trip.rtt_us))

    def _send(
        self, type_id: ControlType, now_us: int, *, subtype: int = 0, information: int = 0, body: bytes = b""
    ) -> None:
        self._spoke_us = now_us
        timestamp_us = now_us - self._began_us
        packet = ControlPacket(type_id, subtype, information, timestamp_us, self._peer_socket_id, body)
        self._outgoing.append(packet.serialise())
