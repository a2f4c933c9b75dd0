"""How far behind real time a worker is said to be."""

from __future__ import annotations

from pinkmedia.media import Packet
from transcode.lag import Lag


def packet(received_at: float, track_id: int = 1) -> Packet:
    return Packet(track_id, 0, 0, 3000, True, b"", received_at)


def test_before_anything_there_is_none() -> None:
    assert Lag().seconds(100.0) == 0.0


def test_the_slowest_rung_counts() -> None:
    lag = Lag()
    lag.written(packet(10.0))
    lag.delivered(packet(10.0, track_id=1), 10.25)
    lag.delivered(packet(10.0, track_id=2), 10.5)
    assert lag.seconds(11.0) == 0.5


def test_a_rung_that_is_paused_does_not_count_any_more() -> None:
    lag = Lag()
    lag.written(packet(10.0))
    lag.delivered(packet(10.0, track_id=1), 10.25)
    lag.delivered(packet(10.0, track_id=2), 13.0)
    lag.paused(2)
    assert lag.seconds(13.0) == 0.25


def test_nothing_is_late_where_nothing_is_to_come() -> None:
    lag = Lag()
    lag.expect(is_any=False)
    lag.written(packet(10.0))
    assert lag.seconds(20.0) == 0.0
    lag.expect(is_any=True)
    lag.written(packet(20.0))
    assert lag.seconds(21.0) == 1.0


def test_what_waits_without_an_answer_counts_from_its_arrival() -> None:
    lag = Lag()
    lag.written(packet(10.0))
    lag.delivered(packet(10.0), 10.25)
    lag.written(packet(11.0))
    lag.written(packet(12.0))
    assert lag.seconds(13.0) == 2.0
    lag.delivered(packet(11.0), 13.0)
    assert lag.seconds(20.0) == 2.0
