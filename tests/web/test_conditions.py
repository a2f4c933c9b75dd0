"""Conditional and ranged requests, held against RFC 9110."""

from __future__ import annotations

import pytest

from web import answers
from web.answers import Answer, Playlist
from web.conditions import conditioned

CHUNKS = (b"0123", b"45", b"6789")
MEDIA = answers.media(*CHUNKS, is_video=True, epoch="e1")
TAG = b'"e1"'


def headers(answer: Answer) -> dict[bytes, bytes]:
    assert len(answer.headers) == len(dict(answer.headers)), "no header is sent twice"
    return dict(answer.headers)


def ask(**fields: bytes) -> Answer:
    return conditioned(MEDIA, "GET", [(name.replace("_", "-").encode(), value) for name, value in fields.items()])


@pytest.mark.parametrize(
    ("wanted", "body", "content_range"),
    [
        (b"bytes=0-0", b"0", b"bytes 0-0/10"),
        (b"bytes=0-3", b"0123", b"bytes 0-3/10"),
        (b"bytes=3-6", b"3456", b"bytes 3-6/10"),
        (b"bytes=4-5", b"45", b"bytes 4-5/10"),
        (b"bytes=7-", b"789", b"bytes 7-9/10"),
        (b"bytes=2-99", b"23456789", b"bytes 2-9/10"),
        (b"bytes=0-9007199254740991", b"0123456789", b"bytes 0-9/10"),
        (b"bytes=-3", b"789", b"bytes 7-9/10"),
        (b"bytes=-99", b"0123456789", b"bytes 0-9/10"),
        (b"Bytes=9-9", b"9", b"bytes 9-9/10"),
    ],
)
def test_one_range(wanted: bytes, body: bytes, content_range: bytes) -> None:
    answer = ask(range=wanted)
    assert (answer.status, b"".join(answer.chunks)) == (206, body)
    assert headers(answer)[b"content-range"] == content_range
    assert headers(answer)[b"etag"] == TAG


@pytest.mark.parametrize("wanted", [b"bytes=10-", b"bytes=10-20", b"bytes=-0"])
def test_a_range_beyond_the_end(wanted: bytes) -> None:
    answer = ask(range=wanted)
    assert answer.status == 416
    assert headers(answer)[b"content-range"] == b"bytes */10"
    assert b"immutable" not in headers(answer)[b"cache-control"]


@pytest.mark.parametrize(
    "wanted", [b"bytes=0-1,4-5", b"bytes=5-2", b"bytes=-", b"lines=1-2", b"bytes", b"bytes=1-x", b"bytes=" + b"9" * 30]
)
def test_what_is_no_single_range_gets_the_whole(wanted: bytes) -> None:
    assert ask(range=wanted) is MEDIA


def test_a_part_of_something_else_gets_the_whole() -> None:
    assert ask(range=b"bytes=0-1", if_range=b'"e0"') is MEDIA
    assert ask(range=b"bytes=0-1", if_range=b"Mon, 23 Nov 2026 13:00:00 GMT") is MEDIA
    assert ask(range=b"bytes=0-1", if_range=TAG).status == 206


@pytest.mark.parametrize("known", [TAG, b'"x", ' + TAG, b"W/" + TAG, b"*"])
def test_who_has_it_already_gets_no_body(known: bytes) -> None:
    answer = ask(if_none_match=known, range=b"bytes=0-1")
    assert (answer.status, answer.chunks) == (304, ())
    assert headers(answer) == {b"etag": TAG, b"cache-control": b"public, max-age=31536000, immutable"}


@pytest.mark.parametrize("known", [b'"e0"', b"e1", b'"e1-gzip"', b""])
def test_who_has_something_else_gets_it(known: bytes) -> None:
    assert ask(if_none_match=known) is MEDIA


def test_playlists_have_no_ranges() -> None:
    plain = Playlist("#EXTM3U\n").answer(answers.NO_CACHE, is_gzipped=False)
    assert conditioned(plain, "GET", [(b"range", b"bytes=0-1")]) is plain


def test_a_playlists_tag_names_its_bytes() -> None:
    first, second = (Playlist(text) for text in ("#EXTM3U\n", "#EXTM3U\n#EXT-X-VERSION:6\n"))
    tags = {
        each.answer(answers.NO_CACHE, is_gzipped=zipped).tag for each in (first, second) for zipped in (True, False)
    }
    assert len(tags) == 4
    again = Playlist("#EXTM3U\n").answer(answers.NO_CACHE, is_gzipped=False)
    (tag,) = tags & {again.tag}
    answer = conditioned(again, "GET", [(b"if-none-match", tag)])
    assert headers(answer) == {b"etag": tag, b"cache-control": b"no-cache", b"vary": b"Accept-Encoding"}


@pytest.mark.parametrize("fields", [[(b"if-none-match", b"*")], [(b"range", b"bytes=0-1")]])
def test_errors_have_no_conditions(fields: list[tuple[bytes, bytes]]) -> None:
    assert conditioned(answers.NOT_FOUND, "GET", fields) is answers.NOT_FOUND


@pytest.mark.parametrize(
    ("accepted", "is_gzipped"),
    [
        (b"gzip", True),
        (b"gzip, deflate, br, zstd", True),
        (b"br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000, br", False),
        (b"gzip;q=0.001", True),
        (b"identity", False),
        (b"", False),
    ],
)
def test_who_accepts_gzip(accepted: bytes, is_gzipped: bool) -> None:
    assert answers.accepts_gzip({"headers": [(b"host", b"x"), (b"accept-encoding", accepted)]}) is is_gzipped
