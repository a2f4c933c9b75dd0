"""The keys of the configuration that each tier has, as fields of `pinkmedia.settings.Settings`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pinkmedia.tiers import Tier


def max_kbps(tier: Tier, default: int) -> Any:
    """From one small picture to more than RTMP streams ever need."""
    text = f"Most kilobits per second that a {tier} stream's publisher may send, all media together."
    return Field(default=default, ge=1000, le=100_000, description=text)


def max_height(tier: Tier, default: int) -> Any:
    """From less than any stream has to 8K."""
    text = f"Largest picture height of a {tier} stream (of upright pictures the width); larger ones are encoded anew."
    return Field(default=default, ge=144, le=4320, description=text)


def max_fps(tier: Tier, default: int) -> Any:
    text = f"Most frames per second of a {tier} stream; of sources with more, every second (third, …) picture is kept."
    return Field(default=default, ge=15, le=240, description=text)


def passthrough_kbps(tier: Tier, default: int) -> Any:
    text = f"Most kilobits per second of a {tier} stream's pictures that are passed through; more are encoded anew."
    return Field(default=default, ge=500, le=100_000, description=text)


def dvr_seconds(tier: Tier) -> Any:
    """Up to half a day: some 20 000 segments, which is as much as players read."""
    text = f"How many seconds viewers of {tier} streams can rewind; beyond `window_seconds`, segments lie on disk."
    return Field(default=0, ge=0, le=43_200, description=text)


def offered_height(tier: Tier, default: int) -> Any:
    text = f"Largest picture height that encoders of {tier} streams are offered by multitrack video."
    return Field(default=default, ge=144, le=4320, description=text)


def offered_fps(tier: Tier, default: int) -> Any:
    text = f"Most frames per second that encoders of {tier} streams are offered by multitrack video."
    return Field(default=default, ge=15, le=240, description=text)


def video_tracks(tier: Tier, default: int) -> Any:
    """OBS has ten video tracks."""
    text = f"Most renditions that a {tier} stream's publisher may encode and send itself."
    return Field(default=default, ge=1, le=10, description=text)


def audio_tracks(tier: Tier, default: int) -> Any:
    """OBS has six audio tracks."""
    return Field(default=default, ge=1, le=6, description=f"Most audio tracks of a {tier} stream's publisher.")
