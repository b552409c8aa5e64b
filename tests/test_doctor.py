"""helpers.doctor: each check finds what there is, advises when it is not enough, and never fails or hangs."""

import http.server
import socket
import threading
import time
import tomllib
from collections import namedtuple

import pytest
from packaging.specifiers import SpecifierSet

from helpers import doctor, hub
from helpers.paths import ROOT


@pytest.fixture
def online(monkeypatch):
    """Hubs may be asked; only addresses on this machine are."""
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def use(modelscope, hugging_face="http://127.0.0.1:1"):
        monkeypatch.setenv("MODELSCOPE_DOMAIN", modelscope)
        monkeypatch.setenv("HF_ENDPOINT", hugging_face)

    return use


@pytest.fixture
def server():
    """Address of a hub on this machine that refuses (403)."""

    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(403)

        def log_message(self, *arguments):
            pass

    running = http.server.HTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_python_of_another_version_gets_advice(monkeypatch):
    assert doctor.python().ok
    monkeypatch.setattr(doctor, "PYTHONS", ((3, 1),))
    assert not doctor.python().ok and "make setup" in doctor.python().advice


def test_pythons_are_those_of_pyproject():
    with open(ROOT / "pyproject.toml", "rb") as file:
        allowed = SpecifierSet(tomllib.load(file)["project"]["requires-python"])
    assert doctor.PYTHONS == tuple((3, minor) for minor in range(30) if f"3.{minor}" in allowed)


@pytest.mark.parametrize("version, ok", [((3, 10), False), ((3, 13), True), ((3, 14), False)])
def test_advice_names_every_python_that_works(monkeypatch, version, ok):
    monkeypatch.setattr(doctor.sys, "version_info", version)
    check = doctor.python()
    assert check.ok is ok and all(f"3.{minor}" in check.advice for _, minor in doctor.PYTHONS) is not ok


def test_packages_are_as_pinned_here():
    assert doctor.packages().ok, doctor.packages()


def test_package_of_another_version_is_named(monkeypatch):
    real = doctor.versions
    monkeypatch.setattr(doctor, "versions", lambda *n: real(*n) | {"transformers": "4.0.0", "peft": "missing"})
    check = doctor.packages()
    assert not check.ok and "transformers 4.0.0, not " in check.value and "peft missing, not " in check.value


def test_versions_of_a_package_that_is_not_there():
    assert doctor.versions("no-such-package") == {"no-such-package": "missing"}


def test_full_disk_gets_advice(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(3e9))
    assert not doctor.disk().ok and doctor.disk().value == "3 GB free" and "models_dir" in doctor.disk().advice


def test_no_gpu_is_a_note_with_advice(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert not doctor.gpu().ok and doctor.gpu().value.startswith("none") and "tiny mode" in doctor.gpu().advice


@pytest.mark.parametrize("memory, ok", [(4e9, False), (80e9, True)])
def test_gpu_memory_decides(monkeypatch, memory, ok):
    import torch

    card = namedtuple("Card", "name total_memory")("Pretend 1", memory)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)
    assert doctor.gpu().ok is ok and doctor.gpu().value.startswith(f"2 x Pretend 1, {memory / 1e9:.0f} GB")


@pytest.mark.parametrize(
    ("memory", "says"),
    [(4e9, "MiniCPM-o-2_6 QLoRA: no"), (16e9, "QLoRA: batch 4 with"), (80e9, "Qwen2-VL-2B-Instruct LoRA: batch 16;")],
)
def test_what_a_gpu_can_train_is_said(monkeypatch, memory, says):
    import torch

    card = namedtuple("Card", "name total_memory")("Pretend 1", memory)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)
    (check,) = doctor.trainable()
    assert says in check.value


def test_without_a_gpu_nothing_is_said_of_training(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert doctor.trainable() == []


def test_a_hub_that_refuses_does_answer(online, server):
    online(server)
    assert doctor.hubs()[0] == doctor.Check("ModelScope", True, "127.0.0.1 answers")


def test_a_hub_that_is_not_there_is_a_note(online):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        online(f"http://127.0.0.1:{unused.getsockname()[1]}")
        check = doctor.hubs()[0]
    assert not check.ok and "not reached" in check.value and "models_dir" in check.advice


def test_a_hub_that_is_silent_costs_only_the_time_given(online):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        online(address, address)
        start = time.monotonic()
        checks = doctor.hubs(seconds=0.3)
    assert time.monotonic() - start < 5
    assert [check.ok for check in checks] == [False, False]


def test_a_name_server_that_is_silent_costs_only_the_time_given(online, monkeypatch):
    online("http://127.0.0.1:1")
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [] if release.wait(20) else [])
    start = time.monotonic()
    found = doctor.hubs(seconds=0.2)[0].value
    release.set()
    assert "no answer in 0.2 s" in found and time.monotonic() - start < 5


@pytest.mark.parametrize("endpoint", ["not an address", "mirror.example", "ftp://127.0.0.1:1"])
def test_a_wrong_endpoint_is_a_note(online, endpoint):
    online("http://127.0.0.1:1", endpoint)
    assert not doctor.hubs(seconds=2)[1].ok


def test_each_hub_is_asked_where_its_own_variable_says(online, server):
    online(server, "http://127.0.0.1:1")
    assert [check.ok for check in doctor.hubs()] == [True, False]
    online("127.0.0.1:1", server)  # no scheme, as ModelScope's documentation has it
    assert [check.ok for check in doctor.hubs()] == [False, True]


def test_password_of_an_endpoint_is_not_shown(online):
    online("http://127.0.0.1:1", "http://me:secret@127.0.0.1:1")
    check = doctor.hubs()[1]
    assert not check.ok and check.value.startswith("127.0.0.1: ") and "secret" not in str(check)


def test_offline_asks_nobody(online, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "ask", lambda *arguments: pytest.fail("asked"))
    assert all("not asked" in check.value for check in doctor.hubs())


def test_report_shows_every_check_and_its_advice():
    checks = [doctor.Check("GPU", False, "none", "rent one"), doctor.Check("Python", True, "3.11.7")]
    assert doctor.report(checks) == "note  GPU     none\n              -> rent one\nok    Python  3.11.7"


def test_examine_reports_no_machine_path(online, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "/" not in doctor.report(doctor.examine()).replace("pip install -e '.[torch]'", "")
