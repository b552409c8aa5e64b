"""helpers.show.profiles: the time of a step by kind of work."""

from types import SimpleNamespace

import pytest

from helpers import jupyter
from helpers.show import benchmarks, profiles


def event(name, start, end, own=None, parent=None, device=0, on="DeviceType.CPU"):
    return SimpleNamespace(
        name=name,
        time_range=SimpleNamespace(start=start, end=end),
        self_cpu_time_total=end - start if own is None else own,
        self_device_time_total=device,
        cpu_parent=parent,
        device_type=on,
    )


def step():
    loader = event("loader", 0, 100, own=60)
    optimizer = event("Optimizer.step#AdamW.step", 700, 800, own=20)
    return [
        loader,
        event("aten::mul", 10, 50, parent=loader),
        event("aten::addmm", 100, 300),
        event("aten::_scaled_dot_product_flash_attention_for_cpu", 300, 350),
        event("aten::gelu", 350, 450),
        event("aten::copy_", 450, 480),
        event("aten::view", 480, 490),
        event("autograd::engine::evaluate_function: MulBackward0", 490, 500),
        optimizer,
        event("aten::_foreach_add_", 720, 800, parent=optimizer),
    ]


def test_each_operator_counts_for_its_kind_and_the_rest_is_python():
    found, calls = profiles.shares(step())
    assert found == {
        **{"matrix": 200, "attention": 50, "elements": 100, "copies": 30, "optimizer": 100, "loader": 100},
        "rest": 220,  # of 800: views, autograd's bookkeeping and what no operator covers
    }
    assert calls == 6  # of the loader none


def test_on_a_gpu_it_is_the_kernels_time_and_the_rest_is_waiting():
    events = [
        event("aten::addmm", 0, 100, device=30),
        event("sm90_gemm", 50, 80, own=0, device=30, on="DeviceType.CUDA"),
        event("aten::mul", 100, 200, device=10),
    ]
    found, calls = profiles.shares(events)
    assert (found["matrix"], found["elements"], found["rest"], calls) == (30, 10, 160, 2)


@pytest.mark.parametrize("language, word", [("en", "matrix products"), ("zh", "矩阵乘法")])
def test_the_picture_comes_with_its_figures(language, word, monkeypatch):
    shown = []
    monkeypatch.setattr(jupyter, "display", shown.append)
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    profiles.profile(SimpleNamespace(events=lambda: [event("aten::mm", 0, 3000), event("aten::add", 3000, 4000)]), 2)
    lines = shown[0]["text/plain"].splitlines()
    assert lines[0].startswith(word) and "1.5 ms (75%)" in lines[0] and "1" in lines[-1]
    assert shown[0]["image/png"].startswith(b"\x89PNG") and len(shown[0]["image/png"]) < 20_000


@pytest.mark.parametrize("language, word", [("en", "waiting"), ("zh", "等待")])
def test_ways_of_a_step_on_a_gpu_are_bars_with_their_figures(language, word, monkeypatch):
    shown, drawn, png = [], [], profiles.profile_png
    monkeypatch.setattr(jupyter, "display", shown.append)
    monkeypatch.setattr(profiles, "profile_png", lambda bars, *rest: drawn.append(bars) or png(bars, *rest))
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    profiles.gpu_profile()
    rows = benchmarks.read("profile")["rows"]
    *lines, source = shown[0]["text/plain"].splitlines()
    assert "H100" in source and len(lines) == len(rows) == len(drawn[0])
    for row, line, bar in zip(rows, lines, drawn[0].values(), strict=True):
        assert word in line and f"{row['kernels']:,}" in line and f"{row['milliseconds']:.0f}" in line
        assert bar["rest"] == row["rest"] and 0.98 < sum(bar.values()) / row["milliseconds"] <= 1.001
    assert shown[0]["image/png"].startswith(b"\x89PNG") and len(shown[0]["image/png"]) < 20_000
