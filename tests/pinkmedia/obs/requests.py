"""What OBS posts, field by field as it does (the machine is made up)."""

from __future__ import annotations

from typing import Any

NVIDIA = {
    "model": "NVIDIA GeForce RTX 3060",
    "vendor_id": 0x10DE,
    "device_id": 0x2503,
    "dedicated_video_memory": 12_722_372_608,
    "shared_system_memory": 17_134_098_432,
    "driver_version": "32.0.15.6614",
}
AMD = NVIDIA | {"model": "AMD Radeon RX 7600", "vendor_id": 0x1002, "device_id": 0x7480}
INTEL = NVIDIA | {"model": "Intel(R) UHD Graphics 770", "vendor_id": 0x8086, "device_id": 0x4680}
APPLE = NVIDIA | {"model": "Apple M2", "vendor_id": 0x106B, "device_id": 0, "driver_version": None}


def client_request(
    key: str = "pk_key",
    *,
    width: int = 1920,
    height: int = 1080,
    fps: tuple[int, int] = (60, 1),
    gpu: list[dict[str, Any]] | None = None,
    system: str = "Windows",
    logical_cores: int = 16,
    version: str = "32.2.2",
    **preferences: object,
) -> dict[str, Any]:
    """OBS 32 on a machine with these graphics cards."""
    canvas = {"width": width, "height": height, "canvas_width": width, "canvas_height": height}
    return {
        "service": "IVS",
        "schema_version": "2025-01-25",
        "authentication": key,
        "client": {"name": "obs-studio", "version": version, "supported_codecs": ["av1", "h264", "h265"]},
        "capabilities": {
            "cpu": {"physical_cores": logical_cores // 2, "logical_cores": logical_cores, "speed": 3600, "name": "CPU"},
            "memory": {"total": 34_268_196_864, "free": 21_474_836_480},
            "gaming_features": {
                "game_bar_enabled": False,
                "game_dvr_allowed": None,
                "game_dvr_enabled": False,
                "game_dvr_bg_recording": False,
                "game_mode_enabled": True,
                "hags_enabled": True,
            },
            "system": {
                "version": "10.0",
                "name": system,
                "build": 22631,
                "release": "23H2",
                "revision": "4317",
                "bits": 64,
                "arm": False,
                "armEmulation": False,
            },
            "gpu": [NVIDIA] if gpu is None else gpu,
        },
        "preferences": {
            "maximum_aggregate_bitrate": None,
            "maximum_video_tracks": None,
            "vod_track_audio": False,
            "composition_gpu_index": 0,
            "audio_samples_per_sec": 48_000,
            "audio_channels": 2,
            "audio_max_buffering_ms": 960,
            "audio_fixed_buffering": False,
            "canvases": [canvas | {"framerate": {"numerator": fps[0], "denominator": fps[1]}}],
            **preferences,
        },
    }


def client_request_of_obs_30() -> dict[str, Any]:
    """Before canvases were a list."""
    request = client_request(version="30.2.3")
    preferences = request["preferences"]
    (canvas,) = preferences.pop("canvases")
    for key in [key for key in preferences if key.startswith("audio_")]:
        del preferences[key]
    return request | {"schema_version": "2024-06-04", "preferences": preferences | canvas}
