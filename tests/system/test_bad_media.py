"""What nobody should send reaches a whole server: each stream goes on, or ends with a reason; nobody else notices.

Some streams at a time are published in real time, beside one that is in order.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import pytest

from ingest.rtmp.messages import MessageType
from tests.damages import emptied, flipped, no_units, noise, truncated, truncated_with_length
from tests.support import Publisher, ServerProcess, make_clip
from tests.time_cases.clips import Clip, Tag, headers, interleaved, video_clip
from tests.time_cases.expectations import assert_untouched, usual_audio, usual_video
from tests.time_cases.node import BOTH, TimeNode
from tests.time_cases.publisher import Rejected, TimedPublisher
from tests.time_cases.viewer import Viewer, WatchedPresentation, WatchedRendition

LADDER = json.dumps([{"name": "144p", "height": 144, "kbps": 200}])
"""One small rung, so that all of them are encoded on any machine."""
SECONDS = 10
DAMAGED_FROM, DAMAGED_UNTIL = 2, 4
VIDEO_HEADER_BYTES = 5
"""In front of the access unit in an FLV tag."""
BATCH_MS = 500
BATCHES_PER_LOOK = 4
LONGEST_STEP_MS = 2000
AT_ONCE = 4
"""As many as a small machine encodes in time."""
CORES = 16
"""More than there are: nothing is left out beforehand."""
WINDOW_SECONDS = 120
"""Everything is still there at the end."""


def damaged(damage: Callable[[bytes], bytes]) -> list[Tag]:
    """Every picture of two seconds, the key picture too."""
    return [_damaged(tag, damage) if _is_damaged_picture(tag) else tag for tag in usual()]


def usual(video: Clip | None = None) -> list[Tag]:
    video = video or usual_video()
    return [*headers(video, usual_audio()), *interleaved(0, SECONDS, video, usual_audio())]


def _is_damaged_picture(tag: Tag) -> bool:
    is_header = tag.body[1] == 0
    is_time = DAMAGED_FROM * 1000 <= tag.time_ms < DAMAGED_UNTIL * 1000
    return tag.type_id == MessageType.VIDEO and is_time and not is_header


def _damaged(tag: Tag, damage: Callable[[bytes], bytes]) -> Tag:
    return replace(tag, body=tag.body[:VIDEO_HEADER_BYTES] + damage(tag.body[VIDEO_HEADER_BYTES:]))


def lost_references() -> list[Tag]:
    return [tag for number, tag in enumerate(usual()) if not (_is_damaged_picture(tag) and number % 3 == 0)]


def wrong_parameter_sets() -> list[Tag]:
    """Those of another size come, and the right ones again; the pictures stay the same."""
    wrong, right = video_clip(width=240, height=136), usual_video()
    tags = usual()
    middle = [
        replace(wrong.header_tag(0), time_ms=DAMAGED_FROM * 1000),
        replace(right.header_tag(0), time_ms=DAMAGED_UNTIL * 1000),
    ]
    return sorted([*tags, *middle], key=lambda tag: (tag.time_ms, tag.body[1] != 0))


def no_parameter_sets() -> list[Tag]:
    clip = usual_video()
    return usual(replace(clip, header=clip.header[:VIDEO_HEADER_BYTES] + b"\xff" * 40))


def broken_sound() -> list[Tag]:
    chance = random.Random(1)
    return [
        replace(tag, body=tag.body[:2] + chance.randbytes(len(tag.body) - 2))
        if tag.type_id == MessageType.AUDIO and DAMAGED_FROM * 1000 <= tag.time_ms < DAMAGED_UNTIL * 1000
        else tag
        for tag in usual()
    ]


def times_that_jump() -> list[Tag]:
    """An hour on, and back to before the beginning of that hour."""
    return [
        tag.shifted(3_600_000 if DAMAGED_FROM * 1000 <= tag.time_ms < DAMAGED_UNTIL * 1000 else 0) for tag in usual()
    ]


GOES_ON: dict[str, Callable[[], list[Tag]]] = {
    "half of a NAL unit": lambda: damaged(truncated_with_length),
    "flipped bits": lambda: damaged(flipped),
    "nothing in pictures": lambda: damaged(emptied),
    "lost references": lost_references,
    "wrong parameter sets": wrong_parameter_sets,
    "broken sound": broken_sound,
    "times that jump": times_that_jump,
    "240 frames per second": lambda: usual(video_clip(frame_rate=240)),
    "1 frame per second": lambda: usual(video_clip(frame_rate=1, key_every=1)),
    "8192×4320 pixels": lambda: usual(video_clip(width=8192, height=4320, frames=1, frame_rate=1)),
    "16×16 pixels": lambda: usual(video_clip(width=16, height=16)),
}
NOT_UNITS = "video frame whose NAL unit lengths do not add up"
ENDS = {
    "half of a picture": (lambda: damaged(truncated), NOT_UNITS),
    "units of no length": (lambda: damaged(no_units), NOT_UNITS),
    "noise": (lambda: damaged(noise), NOT_UNITS),
    "no parameter sets": (no_parameter_sets, "AVC configuration has version 255; only 1 exists"),
}
"""Nothing is lost by RTMP: what is broken was made so. The reason is the publisher's answer."""


