"""The ladder as the configuration has it: a list of rungs, each with keys of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pinkmedia.media import Codec
from transcode.ladder import DEFAULT_TEMPLATES, RungTemplate


class RungSettings(BaseModel):
    """One ``[[ladder]]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(
        pattern="^[0-9][a-z0-9-]{0,30}$",
        description="Of the rendition, in URLs and menus: a digit, then up to 30 of a-z, 0-9 and -.",
    )
    height: int = Field(
        ge=144, le=2160, multiple_of=2, description="Of the picture in pixels; of upright pictures the width."
    )
    max_fps: int = Field(
        default=60, ge=10, le=240, description="Frames per second; of a source with more, every n-th picture is kept."
    )
    kbps: int = Field(ge=100, le=50_000, description="Aimed-at kilobits per second.")
    max_kbps: int | None = Field(
        default=None, ge=100, le=100_000, description="Most kilobits per second; left out: `kbps`."
    )
    buffer_seconds: float = Field(
        default=1.0, ge=0.2, le=10, description="Over how long `max_kbps` is held: the decoder's buffer."
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = Field(
        default="veryfast", description="How much work is put into each picture, in x264's words."
    )
    codec: Literal["h264", "hevc", "av1"] = Field(default="h264", description="What it is coded in.")
    audio_kbps: int | None = Field(
        default=None,
        ge=32,
        le=320,
        description="Kilobits per second of the sound beside it; left out: as beside the source's own picture.",
    )

    def template(self) -> RungTemplate:
        return RungTemplate(
            name=self.name,
            height=self.height,
            max_fps=self.max_fps,
            bit_rate_bps=self.kbps * 1000,
            max_bit_rate_bps=None if self.max_kbps is None else self.max_kbps * 1000,
            buffer_seconds=self.buffer_seconds,
            preset=self.preset,
            codec=Codec(self.codec),
            audio_bit_rate_bps=None if self.audio_kbps is None else self.audio_kbps * 1000,
        )


DEFAULT_LADDER = tuple(
    RungSettings(name=each.name, height=each.height, max_fps=each.max_fps, kbps=each.bit_rate_bps // 1000)
    for each in DEFAULT_TEMPLATES
)


def check_ladder(rungs: Iterable[RungSettings]) -> None:
    """Raises PydanticCustomError for rungs that contradict each other."""
    rungs = list(rungs)
    names = [rung.name for rung in rungs]
    for index, rung in enumerate(rungs):
        if names.index(rung.name) != index:
            raise _contradiction(f"ladder[{index}].name", rung.name, "a name that no other rung has")
        if rung.max_kbps is not None and rung.max_kbps < rung.kbps:
            raise _contradiction(f"ladder[{index}].max_kbps", rung.max_kbps, f"at least kbps, which is {rung.kbps}")
    if all(rung.codec != "h264" for rung in rungs):
        raise PydanticCustomError(
            "contradiction", "no h264", {"key": "ladder", "accepted": "rungs of which at least one is in h264"}
        )


def _contradiction(place: str, value: object, accepted: str) -> PydanticCustomError:
    return PydanticCustomError(
        "contradiction", "contradiction", {"key": "ladder", "place": place, "value": str(value), "accepted": accepted}
    )
