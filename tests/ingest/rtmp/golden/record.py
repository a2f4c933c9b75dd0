"""Records the first bytes that a publisher sends, and writes down what is in them.

Usage: python -m tests.ingest.rtmp.golden.record NAME [--port PORT] [--bytes COUNT]

Waits for one publisher on 127.0.0.1, hangs up when it has sent enough, and overwrites NAME.bin and NAME.txt.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from ingest.rtmp.events import PublishRequested
from ingest.rtmp.session import PublisherSession
from tests.ingest.rtmp.golden import FOLDER, describe, replay, request_end

DEFAULT_BYTES = 40_000
"""A few seconds of a small picture."""


async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, byte_count: int) -> bytes:
    """Plays the server until there is enough, or the publisher is gone."""
    session = PublisherSession(time.monotonic())
    recorded = b""
    while len(recorded) < byte_count and (data := await reader.read(65_536)):
        recorded += data
        for event in session.receive_data(data, time.monotonic()):
            if isinstance(event, PublishRequested):
                session.accept_publish(time.monotonic())
        writer.write(session.data_to_send())
        await writer.drain()
    writer.close()
    return recorded[:byte_count]


async def record_one(port: int, byte_count: int) -> bytes:
    recorded: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await record(reader, writer, byte_count)
        if data and not recorded.done():
            recorded.set_result(data)

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        return await recorded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int, default=1935)
    parser.add_argument("--bytes", type=int, default=DEFAULT_BYTES)
    arguments = parser.parse_args()
    data = asyncio.run(record_one(arguments.port, arguments.bytes))
    (FOLDER / f"{arguments.name}.bin").write_bytes(data)
    text = describe(replay(data, admitted_at=request_end(data)))
    (FOLDER / f"{arguments.name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
