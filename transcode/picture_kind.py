"""What is to know of a source's pictures before they are scaled.

Strategy: it is the same for thousands of pictures, so it is worked out once, and what FFmpeg says of each is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.video.frame import VideoFrame

from transcode.colour import FULL_RANGE, RGB_MATRIX, SCALABLE_MATRICES, UNSPECIFIED, ColourTags, tags_of
from transcode.geometry import Shape, Turn, pixel_aspect, turn_of


@dataclass(frozen=True, slots=True)
class PictureKind:
    """What pictures have in common that go through the same graph."""

    shape: Shape
    """As coded."""
    pixel_format: str
    tags: ColourTags
    turn: Turn

    @property
    def upright(self) -> Shape:
        """As it is shown, in even sizes."""
        return self.shape.even.turned(self.turn)

    @property
    def is_rgb(self) -> bool:
        return self.pixel_format.startswith(("gbr", "rgb", "bgr"))

    @property
    def is_grey(self) -> bool:
        return self.pixel_format.startswith("gray")

    @property
    def matrix(self) -> int:
        """For the scaler: the numbers' own where it knows it, otherwise none, which keeps them."""
        if self.is_rgb:
            return RGB_MATRIX
        return self.tags.matrix if self.tags.matrix in SCALABLE_MATRICES else UNSPECIFIED

    @property
    def range(self) -> int:
        return FULL_RANGE if self.is_rgb else self.tags.range


class PictureKinds:
    """Of one source."""

    def __init__(self) -> None:
        self._facts: tuple[object, ...] = ()
        self._kind: PictureKind | None = None
        self._rotation_degrees = 0
        self._turn = Turn.NONE

    def kind_of(self, frame: VideoFrame, declared_aspect: Fraction | None) -> PictureKind:
        """The same object as before, for a picture like the one before."""
        self._follow_turn(frame)
        name = frame.format.name
        colours = frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range
        facts = frame.width, frame.height, name, *colours, declared_aspect, self._turn
        if self._kind is None or facts != self._facts:
            shape = Shape(frame.width, frame.height, pixel_aspect(declared_aspect))
            self._facts, self._kind = facts, PictureKind(shape, name, tags_of(frame), self._turn)
        return self._kind

    def _follow_turn(self, frame: VideoFrame) -> None:
        """It is told with some pictures and holds for those that follow, up to the next key picture. One that is only
        upside down, as no camera sends it, has no rotation and is not seen."""
        rotation_degrees = frame.rotation
        if rotation_degrees != self._rotation_degrees and (rotation_degrees or frame.key_frame):
            self._rotation_degrees = rotation_degrees
            self._turn = turn_of(frame) if rotation_degrees else Turn.NONE
