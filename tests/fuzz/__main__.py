"""Fuzzes one target, or runs it on given inputs.

Usage: python -m tests.fuzz TARGET [--seconds COUNT] [--work FOLDER]
       python -m tests.fuzz TARGET --inputs PATH...

The work folder gets the inputs that reach new code, and the one that fails (``crash-…``), with which it ends.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
TESTED = ["ingest", "packager", "pinkmedia.codecs"]
"""Packages whose coverage guides."""
MAX_INPUT_BYTES = 4096
"""Enough for all headers and some frames; longer inputs make the fuzzer slow, not clever."""
INPUT_SECONDS = 10
"""An input that takes this long has failed; a good one takes a millisecond."""
MEMORY_MIB = 2048
"""So has one that takes this much."""

Run = Callable[[bytes], None]


def has_fuzzer() -> bool:
    """There is none for some systems; the corpus can be replayed everywhere."""
    return importlib.util.find_spec("atheris") is not None


def targets() -> list[str]:
    return sorted(path.name for path in CORPUS.iterdir())


def replay(target: str, paths: Iterable[Path]) -> int:
    """Runs the target on these files, and on those in these folders. Returns how many there were."""
    run = _load(target, nullcontext())
    files = list(_files(paths))
    for path in files:
        try:
            run(path.read_bytes())
        except Exception as error:
            error.add_note(f"input: {path}")
            raise
    return len(files)


def fuzz(target: str, seconds: int, work: Path) -> None:
    """Does not return: the fuzzer ends the process, with an error when it has found one."""
    import atheris

    run = _load(target, atheris.instrument_imports(include=TESTED))
    limits = f"-max_len={MAX_INPUT_BYTES}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}"
    options = [*limits, f"-max_total_time={seconds}", f"-artifact_prefix={work}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(work), str(CORPUS / target)], run)
    atheris.Fuzz()


def _load(target: str, imports: AbstractContextManager[object]) -> Run:
    with imports:
        run: Run = importlib.import_module(f"tests.fuzz.targets.{target}").run
    return run


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.iterdir()) if path.is_dir() else [path]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=targets())
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--work", type=Path, default=Path(".fuzz"))
    parser.add_argument("--inputs", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.inputs:
        replay(arguments.target, arguments.inputs)
        return
    if not has_fuzzer():
        parser.error("atheris has no wheel for this system; run the corpus with --inputs")
    work = arguments.work / arguments.target
    work.mkdir(parents=True, exist_ok=True)
    fuzz(arguments.target, arguments.seconds, work)


if __name__ == "__main__":
    main()
