"""What OBS is told: a ladder that fits the stream's tier, the person's wishes and the machine.

The rungs are those that this server would make itself (`transcode.ladder`), so viewers find the same qualities whoever
encodes them. Those too large for the tier are left out; then the smallest go until the rest fits the number of tracks
and the bit rate; the last one left is lowered.

OBS reads a refusal's text only from an answer whose HTTP status is 200: a refusal is an answer, too.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from pinkmedia.media import Codec, VideoTrack
from pinkmedia.obs.encoders import Encoder, choose_encoder
from pinkmedia.obs.request import Canvas, ClientRequest
from pinkmedia.tiers import TierLimits
from transcode.ladder import Rung, capped_frame_rate, plan_ladder

AUDIO_BPS = 160_000
"""AAC, stereo: beyond this nobody hears a difference."""
LEAST_VIDEO_BPS = 300_000
"""However little is wanted: below it there is no picture worth sending."""

Json = dict[str, object]


def configuration(request: ClientRequest, limits: TierLimits, ingest_urls: Sequence[str]) -> Json:
    """The answer to a stream that may go live. ``ingest_urls`` are without the stream key."""
    encoder = choose_encoder(request)
    audio_count = 2 if request.preferences.vod_track_audio and limits.publish.audio_tracks > 1 else 1
    rungs = _plan_rungs(request, limits, encoder, audio_count * AUDIO_BPS)
    return _meta(request) | {
        "status": {"result": "success"},
        "ingest_endpoints": [_endpoint(url) for url in ingest_urls],
        "encoder_configurations": [_video(rung, encoder) for rung in rungs],
        "audio_configurations": _audio(request, audio_count),
    }


def refusal(request: ClientRequest, text: str) -> Json:
    """The answer to one that may not; OBS shows the text, which is HTML."""
    return _meta(request) | {"status": {"result": "error", "html_en_us": text}}


def _plan_rungs(request: ClientRequest, limits: TierLimits, encoder: Encoder, audio_bps: int) -> list[Rung]:
    wishes = request.preferences
    source = _as_source(wishes.canvases[0], limits)
    rungs = [rung for rung in plan_ladder(source, limits.ladder, passthrough=False) if rung.codec is Codec.H264]
    counts = (limits.publish.video_tracks, wishes.maximum_video_tracks, encoder.most_renditions)
    total_bps = min(limits.publish.bit_rate_bps, 1000 * (wishes.maximum_aggregate_bitrate or math.inf))
    return _fitted(rungs[: min(count for count in counts if count is not None)], int(total_bps) - audio_bps)


def _as_source(canvas: Canvas, limits: TierLimits) -> VideoTrack:
    """The canvas as the ladder's planner knows sources, at a frame rate that the tier allows."""
    frame_rate = capped_frame_rate(canvas.frame_rate, limits.ladder.max_fps)  # OBS leaves frames out regularly, or none
    return VideoTrack(1, Codec.H264, b"", canvas.width, canvas.height, "", frame_rate)


def _fitted(rungs: list[Rung], video_bps: int) -> list[Rung]:
    while len(rungs) > 1 and sum(rung.bit_rate_bps for rung in rungs) > video_bps:
        rungs = rungs[:-1]
    top, *rest = rungs
    most_bps = max(video_bps, LEAST_VIDEO_BPS)
    return [replace(top, bit_rate_bps=min(top.bit_rate_bps, most_bps)), *rest]


def _meta(request: ClientRequest) -> Json:
    """OBS appends the identifier to the stream key, as a parameter, when it publishes."""
    meta = {
        "service": request.service,
        "schema_version": request.schema_version,
        "config_id": uuid.uuid4().hex,
    }
    return {"meta": meta}


def _endpoint(url: str) -> Json:
    """OBS cuts the template before its stream key."""
    return {"protocol": urlsplit(url).scheme.upper(), "url_template": f"{url}/{{stream_key}}"}


def _video(rung: Rung, encoder: Encoder) -> Json:
    return {
        "type": encoder.type,
        "width": rung.width,
        "height": rung.height,
        "framerate": {"numerator": rung.frame_rate.numerator, "denominator": rung.frame_rate.denominator},
        "gpu_scale_type": "OBS_SCALE_BICUBIC",
        "settings": encoder.settings(rung.bit_rate_bps),
        "canvas_index": 0,
    }


def _audio(request: ClientRequest, count: int) -> Json:
    """OBS mixes for one number of channels only, and must be asked for that."""
    track = {"codec": "aac", "channels": request.preferences.audio_channels, "settings": {"bitrate": AUDIO_BPS // 1000}}
    names = ("live", "vod")[:count]
    return {name: [{"track_id": number, **track}] for number, name in enumerate(names)}
