"""Configuration: the keys of `pinkmedia.settings`, read from a TOML file, the environment and command-line flags.

Each key has one name in three spellings: ``http_port`` in ``pinkmedia.toml``, ``PINKMEDIA_HTTP_PORT`` in the
environment, ``--http-port`` as a flag. Flags win over the environment, which wins over the file.

The layers are merged here rather than by pydantic-settings, because a refused value must be reported with the
place it came from: one line that names the layer, the key as it is spelled there, and what would be accepted.

    PinkmediaError
    └── UsageError
        └── ConfigurationError    a key or value that cannot be accepted
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from pinkmedia.errors import UsageError
from pinkmedia.ladder_settings import RungSettings
from pinkmedia.settings import ENVIRONMENT_PREFIX, Settings

CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"
"""Names the TOML file; it is not a key of the file itself."""
DEFAULT_CONFIG = Path("pinkmedia.toml")
"""Read from the current directory when it exists and no other file is named."""


class ConfigurationError(UsageError):
    """A key or value that cannot be accepted; the text names where it was written."""


def load_settings(flags: Mapping[str, object] | None = None, *, config: Path | None = None) -> Settings:
    """The settings of all layers merged. Flags that are None were not given.

    ``config`` is the file to read instead of the one in ``PINKMEDIA_CONFIG`` or the current directory.
    Raises ConfigurationError.
    """
    layers = (_file_layer(config), _environment_layer(), _flag_layer(flags or {}))
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer.values
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise _refusal(error, layers) from None


def accepted_values(key: str) -> str:
    """What a key accepts, in words: ``a number from 1 to 6``."""
    return _ACCEPTED_IN_WORDS.get(key) or accepted_by(Settings.model_fields[key])


def accepted_by(field: FieldInfo) -> str:
    """What a field accepts, in words."""
    if field.annotation is bool:
        return "true or false"
    if field.annotation is str:
        return "a text that begins with a digit and has up to 30 of a-z, 0-9 and - behind it"
    if get_origin(field.annotation) is Literal:
        *most, last = get_args(field.annotation)
        return f"{', '.join(most)} or {last}"
    low, high = (
        next(getattr(item, bound) for item in field.metadata if hasattr(item, bound)) for bound in ("ge", "le")
    )
    kind = "a number" if field.annotation is float else "a whole number"
    is_even = any(getattr(item, "multiple_of", None) == 2 for item in field.metadata)
    return f"{'an even number' if is_even else kind} from {low:g} to {high:g}"


def is_flag(key: str) -> bool:
    """Whether a key is one value, and so can be a command-line flag."""
    return key != LADDER


LADDER = "ladder"
"""The one key that is a list of tables: ``[[ladder]]`` in the file, JSON in the environment."""


def variable_name(key: str) -> str:
    """The key as an environment variable."""
    return ENVIRONMENT_PREFIX + key.upper()


def flag_name(key: str) -> str:
    """The key as a command-line flag."""
    return "--" + key.replace("_", "-")


_ACCEPTED_IN_WORDS = {
    "data_dir": "the path of a folder",
    "database_url": "a postgresql:// URL",
    "database_password_file": "the path of a text file",
    "admin_token_file": "the path of a text file",
    "webhook_url": "an http:// or https:// URL",
    "webhook_secret_file": "the path of a text file",
    "host": "an IP address or host name",
    "public_url": "an http:// or https:// URL",
    "media_url": "an http:// or https:// URL",
    "stream_media_urls": "NAME=URL, with commas between them",
    "rtmp_reconnect_url": "an rtmp:// or rtmps:// URL",
    "trusted_proxies": "IP addresses and networks, with commas between them",
    "tls_certificate": "the path of a PEM file",
    "tls_private_key": "the path of a PEM file",
    "playback_secret_file": "the path of a text file",
    "srt_passphrase_file": "the path of a text file",
    "ladder": "a list of 1 to 16 rungs",
}

_SHOWN_CHARACTERS = 80
"""Of a value that should have been a list."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """Keys from one place."""

    origin: str
    """Where a person looks for it: the file's path, ``environment`` or ``flag``."""
    spell: Callable[[str], str]
    """A key as it is written there."""
    values: dict[str, Any]

    def refuse_unknown(self, known: set[str]) -> _Layer:
        for key in self.values:
            if key not in known:
                guesses = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {self.spell(guesses[0])}?" if guesses else f"known: {', '.join(sorted(known))}"
                raise ConfigurationError(f"{self.origin}: unknown key {self.spell(key)}; {hint}")
        return self


