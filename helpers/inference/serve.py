"""An OpenAI-compatible server for one model folder: ``transformers serve`` in a process of its own.

Any client that speaks OpenAI's protocol can ask it; ``chat_messages`` makes what to ask. The server ends with the
process that started it, even if that one is killed.
"""

import base64
import io
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

from helpers import hub
from helpers.data.images import read_picture
from helpers.inference.guard import Guard
from helpers.language import message, reader_language
from helpers.models import minicpm
from helpers.models.checkpoint import check_folder
from helpers.models.inputs import PROMPT
from helpers.paths import ROOT, short

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
        return message("serve.server", model=self.model, url=self.url, log=short(self.log))


def start_server(folder, settings, log=None, port=0, patience=180):
    """Serve the whole model in ``folder`` (base or merged; adapters are merged first); return when it answers.

    Args:
        settings: device and dtype are used.
        log: file for what the server prints; beside the folder unless given.
        port: 0 for a free one.
        patience: seconds it may take to load.

    Raises:
        FileNotFoundError: no whole model in the folder. ServerError: the port is taken, the server ended, or is slow.
    """
    folder = check_folder(Path(folder).resolve(), message("serve.merge_first"))
    port = _free_port(port)
    log = Path(log or folder.with_name(folder.name + ".serve.log"))
    log.parent.mkdir(parents=True, exist_ok=True)
    options = ["--device", settings.device, "--dtype", settings.dtype, "--host", HOST, "--port", str(port)]
    child = "from helpers.inference import serve; serve.main()"
    command = [sys.executable, "-c", child, str(os.getpid()), folder.name, *options]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    quiet = {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUTF8": "1"}
    quiet["LESSON_LANGUAGE"] = reader_language()  # it runs in another folder
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
        stop_server(server)
        raise
    return server


def chat_messages(picture, prompt=PROMPT):
    """The conversation of a request: the picture inside it as a data URL, then the question.

    The picture is checked here and sent as the model learned to see pictures (RGB, see-through parts white): what a
    server makes of a transparent or broken one is its own affair.
    """
    data = io.BytesIO()
    read_picture(picture).save(data, format="PNG")
    url = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
    return [{"role": "user", "content": parts}]


def stop_server(server, patience=10):
    """End the server and wait for its end; once more does nothing."""
    if server.process.poll() is None:
        server.process.terminate()
        try:
            server.process.wait(patience)
        except subprocess.TimeoutExpired:
            server.process.kill()
    server.process.wait()


def _free_port(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError, TypeError) as error:
            raise ServerError(message("serve.port", port=port, why=getattr(error, "strerror", error))) from error
        return probe.getsockname()[1]


def _wait(server, patience):
    """Return when the server answers; ServerError with its last words if it ended, or did not in time."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would look for it elsewhere
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            words = [line for line in hub.hide(server.log.read_text("utf-8", "replace")).splitlines() if line.strip()]
            last = words[-1][:200] if words else message("serve.no_words")
            raise ServerError(message("serve.ended", last=last, log=short(server.log)))
        try:
            with direct.open(server.url.replace("/v1", "/health"), timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise ServerError(message("serve.slow", seconds=patience, log=short(server.log)))


def main():
    """The server's process, with the arguments <parent's pid> <folder> <options of transformers serve>."""
    parent, *options = sys.argv[1:]
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    minicpm.register()
    from transformers.cli.serving import server
    from transformers.cli.transformers import app  # not its main, which asks the net for a newer version

    server.build_server = guarded(server.build_server)
    app(["serve", *options])


def guarded(build_server):
    """transformers' maker of the web application; what comes in passes ``guard.Guard`` first."""

    def build(*args, **options):
        application = build_server(*args, **options)
        application.add_middleware(Guard)
        return application

    return build


def _end_with(parent):
    """End this process when its parent is gone, however that came: an orphan gets another parent."""
    while os.getppid() == parent:
        time.sleep(0.3)
    os._exit(1)
