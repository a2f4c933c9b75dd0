"""The request that OBS posts before it goes live: who it is, what its machine can do, what its person wants.

Only what an answer depends on is read; the rest (memory, gaming features, buffering) is ignored, and whatever a script
may want to leave out has a default. OBS 30.2 describes one canvas beside the other preferences; later canvases became a
list, whose first is the main one. The field names are those of OBS (``frontend/utility/models/multitrack-video.hpp``).
"""

from __future__ import annotations

import re
from fractions import Fraction

from pydantic import BaseModel, Field, ValidationError, model_validator

from pinkmedia.errors import PinkmediaError

MOST_PIXELS = 16_384
"""Of a canvas's side: the most that graphics cards draw."""
MOST_FRAME_RATE_TERM = 1_000_000
"""Of a frame rate's numerator and denominator; 60000/1001 is usual."""


class BadClientRequest(PinkmediaError):
    """Not the JSON that OBS sends. The text names the field, and repeats nothing of the request."""


class FrameRate(BaseModel):
    """Frames per second."""

    numerator: int = Field(ge=1, le=MOST_FRAME_RATE_TERM)
    denominator: int = Field(ge=1, le=MOST_FRAME_RATE_TERM)


class Canvas(BaseModel):
    """What is encoded: the output's size, not the one that scenes are drawn in."""

    width: int = Field(ge=16, le=MOST_PIXELS)
    height: int = Field(ge=16, le=MOST_PIXELS)
    framerate: FrameRate

    @property
    def frame_rate(self) -> Fraction:
        """In frames per second."""
        return Fraction(self.framerate.numerator, self.framerate.denominator)


class Preferences(BaseModel):
    """What the person has chosen; None is "auto"."""

    maximum_aggregate_bitrate: int | None = Field(default=None, ge=1)
    """In kilobits per second, all media together."""
    maximum_video_tracks: int | None = Field(default=None, ge=1)
    vod_track_audio: bool = False
    """A second sound is wanted beside the live one."""
    composition_gpu_index: int | None = None
    """Which of the graphics cards draws: its encoder takes pictures without copying them."""
    audio_channels: int = Field(default=2, ge=1, le=8)
    canvases: list[Canvas] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _take_old_canvas(cls, value: object) -> object:
        """OBS 30.2: the only canvas stands among the preferences."""
        return {"canvases": [value], **value} if isinstance(value, dict) else value


class Cpu(BaseModel):
    """The processor."""

    logical_cores: int = 0
    """Zero: unknown."""


class Gpu(BaseModel):
    """A graphics card."""

    vendor_id: int
    """As PCI has it."""


class System(BaseModel):
    """The operating system."""

    name: str = ""
    """``Windows``, ``macOS`` or the name of a Linux distribution."""


class Capabilities(BaseModel):
    """The machine."""

    cpu: Cpu = Cpu()
    gpu: list[Gpu] | None = None
    system: System = System()


class Client(BaseModel):
    """The program."""

    version: str = Field(default="", max_length=128)
    """``31.1.2``, perhaps with more behind it."""

    @property
    def major_version(self) -> int:
        """Zero when it is unknown."""
        number = re.match(r"\d{1,4}", self.version, re.ASCII)
        return int(number[0]) if number else 0


class ClientRequest(BaseModel):
    """GetClientConfiguration's request."""

    service: str = Field(default="", max_length=64)
    schema_version: str = Field(default="", max_length=64)
    authentication: str = Field(repr=False, max_length=512)
    """What stands in the stream key field. Never log it."""
    client: Client = Client()
    capabilities: Capabilities = Capabilities()
    preferences: Preferences

    @property
    def key(self) -> str:
        """The stream key, without the parameters that may follow it in the field."""
        return self.authentication.partition("?")[0].strip()


def parse_request(body: bytes) -> ClientRequest:
    """Raises BadClientRequest."""
    try:
        return ClientRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
        raise BadClientRequest(f"{place}: {first['msg']}") from None