def _known_keys() -> set[str]:
    return set(Settings.model_fields)


def _file_layer(config: Path | None) -> _Layer:
    named = config or Path(os.environ.get(CONFIG_VARIABLE, ""))
    is_named = named != Path()
    path = named if is_named else DEFAULT_CONFIG
    values = _read_toml(path) if is_named or path.exists() else {}
    return _Layer(str(path), str, values).refuse_unknown(_known_keys())


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not valid TOML: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:  # its text ends with the line and the column
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from None


def _environment_layer() -> _Layer:
    own = {name.upper() for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)} - {CONFIG_VARIABLE}
    written = {name.removeprefix(ENVIRONMENT_PREFIX).lower(): None for name in own}
    _Layer("environment", variable_name, written).refuse_unknown(_known_keys())
    try:
        values = EnvSettingsSource(Settings)()
    except SettingsError:
        raise ConfigurationError(
            f"environment: {variable_name(LADDER)} cannot be read: it must be {accepted_values(LADDER)}, as JSON"
        ) from None
    return _Layer("environment", variable_name, values)


def _flag_layer(flags: Mapping[str, object]) -> _Layer:
    return _Layer("flag", flag_name, {key: value for key, value in flags.items() if value is not None})


def _refusal(error: ValidationError, layers: tuple[_Layer, ...]) -> ConfigurationError:
    """The first complaint, with the layer that decided the value."""
    first = error.errors(include_url=False)[0]
    context = first.get("ctx", {})
    key = str(first["loc"][0]) if first["loc"] else context["key"]
    accepted = context.get("accepted") or accepted_values(key)
    for layer in reversed(layers):
        if key in layer.values and key == LADDER:
            return ConfigurationError(f"{layer.origin}: {_ladder_refusal(layer.spell(key), first, context)}")
        if key in layer.values:
            return ConfigurationError(
                f"{layer.origin}: {layer.spell(key)} cannot be {str(layer.values[key])!r}: it must be {accepted}"
            )
    default = Settings.model_fields[key].default
    return ConfigurationError(f"default: {key} cannot stay {default:g}: it must be {accepted}")


def _ladder_refusal(spelled: str, error: ErrorDetails, context: dict[str, Any]) -> str:
    """What is wrong with a rung, and which one it is, counted from 0."""
    if "place" in context:
        place = str(context["place"]).removeprefix(LADDER)
        return f"{spelled}{place} cannot be {context['value']!r}: it must be {context['accepted']}"
    if "accepted" in context:
        return f"{spelled} cannot be read: it must be {context['accepted']}"
    _, *path = error["loc"]
    if len(path) != 2:  # the list itself, or an item that is no table
        return f"{spelled} cannot be {str(error['input'])[:_SHOWN_CHARACTERS]!r}: it must be {accepted_values(LADDER)}"
    (index, name), fields = path, RungSettings.model_fields
    if name not in fields:
        return f"{spelled}[{index}]: unknown key {name}; known: {', '.join(fields)}"
    if error["type"] == "missing":
        return f"{spelled}[{index}]: {name} is missing: it must be {accepted_by(fields[str(name)])}"
    return f"{spelled}[{index}].{name} cannot be {str(error['input'])!r}: it must be {accepted_by(fields[str(name)])}"
