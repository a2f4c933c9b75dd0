"""Who is let in, and what those who are not are told."""

from __future__ import annotations

import pytest

from ingest import key_attempts
from ingest.admission import WRONG_KEY_DELAY_SECONDS, Denied, Reception
from ingest.errors import BadMedia, BitRateExceeded, CloseReason
from pinkmedia.publishing import Publication, PublishRefused, PublishRequest, Refusal
from tests.ingest.recording import KEY, RecordingDoor

pytestmark = pytest.mark.anyio

HERE, THERE = "192.0.2.1", "192.0.2.2"


class ShutDoor:
    def __init__(self, refusal: Refusal) -> None:
        self._refusal = refusal

    async def admit(self, request: PublishRequest) -> Publication:
        raise PublishRefused(self._refusal)

    async def passphrase(self, request: PublishRequest) -> str | None:
        raise PublishRefused(self._refusal)


def request(key: str, address: str = HERE, protocol: str = "rtmp") -> PublishRequest:
    return PublishRequest(protocol, key, address, lambda detail: None)


async def denied(reception: Reception, asked: PublishRequest) -> Denied:
    with pytest.raises(Denied) as caught:
        await reception.admit(asked)
    return caught.value


@pytest.mark.parametrize("refusal", Refusal)
async def test_refusals_of_the_door(refusal: Refusal) -> None:
    denial = await denied(Reception(ShutDoor(refusal)), request("any"))
    assert denial.objection.reason.value == refusal.value
    assert denial.objection.detail
    assert denial.delay_seconds == (WRONG_KEY_DELAY_SECONDS if refusal is Refusal.BAD_KEY else 0.0)


async def test_too_many_wrong_keys_from_one_address_by_any_protocol() -> None:
    door = RecordingDoor()
    reception = Reception(door)
    for number in range(key_attempts.MAX_WRONG_KEYS):
        await denied(reception, request(f"wrong {number}", protocol="rtmp" if number % 2 else "srt"))
    denial = await denied(reception, request("another"))
    assert denial.objection.reason is CloseReason.TOO_MANY_BAD_KEYS
    assert len(door.requests) == key_attempts.MAX_WRONG_KEYS
    assert (await reception.admit(request(KEY, THERE))).stream_name


async def test_a_publisher_that_was_cut_off_is_told_why_when_it_comes_back() -> None:
    reception = Reception(RecordingDoor())
    reception.note_rejection(KEY, BitRateExceeded("lower it"))
    assert (await denied(reception, request(KEY))).objection == (CloseReason.BIT_RATE, "lower it")


async def test_what_no_person_can_mend_is_not_remembered() -> None:
    reception = Reception(RecordingDoor())
    reception.note_rejection(KEY, BadMedia("noise"))
    assert (await reception.admit(request(KEY))).stream_name
