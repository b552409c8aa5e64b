"""helpers.training.loss_plot: one bar and one figure in a notebook, the numbers alone elsewhere."""

import io
import warnings

import pytest
from PIL import Image

from helpers.training import loss_plot
from helpers.training.loss_plot import LossPlot


class Shown:
    """Stands for IPython's display: a list of outputs, each the list of bundles it has shown."""

    def __init__(self, monkeypatch):
        self.outputs = []
        monkeypatch.setattr("IPython.display.display", self.display)

    def display(self, bundle, raw, display_id):
        assert raw and display_id
        bundles = [bundle]
        self.outputs.append(bundles)
        return type("Handle", (), {"update": lambda handle, bundle, raw: bundles.append(bundle)})()


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(loss_plot, "in_notebook", lambda: True)
    return Shown(monkeypatch)


def run(plot, steps):
    plot.begin(steps)
    for step in range(1, steps + 1):
        plot.advance(step)
        plot.advance(step, {"loss": 1 / step})
    plot.end()


def test_history_is_kept_outside_a_notebook(monkeypatch):
    monkeypatch.setattr(LossPlot, "draw", None)
    plot = LossPlot()
    run(plot, 3)
    assert plot.history == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


def test_evaluation_loss_is_kept_apart():
    plot = LossPlot()
    plot.begin(4)
    plot.advance(2, {"loss": 1.0})
    plot.advance(2, {"eval_loss": 1.5})
    assert (plot.history, plot.held_out) == ([(2, 1.0)], [(2, 1.5)])


def test_a_notebook_keeps_one_line_and_one_figure(shown):
    run(LossPlot(seconds=0), 5)
    line, figure = shown.outputs
    assert line[-1]["text/html"] == line[-1]["text/plain"] == "step 5 / 5, loss 0.2, 0:00"
    assert set(figure[-1]) == {"image/png", "text/plain"}


def test_the_line_is_a_bar_while_the_run_goes_on(shown):
    plot = LossPlot()
    plot.begin(10)
    plot.advance(5)
    assert '<progress value="5" max="10"' in shown.outputs[0][-1]["text/html"]


def test_drawing_waits(shown):
    run(LossPlot(seconds=60), 50)
    assert [len(bundles) for bundles in shown.outputs] == [2, 1]  # first and last; there was no loss at first


def test_the_second_run_has_its_own_figure(shown):
    plot = LossPlot()
    run(plot, 2)
    run(plot, 3)
    assert len(shown.outputs) == 4 and [step for step, _ in plot.history] == [1, 2, 3]


def test_evaluation_outside_a_run_draws_nothing(shown):
    plot = LossPlot(seconds=0)
    plot.advance(0, {"eval_loss": 2.0})
    run(plot, 1)
    seen = len(shown.outputs[0])
    plot.advance(1, {"eval_loss": 1.0})
    assert len(shown.outputs) == 2 and len(shown.outputs[0]) == seen


def test_a_resumed_run_goes_on_with_its_curve():
    plot = LossPlot()
    plot.begin(10, 4, [{"step": 2, "loss": 3.0}, {"step": 4, "eval_loss": 2.5}, {"step": 4, "loss": 2.0}])
    assert (plot.history, plot.held_out, plot.step) == ([(2, 3.0), (4, 2.0)], [(4, 2.5)], 4)


def test_the_rest_is_reckoned_from_the_steps_of_this_run(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(loss_plot.time, "monotonic", lambda: now[0])
    plot = LossPlot()
    plot.begin(10, 4)
    now[0] += 60
    plot.step = 6  # two steps took a minute, four are left
    assert loss_plot._progress(plot, last=False)["text/plain"] == "step 6 / 10, 1:00, about 2:00 left"


def test_the_figure_is_a_small_png():
    data = loss_plot.loss_png([(step, 1 / step) for step in range(1, 400)], [(100, 0.5)])
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode) == ("PNG", "P") and picture.width < 500 and len(data) < 10_000


def test_a_loss_that_is_not_a_number_can_be_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss_plot.loss_png([(1, float("nan")), (2, float("nan"))])


def test_in_a_kernel_the_outputs_are_updated_in_place():
    import nbformat
    from nbclient import NotebookClient

    code = """
    from helpers.training.loss_plot import LossPlot
    plot = LossPlot(seconds=0)
    plot.begin(3)
    for step in (1, 2, 3):
        plot.advance(step, {"loss": 1 / step})
    plot.end()
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("if True:" + code)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert [set(output.data) for output in notebook.cells[0].outputs] == [
        {"text/html", "text/plain"}, {"image/png", "text/plain"},
    ]  # fmt: skip
