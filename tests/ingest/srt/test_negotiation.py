"""What callers ask for, and what they are told (draft-sharabayko-srt §4.3; libsrt's rejection codes)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.srt.errors import Rejection, SrtError
from ingest.srt.events import CallerArrived, CallerRefused, MediaArrived
from ingest.srt.handshake import (
    Extension,
    ExtensionType,
    Handshake,
    HandshakeType,
    LatencyOffer,
    SrtFlag,
    encode_text,
)
from ingest.srt.key_material import CipherId
from ingest.srt.negotiation import Conclusion, agree_on_keys
from ingest.srt.packets import ControlPacket, ControlType
from tests.ingest.srt.caller import FIRST_SEQUENCE, FLAGS, SOCKET_ID, CallerKeys, conclusion, data_packet
from tests.ingest.srt.listening_port import ADDRESS, KEY, PASSPHRASE, Port


def with_cipher(conclusion: Conclusion, cipher: int) -> Conclusion:
    material = bytearray(conclusion.key_material or b"")
    material[8] = cipher
    return replace(conclusion, key_material=bytes(material))


class TestAnswer:
    """What an accepted caller is told."""

    def test_in_clear(self) -> None:
        port = Port()
        caller = port.caller(latency_ms=120)
        assert (caller.address, caller.conclusion.key) == (ADDRESS, KEY)
        connection = port.accept(caller)
        answer = port.handshake_sent()
        assert (answer.version, answer.type_id, answer.extension_field) == (5, HandshakeType.CONCLUSION, 1)
        assert (answer.first_sequence, answer.mss_bytes, answer.flow_window_packets) == (FIRST_SEQUENCE, 1500, 8192)
        assert 0 < answer.socket_id < 1 << 30
        (extension,) = answer.extensions
        assert extension.type_id == ExtensionType.HSRSP
        assert LatencyOffer.parse(extension.body) == LatencyOffer(0x010504, 0x3F, 120, 120)
        assert connection.latency_ms == 120
        assert not connection.is_encrypted

    @pytest.mark.parametrize(("wish_ms", "agreed_ms"), [(0, 60), (60, 60), (500, 500), (2001, 2000), (65535, 2000)])
    def test_latency(self, wish_ms: int, agreed_ms: int) -> None:
        port = Port()
        connection, _socket_id = port.connected(latency_ms=wish_ms)
        assert connection.latency_ms == agreed_ms

    @pytest.mark.parametrize(("wish_bytes", "agreed_bytes"), [(1360, 1360), (9000, 1500)])
    def test_size_of_packets(self, wish_bytes: int, agreed_bytes: int) -> None:
        port = Port()
        request = bytearray(conclusion(port.cookie(), KEY))
        request[28:32] = wish_bytes.to_bytes(4)
        (event,) = port.receive(bytes(request))
        assert isinstance(event, CallerArrived)
        port.accept(event.caller)
        assert port.handshake_sent().mss_bytes == agreed_bytes

    def test_retransmission_flag_only_for_who_knows_it(self) -> None:
        port = Port()
        port.accept(port.caller(flags=FLAGS & ~SrtFlag.RETRANSMIT_FLAG))
        assert LatencyOffer.parse(port.handshake_sent().extensions[0].body).flags == 0x1F

    def test_encrypted(self) -> None:
        port = Port()
        keys = CallerKeys(PASSPHRASE)
        connection = port.accept(port.caller(keys=keys), PASSPHRASE)
        answer = port.handshake_sent()
        assert (answer.encryption_field, answer.extension_field) == (2, 3)
        assert answer.extension(ExtensionType.KMRSP) == keys.material
        assert connection.is_encrypted
        (event,) = port.receive(data_packet(FIRST_SEQUENCE, b"payload", answer.socket_id, keys))
        assert event == MediaArrived(connection, [b"payload"])

    def test_extensions_that_nobody_defined_are_passed_over(self) -> None:
        port = Port()
        assert port.caller(extra=[Extension(0x1234, bytes(8))]).conclusion.key == KEY

    def test_live_congestion_control(self) -> None:
        port = Port()
        assert port.caller(extra=[Extension(ExtensionType.CONGESTION, encode_text("live"))])


class TestRefusal:
    """Each reason has its code."""

    def test_by_the_owner(self) -> None:
        port = Port()
        port.listener.refuse(port.caller(), Rejection.CONFLICT, port.now_us)
        ((datagram, address),) = port.sent()
        refusal = Handshake.parse(datagram[16:])
        assert (address, int.from_bytes(datagram[12:16])) == (ADDRESS, SOCKET_ID)
        assert (refusal.version, refusal.type_id) == (5, 2409)
        assert len(datagram) == 64

    def test_version_4(self) -> None:
        assert Port().rejection(version=4) == 1008

    def test_version_4_without_extensions(self) -> None:
        port = Port()
        handshake = Handshake(4, 0, 2, 1, 1500, 8192, HandshakeType.CONCLUSION, SOCKET_ID, port.cookie())
        port.receive(ControlPacket(ControlType.HANDSHAKE, 0, 0, 0, 0, handshake.serialise()).serialise())
        assert port.handshake_sent().type_id == 1008

    def test_file_mode(self) -> None:
        assert Port().rejection(flags=FLAGS | SrtFlag.STREAM) == 1012

    @pytest.mark.parametrize(
        ("extension", "code"),
        [
            (Extension(ExtensionType.CONGESTION, encode_text("file")), 1013),
            (Extension(ExtensionType.CONGESTION, bytes.fromhex("ffffffff")), 2400),
            (Extension(ExtensionType.FILTER, encode_text("fec,cols:10,rows:5")), 1014),
            (Extension(ExtensionType.GROUP, bytes(8)), 1015),
        ],
    )
    def test_extensions(self, extension: Extension, code: int) -> None:
        assert Port().rejection(extra=[extension]) == code

    @pytest.mark.parametrize(
        ("stream_id", "code"),
        [(None, 2400), ("", 2400), ("k" * 129, 2400), ("k" * 513, 2400), ("#!::r=key,m=request", 2405)],
    )
    def test_stream_ids(self, stream_id: str | None, code: int) -> None:
        assert Port().rejection(stream_id) == code

    def test_long_stream_id_that_is_all_right(self) -> None:
        port = Port()
        (event,) = port.receive(conclusion(port.cookie(), f"publish:{'n' * (512 - 8 - 1 - len(KEY))}:{KEY}"))
        assert isinstance(event, CallerArrived)
        assert event.caller.conclusion.key == KEY

    def test_without_hsreq(self) -> None:
        port = Port()
        handshake = Handshake(5, 0, 0, 1, 1500, 8192, HandshakeType.CONCLUSION, SOCKET_ID, port.cookie())
        port.receive(ControlPacket(ControlType.HANDSHAKE, 0, 0, 0, 0, handshake.serialise()).serialise())
        assert port.handshake_sent().type_id == 1004

    def test_old_library(self) -> None:
        port = Port()
        offer = LatencyOffer(0x010203, FLAGS, 120, 120)
        extensions = (Extension(ExtensionType.HSREQ, offer.serialise()),)
        handshake = Handshake(
            5, 0, 1, 1, 1500, 8192, HandshakeType.CONCLUSION, SOCKET_ID, port.cookie(), extensions=extensions
        )
        port.receive(ControlPacket(ControlType.HANDSHAKE, 0, 0, 0, 0, handshake.serialise()).serialise())
        assert port.handshake_sent().type_id == 1008

    def test_extension_longer_than_its_packet(self) -> None:
        port = Port()
        (event,) = port.receive(conclusion(port.cookie(), KEY)[:-1])
        assert isinstance(event, CallerRefused)
        assert port.handshake_sent().type_id == 1004

    def test_first_sequence_that_is_none(self) -> None:
        port = Port()
        request = bytearray(conclusion(port.cookie(), KEY))
        request[24] |= 0x80
        port.receive(bytes(request))
        assert port.handshake_sent().type_id == 1004

    @pytest.mark.parametrize(
        ("keys", "passphrase", "code"),
        [
            (None, PASSPHRASE, 1011),
            (CallerKeys(PASSPHRASE), None, 1011),
            (CallerKeys("battery staple"), PASSPHRASE, 1010),
        ],
    )
    def test_encryption(self, keys: CallerKeys | None, passphrase: str | None, code: int) -> None:
        caller = Port().caller(keys=keys)
        with pytest.raises(SrtError) as caught:
            agree_on_keys(caller.conclusion, passphrase)
        assert caught.value.rejection == code

    def test_cipher(self) -> None:
        caller = Port().caller(keys=CallerKeys(PASSPHRASE))
        with pytest.raises(SrtError) as caught:
            agree_on_keys(with_cipher(caller.conclusion, 1), PASSPHRASE)
        assert caught.value.rejection == 1017

    def test_older_gcm(self) -> None:
        """libsrt 1.5.3 makes other nonces of the same sequence numbers."""
        conclusion = with_cipher(Port().caller(keys=CallerKeys(PASSPHRASE)).conclusion, CipherId.GCM)
        assert agree_on_keys(replace(conclusion, srt_version=0x00010504), PASSPHRASE)
        with pytest.raises(SrtError) as caught:
            agree_on_keys(replace(conclusion, srt_version=0x00010503), PASSPHRASE)
        assert caught.value.rejection == 1017
