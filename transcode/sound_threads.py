"""All sound of a worker: each rung in a thread of its own, beside the pictures.

One that cannot be encoded any more falls silent for good; the others, and the pictures, go on.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import chain

from av.error import FFmpegError

from pinkmedia.media import Packet
from transcode.sound import SoundTranscoder
from transcode.sound_rung import SoundRung
from transcode.wire import SOUND_TRACK_ID

PACKETS_WAITING = 64
"""Frames between the reader and a rung's thread, a second and more: an encoder of sound is many times faster."""


class Sounds:
    """The tracks that are encoded, each to one rung or more."""

    def __init__(self, rungs: Sequence[SoundRung], on_packet: Callable[[Packet], None]) -> None:
        """``on_packet`` is called in their threads: with SOUND_TRACK_ID + the rung's index as track id."""
        self._threads: dict[int, list[_SoundThread]] = {}
        """By the track id of the source."""
        for index, rung in enumerate(rungs):
            thread = _SoundThread(rung, SOUND_TRACK_ID + index, on_packet)
            self._threads.setdefault(rung.source.track_id, []).append(thread)

    def write(self, packet: Packet) -> bool:
        """Takes a frame of one of the tracks; False for any other packet. Waits while a thread is far behind."""
        threads = self._threads.get(packet.track_id, [])
        for thread in threads:
            thread.write(packet)
        return bool(threads)

    def drain(self) -> None:
        """Returns when everything written has been emitted."""
        for thread in chain.from_iterable(self._threads.values()):
            thread.drain()


class _SoundThread:
    def __init__(self, rung: SoundRung, track_id: int, on_packet: Callable[[Packet], None]) -> None:
        self._name = rung.name
        self._waiting: queue.Queue[Packet | None] = queue.Queue(PACKETS_WAITING)
        self._transcoder = SoundTranscoder(rung, track_id, on_packet)
        self._thread = threading.Thread(target=self._run, name=f"sound-{rung.name}", daemon=True)
        self._thread.start()

    def write(self, packet: Packet) -> None:
        self._waiting.put(packet)

    def drain(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (packet := self._waiting.get()) is not None:
                self._transcoder.write(packet)
            self._transcoder.drain()
        except (FFmpegError, ValueError) as error:
            sys.stderr.write(f"{self._name} cannot be encoded: {error}\n")
            self._discard()

    def _discard(self) -> None:
        while self._waiting.get() is not None:
            pass
