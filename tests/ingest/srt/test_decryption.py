"""Encrypted connections, and new keys while they last (draft-sharabayko-srt §6.1.6)."""

from __future__ import annotations

import pytest

from ingest.srt.decryption import MOST_REFRESHES_PER_MINUTE
from ingest.srt.packets import ControlType, KeyFlag
from tests.ingest.srt.caller import CallerKeys
from tests.ingest.srt.sender import PASSPHRASE, Peer

KEY_REQUEST, KEY_RESPONSE = 3, 4


class TestEncryption:
    """§6."""

    def test_decrypted(self) -> None:
        peer = Peer(CallerKeys(PASSPHRASE))
        assert peer.publish(0, 1) == [b"0", b"1"]
        assert peer.connection.is_encrypted

    def test_key_refresh(self) -> None:
        even, odd = CallerKeys(PASSPHRASE), CallerKeys(PASSPHRASE, KeyFlag.ODD)
        peer = Peer(even)
        peer.publish(0)
        self._refresh(peer, odd.material)
        (answer,) = peer.heard(ControlType.USER_DEFINED)
        assert (answer.subtype, answer.body) == (KEY_RESPONSE, odd.material)
        peer.keys = odd
        assert peer.publish(1, 3) == [b"1"]
        peer.keys = even
        assert peer.publish(2) == [b"2", b"3"]

    def test_repeated_request_is_answered_and_costs_nothing(self) -> None:
        peer = Peer(CallerKeys(PASSPHRASE))
        odd = CallerKeys(PASSPHRASE, KeyFlag.ODD)
        for _ in range(3 * MOST_REFRESHES_PER_MINUTE):
            self._refresh(peer, odd.material)
        assert len(peer.heard(ControlType.USER_DEFINED)) == 3 * MOST_REFRESHES_PER_MINUTE

    def test_too_many_requests(self) -> None:
        peer = Peer(CallerKeys(PASSPHRASE))
        for index in range(MOST_REFRESHES_PER_MINUTE + 5):
            self._refresh(peer, b"%d" % index)
        assert len(peer.heard(ControlType.USER_DEFINED)) == MOST_REFRESHES_PER_MINUTE
        peer.now_us += 60_000_000
        self._refresh(peer, b"later")
        assert len(peer.heard(ControlType.USER_DEFINED)) == 1

    def test_refresh_with_another_passphrase_changes_nothing(self) -> None:
        peer = Peer(CallerKeys(PASSPHRASE))
        self._refresh(peer, CallerKeys("battery staple").material)
        (answer,) = peer.heard(ControlType.USER_DEFINED)
        assert (answer.subtype, answer.body) == (KEY_RESPONSE, bytes.fromhex("04000000"))
        assert peer.publish(0) == [b"0"]

    def test_refresh_with_another_cipher(self) -> None:
        peer = Peer(CallerKeys(PASSPHRASE))
        material = bytearray(CallerKeys(PASSPHRASE).material)
        material[8] = 9
        self._refresh(peer, bytes(material))
        assert peer.heard(ControlType.USER_DEFINED)[0].body == bytes.fromhex("05000000")

    def test_refresh_on_a_connection_in_clear(self) -> None:
        peer = Peer()
        self._refresh(peer, CallerKeys(PASSPHRASE).material)
        assert peer.heard(ControlType.USER_DEFINED) == []
        assert not peer.connection.is_encrypted

    @pytest.mark.parametrize("is_encrypted", [False, True])
    def test_packets_that_cannot_be_read_are_lost(self, is_encrypted: bool) -> None:
        keys = CallerKeys(PASSPHRASE)
        peer = Peer(keys if is_encrypted else None)
        peer.publish(0)
        peer.keys = None if is_encrypted else keys
        assert peer.publish(1) == []
        peer.keys = keys if is_encrypted else None
        assert peer.publish(2) == [None, b"2"]
        peer.tick()
        assert peer.connection.undecrypted_count == 1
        assert [count for _number, count in peer.acknowledged()] == [3]

    def _refresh(self, peer: Peer, material: bytes) -> None:
        peer.say(ControlType.USER_DEFINED, subtype=KEY_REQUEST, body=material)
