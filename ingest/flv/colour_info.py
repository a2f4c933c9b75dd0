"""HDR metadata of enhanced video tags (Enhanced RTMP v2, "Metadata Frame"): colorInfo, in AMF0.

colorConfig { bitDepth, colorPrimaries, transferCharacteristics, matrixCoefficients }    ITU-T H.273
hdrCll      { maxFall, maxCLL }                                                          cd/m²
hdrMdcv     { redX, redY, greenX, … whitePointY, maxLuminance, minLuminance }            CIE 1931, cd/m²
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from ingest.elementary import ColourInfo
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.amf0 import decode_values
from ingest.rtmp.errors import RtmpError
from pinkmedia.errors import CodecError
from pinkmedia.media import Colour, HdrMetadata

_UNSPECIFIED = 2
_UNKNOWN = Colour(_UNSPECIFIED, _UNSPECIFIED, _UNSPECIFIED, is_full_range=False)
_CHROMATICITY_STEPS = 50_000
"""Of the mdcv box: increments of 0.00002."""
_LUMINANCE_STEPS = 10_000
"""Of the mdcv box: increments of 0.0001 cd/m²."""
_MDCV_CHROMATICITIES = ("greenX", "greenY", "blueX", "blueY", "redX", "redY", "whitePointX", "whitePointY")
"""In the box's order."""


def parse_colour_info(body: memoryview) -> ColourInfo | None:
    """None when the body holds other metadata. Raises CodecError."""
    try:
        values = decode_values(bytes(body))
    except RtmpError as error:
        raise CodecError(f"video metadata: {error}") from error
    for name, info in pairwise(values):
        if name == "colorInfo" and isinstance(info, dict):
            return ColourInfo(_colour(_inner(info, "colorConfig")), _hdr(info))
    return None


def _inner(info: Mapping[str, AmfValue], name: str) -> Mapping[str, AmfValue]:
    inner = info.get(name)
    return inner if isinstance(inner, dict) else {}


def _colour(config: Mapping[str, AmfValue]) -> Colour | None:
    colour = Colour(
        primaries=_code_point(config.get("colorPrimaries")),
        transfer=_code_point(config.get("transferCharacteristics")),
        matrix=_code_point(config.get("matrixCoefficients")),
        is_full_range=False,  # there is no field for it, and video is not
    )
    return colour if colour != _UNKNOWN else None


def _code_point(value: AmfValue) -> int:
    is_code_point = isinstance(value, float) and value.is_integer() and 0 < value < 256
    return int(value) if is_code_point and isinstance(value, float) else _UNSPECIFIED


def _hdr(info: Mapping[str, AmfValue]) -> HdrMetadata | None:
    hdr = HdrMetadata(_mastering_display(_inner(info, "hdrMdcv")), _content_light(_inner(info, "hdrCll")))
    return hdr if hdr != HdrMetadata() else None


def _mastering_display(mdcv: Mapping[str, AmfValue]) -> bytes | None:
    """Body of the mdcv box (ISO/IEC 14496-12 §12.1.6)."""
    chromaticities = [_scaled(mdcv.get(name), _CHROMATICITY_STEPS, 2) for name in _MDCV_CHROMATICITIES]
    luminances = [_scaled(mdcv.get(name), _LUMINANCE_STEPS, 4) for name in ("maxLuminance", "minLuminance")]
    fields = [*chromaticities, *luminances]
    return b"".join(field for field in fields if field) if all(fields) else None


def _content_light(cll: Mapping[str, AmfValue]) -> bytes | None:
    """Body of the clli box (ISO/IEC 14496-12 §12.1.7)."""
    most, average = _scaled(cll.get("maxCLL"), 1, 2), _scaled(cll.get("maxFall"), 1, 2)
    return most + average if most and average else None


def _scaled(value: AmfValue, steps: int, size: int) -> bytes | None:
    """A number as big-endian fixed point; None when it is none, or does not fit."""
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    scaled = round(value * steps)
    return scaled.to_bytes(size) if 0 <= scaled < 1 << 8 * size else None
