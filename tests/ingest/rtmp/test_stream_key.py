"""Every form in which users enter a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.rtmp.errors import StreamKeyError
from ingest.rtmp.stream_key import parse_stream_key


@pytest.mark.parametrize(
    ("app", "publish_name", "tc_url"),
    [
        ("live", "KEY", "rtmp://host/live"),
        ("live", "KEY?token=abc", ""),
        ("live", "alice?key=KEY", ""),
        ("live/", "KEY", ""),
        ("live/_definst_", "KEY", ""),
        ("live", "mp4:KEY", ""),
        ("live?key=KEY", "", ""),
        ("live?vhost=x&key=KEY", "", ""),
        ("live?key=KEY", "?key=KEY", ""),
        ("live", "?key=KEY", ""),
        ("live", "", "rtmp://host:1935/live?key=KEY"),
        ("", "", "rtmp://host?key=KEY"),
        ("live", "?clientConfigId=7", "rtmps://host/live?stream_key=KEY"),
        ("live/KEY", "", "rtmp://host/live/KEY"),
        ("live/KEY/", "", ""),
        ("", "", "rtmp://user:password@host/live/KEY"),
        ("KEY", "", "rtmp://host/KEY"),
        ("live", "rtmp://host:1935/live/KEY", ""),
        ("live", "RTMPS://user:password@host/live?key=KEY", ""),
        ("live", " live/KEY ", ""),
        ("live", "'KEY", ""),
        ("live", "%4BEY", ""),
        ("live?key=OTHER", "KEY", ""),
        ("OTHER", "", "rtmp://host/OTHER?key=KEY"),
    ],
)
def test_key_forms(app: str, publish_name: str, tc_url: str) -> None:
    assert parse_stream_key(app, publish_name, tc_url) == "KEY"


DOCUMENT = Path(__file__).parents[3] / "docs" / "streaming.md"


def documented_forms() -> list[tuple[str, str]]:
    """Server and key of each row in the streamers' table."""
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Where the key goes")[2].partition("\n## ")[0]
    rows = [line.split("|")[2:4] for line in section.splitlines() if line.startswith("|")]
    return [(server.strip(" `"), key.strip(" `")) for server, key in rows[2:]]


@pytest.mark.parametrize(("server", "key"), documented_forms())
def test_documented_forms(server: str, key: str) -> None:
    """As OBS sends them: the whole path and query of the server is the app, the key is the name."""
    app = server.partition("://")[2].partition("/")[2]
    assert parse_stream_key(app, key, server) == "KEY"


@pytest.mark.parametrize(
    ("app", "publish_name"),
    [("live", ""), ("", ""), ("live", "?"), ("live", "a..b"), ("live", ".."), ("live", "a\nb"), ("live", "x" * 129)],
)
def test_unusable_keys_are_not_repeated(app: str, publish_name: str) -> None:
    with pytest.raises(StreamKeyError) as caught:
        parse_stream_key(app, publish_name)
    assert len(publish_name) < 2 or publish_name not in str(caught.value)
