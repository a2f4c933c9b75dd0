"""Files with secrets: what is in them is in no message."""

from __future__ import annotations

from pathlib import Path

from pinkmedia.errors import UsageError


def read_secret_file(path: Path, refusal: type[UsageError]) -> str:
    """Its whole text. Raises ``refusal`` with one line that says what is wrong with the file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise refusal(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise refusal(f"{path}: not UTF-8 text") from None


def read_first_line(path: Path, refusal: type[UsageError]) -> str:
    """Without its end, and without the rest of the file. Raises ``refusal`` like `read_secret_file`."""
    return read_secret_file(path, refusal).partition("\n")[0].rstrip("\r")
