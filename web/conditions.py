"""What a request's conditions and ranges make of an answer (RFC 9110 §13 and §14).

    If-None-Match   304, when the client has it already
    Range           206 with these bytes, or 416 when there are none; several ranges at once get the whole, as the
                    specification allows (§14.2)
    If-Range        the whole, when the client's part is of something else

A pure function from an answer that is at hand: nothing here waits or knows what is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar, cast

from web.answers import Answer, AtHand, Header, unsatisfiable

Kind = TypeVar("Kind", bound=AtHand)

_RANGE = re.compile(rb"bytes=(\d{0,19})-(\d{0,19})", re.ASCII | re.IGNORECASE)
"""One range; 19 digits are more than RFC 8673's "until it ends", 2^53 - 1, has."""
_READ = frozenset({b"if-none-match", b"if-range", b"range"})
_KEPT_IN_304 = frozenset({b"cache-control", b"etag", b"vary"})
"""RFC 9110 §15.4.5."""


def conditioned(answer: Kind, method: str, headers: Iterable[Header]) -> Kind | Answer:
    """The answer that this request wants. The names of its ``headers`` are in lower case."""
    if answer.status != 200 or not answer.tag:
        return answer
    fields = {name: value for name, value in headers if name in _READ}
    if not fields:
        return answer
    if b"if-none-match" in fields and _has_tag(fields[b"if-none-match"], answer.tag):
        return Answer(304, tuple(each for each in answer.headers if each[0] in _KEPT_IN_304))
    # Only GET has ranges (§14.2).
    is_ranged = b"range" in fields and method == "GET" and answer.has_ranges
    if is_ranged and fields.get(b"if-range", answer.tag) == answer.tag:
        return _ranged(answer, fields[b"range"])
    return answer


def _has_tag(candidates: bytes, tag: bytes) -> bool:
    """Weak comparison (§8.8.3.2): proxies that compress weaken tags."""
    listed = [candidate.strip().removeprefix(b"W/") for candidate in candidates.split(b",")]
    return tag in listed or listed == [b"*"]


def _ranged(answer: Kind, value: bytes) -> Kind | Answer:
    match = _RANGE.fullmatch(value)
    if match is None or match[0].endswith(b"=-"):
        return answer
    size = answer.size_bytes
    begin, end = match.groups()
    first = int(begin) if begin else max(0, size - int(end))
    last = min(int(end), size - 1) if begin and end else size - 1
    if begin and end and int(end) < int(begin):  # no range at all (§14.1.1)
        return answer
    if first >= size:
        return unsatisfiable(size)
    content_range: Header = (b"content-range", b"bytes %d-%d/%d" % (first, last, size))
    return cast(Kind, answer.cut(first, last + 1, content_range))
