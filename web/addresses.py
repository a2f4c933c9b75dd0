"""Which paths are the media origin's.

    /live/{stream}/…                  everything that the origin's own playlists name
    /{app}/{stream}/llhls.m3u8        OvenMediaEngine's names for the multivariant playlist, so that pages made for it
    /{app}/{stream}/playlist.m3u8     need no change

An OvenMediaEngine has applications, here a stream's name is enough: any application's name is taken. These two are
answered with the playlist itself rather than a redirect: no player waits for another round trip, and none need follow
one. What the playlist names lies below ``/live/`` for everybody, so that caches keep it once.
"""

from __future__ import annotations

MEDIA_PREFIX = "/live/"
PLAYLIST_FILE = "index.m3u8"
OTHER_PLAYLIST_FILES = ("llhls.m3u8", "playlist.m3u8")

_OTHER_ENDINGS = tuple(f"/{file}" for file in OTHER_PLAYLIST_FILES)


def is_media(path: str) -> bool:
    """Whether the origin answers at this path."""
    return path.startswith(MEDIA_PREFIX) or (path.endswith(_OTHER_ENDINGS) and path.count("/") == 3)


def media_folder(file: str, stream_name: str) -> str:
    """The stream's folder relative to its multivariant playlist, with a slash at its end if there is anything."""
    return "" if file == PLAYLIST_FILE else f"../..{MEDIA_PREFIX}{stream_name}/"
