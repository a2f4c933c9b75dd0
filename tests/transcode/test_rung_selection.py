"""Which rungs are encoded from which picture on."""

from __future__ import annotations

from transcode.rung_selection import RungSelection


def test_all_at_first() -> None:
    assert RungSelection(3).indices == {0, 1, 2}


def test_what_is_told_holds_from_its_picture_on() -> None:
    selection = RungSelection(3)
    selection.select_at(200, [0])
    selection.select_at(100, [0, 2])
    assert [set(selection.reach(99)), set(selection.indices)] == [set(), {0, 1, 2}]
    assert [set(selection.reach(100)), set(selection.indices)] == [{1}, {0, 2}]
    assert [set(selection.reach(250)), set(selection.indices)] == [{2}, {0}]


def test_of_two_for_one_time_the_later_holds() -> None:
    selection = RungSelection(2)
    selection.select_at(100, [0])
    selection.select_at(100, [0, 1])
    assert selection.reach(100) == frozenset()
    assert selection.indices == {0, 1}
