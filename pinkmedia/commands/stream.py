"""``pinkmedia stream``: make streams, list them, change their keys and rights. Works while the server runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from pinkmedia.commands.flags import DATABASE_KEYS, takes_settings
from pinkmedia.errors import UsageError
from pinkmedia.settings import Settings
from pinkmedia.tiers import Tier

if TYPE_CHECKING:
    from pinkmedia.database.streams import Stream, StreamStore

MOST_HOURS = 24 * 366
"""For a camera that a customer watches; a secret is replaced more often."""
SECONDS_PER_HOUR = 3600

Result = TypeVar("Result")
StreamName = Annotated[str, typer.Argument(help="1 to 63 of a-z, 0-9, _ and -.")]

TierOption = Annotated[Tier, typer.Option(help="What the stream may do.")]

app = typer.Typer(help="Make streams, list them, change their keys and what they may do.", no_args_is_help=False)


@app.command()
@takes_settings(*DATABASE_KEYS)
def create(name: StreamName, load: Callable[[], Settings], tier: TierOption = Tier.STANDARD) -> None:
    """Make a stream and print its key, alone, on the last line."""
    stream, key = _with_store(load(), lambda store: store.create(name, tier))
    _explain(f"Stream {stream.name} is made. Its key, which is not shown again:")
    typer.echo(key)


@app.command("rotate-key")
@takes_settings(*DATABASE_KEYS)
def rotate_key(name: StreamName, load: Callable[[], Settings]) -> None:
    """Replace a stream's key and print the new one, alone, on the last line."""
    key = _with_store(load(), lambda store: store.rotate_key(name))
    _explain(f"The old key of stream {name} opens nothing any more. The new one, which is not shown again:")
    typer.echo(key)


@app.command("set-tier")
@takes_settings(*DATABASE_KEYS)
def set_tier(
    name: StreamName, tier: Annotated[Tier, typer.Argument(help="What it may do.")], load: Callable[[], Settings]
) -> None:
    """Put a stream into another tier, from its next publisher on."""
    _with_store(load(), lambda store: store.set_tier(name, tier))
    _explain(f"Stream {name} is {tier} from its next publisher on.")


@app.command("set-passphrase")
@takes_settings(*DATABASE_KEYS)
def set_passphrase(
    name: StreamName,
    load: Callable[[], Settings],
    from_file: Annotated[Path | None, typer.Option(help="Take the file's first line instead of a new one.")] = None,
) -> None:
    """Have a stream's SRT publishers encrypt, and print the passphrase, alone, on the last line."""
    from pinkmedia.passphrases import generate_passphrase, read_passphrase

    passphrase = generate_passphrase() if from_file is None else read_passphrase(from_file)
    _with_store(load(), lambda store: store.set_srt_passphrase(name, passphrase))
    _explain(f"SRT publishers to stream {name} must use this passphrase, from the next one on:")
    typer.echo(passphrase)


@app.command("clear-passphrase")
@takes_settings(*DATABASE_KEYS)
def clear_passphrase(name: StreamName, load: Callable[[], Settings]) -> None:
    """Take a stream's SRT passphrase away; the server's holds then, if it has one."""
    _with_store(load(), lambda store: store.set_srt_passphrase(name, None))
    _explain(f"Stream {name} has no passphrase of its own any more.")


@app.command()
@takes_settings(*DATABASE_KEYS)
def block(name: StreamName, load: Callable[[], Settings]) -> None:
    """End a stream's broadcast and keep it from going live."""
    _with_store(load(), lambda store: store.set_blocked(name, True))
    _explain(f"Stream {name} is blocked; to let it go live again: pinkmedia stream unblock {name}")


@app.command()
@takes_settings(*DATABASE_KEYS)
def unblock(name: StreamName, load: Callable[[], Settings]) -> None:
    """Let a blocked stream go live again."""
    _with_store(load(), lambda store: store.set_blocked(name, False))
    _explain(f"Stream {name} may go live.")


@app.command("set-private")
@takes_settings(*DATABASE_KEYS)
def set_private(name: StreamName, load: Callable[[], Settings]) -> None:
    """Let only those with a signed address watch a stream."""
    _with_store(load(), lambda store: store.set_private(name, True))
    _explain(f"Stream {name} is private; to make an address for a viewer: pinkmedia stream sign-url {name}")


@app.command("set-public")
@takes_settings(*DATABASE_KEYS)
def set_public(name: StreamName, load: Callable[[], Settings]) -> None:
    """Let everybody watch a stream."""
    _with_store(load(), lambda store: store.set_private(name, False))
    _explain(f"Stream {name} is public.")


@app.command("sign-url")
@takes_settings(
    *DATABASE_KEYS, "host", "http_port", "public_url", "media_url", "stream_media_urls", "playback_secret_file"
)
def sign_url(
    name: StreamName,
    load: Callable[[], Settings],
    hours: Annotated[float, typer.Option(min=0.01, max=MOST_HOURS, help="How long it lets its holder watch.")] = 12,
    address: Annotated[str | None, typer.Option(help="The only IP address that may use it; of IPv6, its /64.")] = None,
) -> None:
    """Print a playback address with a signature, alone, on the last line."""
    from pinkmedia.database.streams import UnknownStream
    from pinkmedia.playback_tokens import read_signer

    settings = load()
    if settings.playback_secret_file is None:
        raise UsageError("nothing can be signed without a secret: set playback_secret_file")
    signer = read_signer(settings.playback_secret_file)
    if _with_store(settings, lambda store: store.find_by_name(name)) is None:
        raise UnknownStream(name)
    expires = int(time.time() + hours * SECONDS_PER_HOUR)
    token = signer.sign(name, expires, None if address is None else _checked_address(address))
    until = datetime.fromtimestamp(expires, UTC)
    _explain(f"Whoever has this address may watch stream {name} until {until:%Y-%m-%d %H:%M} UTC:")
    typer.echo(f"{settings.media_urls.of(name) or settings.base_url}/signed/{token}/live/{name}/index.m3u8")


def _checked_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise UsageError(f"{text!r} is not an IP address") from None


@app.command("list")
@takes_settings(*DATABASE_KEYS)
def list_streams(load: Callable[[], Settings]) -> None:
    """List the streams; of each key, only its last characters."""
    streams = _with_store(load(), lambda store: store.list())
    if not streams:
        _explain("There is no stream yet; to make one: pinkmedia stream create NAME")
        return
    _print_table(streams)


def _with_store(settings: Settings, action: Callable[[StreamStore], Awaitable[Result]]) -> Result:
    from pinkmedia.database.configured import open_database
    from pinkmedia.database.streams import StreamStore

    async def act() -> Result:
        async with open_database(settings) as database:
            return await action(StreamStore(database))

    return asyncio.run(act())


def _explain(text: str) -> None:
    """Words for a person, out of the way of whatever reads standard output."""
    typer.echo(text, err=True)


def _print_table(streams: list[Stream]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("Name", "Tier", "Access", "Key ends in", "Made (UTC)", "Key made (UTC)", box=box.SIMPLE_HEAD)
    for stream in streams:
        made, rotated = (f"{moment:%Y-%m-%d %H:%M}" for moment in (stream.created_at, stream.key_rotated_at))
        access = [word for word, is_so in (("blocked", stream.is_blocked), ("private", stream.is_private)) if is_so]
        table.add_row(stream.name, stream.tier, " ".join(access), f"…{stream.key_hint}", made, rotated)
    Console().print(table)
