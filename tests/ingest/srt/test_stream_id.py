"""What people type for a stream id."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.errors import Rejection, SrtError
from ingest.srt.stream_id import parse_stream_id

KEY = "k3y-_.~="


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f" {KEY} ",
        f"live/{KEY}",
        f"/live/{KEY}",
        f"publish/{KEY}",
        f"input/{KEY}",
        f"publish:{KEY}",
        f"publish:show:{KEY}",
        f"publish:show:user:{KEY}",
        f"publish:live/{KEY}",
        f"#!::r={KEY},m=publish",
        f"#!::m=publish,r={KEY}",
        f"#!::r={KEY}",
        f"#!::r=live/{KEY},m=publish",
        f"#!::r=show,m=publish,s={KEY}",
        f"#!::r=show,m=bidirectional,key={KEY}",
        f"#!::h=host,u={KEY},r=show,m=publish,t=stream",
        f"%23!::r={KEY},m=publish",
        f"!::r={KEY},m=publish",
        f"%23!%3A%3Ar%3D{KEY}%2Cm%3Dpublish",
        f"{KEY}#feedbackplay",
    ],
)
def test_key(text: str) -> None:
    assert parse_stream_id(text) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "#!::",
        "#!::m=publish",
        "#!:{r: key}",
        "two words",
        "key\nmore",
        "key\0",
        "live/key/more",
        "publish:",
        "other:key",
        "k" * 129,
        "schlüssel",
        "%ff%fe",
        "../key",
    ],
)
def test_not_understood(text: str) -> None:
    with pytest.raises(SrtError) as caught:
        parse_stream_id(text)
    assert caught.value.rejection is Rejection.BAD_REQUEST


@pytest.mark.parametrize("text", ["#!::r=key,m=request", "read:key", "play:show:key", "#!::r=key,m="])
def test_player(text: str) -> None:
    with pytest.raises(SrtError) as caught:
        parse_stream_id(text)
    assert caught.value.rejection is Rejection.BAD_MODE


@pytest.mark.parametrize("text", ["secret word", "#!::r=secret,m=request", "publish:name:sec/ret"])
def test_refusal_does_not_repeat_it(text: str) -> None:
    with pytest.raises(SrtError) as caught:
        parse_stream_id(text)
    assert "sec" not in str(caught.value)


@given(st.text(max_size=600) | st.text("#!:,=%23rmskeypublish/", max_size=60))
def test_any_text(text: str) -> None:
    with suppress(SrtError):
        assert parse_stream_id(text).isascii()
