"""OBS Studio on a screen that nobody sees: its own configuration, a clip as its picture, and a script that stops it.

OBS reads everything from the folder that XDG_CONFIG_HOME names, so each one here has a folder of its own and touches
nobody's settings. It can be told to start from the command line, but to stop only from inside: a Lua script waits for a
file. What a person would see in its windows is in its log.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest

from tests.interop.program import Program
from tests.support import STOP_SECONDS, require_tool

WIDTH, HEIGHT = 640, 360
"""Drawing is done by the processor."""
NAME = "test"
"""Of the profile, the scene collection and the scene."""

GLOBAL_INI = f"""\
[General]
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false
ConfirmOnExit=false

[Basic]
Profile={NAME}
ProfileDir={NAME}
SceneCollection={NAME}
SceneCollectionFile={NAME}

[BasicWindow]
SysTrayEnabled=true

[OBSWebSocket]
ServerEnabled=false
"""
"""FirstRun means that it is over: no wizard. The web socket would listen on every address."""
BASIC_INI = f"""\
[General]
Name={NAME}

[Output]
Mode=Advanced
Reconnect=false

[AdvOut]
Encoder=obs_x264
TrackIndex=1
Track1Bitrate=128

[Video]
BaseCX={WIDTH}
BaseCY={HEIGHT}
OutputCX={WIDTH}
OutputCY={HEIGHT}
FPSCommon=30

[Audio]
SampleRate=48000
ChannelSetup=Stereo
"""
ENCODER = {"rate_control": "CBR", "bitrate": 1000, "keyint_sec": 2, "preset": "ultrafast"}
STOP_SCRIPT = """\
local obs = obslua

local function stop_when_asked()
  local file = io.open("{path}", "r")
  if file then
    file:close()
    obs.remove_current_callback()
    obs.obs_frontend_streaming_stop()
  end
end

function script_load(settings)
  obs.timer_add(stop_when_asked, 100)
end
"""


@dataclass(frozen=True, slots=True)
class Service:
    """What a person enters under Settings → Stream, with the service "Custom"."""

    server: str
    stream_key: str


class Obs:
    """OBS with these settings, streaming from its start; a context manager that ends it."""

    def __init__(self, folder: Path, display: str, service: Service, clip: Path) -> None:
        """``folder`` is empty; ``display`` is an X server's, such as ``:99``."""
        self._stop_file = folder / "stop"
        write_configuration(folder, service, clip, self._stop_file)
        profile = ["--profile", NAME, "--collection", NAME, "--scene", NAME]
        quiet = ["--multi", "--minimize-to-tray", "--disable-updater", "--disable-missing-files-check"]
        self.program = Program(
            [require_tool("obs"), *quiet, *profile, "--startstreaming"],
            folder / "obs.log",
            _environment(folder, display),
        )

    def __enter__(self) -> Obs:
        self.program.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.program.__exit__(kind, error, trace)

    def stop_streaming(self) -> None:
        """As the button does."""
        self._stop_file.touch()


@contextmanager
def x_server(log_path: Path) -> Iterator[str]:
    """An X server without a screen; the name of its display."""
    reading, writing = os.pipe()
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [require_tool("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x720x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as display_pipe:
            number = display_pipe.readline().strip()  # empty when it ends without one
        if not number:
            pytest.fail(f"Xvfb did not start: {log_path.read_text()}")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def write_configuration(folder: Path, service: Service, clip: Path, stop_file: Path) -> None:
    """Everything OBS would ask for in its windows."""
    (folder / "runtime").mkdir(mode=0o700)
    (folder / "home").mkdir()
    script = folder / "stop.lua"
    script.write_text(STOP_SCRIPT.format(path=stop_file))
    settings = folder / "config" / "obs-studio"
    profile = settings / "basic" / "profiles" / NAME
    scenes = settings / "basic" / "scenes"
    profile.mkdir(parents=True)
    scenes.mkdir(parents=True)
    (settings / "global.ini").write_text(GLOBAL_INI)
    (profile / "basic.ini").write_text(BASIC_INI)
    (profile / "streamEncoder.json").write_text(json.dumps(ENCODER))
    entered = {"server": service.server, "key": service.stream_key}
    (profile / "service.json").write_text(json.dumps({"type": "rtmp_custom", "settings": entered}))
    (scenes / f"{NAME}.json").write_text(json.dumps(_scene_collection(clip, script)))


def _scene_collection(clip: Path, script: Path) -> dict[str, object]:
    """One scene that shows the clip, over and over."""
    media = {"local_file": str(clip), "looping": True, "is_local_file": True}
    item = {"name": "clip", "id": 1, "visible": True, "scale": {"x": 1.0, "y": 1.0}}
    return {
        "name": NAME,
        "current_scene": NAME,
        "current_program_scene": NAME,
        "scene_order": [{"name": NAME}],
        "sources": [
            {"id": "ffmpeg_source", "name": "clip", "settings": media, "mixers": 255},
            {"id": "scene", "name": NAME, "settings": {"id_counter": 1, "items": [item]}},
        ],
        "modules": {"scripts-tool": [{"path": str(script), "settings": {}}]},
    }


def _environment(folder: Path, display: str) -> dict[str, str]:
    own = {
        "DISPLAY": display,
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "QT_QPA_PLATFORM": "xcb",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_RUNTIME_DIR": str(folder / "runtime"),
        "HOME": str(folder / "home"),
    }
    return dict(os.environ) | own
