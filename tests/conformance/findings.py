"""What breaks a rule, collected: a run goes on, and tells everything at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

SHOWN_CONTEXT = 3000
"""Characters of the first case of each."""


class Findings:
    """Broken rules, how often, and the first case of each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self.check_count = 0
        """How many answers, parts and playlists were held against the rules."""

    def check(self, broken: Iterable[str], context: str) -> None:
        """Rules in words that begin with their section, and where that was."""
        self.check_count += 1
        for rule in broken:
            self._counts[rule] += 1
            self._first.setdefault(rule, context[:SHOWN_CONTEXT])

    def refuse(self) -> None:
        """Raises AssertionError when something was found."""
        told = [f"{count} × {rule}\n    first: {self._first[rule]}" for rule, count in self._counts.most_common()]
        assert not told, "\n".join(told)
