"""helpers.notation.boxes: brackets of any height, grids, and parts found again at their places."""

import pytest

from helpers.notation import boxes


@pytest.mark.parametrize("token", ["(", "]", r"\{", r"\lfloor", "|", r"\|"])
@pytest.mark.parametrize("high", [0.5, 1.5, 2.9, 5.0, 11.0])
def test_brackets_are_high_enough_and_centred_on_the_axis(token, high):
    box = boxes.bracket(token, "cm", 1.0, high)
    assert high - 0.02 <= box.up + box.down <= max(1.01, high + 1.7)
    assert box.up - boxes.AXIS == pytest.approx(box.down + boxes.AXIS)


def test_sizes_of_brackets_are_told_apart():
    heights = [boxes.bracket("(", "cm", 1.0, size) for size in (1, 2, 3, 4)]
    assert [round(box.up + box.down, 1) for box in heights] == [1.2, 1.8, 2.4, 3.0]


def test_grid_places_cells_in_columns():
    small, large = boxes.rule(1.0, 0.5), boxes.rule(3.0, 0.5)
    for columns, x in (("l", 0.0), ("c", 1.0), ("r", 2.0)):
        grid = boxes.grid([[small], [large]], columns, 1.0, (0.0, 1.0, 0.0), 0.0)
        assert min(part[0] for part in boxes.flat(grid) if part[2].wide == 1.0) == x


def test_rules_of_a_grid_are_drawn():
    cell = boxes.rule(1.0, 0.5)
    plain, ruled = (boxes.grid([[cell, cell]], spec, 1.0, (0.5, 1.0, 0.5), 0.0, ()) for spec in ("cc", "|c|c|"))
    lined = boxes.grid([[cell, cell]], "cc", 1.0, (0.5, 1.0, 0.5), 0.0, (0, 1))
    assert [len(boxes.flat(grid)) for grid in (plain, ruled, lined)] == [2, 5, 4]


def test_parts_are_found_at_the_sum_of_their_shifts():
    inner = boxes.overlaid(1.0, (0.5, 0.25, boxes.rule(1.0, 0.1, 2.0)))
    assert [part[:2] for part in boxes.flat(boxes.lifted(inner, 1.0), 3.0, 4.0)] == [(3.5, 7.25)]


def test_small_signs_are_drawn_wider():
    whole, script = boxes.sign("x", "", "cm", 1.0)[0], boxes.sign("x", "", "cm", 0.7)[0]
    assert script.wide / whole.wide == pytest.approx(0.7 * 1.14) and script.up / whole.up == pytest.approx(0.7)
