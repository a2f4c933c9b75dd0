"""Write the table of configuration keys into docs/configuration.md. With --check, only tell whether it is up to date.

Run it after changing `pinkmedia.settings.Settings`: ``.venv/bin/python scripts/document_configuration.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pinkmedia.config import accepted_values, flag_name, variable_name
from pinkmedia.settings import Settings

DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"
BEGIN = "<!-- keys: made by scripts/document_configuration.py -->\n"
END = "<!-- end of keys -->\n"


def main() -> int:
    written = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = written.partition(BEGIN)
    _, _, tail = rest.partition(END)
    wanted = head + BEGIN + key_table() + END + tail
    if "--check" in sys.argv[1:]:
        return int(written != wanted)
    DOCUMENT.write_text(wanted, encoding="utf-8")
    return 0


def key_table() -> str:
    rows = ["| key | environment | flag | accepts | default | meaning |", "|---|---|---|---|---|---|"]
    return "".join(f"{row}\n" for row in (*rows, *map(_row, Settings.model_fields)))


def _row(key: str) -> str:
    field = Settings.model_fields[key]
    flag = f"`{flag_name(key)}`"
    if field.annotation is bool:
        flag += f", `--no-{flag_name(key)[2:]}`"
    default = "none" if field.default is None else f"`{str(field.default).lower()}`"
    return f"| `{key}` | `{variable_name(key)}` | {flag} | {accepted_values(key)} | {default} | {field.description} |"


if __name__ == "__main__":
    sys.exit(main())
