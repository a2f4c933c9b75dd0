"""The origin processes at ``/metrics``; what they answer is counted with what the node answers itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pinkmedia.origins.pool import OriginLoad


class OriginCollector(Collector):
    """Asks for the load when the page is read."""

    def __init__(self, load: Callable[[], OriginLoad]) -> None:
        self._load = load

    def collect(self) -> Iterable[Metric]:
        load = self._load()
        yield GaugeMetricFamily("pinkmedia_origin_processes", "Processes that serve viewers.", value=load.serving)
        yield CounterMetricFamily(
            "pinkmedia_origin_processes_replaced", "Origin processes that died or were killed.", value=load.replaced
        )
