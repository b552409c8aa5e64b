"""helpers.inference.serve: starts, answers as the notebook does, ends; says why it cannot; leaves no orphan."""

import base64
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import psutil
import pytest
from PIL import Image

from helpers.data.synthetic.render import render_set
from helpers.inference import serve
from helpers.inference.predict import predict
from helpers.models.load import load
from helpers.paths import ROOT
from helpers.settings import Settings

SETTINGS = Settings.tiny()
TINY = ROOT / "data" / "tiny-qwen2-vl"


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return render_set(tmp_path_factory.mktemp("set"), 3, seed=5, part="test")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = serve.start_server(TINY, SETTINGS, log=tmp_path_factory.mktemp("log") / "serve.log")
    yield server
    serve.stop_server(server)


# --- a server that runs -------------------------------------------------------------------------


def ask(server, picture, max_tokens=64):
    """What lesson 07 does: the ``openai`` client, without a proxy of the environment."""
    from openai import DefaultHttpxClient, OpenAI

    client = OpenAI(base_url=server.url, api_key="none", max_retries=0, http_client=DefaultHttpxClient(trust_env=False))
    request = {"model": server.model, "messages": serve.chat_messages(picture), "temperature": 0}
    reply = client.chat.completions.create(**request, max_tokens=max_tokens)
    return reply.choices[0].message.content.strip()


def test_answers_are_those_of_predict(server, samples):
    wanted = predict(*load("qwen2_vl", SETTINGS), samples, SETTINGS)
    assert [ask(server, sample.file) for sample in samples] == wanted


def test_length_is_bounded_by_the_request(server, samples):
    answer = ask(server, samples[0].file, max_tokens=3)
    assert ask(server, samples[0].file).startswith(answer) and len(answer) < 12


def test_printing_it_shows_no_machine_path(server):
    assert repr(server) == f"tiny-qwen2-vl at {server.url}, log: serve.log"


def test_only_this_machine_can_reach_it(server):
    addresses = {c.laddr.ip for c in psutil.Process(server.process.pid).net_connections("tcp") if c.status == "LISTEN"}
    assert addresses == {"127.0.0.1"}


def test_an_address_is_not_fetched_and_a_file_not_read(server, samples):
    """Whatever a request names: the server asks nobody, and opens nothing."""
    from openai import APIStatusError, DefaultHttpxClient, OpenAI

    client = OpenAI(base_url=server.url, api_key="none", max_retries=0, http_client=DefaultHttpxClient(trust_env=False))
    with socket.create_server(("127.0.0.1", 0)) as planted:
        planted.settimeout(0.2)
        address = f"http://127.0.0.1:{planted.getsockname()[1]}/a.png"
        for url in (address, str(samples[0].file), samples[0].file.as_uri()):
            parts = [{"type": "image_url", "image_url": {"url": url}}]
            with pytest.raises(APIStatusError, match="is no data URL") as caught:
                client.chat.completions.create(model=server.model, messages=[{"role": "user", "content": parts}])
            assert caught.value.status_code == 400
        with pytest.raises(TimeoutError):
            planted.accept()
    with pytest.raises(APIStatusError, match="not offered"):
        client.post("http://127.0.0.1:" + server.url.split(":")[2].replace("v1", "load_model"), cast_to=object, body={})


def test_the_port_of_a_running_server_is_refused_at_once(server, monkeypatch):
    monkeypatch.setattr(serve.subprocess, "Popen", lambda *a, **k: pytest.fail("started"))
    port = int(server.url.split(":")[2].split("/")[0])
    with pytest.raises(serve.ServerError, match=f"port {port} cannot be taken .* -> .*leave port out"):
        serve.start_server(TINY, SETTINGS, port=port)


def test_stopping_ends_the_process_and_frees_the_port(server):
    """Last of those that use the server."""
    serve.stop_server(server)
    assert not psutil.pid_exists(server.process.pid)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", int(server.url.split(":")[2].split("/")[0])))
    serve.stop_server(server)  # once more does nothing


# --- what goes into a request --------------------------------------------------------------------


def test_the_picture_is_sent_as_the_model_learned_to_see_pictures(tmp_path):
    clear = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.webp", lossless=True)
    (message,) = serve.chat_messages(tmp_path / "clear.webp", "Formula Recognition:")
    picture, question = message["content"]
    head, body = picture["image_url"]["url"].split(",")
    seen = Image.open(io.BytesIO(base64.b64decode(body)))
    assert head == "data:image/png;base64" and (seen.mode, seen.size) == ("RGB", (30, 20))
    assert seen.getextrema() == ((255, 255),) * 3 and question["text"] == "Formula Recognition:"


def test_a_broken_picture_is_named_before_it_is_sent(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="^bad.png: not a picture"):
        serve.chat_messages(tmp_path / "bad.png")


# --- a server that does not start ----------------------------------------------------------------


def pretend(monkeypatch, tmp_path, script):
    """Let a shell script stand for Python, so that no model is loaded."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(serve.sys, "executable", str(program))


def test_a_server_that_ends_says_its_last_words(monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, "echo first; echo out of memory >&2; exit 3")
    with pytest.raises(serve.ServerError, match="ended at once: out of memory -> all it said: s.log"):
        serve.start_server(TINY, SETTINGS, log=tmp_path / "s.log")


def test_a_server_that_is_too_slow_is_ended(monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(serve.ServerError, match="no answer within 0.5 s"):
        serve.start_server(TINY, SETTINGS, log=tmp_path / "s.log", patience=0.5)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_an_interrupt_while_it_loads_ends_it(monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    sleep = time.sleep

    def interrupted(seconds):
        """Ctrl-C while the server is waited for, as soon as it runs."""
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            monkeypatch.setattr(time, "sleep", sleep)
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        serve.start_server(TINY, SETTINGS, log=tmp_path / "s.log")
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_server_that_ignores_the_request_to_end_is_killed(tmp_path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    serve.stop_server(serve.Server("", "", tmp_path, process), patience=0.3)
    assert process.returncode == -signal.SIGKILL


def test_an_adapter_alone_is_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="config.json.*models.merge"):
        serve.start_server(tmp_path, SETTINGS)


# --- no orphans ----------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_parent_leaves_no_server(tmp_path):
    """The parent is killed while the server loads, and cannot do anything about it."""
    code = (
        "from helpers import Settings, inference;"
        f"inference.start_server({str(TINY)!r}, Settings.tiny(), log={str(tmp_path / 's.log')!r})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    children = wait_for(lambda: [c for c in psutil.Process(parent.pid).children() if str(parent.pid) in c.cmdline()])
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=30)
    for child in alive:
        child.kill()
    assert len(gone) == 1 and not alive


def wait_for(find):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing came")
