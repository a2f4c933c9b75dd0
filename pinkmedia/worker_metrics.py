"""What the worker processes cost, at ``/metrics``: sums and the worst, because streams come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from transcode.pool import PoolLoad


class WorkerCollector(Collector):
    """Asks for the load when the page is read."""

    def __init__(self, load: Callable[[], PoolLoad]) -> None:
        self._load = load

    def collect(self) -> Iterable[Metric]:
        load = self._load()
        yield GaugeMetricFamily("pinkmedia_workers", "Worker processes that transcode.", value=load.transcoding)
        yield CounterMetricFamily(
            "pinkmedia_worker_cpu_seconds", "CPU time of all worker processes.", value=load.cpu_seconds
        )
        yield GaugeMetricFamily(
            "pinkmedia_worker_resident_bytes", "Memory of all worker processes.", value=load.resident_bytes
        )
        yield GaugeMetricFamily(
            "pinkmedia_worker_lag_seconds", "How far the slowest worker is behind real time.", value=load.lag_seconds
        )
        yield GaugeMetricFamily(
            "pinkmedia_worker_waiting_pictures", "Pictures in front of encoders.", value=load.pictures_waiting
        )
