"""Sound of any codec, rate and layout becomes AAC-LC, and every sample keeps its time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ingest.clocks import AudioClock
from pinkmedia.media import Packet
from tests.transcode.sounds import (
    ORIGIN_SECONDS,
    click_seconds,
    clicks,
    decoded,
    encoded,
    level,
    tones,
    transcoded,
)

ONE_SAMPLE_SECONDS = 1 / 44_100
"""A little more than resampling may move a click's peak."""


@pytest.mark.parametrize(
    ("encoder", "sample_rate", "layout", "output_rate"),
    [
        ("ac3", 48_000, "5.1(side)", 48_000),
        ("ac3", 44_100, "stereo", 44_100),
        ("ac3", 32_000, "stereo", 48_000),
        ("eac3", 48_000, "5.1(side)", 48_000),
        ("flac", 96_000, "stereo", 48_000),
        ("flac", 88_200, "stereo", 44_100),
        ("flac", 48_000, "7.1", 48_000),
        ("libopus", 48_000, "stereo", 48_000),
        ("libopus", 48_000, "mono", 48_000),
        ("aac", 48_000, "5.1", 48_000),
        ("aac", 96_000, "stereo", 48_000),
    ],
)
def test_every_source_becomes_aac_at_its_own_times(
    encoder: str, sample_rate: int, layout: str, output_rate: int
) -> None:
    source, packets = encoded(encoder, clicks(3, sample_rate), sample_rate, layout)
    rung, made = transcoded(source, packets)
    assert (rung.sample_rate, rung.channels) == (output_rate, 1 if layout == "mono" else 2)
    assert {packet.duration_ticks for packet in made} == {1024}
    first_ticks, wave = decoded(rung.track, made)
    assert click_seconds(first_ticks, wave, output_rate) == pytest.approx([0.5, 1.5, 2.5], abs=ONE_SAMPLE_SECONDS)


def test_packets_keep_the_arrival_of_the_sound_that_is_in_them() -> None:
    source, packets = encoded("ac3", clicks(1, 48_000), 48_000)
    _, made = transcoded(source, packets)
    for packet in made[2:-2]:
        complete_with = next(each for each in packets if each.pts_ticks + 1536 >= packet.pts_ticks + 1024)
        assert packet.received_at == complete_with.received_at


# Channels


@pytest.mark.parametrize(
    ("channel", "left", "right"),
    [(0, 1.0, 0.0), (1, 0.0, 1.0), (2, 0.7071, 0.7071), (3, 0.0, 0.0), (4, 0.7071, 0.0), (5, 0.0, 0.7071)],
    ids=["front left", "front right", "centre", "low frequency effects", "left surround", "right surround"],
)
def test_where_a_channel_is_heard(channel: int, left: float, right: float) -> None:
    frequencies_hz = [0.0] * 6
    frequencies_hz[channel] = 80.0 if channel == 3 else 1_000.0
    wave = tones(frequencies_hz, 1, 48_000)
    source, packets = encoded("ac3", wave, 48_000, "5.1(side)", bit_rate_bps=448_000)
    rung, made = transcoded(source, packets)
    _, heard = decoded(rung.track, made)
    normalised = 1 / (1 + 2 * 0.7071)
    levels = [level(side[12_000:36_000], max(frequencies_hz), 48_000) for side in heard]
    assert levels == pytest.approx([0.5 * normalised * left, 0.5 * normalised * right], abs=0.01)


@pytest.mark.parametrize(
    ("encoder", "layout"), [("flac", "5.1"), ("flac", "stereo"), ("flac", "7.1"), ("flac", "mono")]
)
def test_the_loudest_sound_does_not_clip(encoder: str, layout: str) -> None:
    source, packets = encoded(encoder, tones([1_000.0], 1, 48_000, amplitude=0.999), 48_000, layout)
    rung, made = transcoded(source, packets)
    _, heard = decoded(rung.track, made)
    settled = heard[:, 12_000:36_000]  # a tone that begins at full level rings, whatever encodes it
    assert np.abs(settled).max() <= 1.02
    fundamental, harmonic = (level(settled[0], hertz, 48_000) for hertz in (1_000.0, 3_000.0))
    assert fundamental > 0.9
    assert harmonic < 0.001  # a wave that is cut off has many


# Time


