"""What an origin process knows of the streams: copies of the node's presentations, in the node's order."""

from __future__ import annotations

from packager.operations import Operation
from packager.published import PublishedPresentation
from packager.replica import replica
from pinkmedia.origins.messages import PresentationOpened
from pinkmedia.processes.frames import WireError


class Replicas:
    """The streams as `web.origin` asks for them."""

    def __init__(self) -> None:
        self._presentations: dict[int, PublishedPresentation] = {}
        self._streams: dict[str, dict[str, int]] = {}
        """Of each stream with any, the numbers of its presentations by epoch, oldest first."""
        self._private: set[str] = set()

    # For viewers

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> PublishedPresentation | None:
        """The presentation of this epoch, or without one the newest."""
        numbers = self._streams.get(stream_name)
        if not numbers:
            return None
        number = next(reversed(numbers.values())) if epoch is None else numbers.get(epoch)
        return None if number is None else self._presentations[number]

    def is_private(self, stream_name: str) -> bool:
        return stream_name in self._private

    @property
    def presentations(self) -> list[tuple[int, PublishedPresentation]]:
        """All, with their numbers."""
        return list(self._presentations.items())

    # As the node says

    def set_private(self, stream_name: str, *, is_private: bool) -> None:
        if is_private:
            self._private.add(stream_name)
        else:
            self._private.discard(stream_name)

    def open(self, opened: PresentationOpened) -> PublishedPresentation:
        presentation = replica(opened.epoch, opened.layout, opened.expected, is_archived=opened.is_archived)
        self._presentations[opened.number] = presentation
        self._streams.setdefault(opened.stream_name, {})[opened.epoch] = opened.number
        return presentation

    def forget(self, number: int) -> None:
        self._presentations.pop(number, None)
        for name, numbers in list(self._streams.items()):
            kept = {epoch: each for epoch, each in numbers.items() if each != number}
            if kept:
                self._streams[name] = kept
            else:
                del self._streams[name]

    def apply(self, number: int, operation: Operation) -> None:
        """Raises WireError for a presentation or a rendition that was never told of."""
        try:
            operation.apply(self._presentations[number])
        except KeyError as error:
            raise WireError(f"operation on what is not there: {error}") from None
