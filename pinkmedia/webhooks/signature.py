"""How a receiver knows that a webhook is ours, and not an old one sent again (the Standard Webhooks specification).

    webhook-id:         the event's id; the same for every attempt
    webhook-timestamp:  Unix seconds of this attempt
    webhook-signature:  v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"))

A secret is 24 to 64 bytes, written ``whsec_BASE64``, so that libraries for many languages can check it.

    PinkmediaError
    └── UsageError
        └── BadWebhookSecret     its file cannot be read, or holds none
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from pathlib import Path

from pinkmedia.errors import UsageError
from pinkmedia.secret_files import read_first_line

PREFIX = "whsec_"
SHORTEST_BYTES = 24
LONGEST_BYTES = 64


class BadWebhookSecret(UsageError):
    """The text says what would be accepted."""


def read_secret(path: Path) -> bytes:
    """The secret in the first line of a file. Raises BadWebhookSecret, which does not repeat it."""
    line = read_first_line(path, BadWebhookSecret).strip()
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not line.startswith(PREFIX) or not SHORTEST_BYTES <= len(secret) <= LONGEST_BYTES:
        how = f'printf "{PREFIX}%s\\n" "$(openssl rand -base64 32)"'
        raise BadWebhookSecret(f"{path}: not a webhook secret; to make one: {how}")
    return secret


def signed_headers(secret: bytes, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt."""
    signed = b"%s.%d.%s" % (event_id.encode(), timestamp, body)
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
