"""Write the table of configuration keys into docs/configuration.md. With --check, only tell whether it is up to date.

Run it after changing `pinkmedia.settings.Settings`: ``.venv/bin/python scripts/document_configuration.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pinkmedia.config import accepted_by, accepted_values, flag_name, is_flag, variable_name
from pinkmedia.ladder_settings import DEFAULT_LADDER, RungSettings
from pinkmedia.settings import Settings

DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"
BEGIN = "<!-- keys: made by scripts/document_configuration.py -->\n"
BEGIN_LADDER = "<!-- rungs: made by scripts/document_configuration.py -->\n"
END = "<!-- end of keys -->\n"


def main() -> int:
    written = DOCUMENT.read_text(encoding="utf-8")
    wanted = _replaced(written, BEGIN, key_table())
    wanted = _replaced(wanted, BEGIN_LADDER, ladder_table())
    if "--check" in sys.argv[1:]:
        return int(written != wanted)
    DOCUMENT.write_text(wanted, encoding="utf-8")
    return 0


def _replaced(text: str, begin: str, table: str) -> str:
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(END)
    return head + begin + table + END + tail


def ladder_table() -> str:
    """The keys of a rung, and the default ladder as it would be written."""
    rows = ["| key | accepts | default | meaning |", "|---|---|---|---|"]
    for name, field in RungSettings.model_fields.items():
        default = "must be given" if field.is_required() else f"`{field.default}`" if field.default else "none"
        rows.append(f"| `{name}` | {accepted_by(field)} | {default} | {field.description} |")
    tables = [
        f'[[ladder]]\nname = "{rung.name}"\nheight = {rung.height}\nmax_fps = {rung.max_fps}\nkbps = {rung.kbps}\n'
        for rung in DEFAULT_LADDER
    ]
    return "\n".join(rows) + "\n\n```toml\n# pinkmedia.toml: the default ladder\n" + "\n".join(tables) + "```\n"


def key_table() -> str:
    rows = ["| key | environment | flag | accepts | default | meaning |", "|---|---|---|---|---|---|"]
    return "".join(f"{row}\n" for row in (*rows, *map(_row, Settings.model_fields)))


def _row(key: str) -> str:
    field = Settings.model_fields[key]
    flag = f"`{flag_name(key)}`" if is_flag(key) else "none"
    if field.annotation is bool:
        flag += f", `--no-{flag_name(key)[2:]}`"
    default = "none" if field.default is None else f"`{str(field.default).lower()}`"
    default = default if is_flag(key) else "see below"
    return f"| `{key}` | `{variable_name(key)}` | {flag} | {accepted_values(key)} | {default} | {field.description} |"


if __name__ == "__main__":
    sys.exit(main())