@dataclass(slots=True)
class Outcome:
    """What became of one stream."""

    rejection: str | None = None
    presentations: list[WatchedPresentation] = field(default_factory=list)


@dataclass(slots=True)
class Whole:
    """What became of all."""

    outcomes: dict[str, Outcome]
    untroubled: WatchedPresentation
    log: list[dict[str, object]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    data_dir = tmp_path_factory.mktemp("bad")
    clip = make_clip(data_dir / "clip.mp4", seconds=30, width=320, height=180)
    with ServerProcess(data_dir, ladder=LADDER, transcode_cores=CORES, window_seconds=WINDOW_SECONDS) as server:
        with Publisher(clip, f"{server.rtmp_url}/{server.create_stream('untroubled')}"):
            outcomes, untroubled = asyncio.run(play_all(server, data_dir))
        log = [json.loads(line) for line in server.log_path.read_text().splitlines()]
    return Whole(outcomes, untroubled, log)


async def play_all(server: ServerProcess, data_dir: Path) -> tuple[dict[str, Outcome], WatchedPresentation]:
    node = TimeNode(server, data_dir)
    cases = {name: make() for name, make in (GOES_ON | {name: make for name, (make, _) in ENDS.items()}).items()}
    viewer = Viewer(server.base_url, "untroubled", keeps_media=True)
    while not viewer.presentations:
        await viewer.look()
        await asyncio.sleep(BATCH_MS / 1000)
    turns = asyncio.Semaphore(AT_ONCE)
    played = await asyncio.gather(*(play(node, tags, turns) for tags in cases.values()))
    await viewer.look()
    await viewer.close()
    (untroubled,) = viewer.presentations
    return dict(zip(cases, played, strict=True)), untroubled


async def play(node: TimeNode, tags: list[Tag], turns: asyncio.Semaphore) -> Outcome:
    outcome = Outcome()
    async with turns, node.case(BOTH) as (publisher, viewer):
        try:
            await feed(publisher, viewer, tags)
            await publisher.goodbye()
        except Rejected as rejected:
            outcome.rejection = str(rejected)
        else:
            await viewer.until_ended()
        outcome.presentations = viewer.presentations
    return outcome


async def feed(publisher: TimedPublisher, viewer: Viewer, tags: Iterable[Tag]) -> None:
    """In real time, whatever the timestamps say."""
    begun_at = asyncio.get_running_loop().time()
    for number, (batch_number, batch) in enumerate(groupby(paced(tags), key=lambda timed: timed[0] // BATCH_MS)):
        due_at = begun_at + batch_number * BATCH_MS / 1000
        await asyncio.sleep(max(0.0, due_at - asyncio.get_running_loop().time()))
        await publisher.send([tag for _, tag in batch])
        if number % BATCHES_PER_LOOK == 0:
            await viewer.look()


def paced(tags: Iterable[Tag]) -> Iterator[tuple[int, Tag]]:
    """When each is sent, in milliseconds: a jump lasts no time."""
    sent_ms, last_ms = 0, 0
    for tag in tags:
        step_ms = tag.time_ms - last_ms
        sent_ms += step_ms if 0 <= step_ms <= LONGEST_STEP_MS else 0
        last_ms = tag.time_ms
        yield sent_ms, tag


# What is seen


@pytest.mark.parametrize("name", GOES_ON)
def test_the_stream_goes_on(whole: Whole, name: str) -> None:
    """Up to its end. What is encoded here can be decoded, all of it; what is passed through is as it was sent."""
    outcome = whole.outcomes[name]
    assert outcome.rejection is None
    last = outcome.presentations[-1]
    ends = {name: end_date(rendition) for name, rendition in last.renditions.items()}
    assert max(ends.values()) - min(ends.values()) <= last.target_seconds, ends
    assert ("144p" in last.renditions) is (name != "16×16 pixels")
    for presentation in outcome.presentations:
        for encoded in presentation.renditions.keys() & {"144p"}:
            assert presentation.renditions[encoded].frame_count > 0
    served_seconds = sum(segment.seconds or 0.0 for each in outcome.presentations for segment in leader(each).segments)
    assert served_seconds == pytest.approx(SECONDS, abs=DAMAGED_UNTIL - DAMAGED_FROM + 1)


def leader(presentation: WatchedPresentation) -> WatchedRendition:
    return next(iter(presentation.renditions.values()))


def end_date(rendition: WatchedRendition) -> float:
    assert rendition.latest.end_date is not None
    return rendition.latest.end_date


@pytest.mark.parametrize("name", ENDS)
def test_the_stream_ends_with_a_reason(whole: Whole, name: str) -> None:
    reason = ENDS[name][1]
    assert reason in (whole.outcomes[name].rejection or "")


def test_a_stream_in_order_does_not_notice(whole: Whole) -> None:
    assert_untouched(whole.untroubled)


def test_the_server_has_no_fault_of_its_own(whole: Whole) -> None:
    severe = [
        event for event in whole.log if event["level"] not in {"debug", "info", "warning"} or "exception" in event
    ]
    assert severe == []
