"""Every form in which users enter a key."""

from __future__ import annotations

import pytest

from ingest.rtmp.errors import StreamKeyError
from ingest.rtmp.stream_key import parse_stream_key


@pytest.mark.parametrize(
    ("app", "publish_name"),
    [
        ("live", "KEY"),
        ("live", "KEY?token=abc"),
        ("live/", "KEY"),
        ("live/_definst_", "KEY"),
        ("live", "mp4:KEY"),
        ("live?key=KEY", ""),
        ("live?vhost=x&key=KEY", ""),
        ("live?key=KEY", "?key=KEY"),
        ("live", "?key=KEY"),
        ("live/KEY", ""),
        ("live/KEY/", ""),
        ("KEY", ""),
        ("live", "'KEY"),
        ("live", "%4BEY"),
        ("live?key=OTHER", "KEY"),
    ],
)
def test_key_forms(app: str, publish_name: str) -> None:
    assert parse_stream_key(app, publish_name) == "KEY"


@pytest.mark.parametrize(
    ("app", "publish_name"),
    [("live", ""), ("", ""), ("live", "?"), ("live", "a/../b"), ("live", ".."), ("live", "a\nb"), ("live", "x" * 129)],
)
def test_unusable_keys_are_not_repeated(app: str, publish_name: str) -> None:
    with pytest.raises(StreamKeyError) as caught:
        parse_stream_key(app, publish_name)
    assert len(publish_name) < 2 or publish_name not in str(caught.value)
