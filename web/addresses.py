"""Which paths are the media origin's.

    /live/{stream}/…                  everything that the origin's own playlists name
    /signed/{token}/live/{stream}/…   the same, for those who may see private streams (`web.playback_gate`)
    /{app}/{stream}/llhls.m3u8        OvenMediaEngine's names for the multivariant playlist, so that pages made for it
    /{app}/{stream}/playlist.m3u8     need no change

An OvenMediaEngine has applications, here a stream's name is enough: any application's name is taken. These two are
answered with the playlist itself rather than a redirect: no player waits for another round trip, and none need follow
one. What the playlist names lies below ``/live/`` for everybody, so that caches keep it once.
"""

from __future__ import annotations

MEDIA_PREFIX = "/live/"
SIGNED_PREFIX = "/signed/"
PLAYLIST_FILE = "index.m3u8"
OTHER_PLAYLIST_FILES = ("llhls.m3u8", "playlist.m3u8")

_OTHER_ENDINGS = tuple(f"/{file}" for file in OTHER_PLAYLIST_FILES)


def is_media(path: str) -> bool:
    """Whether the origin answers at this path."""
    return path.startswith((MEDIA_PREFIX, SIGNED_PREFIX)) or (path.endswith(_OTHER_ENDINGS) and path.count("/") == 3)


def media_folder(file: str, stream_name: str, token: str | None, media_url: str) -> str:
    """The stream's folder as its multivariant playlist names it, with a slash at its end if there is anything.

    ``media_url`` is where viewers find the media; empty: where they found the playlist.
    """
    if media_url:
        signed = "" if token is None else f"{SIGNED_PREFIX}{token}"
        return f"{media_url}{signed}{MEDIA_PREFIX}{stream_name}/"
    return "" if file == PLAYLIST_FILE else f"../..{MEDIA_PREFIX}{stream_name}/"
