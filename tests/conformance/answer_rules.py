"""Rules for single answers: status, headers and bytes (RFC 8216bis §6.2 and appendix B.1, RFC 9110, Fetch).

Each gives what is broken, in words with the section; nothing when all is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
_FOR_OTHER_ORIGINS = {
    "access-control-allow-origin": "*",
    "timing-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
}
CACHED_TARGET_DURATIONS = 6
"""B.1: how long a satisfied blocking answer may be kept."""


def every_answer(response: httpx.Response) -> Iterator[str]:
    """What a page of another origin needs, also of a refusal."""
    wanted = {
        "access-control-allow-origin": "*",
        "timing-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    yield from (
        f"Fetch: {name} is not {value}" for name, value in wanted.items() if response.headers.get(name) != value
    )
    exposed = {name.strip().lower() for name in response.headers.get("access-control-expose-headers", "").split(",")}
    for name in sorted({"age", "date", "content-length", "content-range"} - exposed):
        yield f"Fetch: {name} is not exposed"


def playlist_answer(response: httpx.Response, target_seconds: int, *, is_blocking: bool) -> Iterator[str]:
    """``is_blocking``: what was asked for is there, and it or something newer will be for ever."""
    yield from every_answer(response)
    if response.headers.get("content-type") != PLAYLIST_TYPE:
        yield "4: a playlist of another type"
    if response.headers.get("vary") != "Accept-Encoding":
        yield "B.1: a playlist that may be compressed, and does not say so"
    if response.headers.get("content-encoding") != "gzip":
        yield "B.1: a playlist that is not compressed for who takes it"
    age = re.fullmatch(r"public, max-age=(\d+)", response.headers.get("cache-control", ""))
    if is_blocking and (age is None or int(age[1]) > CACHED_TARGET_DURATIONS * target_seconds):
        yield "B.1: a satisfied blocking answer is not kept for six target durations"
    if not is_blocking and response.headers.get("cache-control") != "no-cache":
        yield "B.1: what is newest now may be kept"


def media_answer(response: httpx.Response, *, is_video: bool) -> Iterator[str]:
    """A header, a segment or a part."""
    yield from every_answer(response)
    if response.status_code != 200:
        yield f"6.2.2: what is listed is answered with {response.status_code}"
        return
    if response.headers.get("content-type") != ("video/mp4" if is_video else "audio/mp4"):
        yield "A 7: media of another type"
    if response.headers.get("content-length") != str(len(response.content)):
        yield "6.2.6: media without its length"
    if "immutable" not in response.headers.get("cache-control", ""):
        yield "B.1: media that caches may not keep"
    if response.headers.get("accept-ranges") != "bytes" or not response.headers.get("etag"):
        yield "9110 13: media without ranges or without an entity tag"


def late_answer(response: httpx.Response) -> Iterator[str]:
    """To who has waited for three target durations (§6.2.5.2)."""
    yield from every_answer(response)
    if response.status_code != 503:
        yield f"6.2.5.2: who waits in vain is answered with {response.status_code}"
    elif response.headers.get("cache-control") != "no-store" or not response.headers.get("retry-after", "").isdigit():
        yield "6.2.5.2: a 503 that is kept, or does not say when to come again"
