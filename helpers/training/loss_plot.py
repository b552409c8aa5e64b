"""The loss of a run as it comes in: in a notebook a progress bar and one small figure, elsewhere only the numbers."""

import time

from helpers.jupyter import figure_png, in_notebook, update_display


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
            picture = {"image/png": loss_png(self.history, self.held_out), "text/plain": "loss over steps"}
            self.figure = update_display(self.figure, picture)
        after = time.monotonic()
        self.due = after + max(self.seconds, min(5.0, 20 * (after - before)))  # a slow machine draws less often

    def end(self) -> None:
        """Leave the finished figure and one line in place of the bar."""
        if self.running and in_notebook():
            self.draw(last=True)
        self.running = False


def loss_png(history, held_out=()) -> bytes:
    """The loss curve as a small PNG; ``history`` and ``held_out`` hold (step, loss)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.6), dpi=70, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*history, strict=True), color="#3b6ea8", marker="." if len(history) < 40 else "", label="training")
    if held_out:
        axes.plot(*zip(*held_out, strict=True), color="#c8591b", marker="o", linestyle="--", label="held out")
        axes.legend(frameon=False)
    axes.set(xlabel="step", ylabel="loss")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    return figure_png(figure)


def _progress(plot: LossPlot, last: bool) -> dict:
    passed = time.monotonic() - plot.began
    loss = f", loss {plot.history[-1][1]:.3g}" if plot.history else ""
    text = f"step {plot.step} / {plot.steps}{loss}, {_clock(passed)}"
    if last:
        return {"text/html": text, "text/plain": text}
    done = plot.step - plot.first
    if done > 0:
        text += f", about {_clock(passed / done * (plot.steps - plot.step))} left"
    bar = f'<progress value="{plot.step}" max="{plot.steps}" style="width:20em"></progress> {text}'
    return {"text/html": bar, "text/plain": text}


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
