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


@pytest.mark.parametrize("losses", [[float("nan")] * 2, [0.0] * 2, [0.0, 1.0], [float("inf"), 1.0], [2.32]])
def test_any_loss_can_be_drawn(losses):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loss_plot.loss_png(list(enumerate(losses, 1)))


def drawn(monkeypatch, history, held_out=()):
    """The axes of the figure, laid out as they are saved."""
    monkeypatch.setattr(loss_plot, "figure_png", lambda figure: figure)
    figure = loss_plot.loss_png(history, held_out)
    figure.draw_without_rendering()
    return figure.axes[0]


def height(axes, loss):
    """How high in the axes a loss is drawn: 0 at their foot, 1 at their top."""
    return axes.transAxes.inverted().transform(axes.transData.transform((1, loss)))[1]


def test_what_comes_after_the_fall_is_not_flat(monkeypatch):
    axes = drawn(monkeypatch, [(1, 2.5), (100, 0.2), (500, 0.1)])
    assert height(axes, 0.2) - height(axes, 0.1) > 0.15


def test_a_curve_keeps_off_the_edges(monkeypatch):
    axes = drawn(monkeypatch, [(1, 2.5), (500, 0.1)], [(500, 3.0)])
    assert height(axes, 0.1) > 0.02 and height(axes, 3.0) < 0.98


def test_a_loss_that_hardly_falls_looks_like_it(monkeypatch):
    axes = drawn(monkeypatch, [(step, 1.944 - 0.003 * step) for step in range(1, 21)])
    first, last = height(axes, 1.941), height(axes, 1.884)
    assert 0.4 < last < first < 0.6


@pytest.mark.parametrize("losses", [(2.5, 0.1), (1.94, 1.88), (2.0, 0.0009), (0.6, 0.55), (12.0, 11.0), (2.32, 2.32)])
def test_the_axis_has_a_few_plain_numbers(monkeypatch, losses):
    axes = drawn(monkeypatch, list(enumerate(losses, 1)))
    texts = [text.get_text() for text in axes.get_yticklabels()]
    assert 3 <= len(texts) <= 9 and all(float(text) > 0 and "e" not in text for text in texts)


def test_training_and_held_out_are_told_apart(monkeypatch):
    axes = drawn(monkeypatch, [(1, 2.5), (500, 0.125)], [(500, 0.25)])
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(names) == 2 and "0.125" in names[0] and "0.25" in names[1]
    training, held_out = axes.get_lines()
    assert training.get_color() != held_out.get_color() and training.get_linestyle() != held_out.get_linestyle()


def test_no_label_is_cut(monkeypatch):
    axes = drawn(monkeypatch, [(1, 2.5), (500, 0.125)], [(500, 0.25)])
    wide, high = axes.figure.bbox.size
    for label in (axes.xaxis.label, axes.yaxis.label, axes.get_legend()):
        box = label.get_window_extent()
        assert 3 < box.x0 and box.x1 < wide and 3 < box.y0 and box.y1 < high


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
