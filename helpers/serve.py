"""An OpenAI-compatible server for one model folder: ``transformers serve`` in a process of its own.

``start`` -> ``ask`` -> ``stop``. The server ends with the process that started it, even if that one is killed.
"""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from helpers.checkpoint import check_folder
from helpers.collate import read_picture
from helpers.models import PROMPT
from helpers.settings import ROOT, short

HOST = "127.0.0.1"  # this machine only: whoever reaches the port may use the model


class ServerError(RuntimeError):
    """The server did not start; says why and what to do."""


@dataclass(frozen=True, repr=False)
class Server:
    """A running server: ``url`` for clients, ``model`` as requests name it, ``log`` of all it printed."""

    url: str
    model: str
    log: Path
    process: subprocess.Popen

    def __repr__(self):
        return f"{self.model} at {self.url}, log: {short(self.log)}"


def start(folder, settings, log=None, port=0, patience=180):
    """Serve the whole model in ``folder`` (base or merged; adapters are merged first); return when it answers.

    Args:
        settings: device and dtype are used.
        log: file for what the server prints; beside the folder unless given.
        port: 0 for a free one.
        patience: seconds it may take to load.

    Raises:
        FileNotFoundError: no whole model in the folder. ServerError: the port is taken, the server ended, or is slow.
    """
    folder = check_folder(Path(folder).resolve(), "merge the adapter first: adapters.merge")
    port = _free_port(port)
    log = Path(log or folder.with_name(folder.name + ".serve.log"))
    log.parent.mkdir(parents=True, exist_ok=True)
    options = ["--device", settings.device, "--dtype", settings.dtype, "--host", HOST, "--port", str(port)]
    command = [sys.executable, "-m", "helpers.serve", str(os.getpid()), folder.name, *options]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    quiet = {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUTF8": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder.parent,  # so that the folder's name is the model's name
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a notebook's interrupt is not for the server
        )
    server = Server(f"http://{HOST}:{port}/v1", folder.name, log, process)
    try:
        _wait(server, patience)
    except BaseException:
        stop(server)
        raise
    return server


def ask(server, picture, prompt=PROMPT, max_tokens=512):
    """What the server reads in a picture: the same request as the ``openai`` client makes, over plain HTTP.

    Raises:
        FileNotFoundError, ValueError: the picture cannot be read; names it. ConnectionError: no server, or it refused.
    """
    body = {"model": server.model, "messages": messages(picture, prompt), "temperature": 0, "max_tokens": max_tokens}
    request = urllib.request.Request(
        f"{server.url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with _open(request, 600) as reply:
            return json.load(reply)["choices"][0]["message"]["content"].strip()
    except urllib.error.HTTPError as error:
        detail = error.read().decode("utf-8", "replace")[:200]
        raise ConnectionError(f"the server refused ({error.code}): {detail} -> its log: {short(server.log)}") from error
    except urllib.error.URLError as error:
        raise ConnectionError(f"no answer from {server.url} ({error.reason}) -> serve.start again") from error


def messages(picture, prompt=PROMPT):
    """The conversation of a request: the picture inside it as a data URL, then the question.

    The picture is checked here and sent as the model learned to see pictures (RGB, see-through parts white): what a
    server makes of a transparent or broken one is its own affair.
    """
    data = io.BytesIO()
    read_picture(picture).save(data, format="PNG")
    url = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
    return [{"role": "user", "content": parts}]


def stop(server, patience=10):
    """End the server and wait for its end; once more does nothing."""
    if server.process.poll() is None:
        server.process.terminate()
        try:
            server.process.wait(patience)
        except subprocess.TimeoutExpired:
            server.process.kill()
    server.process.wait()


def _open(request, seconds):
    """No proxy: the server is on this machine, and a proxy of the environment would look for it elsewhere."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=seconds)


def _free_port(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            cure = "stop what listens there, or leave port out for a free one"
            raise ServerError(f"port {port} cannot be taken ({error.strerror}) -> {cure}") from error
        return probe.getsockname()[1]


def _wait(server, patience):
    """Return when the server answers; ServerError with its last words if it ended, or did not in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            words = [line for line in server.log.read_text("utf-8", "replace").splitlines() if line.strip()]
            last = words[-1][:200] if words else "no words"
            raise ServerError(f"the server ended at once: {last} -> all it said: {short(server.log)}")
        try:
            with _open(server.url.replace("/v1", "/health"), 2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise ServerError(f"no answer within {patience} s -> see {short(server.log)}, or give it more patience")


def main():
    """The server's process: ``python -m helpers.serve <parent's pid> <folder> <options of transformers serve>``."""
    parent, *options = sys.argv[1:]
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    from transformers.cli.transformers import app  # not its main, which asks the net for a newer version

    app(["serve", *options])


def _end_with(parent):
    """End this process when its parent is gone, however that came: an orphan gets another parent."""
    while os.getppid() == parent:
        time.sleep(0.3)
    os._exit(1)


if __name__ == "__main__":
    main()
