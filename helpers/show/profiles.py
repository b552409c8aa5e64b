"""Where the time of a training step goes, as bars: what ``torch.profiler`` recorded, by kind of work."""

from helpers import jupyter
from helpers.language import message
from helpers.show.benchmarks import WAYS, read, source

MATRIX = ("mm", "addmm", "bmm", "baddbmm", "conv1d", "conv2d", "conv3d", "_convolution")
ATTENTION = ("scaled_dot_product", "flash_attention", "efficient_attention")
COPIES = (
    *("copy_", "_foreach_copy_", "cat", "clone", "index", "index_select", "index_add_", "index_copy", "index_copy_"),
    *("gather", "embedding", "embedding_dense_backward", "masked_scatter", "repeat_interleave", "fill_", "nonzero"),
)
VIEWS = (
    *("view", "_unsafe_view", "reshape", "_reshape_alias", "transpose", "t", "permute", "expand", "slice", "select"),
    *("unsqueeze", "squeeze", "as_strided", "split", "split_with_sizes", "chunk", "unbind", "narrow", "alias"),
    *("empty", "empty_like", "empty_strided", "detach", "detach_", "resolve_conj", "result_type", "item", "to"),
    *("_local_scalar_dense", "linear", "matmul", "contiguous", "unflatten", "flatten", "lift_fresh", "is_nonzero"),
)
KINDS = {  # kind of work: (its name in messages.toml, its colour)
    "matrix": ("profile.matrix", "#3b6ea8"),
    "attention": ("profile.attention", "#7fa6d0"),
    "elements": ("profile.elements", "#e0a33e"),
    "copies": ("profile.copies", "#b9a37c"),
    "optimizer": ("profile.optimizer", "#7a9a57"),
    "loader": ("profile.loader", "#9b77a8"),
    "rest": ("profile.rest", "#c0504d"),
}


def profile(record, steps: int = 1) -> None:
    """Show a finished ``torch.profiler.profile`` of ``steps`` steps as a bar, with milliseconds and calls a step.

    Work below ``record_function("loader")`` counts as the loader's. What is left of the time is Python's, with all that
    is no arithmetic; where a GPU computes, it is the time in which it waits.
    """
    found, calls = shares(record.events())
    spent = {kind: microseconds / 1000 / steps for kind, microseconds in found.items()}
    total = sum(spent.values())
    lines = [f"{message(KINDS[kind][0])}: {spent[kind]:.1f} ms ({spent[kind] / total:.0%})" for kind in KINDS]
    lines.append(message("profile.calls", calls=f"{calls / steps:,.0f}", time=f"{total:.0f}"))
    jupyter.display({"image/png": profile_png({"": spent}, lines[-1]), "text/plain": "\n".join(lines)})


def gpu_profile() -> None:
    """Show what a GPU does in a step of 16 samples, a bar for each way of taking it: ``data/benchmarks/profile.json``.

    What no kernel covers is the time in which it waits to be given one.
    """
    found, lines, bars = read("profile"), [], {}
    rows = found["rows"]
    drawn = [kind for kind in KINDS if any(row.get(kind, 0) > 0.02 * row["milliseconds"] for row in rows)]
    for row in rows:
        name = message(WAYS[row["way"]])
        facts = {"time": f"{row['milliseconds']:.0f}", "kernels": f"{row['kernels']:,}", "way": name}
        bars[name] = {kind: row[kind] for kind in drawn}
        lines.append(message("profile.kernels", **facts, waiting=f"{row['rest']:.0f}"))
    lines.append(source(found))
    jupyter.display({"image/png": profile_png(bars, lines[-1], "profile.waiting"), "text/plain": "\n".join(lines)})


def shares(events) -> tuple[dict[str, float], int]:
    """({kind: microseconds}, how many operators compute something) of the profiler's events."""
    events = [event for event in events if "CPU" in str(event.device_type)]  # a GPU's kernels are known by who calls
    on_gpu = any(event.self_device_time_total for event in events)
    found, calls = dict.fromkeys(KINDS, 0.0), 0
    for event in events:
        kind = kind_of(event)
        on_cpu = kind == "loader" or not on_gpu
        found[kind] += event.self_cpu_time_total if on_cpu else event.self_device_time_total
        calls += kind not in ("rest", "loader")
    wall = max(event.time_range.end for event in events) - min(event.time_range.start for event in events)
    found["rest"] = max(0.0, wall - sum(time for kind, time in found.items() if kind != "rest"))
    return found, calls


def kind_of(event) -> str:
    """The kind of work of one event: by the part of the step that it belongs to, else by its name."""
    part = event
    while part is not None:
        if part.name == "loader" or part.name.startswith("Optimizer."):
            return "loader" if part.name == "loader" else "optimizer"
        part = part.cpu_parent
    name = event.name.removeprefix("aten::")
    if not event.name.startswith("aten::"):
        return "rest"
    if name in MATRIX or "convolution" in name or "conv3d" in name:
        return "matrix"
    if any(word in name for word in ATTENTION):
        return "attention"
    return "copies" if name in COPIES else "rest" if name in VIEWS else "elements"


def profile_png(bars: dict[str, dict[str, float]], title: str, rest: str = "profile.rest") -> bytes:
    """Horizontal bars with their names, a piece a kind, the largest with their share in them; the legend of a single
    bar has milliseconds. rest: what the last kind is called."""
    from matplotlib.figure import Figure

    single, longest = len(bars) == 1, max(sum(spent.values()) for spent in bars.values())
    figure = Figure(figsize=(7.2, 2.4 + 0.5 * len(bars)), dpi=80, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for place, spent in enumerate(bars.values()):
        left = 0.0
        for kind, time in spent.items():
            text = message(rest if kind == "rest" else KINDS[kind][0]) + f"  {time:.1f} ms" * single
            axes.barh(place, time, left=left, color=KINDS[kind][1], edgecolor="white", label="" if place else text)
            if time > 0.06 * longest:
                share = f"{time / sum(spent.values()):.0%}"
                axes.text(left + time / 2, place, share, ha="center", va="center", color="white", fontsize=9)
            left += time
    axes.set(xlim=(0, longest), xlabel=message("profile.axis"))
    axes.set_yticks(range(len(bars)), bars, fontsize=9)
    axes.tick_params(left=False)
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.suptitle(title, fontsize=10 if single else 8)
    figure.legend(frameon=False, fontsize=9, ncols=2, loc="outside lower center")
    return jupyter.figure_png(figure)