def test_an_hour_by_rtmp_stays_in_step() -> None:
    """Rounded milliseconds, frames that do not last whole ones, a rate without a whole ratio: nothing of it adds up."""
    source, packets = encoded("flac", clicks(61, 44_100, every_seconds=30), 44_100, "mono")
    samples = source.samples_per_frame
    minute = packets[: 60 * 44_100 // samples]
    minute_seconds = len(minute) * samples / 44_100
    clock = AudioClock(44_100)
    hour = []
    for index in range(61 * len(minute)):
        time_ticks = clock.time(ORIGIN_SECONDS * 1000 + round(index * samples * 1000 / 44_100), samples)
        assert time_ticks is not None
        hour.append(replace(minute[index % len(minute)], pts_ticks=time_ticks))
    rung, made = transcoded(source, hour, sample_rate=48_000)
    per_minute = round(minute_seconds * 48_000 / 1024)
    for minutes in (0, 30, 60):
        part = made[minutes * per_minute : (minutes + 1) * per_minute]
        heard = click_seconds(*decoded(rung.track, part), 48_000)
        expected = [minutes * minute_seconds + 15, minutes * minute_seconds + 45]
        assert heard == pytest.approx(expected, abs=ONE_SAMPLE_SECONDS)


def without(packets: list[Packet], begin_seconds: float, end_seconds: float) -> list[Packet]:
    begin, end = ((ORIGIN_SECONDS + seconds) * 48_000 for seconds in (begin_seconds, end_seconds))
    return [packet for packet in packets if not begin <= packet.pts_ticks < end]


def test_a_short_gap_is_silence() -> None:
    source, packets = encoded("ac3", clicks(4, 48_000), 48_000)
    rung, made = transcoded(source, without(packets, 1.1, 2.1))
    first_ticks, wave = decoded(rung.track, made)
    assert click_seconds(first_ticks, wave, 48_000) == pytest.approx([0.5, 2.5, 3.5], abs=ONE_SAMPLE_SECONDS)


def test_a_long_gap_begins_a_new_stretch_at_its_own_time() -> None:
    source, packets = encoded("ac3", clicks(6, 48_000), 48_000)
    rung, made = transcoded(source, without(packets, 1.1, 4.1))
    steps = [later.pts_ticks - earlier.pts_ticks for earlier, later in pairwise(made)]
    (break_at,) = [index + 1 for index, step in enumerate(steps) if step != 1024]
    heard = [click_seconds(*decoded(rung.track, part), 48_000) for part in (made[:break_at], made[break_at:])]
    assert heard[0] == pytest.approx([0.5], abs=ONE_SAMPLE_SECONDS)
    assert heard[1] == pytest.approx([4.5, 5.5], abs=ONE_SAMPLE_SECONDS)


def test_frames_that_overlap_are_cut() -> None:
    source, packets = encoded("ac3", clicks(3, 48_000), 48_000)
    middle = len(packets) // 3
    again = [*packets[:middle], *packets[middle - 5 :]]
    rung, made = transcoded(source, again)
    assert click_seconds(*decoded(rung.track, made), 48_000) == pytest.approx([0.5, 1.5, 2.5], abs=ONE_SAMPLE_SECONDS)


@pytest.mark.parametrize("encoder", ["ac3", "eac3", "flac", "libopus"])
def test_frames_that_cannot_be_decoded_cost_their_own_time_only(encoder: str) -> None:
    source, packets = encoded(encoder, clicks(3, 48_000), 48_000)
    damaged = [
        replace(packet, payload=b"\xff" * 40) if 1.1 < packet.pts_ticks / 48_000 - ORIGIN_SECONDS < 2.0 else packet
        for packet in packets
    ]
    rung, made = transcoded(source, damaged)
    heard = click_seconds(*decoded(rung.track, made), 48_000)
    assert (heard[0], heard[-1]) == pytest.approx((0.5, 2.5), abs=ONE_SAMPLE_SECONDS)


def test_a_source_that_cannot_be_decoded_is_silent() -> None:
    source, packets = encoded("ac3", clicks(2, 48_000), 48_000)
    rung, made = transcoded(source, [replace(packet, payload=b"nothing") for packet in packets])
    _, wave = decoded(rung.track, made)
    assert wave.shape[1] >= 2 * 48_000
    assert np.abs(wave).max() < 1e-4


def test_packets_without_a_payload_are_silence() -> None:
    source, packets = encoded("ac3", clicks(3, 48_000), 48_000)
    quiet = [
        replace(packet, payload=b"") if index > len(packets) // 2 else packet for index, packet in enumerate(packets)
    ]
    rung, made = transcoded(source, quiet)
    assert click_seconds(*decoded(rung.track, made), 48_000) == pytest.approx([0.5, 1.5], abs=ONE_SAMPLE_SECONDS)
