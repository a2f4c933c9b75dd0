"""Signatures, beside the example of the specification and a check written anew."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pinkmedia.webhooks.signature import BadWebhookSecret, read_secret, signed_headers

# The example in the Standard Webhooks specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_example(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    headers = signed_headers(read_secret(tmp_path / "secret"), EVENT_ID, TIMESTAMP, BODY)
    assert headers == {
        "webhook-id": EVENT_ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"whsec_", SECRET.removeprefix("whsec_").encode(), b"whsec_not base64!", b"whsec_c2hvcnQ=", b"\xff",
     b"whsec_" + base64.b64encode(bytes(65))],
)  # fmt: skip
def test_what_is_no_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(BadWebhookSecret) as caught:
        read_secret(tmp_path / "secret")
    assert "whsec_c2hvcnQ" not in str(caught.value)


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadWebhookSecret, match="cannot be read: No such file"):
        read_secret(tmp_path / "secret")
