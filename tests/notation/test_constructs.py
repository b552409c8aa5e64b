"""helpers.notation.constructs: fractions, roots, scripts and lines around boxes."""

import pytest

from helpers.notation import boxes, constructs

BLOCK = boxes.overlaid(1.0, (0.0, -0.5, boxes.rule(1.0, 1.0)))


def reach(box):
    """(lowest, highest) ink of the rules in a box."""
    found = [(y, y + part.high) for _, y, part in boxes.flat(box) if type(part) is boxes.Rule]
    return min(low for low, _ in found), max(high for _, high in found)


def test_a_fraction_keeps_its_parts_off_its_bar():
    box = constructs.fraction(BLOCK, BLOCK, True, 0)
    rules = sorted((y, y + part.high) for _, y, part in boxes.flat(box))
    gaps = [above[0] - below[1] for below, above in zip(rules, rules[1:], strict=False)]
    assert len(rules) == 3 and min(gaps) >= 3 * boxes.THIN - 1e-9


def test_a_fraction_without_bar_has_none():
    assert len(boxes.flat(constructs.fraction(BLOCK, BLOCK, False, 0))) == 2


@pytest.mark.parametrize("high", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("family", ["cm", "stix"])
def test_a_root_covers_what_is_below_it(high, family):
    inside = boxes.rule(2.0, high)
    box = constructs.root(inside, None, family, 0)
    assert box.up > high and box.wide > 2.0 and box.down > -0.2


def test_upper_and_lower_scripts_stay_apart():
    box = constructs.hung(boxes.empty(1.0), BLOCK, BLOCK, 0, True)
    (_, upper), (_, lower) = (part[1:] for part in box.parts[1:])
    assert box.parts[1][1] - upper.down - (box.parts[2][1] + lower.up) >= 4 * boxes.THIN - 1e-9


def test_lines_are_above_and_below():
    assert reach(constructs.line("\\overline", BLOCK, "cm", 1.0))[1] > BLOCK.up
    assert reach(constructs.line("\\underline", BLOCK, "cm", 1.0))[0] < -BLOCK.down


def test_wide_hats_grow_with_what_they_cover():
    hats = [constructs.accent("\\widehat", boxes.rule(wide, 0.4), "cm", 1.0).parts[1][2].wide for wide in (0.5, 1.5)]
    assert hats[1] > hats[0]


def test_brackets_reach_as_far_as_what_is_furthest_from_the_axis():
    assert constructs.fence_height([boxes.rule(1.0, 3.0)], 1.0) == pytest.approx(2 * 2.75 - 0.5)
    assert constructs.fence_height([], 1.0) == 0.0


def test_a_frame_has_four_sides():
    assert len(boxes.flat(constructs.boxed(boxes.empty(1.0)))) == 4
