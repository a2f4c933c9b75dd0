"""A player that follows all renditions of a stream at once, through all its presentations."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from urllib.parse import urljoin

import httpx

from tests.conformance import probes
from tests.conformance.findings import Findings
from tests.conformance.media_rules import Timeline
from tests.conformance.rendition import RenditionPlayer
from tests.playlist_rules import group_faults, lag_seconds
from tests.system.player import Variant, parse_multivariant

REQUEST_SECONDS = 10.0
"""hls.js gives up on a first byte after this."""
FINDING_SECONDS = 60.0
"""For a stream to begin, or to begin anew."""
POLL_SECONDS = 0.1
"""A stream that is not live has no address to wait at."""
COMPARE_SECONDS = 0.5
"""Between two looks at all renditions beside each other."""
PROBED_SEGMENTS = 3
"""Of a rendition, before single requests are tried: there is enough of everything."""
PEAK_RATIO, AVERAGE_RATIO = 1.25, 1.10
"""How much more than said a stream may have (Apple's authoring rules §9)."""


class Presentation:
    """One epoch and its renditions."""

    def __init__(self, client: httpx.AsyncClient, index_url: str, text: str, findings: Findings) -> None:
        self._client = client
        self._findings = findings
        self.index_url = index_url
        self.variants, self.media = parse_multivariant(text)
        timeline = Timeline()
        uris = [*(variant.uri for variant in self.variants), *(each["URI"] for each in self.media if "URI" in each)]
        self.epoch = uris[0].split("/")[0]
        self.players = {
            url.split("/")[-2]: RenditionPlayer(client, url, findings, timeline)
            for url in (urljoin(index_url, uri) for uri in dict.fromkeys(uris))
        }
        for player in self.players.values():
            player.others = [other for other in self.players.values() if other is not player]
        self.probe_count = self.compare_count = 0
        self.most_behind = 1
        """Target durations that one rendition may be behind another (§6.2.4)."""

    def __str__(self) -> str:
        counts = f"presentation {self.epoch}: {self.probe_count} requests tried, {self.compare_count} comparisons"
        return "\n".join([counts, *(f"  {player}" for player in self.players.values())])

    async def follow(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(player.follow()) for player in self.players.values()]
            watching = group.create_task(self._compare())
            await asyncio.wait(tasks)
            watching.cancel()
        self._check_variants()

    async def _compare(self) -> None:
        """The renditions beside each other, and once what single requests get."""
        while True:
            await asyncio.sleep(COMPARE_SECONDS)
            players = list(self.players.values())
            if any(player.latest is None or player.latest.is_ended for player in players):
                continue
            latest = [player.latest for player in players if player.latest is not None]
            texts = "\n\n".join("\n".join(playlist.lines) for playlist in latest)
            self._findings.check(group_faults(latest), texts)
            if lag_seconds(latest) > self.most_behind * latest[0].target_seconds:
                self._findings.check(["6.2.4: a rendition is a target duration behind another"], texts)
            self.compare_count += 1
            if not self.probe_count and min(player.segment_count for player in players) >= PROBED_SEGMENTS:
                for player, playlist in zip(players, latest, strict=True):
                    self.probe_count += await probes.try_all(self._client, player.url, playlist, self._findings)

    def _check_variants(self) -> None:
        for variant in self.variants:
            self._findings.check(self._bandwidth_faults(variant), f"{variant}")
            sounds = (self.players[each["URI"].split("/")[-2]] for each in self.media if "URI" in each)
            codecs = {self.players[variant.name].first_codec, *(each.first_codec for each in sounds)}
            if codecs != set(variant.attributes["CODECS"].lower().split(",")):
                self._findings.check(["4.4.6.2: CODECS is not what the media has"], f"{variant} {codecs}")

    def _bandwidth_faults(self, variant: Variant) -> list[str]:
        video = self.players[variant.name]
        sounds = [self.players[each["URI"].split("/")[-2]] for each in self.media if "URI" in each]
        sound_peak = max((each.peak_bps for each in sounds), default=0.0)
        sound_average = max((each.average_bps for each in sounds), default=0.0)
        said_peak, said_average = int(variant.attributes["BANDWIDTH"]), int(variant.attributes["AVERAGE-BANDWIDTH"])
        broken = []
        if video.peak_bps + sound_peak > PEAK_RATIO * said_peak:
            broken.append("4.4.6.2: more than BANDWIDTH")
        if video.average_bps + sound_average > AVERAGE_RATIO * said_average:
            broken.append("4.4.6.2: more than AVERAGE-BANDWIDTH")
        return broken


class ConformanceClient:
    """Follows a stream, whatever becomes of it."""

    def __init__(self, index_url: str) -> None:
        self._index_url = index_url
        self._client = httpx.AsyncClient(timeout=REQUEST_SECONDS, limits=httpx.Limits(max_connections=None))
        self.findings = Findings()
        self.presentations: list[Presentation] = []

    async def close(self) -> None:
        await self._client.aclose()

    async def follow(self, *, until_over: asyncio.Event) -> None:
        """Presentation after presentation, until the last one has ended behind the event."""
        while not until_over.is_set() or not self.presentations:
            presentation = await self._find_next(until_over)
            if presentation is not None:
                self.presentations.append(presentation)
                await presentation.follow()

    async def _find_next(self, until_over: asyncio.Event) -> Presentation | None:
        known = {presentation.epoch for presentation in self.presentations}
        async with asyncio.timeout(FINDING_SECONDS):
            while not until_over.is_set():
                response = await self._client.get(self._index_url)
                if response.status_code == 200:
                    found = Presentation(self._client, self._index_url, response.text, self.findings)
                    if found.epoch not in known:
                        self.findings.check(multivariant_faults(response.text), response.text)
                        return found
                await asyncio.sleep(POLL_SECONDS)
        return None


def multivariant_faults(text: str) -> list[str]:
    """§4.4.6 and Apple's authoring rules §9."""
    variants, media = parse_multivariant(text)
    broken = []
    if text.count("#EXT-X-INDEPENDENT-SEGMENTS\n") != 1:
        broken.append("4.4.2.1: segments are not said to be independent")
    wanted = ("BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE", "SCORE", "STABLE-VARIANT-ID")
    for variant in variants:
        broken += [f"4.4.6.2: a variant without {name}" for name in wanted if name not in variant.attributes]
        codecs = variant.attributes.get("CODECS", "").split(",")
        if len(codecs) != 1 + bool(media):
            broken.append("4.4.6.2: CODECS does not name each format once")
    groups = {each["GROUP-ID"] for each in media}
    if {variant.attributes["AUDIO"] for variant in variants if "AUDIO" in variant.attributes} - groups:
        broken.append("4.4.6.2: a group that nobody is in")
    scores = [float(variant.attributes.get("SCORE", 0)) for variant in variants]
    rates = [int(variant.attributes.get("BANDWIDTH", 0)) for variant in variants]
    if any((a - b) * (c - d) < 0 for (a, b), (c, d) in zip(pairwise(scores), pairwise(rates), strict=True)):
        broken.append("4.4.6.2: a better variant has a lower score")
    for each in media:
        names = ("TYPE", "GROUP-ID", "NAME", "DEFAULT", "AUTOSELECT", "CHANNELS", "STABLE-RENDITION-ID")
        broken += [f"4.4.6.1: a rendition without {name}" for name in names if name not in each]
    return broken
