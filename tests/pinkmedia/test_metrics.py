"""The metrics page, read back with Prometheus's own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from pinkmedia.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_what_was_counted_is_read_back() -> None:
    metrics = Metrics()
    metrics.live_streams.set(2)
    metrics.publishers_closed.labels("unpublished").inc()
    metrics.ingest_bytes.inc(1500)
    metrics.part_publish_delay_seconds.labels("passthrough").observe(0.004)
    page = samples(metrics)
    assert page["pinkmedia_live_streams", ()] == 2
    assert page["pinkmedia_publishers_closed_total", (("reason", "unpublished"),)] == 1
    assert page["pinkmedia_ingest_bytes_total", ()] == 1500
    bucket = "pinkmedia_part_publish_delay_seconds_bucket"
    assert page[bucket, (("kind", "passthrough"), ("le", "0.002"))] == 0
    assert page[bucket, (("kind", "passthrough"), ("le", "0.005"))] == 1


def test_the_process_is_measured_too() -> None:
    page = samples(Metrics())
    assert page["process_resident_memory_bytes", ()] > 0
    assert ("process_cpu_seconds_total", ()) in page


def test_each_object_counts_by_itself() -> None:
    Metrics().live_streams.set(5)
    assert samples(Metrics())["pinkmedia_live_streams", ()] == 0
