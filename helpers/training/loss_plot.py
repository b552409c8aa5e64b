"""The loss of a run as it comes in: in a notebook a progress bar and one small figure, elsewhere only the numbers."""

import time

from helpers.jupyter import figure_png, in_notebook, update_display
from helpers.language import message


class LossPlot:
    """Collects (step, loss) of the training loss in ``history`` and of the evaluation loss in ``held_out``.

    In a notebook it draws them while the run goes on, at most every ``seconds`` seconds, and leaves one figure.
    """

    def __init__(self, seconds: float = 1.0):
        self.seconds = seconds
        self.begin(0)
        self.running = False

    def begin(self, steps: int, step: int = 0, log_history: list[dict] = ()) -> None:
        """Start a run of ``steps`` steps, or go on with one after ``step`` steps, whose log so far is given."""
        self.history = [(row["step"], row["loss"]) for row in log_history if "loss" in row]
        self.held_out = [(row["step"], row["eval_loss"]) for row in log_history if "eval_loss" in row]
        self.steps, self.began, self.due = steps, time.monotonic(), 0.0
        self.first = self.step = step
        self.bar = self.figure = None
        self.running = True

    def advance(self, step: int, logs: dict | None = None) -> None:
        """Note that ``step`` is done, with what was logged there; draw if the last drawing is long enough ago."""
        self.step = step
        for name, points in (("loss", self.history), ("eval_loss", self.held_out)):
            if name in (logs or {}):
                points.append((step, float(logs[name])))
        if self.running and in_notebook() and time.monotonic() >= self.due:
            self.draw()

    def draw(self, last: bool = False) -> None:
        """Bring the bar and the figure in the notebook up to date."""
        before = time.monotonic()
        self.bar = update_display(self.bar, _progress(self, last))
        if self.history:
            picture = {"image/png": loss_png(self.history, self.held_out), "text/plain": message("loss.plain")}
            self.figure = update_display(self.figure, picture)
        after = time.monotonic()
        self.due = after + max(self.seconds, min(5.0, 20 * (after - before)))  # a slow machine draws less often

    def end(self) -> None:
        """Leave the finished figure and one line in place of the bar."""
        if self.running and in_notebook():
            self.draw(last=True)
        self.running = False


def loss_png(history, held_out=()) -> bytes:
    """The loss curves on a log axis as a small PNG; ``history`` and ``held_out`` hold (step, loss)."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 2.9), dpi=80, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    few = "." if len(history) < 40 else ""
    _curve(axes, history, "loss.training", color="#3b6ea8", marker=few, linewidth=1.2)
    if held_out:
        look = {"marker": "o", "markersize": 6, "markerfacecolor": "white", "markeredgewidth": 1.6, "zorder": 3}
        _curve(axes, held_out, "loss.held_out", color="#c8591b", linestyle="--", **look)
    _log_axis(axes, [value for _, value in [*history, *held_out] if 0 < value < float("inf")])
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=(1, 2, 5, 10), integer=True))
    axes.set_xlim(left=0)
    axes.set(xlabel=message("loss.step"), ylabel=message("loss.axis"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)  # above the curves
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure_png(figure)


def _curve(axes, points, name, **look):
    """One curve, named in the legend with its last value; ``name`` is a key of messages.toml."""
    axes.plot(*zip(*points, strict=True), label=message(name, last=f"{points[-1][1]:.3g}"), **look)


def _log_axis(axes, losses):
    """A log axis that leaves room around the curves and spans a factor of three or more, so that noise stays small."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if not losses:
        return
    axes.set_yscale("log", nonpositive="mask")
    room = max(1.15, (3 * min(losses) / max(losses)) ** 0.5)
    low, high = min(losses) / room, max(losses) * room
    axes.set_ylim(low, high)
    for digits in ((1,), (1, 2, 5), range(1, 10), [halves / 2 for halves in range(2, 20)]):
        ticks = [digit * 10.0**power for power in range(-12, 13) for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            break
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _progress(plot: LossPlot, last: bool) -> dict:
    passed = time.monotonic() - plot.began
    facts = {"step": plot.step, "steps": plot.steps}
    text = message("run.step", **facts)
    if plot.history:
        text = message("run.step_with_loss", **facts, loss=f"{plot.history[-1][1]:.3g}")
    text += message("run.passed", time=_clock(passed))
    if last:
        return {"text/html": text, "text/plain": text}
    done = plot.step - plot.first
    if done > 0:
        text += message("run.left", time=_clock(passed / done * (plot.steps - plot.step)))
    bar = f'<progress value="{plot.step}" max="{plot.steps}" style="width:20em"></progress> {text}'
    return {"text/html": bar, "text/plain": text}


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
