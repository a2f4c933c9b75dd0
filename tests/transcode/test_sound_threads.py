"""Several tracks side by side, and how the node tells a worker of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pinkmedia.media import Packet
from pinkmedia.processes.frames import WireError
from tests.transcode.sounds import clicks, encoded
from transcode.configure import Configure
from transcode.messages import parse_message
from transcode.sound_rung import SoundRung, plan_sound
from transcode.sound_threads import Sounds
from transcode.wire import SOUND_TRACK_ID, WireReader, encode_control


def test_a_configuration_survives() -> None:
    source, _ = encoded("ac3", clicks(0.1, 48_000), 48_000, "5.1(side)")
    message = Configure(
        None, (), sounds=(plan_sound("audio", source), plan_sound("audio-2", replace(source, track_id=4)))
    )
    (fields,) = WireReader().feed(encode_control(message.to_fields()))
    assert not isinstance(fields, Packet)
    assert parse_message(fields) == message


@pytest.mark.parametrize("sound", [{}, {"name": "audio", "source": None}, "audio"])
def test_what_is_no_configuration_is_refused(sound: object) -> None:
    with pytest.raises(WireError):
        parse_message({**Configure(None, ()).to_fields(), "sounds": [sound]})


def test_a_track_that_cannot_be_encoded_leaves_the_others_alone(capfd: pytest.CaptureFixture[str]) -> None:
    source, packets = encoded("ac3", clicks(4, 48_000), 48_000)
    good = plan_sound("audio", source)
    bad = SoundRung("audio-2", replace(source, track_id=4), sample_rate=12_345, channels=2, bit_rate_bps=128_000)
    made: list[Packet] = []
    sounds = Sounds([good, bad], made.append)
    for packet in packets:
        assert sounds.write(replace(packet))
        assert sounds.write(replace(packet, track_id=4))
    assert not sounds.write(replace(packets[0], track_id=1))
    sounds.drain()
    assert {packet.track_id for packet in made} == {SOUND_TRACK_ID}
    assert sum(packet.duration_ticks for packet in made) >= 4 * 48_000
    assert "audio-2 cannot be encoded" in capfd.readouterr().err
