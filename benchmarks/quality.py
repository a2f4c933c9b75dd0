"""How good does a rung look at which bit rate, and what does a slower preset buy?

``python -m benchmarks.quality`` encodes real footage at 30 frames per second to each size of the default ladder, at
several bit rates and with several presets, through the engine that workers run. It prints a table of structural
similarity (SSIM, 1 is equal to the source at that size) and the processor time each preset took, and writes a plot.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.ladder_clip import encode_clip, read_clip, similarity, write_annex_b
from benchmarks.ladder_engine import run_engine
from transcode.ladder import Ladder, Rung, plan_ladder

FRAME_RATE = 30
PRESETS = ("superfast", "veryfast", "faster", "fast")
SHARES = (0.5, 0.75, 1.0, 1.5)
"""Of a rung's bit rate in the default ladder."""
PLOT = Path(__file__).parents[1] / "docs" / "images" / "quality.svg"
COLOURS = {"superfast": "#9aa5b1", "veryfast": "#e0457b", "faster": "#3d7de0", "fast": "#2f9e62"}
PANEL_WIDTH, PANEL_HEIGHT, MARGIN = 210, 200, 44
"""In pixels."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One rung, encoded once."""

    preset: str
    rung: Rung
    kbps: float
    """What came out."""
    ssim: float
    cores: float
    """CPU seconds per second, of decoding, scaling and encoding."""


def measure(clip: Path, rung: Rung, folder: Path, seconds: int) -> Measured:
    begun = resource.getrusage(resource.RUSAGE_SELF)
    configuration, packets = run_engine(clip, [rung], FRAME_RATE)[rung.name]
    ended = resource.getrusage(resource.RUSAGE_SELF)
    made = folder / "made.h264"
    write_annex_b(made, configuration, packets)
    cpu_seconds = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
    size_bytes = sum(len(packet.payload) for packet in packets)
    return Measured(
        preset=rung.preset,
        rung=rung,
        kbps=size_bytes * 8 / 1000 / seconds,
        ssim=similarity(made, clip, (rung.width, rung.height), FRAME_RATE),
        cores=cpu_seconds / seconds,
    )


def print_table(found: Mapping[tuple[str, float], Sequence[Measured]]) -> None:
    """One row for each rung and bit rate, as the documents have it."""
    print(f"| rung | kbit/s | {' | '.join(PRESETS)} |")
    print(f"|---|---|{'---|' * len(PRESETS)}")
    for (name, _), row in found.items():
        print(f"| {name} | {row[0].rung.bit_rate_bps / 1000:.0f} | {' | '.join(f'{each.ssim:.4f}' for each in row)} |")
    print(f"\n| rung | {' | '.join(f'{preset}, cores' for preset in PRESETS)} |")
    print(f"|---|{'---|' * len(PRESETS)}")
    for (name, share), row in found.items():
        if share == 1.0:
            print(f"| {name} | {' | '.join(f'{each.cores:.2f}' for each in row)} |")


def plot(found: Mapping[tuple[str, float], Sequence[Measured]]) -> str:
    """SSIM over kilobits per second: a panel for each rung, a line for each preset."""
    names = list(dict.fromkeys(name for name, _ in found))
    width, height = MARGIN + len(names) * (PANEL_WIDTH + MARGIN), PANEL_HEIGHT + 2 * MARGIN + 20
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for index, name in enumerate(names):
        rows = [row for (rung_name, _), row in found.items() if rung_name == name]
        drawn += _panel(name, rows, left=MARGIN + index * (PANEL_WIDTH + MARGIN))
    for index, preset in enumerate(PRESETS):
        x, y = MARGIN + index * 110, height - 12
        drawn += [f'<rect x="{x}" y="{y - 8}" width="18" height="4" fill="{COLOURS[preset]}"/>']
        drawn += [f'<text x="{x + 24}" y="{y}">{preset}</text>']
    return "\n".join([*drawn, "</svg>\n"])


def _panel(name: str, rows: Sequence[Sequence[Measured]], left: int) -> list[str]:
    points = [each for row in rows for each in row]
    most_kbps, least, most = max(each.kbps for each in points), min(each.ssim for each in points), 1.0
    bottom = MARGIN + PANEL_HEIGHT

    def x(kbps: float) -> float:
        return left + PANEL_WIDTH * kbps / most_kbps

    def y(ssim: float) -> float:
        return bottom - PANEL_HEIGHT * (ssim - least) / (most - least)

    drawn = [
        f'<text x="{left}" y="{MARGIN - 14}" font-weight="bold">{name}: SSIM over kbit/s</text>',
        f'<rect x="{left}" y="{MARGIN}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" fill="none" stroke="#c3cad2"/>',
        f'<text x="{left - 4}" y="{bottom}" text-anchor="end">{least:.3f}</text>',
        f'<text x="{left - 4}" y="{MARGIN + 8}" text-anchor="end">1</text>',
        f'<text x="{left + PANEL_WIDTH}" y="{bottom + 14}" text-anchor="end">{most_kbps:.0f}</text>',
        f'<text x="{left}" y="{bottom + 14}">0</text>',
    ]
    for index, preset in enumerate(PRESETS):
        line = [row[index] for row in rows]
        path = " ".join(f"{x(each.kbps):.1f},{y(each.ssim):.1f}" for each in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[preset]}" stroke-width="2"/>')
        drawn += [
            f'<circle cx="{x(each.kbps):.1f}" cy="{y(each.ssim):.1f}" r="3" fill="{COLOURS[preset]}"/>' for each in line
        ]
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description="How good rungs look.")
    parser.add_argument("--seconds", type=int, default=8, help="of the clip")
    arguments = parser.parse_args()
    found: dict[tuple[str, float], list[Measured]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = encode_clip(folder / "clip.mp4", frame_rate=FRAME_RATE, seconds=arguments.seconds)
        source, _ = read_clip(clip, FRAME_RATE)
        for rung in plan_ladder(source, Ladder(), passthrough=False):
            for share in SHARES:
                rungs = [
                    replace(rung, preset=preset, bit_rate_bps=int(rung.bit_rate_bps * share)) for preset in PRESETS
                ]
                found[rung.name, share] = [measure(clip, each, folder, arguments.seconds) for each in rungs]
    print_table(found)
    PLOT.write_text(plot(found))


if __name__ == "__main__":
    main()
