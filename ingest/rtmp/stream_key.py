"""Where the stream key is in what a publisher sends: one parser for every form in which people enter it.

| the user enters | app | publish name |
|---|---|---|
| server ``rtmp://host/live``, key KEY | ``live`` | ``KEY`` |
| server ``rtmp://host/live?key=KEY``, no key | ``live?key=KEY``, or only tcUrl has it | empty, or ``?key=KEY`` |
| server ``rtmp://host/live``, key ``NAME?key=KEY`` | ``live`` | ``NAME?key=KEY`` |
| server ``rtmp://host/live/KEY``, no key | ``live/KEY`` | empty |
| any server, key ``rtmp://host/live/KEY`` | ``live`` | ``rtmp://host/live/KEY`` |
| ``rtmp://host/KEY`` (FFmpeg) | ``KEY`` | empty |

What stands nearest to the name wins: a key parameter of the name, the name, a key parameter of app or tcUrl, the path.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ingest.rtmp.errors import StreamKeyError

KEY_PARAMETERS = ("key", "streamkey", "stream_key")
"""Query parameters that may carry the key, first found wins."""
DEFAULT_APP = "live"
"""Not a key when it stands alone."""

_USABLE_KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_.~+=-]{1,128}")
"""What a key may consist of; the rest has no place in a database query or a log."""
_FILE_PREFIX = re.compile(r"(?:mp4|flv|live):")
"""Flash-era encoders put a container's name in front."""
_SERVER = re.compile(r"rtmps?://[^/?]*/?", re.IGNORECASE)
"""Of a whole URL, up to its path; with a user's name and password, if it has them."""
_DEFAULT_INSTANCE = "/_definst_"
"""Wowza's and FMLE's name for no application instance."""


def parse_stream_key(app: str, publish_name: str, tc_url: str = "") -> str:
    """The key in connect's properties and publish's name. Raises StreamKeyError, which does not repeat it."""
    name, name_query = _split(publish_name)
    app_path, app_query = _split(app)
    url_path, url_query = _split(tc_url)
    key = unquote(
        _from_query(name_query)
        or _from_path(_FILE_PREFIX.sub("", name, count=1))
        or _from_query(app_query)
        or _from_query(url_query)
        or _from_path(app_path)
        or _from_path(url_path)
    )
    if not key:
        raise StreamKeyError("no stream key was given; enter it in the encoder's stream key field")
    if not _USABLE_KEY.fullmatch(key):
        raise StreamKeyError("the stream key has characters that no key has")
    return key


def _split(text: str) -> tuple[str, str]:
    """Path without the slashes and quotes that scripts leave around it, and query."""
    path, _, query = _SERVER.sub("", text.strip(" '\""), count=1).partition("?")
    return path.strip(" /'\"").removesuffix(_DEFAULT_INSTANCE), query


def _from_query(query: str) -> str:
    pairs = (parameter.partition("=") for parameter in query.split("&"))
    return next((value for name, _, value in pairs if name in KEY_PARAMETERS), "")


def _from_path(path: str) -> str:
    last = path.rpartition("/")[2]
    return "" if path == DEFAULT_APP else last
