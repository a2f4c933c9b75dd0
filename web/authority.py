"""What only a site's own programs may ask: with the admin token, as a bearer token (RFC 6750)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from web.problems import problem_details

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Authority(Protocol):
    """Who knows the admin token."""

    def is_presented(self, authorization: str | None) -> bool: ...


def guarded(authority: Authority | None, handle: Handler) -> Handler:
    """``handle``, for who presents the token; without an ``authority`` for nobody."""

    async def guarded_handle(request: Request) -> Response:
        if authority is None:
            detail = "Set admin_token_file."
            return problem_details(403, "no-admin-token", "The server has no admin token", detail=detail)
        if not authority.is_presented(request.headers.get("authorization")):
            challenge = {"WWW-Authenticate": "Bearer"}
            return problem_details(401, "unauthorized", "The admin token is needed", headers=challenge)
        return await handle(request)

    return guarded_handle
