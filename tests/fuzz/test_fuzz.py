"""Every target on its corpus, and fuzzed for a while."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS, has_fuzzer, replay, targets

FUZZ_SECONDS = 30
DEADLINE_SECONDS = 180
"""The corpus is run first; a busy machine takes its time."""


@pytest.mark.parametrize("target", targets())
def test_corpus(target: str) -> None:
    assert replay(target, [CORPUS / target]) > 0


@pytest.mark.skipif(not has_fuzzer(), reason="atheris has no wheel for this system")
@pytest.mark.parametrize("target", targets())
def test_fuzz(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", target, "--seconds", str(FUZZ_SECONDS), "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\nthe input: {sorted(tmp_path.glob('*/crash-*'))}"
    assert "stat::number_of_executed_units" in done.stderr
