"""A real nginx, with the documented configuration changed only where a machine's names and ports stand."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import pytest

from pinkmedia.certificate import CertificateFiles
from tests.certificates import make_pair, trusting_client
from tests.support import STOP_SECONDS, free_ports, require_tool

SITE = Path(__file__).parents[2] / "docs" / "nginx.conf"
MAIN = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
OWN_USER = "user root;" if os.geteuid() == 0 else ""
"""Another one could not enter the test's folder."""
START_SECONDS = 15.0
LOOK_SECONDS = 0.05


class Nginx:
    """An asynchronous context manager that starts and stops it. It runs as this user."""

    def __init__(self, folder: Path, origin_url: str) -> None:
        (port,) = free_ports(1)
        self.base_url = f"https://127.0.0.1:{port}"
        self._port = port
        self._folder = folder
        files = make_pair(folder)
        (folder / "site.conf").write_text(_site(folder, port, origin_url, files))
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=OWN_USER))
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Nginx:
        command = [require_tool("nginx"), "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]
        self._process = subprocess.Popen([*command, "-e", str(self._folder / "error.log")], stdin=subprocess.DEVNULL)
        try:
            await self._until_ready(self._process)
        except BaseException:
            self._stop(self._process)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._stop(self._process)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(STOP_SECONDS)

    async def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                if process.poll() is not None:
                    pytest.fail(f"nginx ended\n{(self._folder / 'error.log').read_text()}")
                await asyncio.sleep(LOOK_SECONDS)  # another process's readiness raises no event here

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=trusting_client())
        except OSError:
            return False
        writer.close()
        return True


def _site(folder: Path, port: int, origin_url: str, files: CertificateFiles) -> str:
    """Each replaced text must stand in the documented file."""
    text = SITE.read_text()
    for documented, ours in {
        "server 127.0.0.1:8080;": f"server {urlsplit(origin_url).netloc};",
        "/var/cache/nginx/pinkmedia": f"{folder}/cache",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "    listen [::]:443 ssl http2;\n": "",
        "server_name live.example.com;": "server_name 127.0.0.1;",
        "/etc/letsencrypt/live/live.example.com/fullchain.pem": str(files.certificate),
        "/etc/letsencrypt/live/live.example.com/privkey.pem": str(files.private_key),
    }.items():
        assert documented in text, f"{SITE.name} does not have {documented!r} any more"
        text = text.replace(documented, ours)
    return text
