"""Key material and decryption (draft-sharabayko-srt §3.2.2, §6), with the vectors of two implementations."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.errors import KeyMaterialError, Rejection
from ingest.srt.key_material import CipherId, KeyMaterial, StreamKeys
from ingest.srt.packets import DataPacket, KeyFlag, parse_packet

PASSPHRASE = "foobarfoobar"
SALT = bytes.fromhex("6c438852715a4d26e0e810b3132ca61f")
EVEN_KEY = bytes.fromhex("047dc22e7f000be55a25ba56ae2e9180")
ODD_KEY = bytes.fromhex("240c8e76ccf3637641af473edaf15aaf")
WRAPPED_EVEN = "699ab4eac6b7c66c3a9fa0d6836326c2b294a10764233356"
WRAPPED_BOTH = "5b901889bd106609ca8a83264b12ed1bfab3f02812bad65784ac396b1f57eb16c53e1020d3a3250b"
KEY_MATERIALS = {
    16: (SALT.hex(), EVEN_KEY.hex(), WRAPPED_EVEN),
    24: (
        "e636259ccc41e73611b9363bb58586b1",
        "4dca0ad088da64fdc8e98002d141bc46fed4fa0167b931c8",
        "8c6502d6a83e0ab894a43cb5b37b71c2755afc64a682bed9d46912138b60f384",
    ),
    32: (
        "3825bb4163f7d5cf2804ec0b31a7370f",
        "53a088d93431181075f8a9bc4876359afe48967308120c93f97bbd823d8de62a",
        "7d1578458e41680dd997d1a185c75753f3344c6711542b35833f881f7c480304cbe9bdbe76035914",
    ),
}


def key_material(
    wrapped: str = WRAPPED_EVEN,
    *,
    salt: bytes = SALT,
    key_bytes: int = 16,
    flags: int = KeyFlag.EVEN,
    cipher: int = CipherId.CTR,
) -> bytes:
    header = bytes.fromhex("12 2029") + bytes((flags,)) + bytes(4) + bytes((cipher, 0, 2, 0, 0, 0, 4, key_bytes // 4))
    return header + salt + bytes.fromhex(wrapped)


def data_packet(sequence: int, key: KeyFlag, payload: bytes, *, is_retransmitted: bool = False) -> DataPacket:
    second = 0xC0000001 | key << 27 | is_retransmitted << 26
    header = b"".join(word.to_bytes(4) for word in (sequence, second, 1000, 7))
    packet = parse_packet(header + payload)
    assert isinstance(packet, DataPacket)
    return packet


def test_payload_of_an_mpeg_ts_packet() -> None:
    packet = data_packet(0x79EE189E, KeyFlag.EVEN, bytes.fromhex("6053ce41905e451494d156b53c53fc63"))
    assert _keys(key_material()).decrypt(packet) == bytes.fromhex("47410011000001e00000808005211651")


@pytest.mark.parametrize("key_bytes", KEY_MATERIALS)
def test_key_sizes(key_bytes: int) -> None:
    salt, key, wrapped = (KEY_MATERIALS[key_bytes][index] for index in range(3))
    keys = _keys(key_material(wrapped, salt=bytes.fromhex(salt), key_bytes=key_bytes))
    packet = data_packet(7, KeyFlag.EVEN, _encrypt(bytes.fromhex(key), bytes.fromhex(salt), 7, b"in clear"))
    assert keys.decrypt(packet) == b"in clear"


@pytest.mark.parametrize(("flag", "key"), [(KeyFlag.EVEN, EVEN_KEY), (KeyFlag.ODD, ODD_KEY)])
def test_both_keys_at_once(flag: KeyFlag, key: bytes) -> None:
    keys = _keys(key_material(WRAPPED_BOTH, flags=3))
    packet = data_packet(0x7FFFFFFF, flag, _encrypt(key, SALT, 0x7FFFFFFF, bytes(1316)))
    assert keys.decrypt(packet) == bytes(1316)


@pytest.mark.parametrize("flag", [KeyFlag.NONE, KeyFlag.ODD, KeyFlag.CONTROL_ONLY])
def test_packet_whose_key_is_not_known(flag: KeyFlag) -> None:
    assert _keys(key_material()).decrypt(data_packet(1, flag, b"payload")) is None


def test_key_refresh_keeps_the_other_key() -> None:
    both = _keys(key_material(WRAPPED_BOTH, flags=3))
    odd_only = data_packet(5, KeyFlag.ODD, _encrypt(ODD_KEY, SALT, 5, b"later"))
    even = data_packet(4, KeyFlag.EVEN, _encrypt(EVEN_KEY, SALT, 4, b"under way"))
    renewed = _keys(key_material()).renewed(both)
    assert (renewed.decrypt(odd_only), renewed.decrypt(even)) == (b"later", b"under way")


@pytest.mark.parametrize("is_retransmitted", [False, True])
def test_gcm(is_retransmitted: bool) -> None:
    packet = _gcm_packet(b"in clear", is_retransmitted=is_retransmitted)
    assert _keys(key_material(cipher=CipherId.GCM)).decrypt(packet) == b"in clear"


def test_forged_gcm_packets() -> None:
    keys = _keys(key_material(cipher=CipherId.GCM))
    datagram = _gcm_packet(b"in clear").datagram
    for index in (0, 3, 8, 12, 16, len(datagram) - 1):  # sequence number, timestamp, socket id, payload, tag
        forged = bytearray(datagram)
        forged[index] ^= 1
        packet = parse_packet(bytes(forged))
        assert isinstance(packet, DataPacket)
        assert keys.decrypt(packet) is None
    assert keys.decrypt(data_packet(9, KeyFlag.EVEN, bytes(15))) is None


def test_wrong_passphrase() -> None:
    with pytest.raises(KeyMaterialError) as caught:
        KeyMaterial.parse(key_material()).unwrap("barfoobarfoo")
    assert caught.value.rejection is Rejection.BAD_SECRET


def test_unknown_cipher() -> None:
    with pytest.raises(KeyMaterialError) as caught:
        KeyMaterial.parse(key_material(cipher=3))
    assert caught.value.rejection is Rejection.CRYPTO


@pytest.mark.parametrize(
    "body",
    [
        b"",
        key_material()[:-1],
        key_material() + bytes(1),
        key_material(flags=0),
        key_material(flags=3),
        key_material(key_bytes=20),
        key_material(key_bytes=32),
        b"\x13" + key_material()[1:],
        key_material()[:14] + b"\x03" + key_material()[15:],
        key_material(WRAPPED_BOTH * 2),
    ],
)
def test_malformed(body: bytes) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        KeyMaterial.parse(body)
    assert caught.value.rejection is Rejection.ROGUE


@given(st.binary(max_size=120), st.binary(max_size=16))
def test_arbitrary_bytes(body: bytes, start: bytes) -> None:
    for each in (body, key_material()[: len(start)] + body, start + key_material()[len(start) :]):
        with suppress(KeyMaterialError):
            KeyMaterial.parse(each)


def test_secrets_are_not_shown() -> None:
    material = KeyMaterial.parse(key_material())
    assert "wrapped" not in repr(material)
    assert repr(material.unwrap(PASSPHRASE)) == "StreamKeys()"


def _keys(body: bytes) -> StreamKeys:
    return KeyMaterial.parse(body).unwrap(PASSPHRASE)


def _encrypt(key: bytes, salt: bytes, sequence: int, payload: bytes) -> bytes:
    """§6.2.2, byte by byte."""
    counter = bytearray(16)
    counter[10:14] = sequence.to_bytes(4)
    for index in range(14):
        counter[index] ^= salt[index]
    return Cipher(algorithms.AES(key), modes.CTR(bytes(counter))).encryptor().update(payload)


def _gcm_packet(payload: bytes, *, is_retransmitted: bool = False) -> DataPacket:
    nonce = bytearray(SALT[:12])
    for index, byte in enumerate((9).to_bytes(4)):
        nonce[8 + index] ^= byte
    first = data_packet(9, KeyFlag.EVEN, b"")
    sealed = AESGCM(EVEN_KEY).encrypt(bytes(nonce), payload, first.datagram)
    return data_packet(9, KeyFlag.EVEN, sealed, is_retransmitted=is_retransmitted)


GCM_PASSPHRASE = "passphrase123"
GCM_KEY_MATERIAL = bytes.fromhex(
    "1220290100000000040102000000040401adbbdda6bd1e0bfcb31bab21837853b774855a027c57653bcfa0a870b44204a1f675d5583d111c"
)
GCM_DATAGRAM = bytes.fromhex(
    "56dc59cdc800000200052bdc3721a9b9799179240ef6a346581fbdeea14e003591f1999a33d1c85c3441eb0f35c745daa7c0"
    "29d29e20b1b04ed364fd52c61d578a4091ab377515e0b9dfd16655864c1da575e0e6db85566bbe0278dd72d8d333fa570573"
    "498a86c2a3402b466f8ac1be14f1ea7d55423a139417aa22d5c5695eaab3bd3b5f09f4c6290dcc415465476cb123b2695717"
    "956524bfa752b2e203e4686c68429b080b5d288d584929ac618d0da557ca735f97aed28880bad64ea6572b2018c38d42337d"
    "c077681f982ee4f2c42aa1961c78b20742c17326"
)
GCM_PLAINTEXT = bytes.fromhex("474000100000b00d0001c100000001f0002ab104b2") + b"\xff" * 167
"""Of libsrt 1.5.5: a transport packet with a PAT."""


@pytest.mark.parametrize("is_sent_again", [False, True])
def test_gcm_of_libsrt(is_sent_again: bool) -> None:
    datagram = bytearray(GCM_DATAGRAM)
    datagram[4] |= 0x04 * is_sent_again
    packet = parse_packet(bytes(datagram))
    assert isinstance(packet, DataPacket)
    assert KeyMaterial.parse(GCM_KEY_MATERIAL).unwrap(GCM_PASSPHRASE).decrypt(packet) == GCM_PLAINTEXT


@pytest.mark.parametrize("at", [0, 3, 9, 12, 16, 100, len(GCM_DATAGRAM) - 1])
def test_gcm_of_libsrt_forged(at: int) -> None:
    datagram = bytearray(GCM_DATAGRAM)
    datagram[at] ^= 1
    packet = parse_packet(bytes(datagram))
    assert isinstance(packet, DataPacket)
    assert KeyMaterial.parse(GCM_KEY_MATERIAL).unwrap(GCM_PASSPHRASE).decrypt(packet) is None
