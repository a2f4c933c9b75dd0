"""``pinkmedia push``: publish a file or the test picture over RTMP."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pinkmedia.errors import UsageError
from pinkmedia.keys import redact_keys

if TYPE_CHECKING:
    from transcode.push import PushProgress

KEY_FILE_LIMIT_CHARACTERS = 4096
"""No stream key is longer; a file that goes on is not a key file, and is not read into memory."""


def push(
    source: Annotated[str, typer.Argument(help="A media file, or: test")],
    url: Annotated[str, typer.Argument(help="rtmp://HOST[:PORT]/live, with the key after it or in --key-file")],
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the stream key from a file, or from standard input when FILE is -."),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin the file again when it ends.")] = False,
    duration: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Stop after so long.")] = None,
) -> int:
    """Publish a file or the test picture over RTMP, in real time."""
    target = url if key_file is None else f"{url.rstrip('/')}/{_read_key(key_file)}"
    from transcode.push import push as publish

    stop = threading.Event()
    received: list[int] = []
    _stop_on_signals(stop, received)
    with _progress_line(url) as show:
        publish(source, target, progress=show, loop=loop, duration_seconds=duration, stop=stop)
    return 128 + signal.SIGINT if signal.SIGINT in received else 0


@contextmanager
def _progress_line(url: str) -> Iterator[Callable[[PushProgress], None]]:
    """One line that tells how far the push has come, on a terminal; nothing elsewhere."""
    from rich.console import Console

    console = Console()
    with console.status(f"connecting to {redact_keys(url)}") as status:

        def show(progress: PushProgress) -> None:
            minutes, seconds = divmod(int(progress.media_seconds), 60)
            status.update(f"publishing: {minutes}:{seconds:02} sent, {progress.sent_bytes / 1e6:.1f} MB")

        yield show


def _read_key(key_file: Path) -> str:
    """The key, kept out of the argument list, where every user of the machine could read it."""
    try:
        if str(key_file) == "-":
            text = sys.stdin.readline(KEY_FILE_LIMIT_CHARACTERS)
        else:
            with key_file.open(encoding="utf-8") as file:
                text = file.read(KEY_FILE_LIMIT_CHARACTERS)
    except OSError as error:
        raise UsageError(f"--key-file {key_file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--key-file {key_file}: not text") from None
    key = text.strip()
    if not key or len(key.split()) > 1:
        raise UsageError(f"--key-file {key_file}: it must hold one stream key and nothing else")
    return key


def _stop_on_signals(stop: threading.Event, received: list[int]) -> None:
    def handle(number: int, _frame: object) -> None:
        received.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
