"""Centre lines of glyphs: what a pen follows to write them.

A glyph is thinned to lines one pixel wide, which are followed from end to end and smoothed. Measures are in em; the
origin of the glyph is at (0, 0), y points upwards.
"""

import numpy as np

EM = 72  # pixels of the glyphs that are thinned
SPUR = 1.2  # lines at a fork that are shorter than this times half the thickness of the print come from that thickness
STEP = 3  # pixels of a line from point to point
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # (down, right), clockwise from above


def centre_lines(ink, left, up):
    """The lines that a pen would draw for ink, and the dots that it would set.

    Args:
        ink: a glyph at ``EM`` pixels, uint8 (height, width).
        left, up: where its top left corner is, in pixels from its origin.

    Returns:
        list of (points, radius): the points (count, 2) of a line and 0, or the one point of a dot and its radius.
    """
    page = np.pad(ink > 127, 1).astype(np.uint8)
    paper = np.argwhere(page == 0)
    drawn = []
    for line, free in _lines_without_spurs(thinned(page), paper):
        middle = line[len(line) // 2]
        radius = _radius(middle, paper) if free and len(line) < EM / 4 else 0.0
        dot = len(line) < 1.5 * radius
        points = np.array([middle], float) if dot else _smoothed(line)
        drawn.append(((points[:, ::-1] * (1, -1) + (left - 0.5, up + 0.5)) / EM, radius / EM if dot else 0.0))
    return drawn


def thinned(page):
    """Guo and Hall's thinning of a page of zeros and ones with an empty edge: no part of it is lost or cut in two."""
    page = page.copy()
    while True:
        count = page.sum()
        for goes in ROUNDS:
            page[goes[_neighbours(page)]] = 0
        if page.sum() == count:
            return page


def _neighbours(page):
    """For each pixel, which of the eight around it are set, as bits in the order of ``AROUND``; 0 if it is not set."""
    code = np.zeros_like(page)
    inside = code[1:-1, 1:-1]
    high, wide = inside.shape
    for bit, (down, right) in enumerate(AROUND):
        inside |= page[1 + down : 1 + down + high, 1 + right : 1 + right + wide] << bit
    return code * page


def _goes(code, half):
    """Whether a pixel goes in this half of a round of thinning."""
    n = [bool(code >> bit & 1) for bit in range(8)]
    sides = range(0, 8, 2)
    crossings = sum(not n[i] and (n[i + 1] or n[(i + 2) % 8]) for i in sides)
    pairs = min(sum(n[i - 1] or n[i] for i in sides), sum(n[i] or n[i + 1] for i in sides))
    kept = n[2 + 4 * half] and (n[4 * half] or n[4 * half + 1] or not n[(4 * half + 3) % 8])
    return crossings == 1 and 2 <= pairs <= 3 and not kept


def _steps(code):
    """The steps from a pixel to its neighbours; to a corner only where no neighbour at a side joins the two."""
    n = [bool(code >> bit & 1) for bit in range(8)]
    return [AROUND[i] for i in range(8) if n[i] and (i % 2 == 0 or not (n[i - 1] or n[(i + 1) % 8]))]


ROUNDS = [np.array([_goes(code, half) for code in range(256)]) for half in (0, 1)]
STEPS = [_steps(code) for code in range(256)]


def _radius(pixel, paper):
    """How far a pixel is from the nearest one of the paper."""
    return np.hypot(*(paper - pixel).T).min()


def _lines_without_spurs(page, paper):
    """(pixels, whether neither end is at a fork) of each line of a thinned page, without spurs."""
    while True:
        codes = _neighbours(page)
        near = {
            (row, column): [(row + down, column + right) for down, right in STEPS[codes[row, column]]]
            for row, column in np.argwhere(page).tolist()
        }
        lines = _lines(near)
        ends = [sorted(min(len(near[end]), 3) for end in (line[0], line[-1])) for line in lines]
        loose = [line for line, found in zip(lines, ends, strict=True) if found == [1, 3] and len(line) < EM / 5]
        spurs = [
            line for line in loose if len(line) - 1 <= SPUR * max(_radius(line[0], paper), _radius(line[-1], paper))
        ]
        if not spurs:
            return [(line, found[1] < 3) for line, found in zip(lines, ends, strict=True)]
        for pixel in min(spurs, key=len):
            if len(near[pixel]) < 3:
                page[pixel] = 0


def _lines(near):
    """Lines of pixels from end or fork to end or fork, and closed ones."""
    lines = [[pixel] for pixel, others in near.items() if not others]
    left = {(pixel, step) for pixel, others in near.items() for step in others}
    for start in sorted(near, key=lambda pixel: len(near[pixel]) == 2):  # closed lines last
        for step in near[start]:
            if (start, step) in left:
                line = [start, step]
                while len(near[line[-1]]) == 2 and line[-1] != start:
                    line.append(next(pixel for pixel in near[line[-1]] if pixel != line[-2]))
                left.difference_update(zip(line, line[1:], strict=False), zip(line[1:], line, strict=False))
                lines.append(line)
    return lines


def _smoothed(line):
    """A few points of a line of pixels, without its steps."""
    points = np.array(line, float)
    if len(points) < 4:
        return points[[0, -1]]
    if line[0] == line[-1]:
        padded = np.concatenate([points[-4:-1], points, points[1:4]])
    else:  # mirrored at its ends, so that these stay where they are
        padded = np.concatenate([2 * points[0] - points[3:0:-1], points, 2 * points[-1] - points[-2:-5:-1]])
    points = sum(padded[i : i + len(points)] for i in range(7)) / 7
    return points[np.linspace(0, len(points) - 1, max(2, round(len(points) / STEP) + 1)).round().astype(int)]
