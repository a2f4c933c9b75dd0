"""RTMPS from ffmpeg to a player, and a certificate that is renewed while it goes on."""

from __future__ import annotations

import os
import random
import signal
import socket
from pathlib import Path

import pytest

from tests.certificates import make_pair, subject_of, trusting_client
from tests.support import PORTS, Publisher, ServerProcess
from tests.system.test_serve import follow_until_segment, until_live, until_log, watching

pytestmark = pytest.mark.anyio
RTMPS_PORTS = range(PORTS.stop, PORTS.stop + 100)
"""Beside those that a ServerProcess takes."""


def presented_certificate(port: int) -> str:
    """Whom the certificate of the port names."""
    with socket.create_connection(("127.0.0.1", port)) as plain, trusting_client().wrap_socket(plain) as stream:
        return subject_of(stream.getpeercert(binary_form=True))


async def test_a_renewed_certificate_disturbs_nobody(tmp_path: Path, clip: Path) -> None:
    files = make_pair(tmp_path, "old.example")
    port = random.choice(RTMPS_PORTS)
    keys = {"rtmps_port": port, "tls_certificate": files.certificate, "tls_private_key": files.private_key}
    with ServerProcess(tmp_path, transcode=False, **keys) as server:
        key = server.create_stream("alice")
        with Publisher(clip, f"rtmps://127.0.0.1:{port}/live/{key}"):
            async with watching(server) as player:
                uri = (await until_live(player))[0].uri
                assert presented_certificate(port) == "old.example"
                make_pair(tmp_path, "new.example")
                os.kill(server.pid, signal.SIGHUP)
                await until_log(server, "new.example")
                assert presented_certificate(port) == "new.example"
                playlist = await follow_until_segment(player, uri, msn=4)
                metrics = (await player.client.get(f"{server.base_url}/metrics")).text
    assert not [segment for segment in playlist.segments if segment.has_discontinuity]
    assert "pinkmedia_rtmp_tls_connections 1.0" in metrics
    assert 'pinkmedia_publishers_closed_total{reason="tls_failed"} 2.0' in metrics
