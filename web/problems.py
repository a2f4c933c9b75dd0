"""Errors of the API: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response


def problem_details(
    status: int, name: str, title: str, *, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that says what is wrong. ``name`` is the stable end of its ``type``."""
    problem: dict[str, object] = {"type": f"urn:pinkmedia:problem:{name}", "title": title, "status": status}
    if detail is not None:
        problem["detail"] = detail
    return JSONResponse(problem, status_code=status, headers=headers, media_type="application/problem+json")
