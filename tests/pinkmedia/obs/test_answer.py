"""What OBS is told to encode, for tiers, wishes and machines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pinkmedia.obs.answer import configuration, refusal
from pinkmedia.obs.request import parse_request
from pinkmedia.settings import Settings
from pinkmedia.tiers import Tier
from tests.pinkmedia.obs.requests import AMD, APPLE, INTEL, NVIDIA, client_request, client_request_of_obs_30

URL = "rtmp://live.example.com:1935/live"


def answer(request: dict[str, Any], tier: Tier = Tier.PARTNER, **settings: int) -> dict[str, Any]:
    limits = Settings(**settings).tier_limits()[tier]  # type: ignore[arg-type]
    found: dict[str, Any] = configuration(parse_request(json.dumps(request).encode()), limits, [URL])
    return found


def ladder(found: dict[str, Any]) -> list[tuple[int, int, int]]:
    """Width, height and kilobits per second of each rendition."""
    return [
        (video["width"], video["height"], video["settings"]["bitrate"]) for video in found["encoder_configurations"]
    ]


def test_the_whole_answer() -> None:
    found = answer(client_request(), Tier.STANDARD)
    config_id = found["meta"].pop("config_id")
    assert len(config_id) == 32
    nvenc = {"rate_control": "CBR", "keyint_sec": 2, "profile": "high", "bf": 0, "tune": "ll", "lookahead": False}
    common = {
        "type": "obs_nvenc_h264_tex",
        "framerate": {"numerator": 30, "denominator": 1},
        "gpu_scale_type": "OBS_SCALE_BICUBIC",
        "canvas_index": 0,
    }
    assert found == {
        "meta": {"service": "IVS", "schema_version": "2025-01-25"},
        "status": {"result": "success"},
        "ingest_endpoints": [{"protocol": "RTMP", "url_template": f"{URL}/{{stream_key}}"}],
        "encoder_configurations": [
            {"width": 1280, "height": 720, "settings": nvenc | {"bitrate": 2500}, **common},
            {"width": 854, "height": 480, "settings": nvenc | {"bitrate": 1200}, **common},
            {"width": 640, "height": 360, "settings": nvenc | {"bitrate": 700}, **common},
        ],
        "audio_configurations": {
            "live": [{"track_id": 0, "codec": "aac", "channels": 2, "settings": {"bitrate": 160}}]
        },
    }


class TestLadder:
    def test_a_partners(self) -> None:
        found = answer(client_request())
        assert ladder(found) == [(1920, 1080, 7500), (1280, 720, 3750), (854, 480, 1200), (640, 360, 700)]
        rates = [video["framerate"]["numerator"] for video in found["encoder_configurations"]]
        assert rates == [60, 60, 30, 30]

    def test_a_larger_canvas_is_brought_down(self) -> None:
        found = answer(client_request(width=3840, height=2160))
        assert ladder(found)[0] == (1920, 1080, 7500)

    def test_an_upright_canvas(self) -> None:
        found = answer(client_request(width=1080, height=1920), Tier.STANDARD)
        assert ladder(found) == [(720, 1280, 2500), (480, 854, 1200), (360, 640, 700)]

    def test_a_small_canvas_is_not_enlarged(self) -> None:
        assert [video[:2] for video in ladder(answer(client_request(width=640, height=360)))] == [(640, 360)]

    @pytest.mark.parametrize(
        ("fps", "offered"),
        [((60, 1), (30, 1)), ((60_000, 1001), (30_000, 1001)), ((144, 1), (144, 5)), ((25, 1), (25, 1))],
    )
    def test_a_higher_frame_rate_is_divided(self, fps: tuple[int, int], offered: tuple[int, int]) -> None:
        (first, *_) = answer(client_request(fps=fps), partner_max_fps=30)["encoder_configurations"]
        assert (first["framerate"]["numerator"], first["framerate"]["denominator"]) == offered

    def test_no_more_renditions_than_the_tier_has_tracks(self) -> None:
        assert len(ladder(answer(client_request(), partner_video_tracks=2))) == 2

    def test_no_more_renditions_than_are_wanted(self) -> None:
        assert ladder(answer(client_request(maximum_video_tracks=1))) == [(1920, 1080, 7500)]

    def test_the_smallest_go_first_when_the_line_is_narrow(self) -> None:
        found = answer(client_request(maximum_aggregate_bitrate=12_000))
        assert ladder(found) == [(1920, 1080, 7500), (1280, 720, 3750)]

    def test_the_last_one_is_lowered(self) -> None:
        assert ladder(answer(client_request(maximum_aggregate_bitrate=4_160))) == [(1920, 1080, 4000)]

    def test_there_is_always_a_picture(self) -> None:
        assert ladder(answer(client_request(maximum_aggregate_bitrate=1))) == [(1920, 1080, 300)]

    @pytest.mark.parametrize("tier", Tier)
    def test_it_stays_within_what_is_enforced(self, tier: Tier) -> None:
        found = answer(client_request(vod_track_audio=True), tier)
        audio = [track for tracks in found["audio_configurations"].values() for track in tracks]
        limits = Settings().tier_limits()[tier].publish
        total_kbps = sum(each["settings"]["bitrate"] for each in [*found["encoder_configurations"], *audio])
        assert total_kbps * 1000 <= limits.bit_rate_bps
        assert len(found["encoder_configurations"]) <= limits.video_tracks
        assert len(audio) <= limits.audio_tracks


class TestEncoder:
    @pytest.mark.parametrize(
        ("request_json", "encoder"),
        [
            (client_request(gpu=[NVIDIA]), "obs_nvenc_h264_tex"),
            (client_request_of_obs_30(), "jim_nvenc"),
            (client_request(gpu=[AMD]), "h264_texture_amf"),
            (client_request(gpu=[AMD], system="Debian GNU/Linux"), "obs_x264"),
            (client_request(gpu=[APPLE], system="macOS"), "com.apple.videotoolbox.videoencoder.ave.avc"),
            (client_request(gpu=[INTEL]), "obs_x264"),
            (client_request(gpu=[INTEL, NVIDIA]), "obs_x264"),
            (client_request(gpu=[INTEL, NVIDIA], composition_gpu_index=1), "obs_nvenc_h264_tex"),
            (client_request(gpu=[NVIDIA], composition_gpu_index=7), "obs_x264"),
            (client_request(gpu=[NVIDIA], composition_gpu_index=-1), "obs_x264"),
            (client_request(gpu=[]), "obs_x264"),
        ],
    )
    def test_it_is_one_that_the_machine_has(self, request_json: dict[str, Any], encoder: str) -> None:
        assert {video["type"] for video in answer(request_json)["encoder_configurations"]} == {encoder}

    @pytest.mark.parametrize(("cores", "renditions"), [(2, 1), (4, 1), (8, 2), (32, 4)])
    def test_the_processor_encodes_no_more_than_it_can(self, cores: int, renditions: int) -> None:
        assert len(ladder(answer(client_request(gpu=[], logical_cores=cores)))) == renditions

    @pytest.mark.parametrize("gpu", [[NVIDIA], [AMD], []])
    def test_key_frames_are_where_the_others_have_them_and_nothing_is_delayed(self, gpu: list[dict[str, Any]]) -> None:
        for video in answer(client_request(gpu=gpu))["encoder_configurations"]:
            settings = video["settings"]
            assert (settings["rate_control"], settings["keyint_sec"], settings["bf"]) == ("CBR", 2, 0)


class TestAudio:
    def test_a_second_sound_when_it_is_wanted(self) -> None:
        found = answer(client_request(vod_track_audio=True))["audio_configurations"]
        assert {name: [track["track_id"] for track in tracks] for name, tracks in found.items()} == {
            "live": [0],
            "vod": [1],
        }

    def test_but_not_beyond_the_tier(self) -> None:
        found = answer(client_request(vod_track_audio=True), partner_audio_tracks=1)["audio_configurations"]
        assert list(found) == ["live"]

    def test_as_many_channels_as_obs_mixes(self) -> None:
        (track,) = answer(client_request(audio_channels=6))["audio_configurations"]["live"]
        assert track["channels"] == 6


def test_a_refusal_has_a_text_that_obs_shows() -> None:
    request = parse_request(json.dumps(client_request()).encode())
    found: dict[str, Any] = refusal(request, "No.")
    assert found["status"] == {"result": "error", "html_en_us": "No."}
    assert set(found["meta"]) == {"service", "schema_version", "config_id"}
