"""What cannot be set, a machine or a hub that is not up to it, and the files of a lesson: what is said of each."""

import errno
import os
import socket
import types

import pytest
from faults import hold, rows, write

from helpers import doctor, files, hub
from helpers.course.notebooks import load
from helpers.course.tour import lesson_paths
from helpers.inference import serve
from helpers.settings import Settings

CPU = {"device": "cpu"}


def tiny(**wrong):
    return lambda folder: Settings.tiny(**wrong)


def real(**wrong):
    return lambda folder: Settings.real(**wrong)


def patched(target, name, value, maker):
    """``maker`` with an attribute changed while it runs."""

    def wrapped(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, name, value)
            return maker(folder)

    return wrapped


def within(variables, maker):
    """``maker`` with these environment variables, and none of a proxy."""

    def wrapped(folder):
        with pytest.MonkeyPatch.context() as patch:
            for name in (
                "HTTP_PROXY",
                "HTTPS_PROXY",
                "ALL_PROXY",
                "HF_HUB_OFFLINE",
                "HF_ENDPOINT",
                "MODELSCOPE_DOMAIN",
            ):
                patch.delenv(name, raising=False)
                patch.delenv(name.lower(), raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            return maker(folder)

    return wrapped


def required(name):
    return lambda folder: hub.require_hub(types.SimpleNamespace(hub=name))


def silent(folder):
    """The doctor asks a hub that takes the call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hub, "addresses", lambda: dict.fromkeys(("modelscope", "huggingface"), address))
            return doctor.report(doctor.hubs(seconds=0.2))


def asked_through(code):
    """A hub behind a proxy that answers with ``code``."""

    def maker(folder):
        import http.server
        import threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(code)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.handle_request, daemon=True).start()
            return within({"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}, required("huggingface"))(folder)

    return maker


def card(memory):
    """The doctor on a machine whose GPU has so much memory."""

    def maker(folder):
        import torch

        with pytest.MonkeyPatch.context() as patch:
            found = types.SimpleNamespace(total_memory=memory, name="GPU of a test")
            patch.setattr(torch.cuda, "is_available", lambda: True)
            patch.setattr(torch.cuda, "device_count", lambda: 1)
            patch.setattr(torch.cuda, "get_device_properties", lambda number: found)
            return doctor.report([doctor.gpu()])

    return maker


def full(folder):
    def no_space(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return patched(os, "replace", no_space, lambda folder: files.write_text(folder / "data.jsonl", "x"))(folder)


def taken(folder):
    with socket.create_server((serve.HOST, 0)) as server:
        return serve.start_server(whole(folder), Settings.tiny(), port=server.getsockname()[1])


def whole(folder):
    """What ``start_server`` takes for a whole model."""
    from helpers.paths import ROOT

    return ROOT / "data" / "tiny-qwen2-vl"


def at_port(port):
    return lambda folder: serve.start_server(whole(folder), Settings.tiny(), log=folder / "log", port=port)


def ended(said):
    """A server whose process ended with these last words."""

    def maker(folder):
        log = write(folder, "serve.log", said)
        process = types.SimpleNamespace(poll=lambda: 1)
        serve._wait(serve.Server("http://127.0.0.1:9/v1", "model", log, process), 5)

    return maker


def slow(folder):
    process = types.SimpleNamespace(poll=lambda: None)
    serve._wait(serve.Server("http://127.0.0.1:9/v1", "model", write(folder, "serve.log", ""), process), 0)


MAKERS = {
    "no such setting": tiny(batchsize=4),
    "no such device": tiny(device="gpu"),
    "a device with a number": tiny(device="cuda:0"),
    "no such dtype": tiny(dtype="float8"),
    "no such tracker": tiny(tracker="wandb"),
    "no such hub": tiny(hub="github"),
    "a batch of none": tiny(batch_size=0),
    "a batch and a half": tiny(batch_size=1.5),
    "a number in quotes": tiny(epochs="3"),
    "a negative seed": tiny(seed=-1),
    "a seed over 32 bits": tiny(seed=2**32),
    "a learning rate of 10": tiny(learning_rate=10),
    "a learning rate in quotes": tiny(learning_rate="1e-4"),
    "a learning rate that is no number": tiny(learning_rate=float("nan")),
    "yes for True": tiny(gradient_checkpointing="yes"),
    "4 bits on a CPU": tiny(four_bit=True),
    "CUDA without a GPU": tiny(device="cuda"),
    "a local hub without a folder": real(hub="local", **CPU),
    "no such folder of models": real(models_dir="no/such/folder", **CPU),
    "a folder that is a number": tiny(output_dir=5),
    "an output folder that is a file": lambda folder: Settings.tiny(output_dir=write(folder, "output", "x")),
    "real weights without a GPU": lambda folder: str(Settings.real()),
    # the machine
    "doctor: another release": patched(
        doctor, "versions", lambda *names: dict.fromkeys(names, "0.1"),
        lambda folder: doctor.report([doctor.packages()]),
    ),
    "doctor: a package is missing": lambda folder: doctor.versions("no-such-package")["no-such-package"],
    "doctor: an old Python": patched(
        doctor, "PYTHONS", ((2, 7),), lambda folder: doctor.report([doctor.python()])
    ),
    "doctor: no GPU": lambda folder: doctor.report([doctor.gpu()]),
    "doctor: too little GPU memory": card(6e9),
    "doctor: too little memory": patched(
        doctor, "MEMORY_GB", 1e9, lambda folder: doctor.report([doctor.processor()])
    ),
    "doctor: little room on the disk": patched(doctor, "DISK_GB", 1e9, lambda folder: doctor.report([doctor.disk()])),
    "doctor: a hub that says nothing": within({}, silent),
    "doctor: offline": within({"HF_HUB_OFFLINE": "1"}, lambda folder: doctor.report(doctor.hubs())),
    # hubs
    "Hugging Face out of reach": within({"HF_ENDPOINT": "http://127.0.0.1:9"}, required("huggingface")),
    "ModelScope out of reach": within({"MODELSCOPE_DOMAIN": "http://127.0.0.1:9"}, required("modelscope")),
    "an address that is none": within({"HF_ENDPOINT": "huggingface"}, required("huggingface")),
    "a proxy without the hub": asked_through(502),
    # files
    "no space left": full,
    "a file where a folder should be": lambda folder: files.write_text(write(folder, "a", "x") / "b.txt", "x"),
    "half a character to be written": lambda folder: files.write_text(folder / "a.txt", "\ud800"),
    "read_text: no such file": lambda folder: files.read_text(folder / "a.txt"),
    "read_text: a folder": files.read_text,
    # servers
    "start_server: no such folder": lambda folder: serve.start_server(folder / "model", Settings.tiny()),
    "start_server: an adapter": lambda folder: serve.start_server(
        write(folder, "adapter/adapter_config.json", {}).parent, Settings.tiny()
    ),
    "start_server: the port is taken": taken,
    "start_server: a port over 65535": at_port(70_000),
    "start_server: a port in quotes": at_port("8000"),
    "start_server: it ended": ended("Traceback …\nRuntimeError: no kernel image\n"),
    "start_server: it ended without a word": ended(""),
    "start_server: no answer in time": slow,
    # for those who make lessons: in English
    "course: no such lesson": lambda folder: lesson_paths(
        write(folder, "en/01_a.ipynb", "{}").parents[1], "en", ["02_b"]
    ),
    "course: no lessons": lambda folder: lesson_paths(folder, "en", []),
    "course: a torn notebook": lambda folder: load(write(folder, "01_a.ipynb", '{"cells": [')),
    "course: a notebook that is a list": lambda folder: load(write(folder, "01_a.ipynb", [])),
}  # fmt: skip


@pytest.mark.parametrize(("maker", "row", "language"), rows("settings", MAKERS))
def test_what_is_said_of(maker, row, language, tmp_path, monkeypatch):
    hold(maker, row, language, tmp_path, monkeypatch)
