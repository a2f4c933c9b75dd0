"""What can go wrong.

PinkmediaError
├── TranscodeFault       this source cannot be transcoded any further, as it was configured
└── PushFault            a server could not be published to, or stopped listening
"""

from __future__ import annotations

from pinkmedia.errors import PinkmediaError


class TranscodeFault(PinkmediaError):
    """The engine cannot go on; its text is the reason, in one line."""


class PushFault(PinkmediaError):
    """Publishing failed; its text names the server and no key."""
