"""Who may watch what: public streams are for everybody, private ones for those with a token in the path.

    /signed/{token}/live/{stream}/…       the origin's addresses, one step deeper
    /signed/{token}/live/{stream}/check   204 or 403, for a proxy that has the media already and asks whom to give it to

A token is checked with every request, also where the stream is public: what has been signed for an hour ends with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import Scope

from pinkmedia.playback_tokens import PlaybackRefused, PlaybackSigner
from web import answers
from web.addresses import SIGNED_PREFIX
from web.answers import Answer

CHECK_FILE = "check"

ALLOWED = Answer(204, (answers.NO_STORE,))
_PRIVATE = answers.problem(403, "This stream is private: it needs a signed address.\n")
_NOTHING_IS_SIGNED = answers.problem(403, "Signed addresses are not set up here.\n")


class PlaybackGate:
    """Knows the private streams and the tokens."""

    def __init__(self, is_private: Callable[[str], bool], signer: PlaybackSigner | None) -> None:
        self._is_private = is_private
        self._signer = signer

    def refusal(self, stream_name: str, token: str | None, scope: Scope) -> Answer | None:
        """Why this request is not answered; None when it may be."""
        if token is None:
            return _PRIVATE if self._is_private(stream_name) else None
        if self._signer is None:
            return _NOTHING_IS_SIGNED
        address = scope["client"][0] if scope["client"] else ""
        try:
            self._signer.check(token, stream_name, address, time.time())
        except PlaybackRefused as refused:
            return answers.problem(403, f"{refused}\n")
        return None


OPEN_GATE = PlaybackGate(lambda stream_name: False, None)
"""Everything is public."""


def split_token(path: str) -> tuple[str, str | None]:
    """A path without its token, and the token, if it has one."""
    if not path.startswith(SIGNED_PREFIX):
        return path, None
    token, _, rest = path[len(SIGNED_PREFIX) :].partition("/")
    return f"/{rest}", token
