"""``pinkmedia doctor``: whether this machine can run the server."""

from __future__ import annotations

from collections.abc import Callable

from pinkmedia.commands.flags import takes_settings
from pinkmedia.errors import UsageError
from pinkmedia.settings import Settings


@takes_settings()
def doctor(load: Callable[[], Settings]) -> int:
    """Check that this machine can run the server, and say what to do where it cannot."""
    from rich.console import Console

    from pinkmedia.doctor import Finding, Verdict, diagnose

    console = Console(highlight=False, soft_wrap=True)

    def show(finding: Finding) -> None:
        advice = f"\n    → {finding.advice}" if finding.advice else ""
        console.print(f"{finding.verdict.value} {finding.text}{advice}", style=styles[finding.verdict], markup=False)

    styles = {Verdict.PASSED: "green", Verdict.DOUBTFUL: "yellow", Verdict.FAILED: "red"}
    try:
        settings = load()
    except UsageError as error:
        show(Finding(Verdict.FAILED, str(error), "correct it; the other checks need the configuration"))
        return 1
    findings = []
    for finding in diagnose(settings):
        show(finding)
        findings.append(finding)
    return int(any(finding.verdict is Verdict.FAILED for finding in findings))
