"""What a site's moderators do to a live stream, by its own programs.

POST /api/v1/live/streams/{stream}/kick    ends the broadcast and keeps its publisher out for a while
"""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web.authority import Authority, guarded
from web.bodies import BodyRefused, read_model
from web.problems import problem_details

LONGEST_KICK_SECONDS = 86_400
"""A day; for longer there is the block."""
LONGEST_REASON = 200
"""Characters: encoders show it in one line."""


class Kick(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, pattern=r"^[^\x00-\x1f\x7f]+$")] = (
        "the site has ended this broadcast"
    )
    seconds: Annotated[float, Field(ge=0, le=LONGEST_KICK_SECONDS)] = 60.0
    """For which nobody may publish: encoders come back by themselves."""


class Kicker(Protocol):
    """Who can end a broadcast."""

    def kick(self, stream_name: str, reason: str, seconds: float) -> bool:
        """Whether anything was on."""


def routes(streams: Kicker, authority: Authority | None) -> list[Route]:
    """For who presents the admin token."""

    async def kick(request: Request) -> Response:
        name = request.path_params["stream"]
        try:
            asked = await read_model(request, Kick)
        except BodyRefused as refused:
            status, detail = refused.args
            return problem_details(status, "bad-request", "This cannot be done", detail=detail)
        if not streams.kick(name, asked.reason, asked.seconds):
            return problem_details(409, "not-live", "The stream is not live", detail=f"Nobody publishes to {name!r}.")
        return Response(status_code=204)

    return [Route("/api/v1/live/streams/{stream}/kick", guarded(authority, kick), methods=["POST"])]
