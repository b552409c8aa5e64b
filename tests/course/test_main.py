"""python -m helpers.course: one command for check, sync, tour, outputs and readme."""

from helpers.course.__main__ import main


def test_command_fails_and_names_the_cell(pair, capsys):
    pair.edit("zh", "code-3", source="y = 3")
    assert main(["check", "--notebooks", str(pair.folder)]) == 1
    assert "01_made_up zh code-3" in capsys.readouterr().out


def test_wrong_arguments_are_one_line_and_status_2(tmp_path, capsys):
    assert main(["tour", "--notebooks", str(tmp_path), "--build", str(tmp_path / "build")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
