"""Requests' bodies: of limited size, in limited time."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

BODY_SECONDS = 5.0
"""OBS itself waits no longer for the whole exchange."""
MOST_JSON_BYTES = 64 * 1024
"""Thirty times what OBS sends about a machine with several graphics cards; all else is smaller."""

Model = TypeVar("Model", bound=BaseModel)


class BodyRefused(Exception):
    """The body did not come as it should; the arguments are an HTTP status and what is wrong."""


async def read_body(request: Request) -> bytes:
    """Raises BodyRefused."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_JSON_BYTES:
                    raise BodyRefused(413, f"The request is larger than {MOST_JSON_BYTES // 1024} KiB")
    except TimeoutError:
        raise BodyRefused(408, "The request did not come in time") from None
    except ClientDisconnect:
        raise BodyRefused(400, "The request was not finished") from None
    return bytes(body)


async def read_model(request: Request, model: type[Model]) -> Model:
    """What was sent as JSON. Raises BodyRefused, which names the first thing that is wrong."""
    body = await read_body(request)
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BodyRefused(422, f"{where}: {first['msg']}" if where else first["msg"]) from None
