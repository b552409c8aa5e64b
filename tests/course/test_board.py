"""helpers.course.board: several lessons on one screen."""

import io
import sys

from helpers.course import board


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_elsewhere_than_in_a_terminal_a_line_as_each_begins_and_ends(capsys):
    with board.Board(2) as shown:
        shown.begin("en/01_a")
        shown.advance("en/01_a", 1, 3)
        shown.begin("en/02_b")
        shown.end("en/01_a", "en/01_a  done")
    assert capsys.readouterr().out.splitlines() == ["en/01_a  begins", "en/02_b  begins", "en/01_a  done"]


def test_elsewhere_one_line_a_minute_says_where_all_are(capsys, monkeypatch):
    monkeypatch.setattr(board, "MINUTE", 0)
    with board.Board(3) as shown:
        shown.begin("en/01_a")
        shown.advance("en/01_a", 2, 5)
        shown.over.wait(1.5)
    assert "en/01_a  cell 2 of 5" in capsys.readouterr().out.splitlines()[1]


def test_in_a_terminal_finished_lines_stay_above_those_of_what_runs(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    with board.Board(2) as shown:
        shown.begin("en/01_a")
        shown.begin("en/02_b")
        shown.end("en/01_a", "en/01_a  done")
        last = terminal.getvalue().split("\033[J")[-1].splitlines()
    assert last[0] == "en/01_a  done" and last[1].startswith("en/02_b  cell 0 of 0")
    assert terminal.getvalue().endswith("\033[J")  # nothing that runs is left behind
