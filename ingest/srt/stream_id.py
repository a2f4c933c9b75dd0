"""What a caller's stream id says: its stream key (SRT Access Control; and what people type into encoders).

| stream id | key |
|---|---|
| ``KEY`` | ``KEY`` |
| ``live/KEY``, ``publish/KEY``, ``input/KEY`` | ``KEY`` |
| ``publish:NAME:KEY`` | ``KEY`` |
| ``publish:KEY`` | ``KEY`` |
| ``#!::r=NAME,m=publish,s=KEY`` (or ``key=KEY``, ``u=KEY``) | ``KEY`` |
| ``#!::r=KEY,m=publish``, ``#!::r=live/KEY,m=publish`` | ``KEY`` |

A URL cannot hold ``#``, so ``%23!::`` and ``!::`` mean the same; what is percent-encoded is decoded.
Some encoders put ``#feedbackplay`` behind it, which says nothing.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ingest.srt.errors import Rejection, SrtError

_STANDARD_PREFIXES = ("#!::", "!::")
_KEY_NAMES = ("key", "s", "u", "r")
"""Fields that may hold the key, in the order of trust: session, user, resource."""
_ENCODER_SUFFIX = "#feedbackplay"
_PUBLISH_MODES = frozenset({"publish", "bidirectional"})
_PLAY_MODES = frozenset({"read", "play", "request"})
_PLAY_REFUSED = "this server is watched in a browser; SRT is for publishing only (m=publish)"
_USABLE_KEY = re.compile(r"[A-Za-z0-9_.~+=-]{1,128}")
_FOLDERS = re.compile(r"^/?(?:live|publish|input)/")


def parse_stream_id(text: str) -> str:
    """The stream key. Raises SrtError, which does not repeat it."""
    text = unquote(text).strip().removesuffix(_ENCODER_SUFFIX)
    if not text:
        raise SrtError(Rejection.BAD_REQUEST, "no stream id was given; set it to the stream key")
    prefix = next((prefix for prefix in _STANDARD_PREFIXES if text.startswith(prefix)), None)
    key = _standard(text.removeprefix(prefix)) if prefix else _free(text)
    key = _FOLDERS.sub("", key)
    if not _USABLE_KEY.fullmatch(key):
        raise SrtError(Rejection.BAD_REQUEST, "the stream id cannot be understood; set it to the stream key")
    return key


def _standard(text: str) -> str:
    """``k=v,k=v`` (SRT Access Control, "General Syntax")."""
    fields = {name: value for name, _, value in (pair.partition("=") for pair in text.split(","))}
    if fields.get("m", "publish") not in _PUBLISH_MODES:
        raise SrtError(Rejection.BAD_MODE, _PLAY_REFUSED)
    return next((fields[name] for name in _KEY_NAMES if fields.get(name)), "")


def _free(text: str) -> str:
    mode, separator, rest = text.partition(":")
    if not separator:
        return text
    if mode in _PLAY_MODES:
        raise SrtError(Rejection.BAD_MODE, _PLAY_REFUSED)
    return rest.rpartition(":")[2] if mode == "publish" else ""
