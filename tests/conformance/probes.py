"""What a client may ask for and what not, in single requests (RFC 8216bis §6.2.5.2 and §6.2.6, RFC 9110, Fetch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx

from tests.conformance import answer_rules
from tests.conformance.findings import Findings
from tests.playlist_reader import Playlist

AT_ONCE_SECONDS = 2.0
"""An answer that is not waited for; any wait would be for a segment or for three target durations."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request and the status that it must have."""

    section: str
    uri: str
    status: int
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)


def probes(playlist: Playlist, etags: dict[str, str]) -> Iterator[Probe]:
    """For a rendition whose newest version this is; ``etags`` of a segment and of a part of it."""
    open_msn, next_part = playlist.edge
    media = "media.m3u8"
    parts_ahead = round(max(3.0, playlist.target_seconds) / min(1.0, playlist.part_target_seconds))
    yield Probe("6.2.5.2", f"{media}?_HLS_part=1", 400)
    yield Probe("6.2.5.2", f"{media}?_HLS_msn={open_msn + 3}", 400)
    yield Probe("6.2.5.2", f"{media}?_HLS_msn={open_msn}&_HLS_part={next_part + parts_ahead + 9}", 400)
    for value in ("-1", "1.5", "x", "", "9" * 40):
        yield Probe("6.2.5.2", f"{media}?_HLS_msn={value}", 400)
    yield Probe("6.2.5.2", f"{media}?_HLS_msn=1&_HLS_msn=1", 400)
    yield Probe("6.2.5.2", f"{media}?_HLS_msn=1&_HLS_part=0", 200)  # gone, or there: in any case no wait
    yield Probe("6.2.5.2", f"{media}?_HLS_msn={playlist.first_msn}&_HLS_part=999", 200)  # a part of the next one
    yield Probe("6.2.5", f"{media}?token=a&viewer=b", 200)
    yield Probe("6.2.5.1", f"{media}?_HLS_skip=NO", 400)
    yield Probe("6.2.6", f"part-{open_msn + 5}.0.m4s", 404)
    yield Probe("6.2.6", f"part-{open_msn}.{next_part + 20}.m4s", 404)
    yield Probe("6.2.6", f"seg-{open_msn + 5}.m4s", 404)
    yield Probe("6.2.6", "../4320p/media.m3u8", 404)
    yield Probe("9110 9.3.2", media, 200, "HEAD")
    yield Probe("9110 15.5.6", media, 405, "POST")
    yield Probe(
        "Fetch 3.2", media, 204, "OPTIONS", {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    )
    for uri, etag in etags.items():
        yield Probe("9110 13.1.2", uri, 304, headers={"If-None-Match": etag})
        yield Probe("9110 14.2", uri, 206, headers={"Range": "bytes=2-11"})
        yield Probe("9110 14.2", uri, 206, headers={"Range": "bytes=2-9007199254740991"})  # RFC 8673: until it ends
        yield Probe("9110 15.5.17", uri, 416, headers={"Range": "bytes=99999999-"})
        yield Probe("9110 9.3.2", uri, 200, "HEAD")


async def try_all(client: httpx.AsyncClient, url: str, playlist: Playlist, findings: Findings) -> int:
    """Sends them all, and looks at the bytes where there are two ways to get them. Gives their number."""
    uris = [playlist.whole_segments[-1].uri or "", playlist.segments[-2].parts[0].uri]
    etags = {uri: (await client.head(urljoin(url, uri))).headers.get("etag", "") for uri in uris}
    all_probes = list(probes(playlist, etags))
    for probe in all_probes:
        request = client.build_request(probe.method, urljoin(url, probe.uri), headers=probe.headers)
        response = await client.send(request)
        told = f"{probe.method} {probe.uri} {probe.headers}: {response.status_code}\n{response.headers}"
        if response.status_code != probe.status:
            findings.check([f"{probe.section}: not answered with {probe.status}: {probe.method} {kind(probe)}"], told)
        if response.elapsed.total_seconds() > AT_ONCE_SECONDS:
            findings.check([f"{probe.section}: waited for: {kind(probe)}"], told)
        findings.check(answer_rules.every_answer(response), told)
    for uri in uris:
        await _compare_ranges(client, urljoin(url, uri), findings)
    await _compare_encodings(client, url, findings)
    return len(all_probes)


def kind(probe: Probe) -> str:
    """Without the numbers of the moment."""
    return "".join(character for character in probe.uri if not character.isdigit())


async def _compare_ranges(client: httpx.AsyncClient, url: str, findings: Findings) -> None:
    whole = await client.get(url)
    part = await client.get(url, headers={"Range": "bytes=2-11"})
    is_same = part.content == whole.content[2:12]
    if not is_same or part.headers.get("content-range") != f"bytes 2-11/{len(whole.content)}":
        findings.check(["9110 14.4: a range that is not that of the whole"], url)


async def _compare_encodings(client: httpx.AsyncClient, url: str, findings: Findings) -> None:
    """Two versions may lie between the requests; then there is nothing to compare."""
    for _ in range(5):
        plain = await client.get(url, headers={"Accept-Encoding": "identity"})
        packed = await client.get(url, headers={"Accept-Encoding": "gzip"})
        again = await client.get(url, headers={"Accept-Encoding": "identity"})
        if plain.content == again.content:
            if packed.content != plain.content or packed.headers.get("etag") == plain.headers.get("etag"):
                findings.check(["B.1: the compressed playlist is another one, or has the same entity tag"], url)
            return
