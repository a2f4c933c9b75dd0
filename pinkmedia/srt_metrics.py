"""SRT publishers' lines at ``/metrics``: one series for each live publisher, and so a bounded number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.srt.statistics import SrtStatistics

_GAUGES: dict[str, tuple[str, Callable[[SrtStatistics], float]]] = {
    "rtt_seconds": ("Smoothed round trip time.", lambda line: line.rtt_ms / 1000),
    "latency_seconds": ("How long a lost packet is waited for.", lambda line: line.latency_ms / 1000),
    "buffered_packets": ("Packets held behind a gap now.", lambda line: line.buffered_packets),
    "receive_bytes_per_second": ("Payload received in the last second.", lambda line: line.receive_rate_bps / 8),
}
_COUNTERS: dict[str, tuple[str, Callable[[SrtStatistics], float]]] = {
    "received_packets": ("Data packets received.", lambda line: line.received_packets),
    "lost_packets": ("Packets missed at first.", lambda line: line.lost_packets),
    "retransmitted_packets": ("Packets sent again and of use.", lambda line: line.retransmitted_packets),
    "dropped_packets": ("Packets that never came, or too late.", lambda line: line.dropped_packets),
    "duplicate_packets": ("Packets that came twice.", lambda line: line.duplicate_packets),
    "undecrypted_packets": ("Packets without a key that opens them.", lambda line: line.undecrypted_packets),
    "dropped_units": ("Pictures and frames of sound not passed on.", lambda line: line.dropped_units),
}
_PREFIX = "pinkmedia_srt_"
_LABELS = ("stream",)


class SrtCollector(Collector):
    """Asks for the lines' state when the page is read."""

    def __init__(self, lines: Callable[[], Sequence[SrtStatistics]]) -> None:
        self._lines = lines

    def collect(self) -> Iterable[Metric]:
        lines = self._lines()
        for name, (text, value) in _GAUGES.items():
            yield _filled(GaugeMetricFamily(_PREFIX + name, text, labels=_LABELS), lines, value)
        for name, (text, value) in _COUNTERS.items():
            yield _filled(CounterMetricFamily(_PREFIX + name, text, labels=_LABELS), lines, value)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily,
    lines: Sequence[SrtStatistics],
    value: Callable[[SrtStatistics], float],
) -> Metric:
    for line in lines:
        family.add_metric((line.stream_name,), value(line))
    return family
