"""helpers.hub: a hub out of reach is told within seconds, one behind a proxy is found, nothing can hang us."""

import errno
import http.server
import json
import socket
import ssl
import threading
import time
import traceback
import types
import urllib.error
from importlib import import_module

import pytest

from helpers import hub
from helpers.models.load import load, load_processor
from helpers.settings import Settings

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """No proxy, no offline mode, no other endpoint."""
    for name in (*PROXIES, *map(str.upper, PROXIES), "HF_HUB_OFFLINE", "HF_ENDPOINT", "MODELSCOPE_DOMAIN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    """A server on this machine: ``server.code`` is what it answers, ``server.asked`` what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            running.asked.append(self.path)
            self.send_response(running.code)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.code, running.asked = 200, []
    running.address = f"http://127.0.0.1:{running.server_port}"
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


CLIENTS = {
    "modelscope": {False: ("modelscope.snapshot_download", {}), True: ("modelscope.dataset_snapshot_download", {})},
    "huggingface": {
        False: ("huggingface_hub.snapshot_download", {"repo_type": "model"}),
        True: ("huggingface_hub.snapshot_download", {"repo_type": "dataset"}),
    },
}


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("dataset", [False, True])
def test_download_asks_first_and_then_the_client_of_the_hub(monkeypatch, tmp_path, name, dataset):
    calls, (client, options) = [], CLIENTS[name][dataset]
    monkeypatch.setattr(hub, "require_hub", lambda settings: calls.append(settings.hub))
    monkeypatch.setattr(client, lambda *names, **given: calls.append((*names, given)) or str(tmp_path))
    assert hub.download(at(name), "owner/name", ["*.json"], dataset) == tmp_path
    assert calls == [name, ("owner/name", {"allow_patterns": ["*.json"]} | options)]


def test_download_from_a_hub_out_of_reach_is_refused_before_its_client_tries(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: pytest.fail("would retry for minutes"))
    with pytest.raises(ConnectionError, match="cannot be reached"):
        hub.download(at("huggingface"), "owner/name", ["*"], dataset=True)


def at(name):
    return types.SimpleNamespace(hub=name)


def test_unreachable_hub_says_at_once_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(ConnectionError) as caught:
        hub.require_hub(at("huggingface"))
    assert time.monotonic() - start < 5
    for part in ("huggingface (127.0.0.1)", "refused", "hub='modelscope'", "HF_ENDPOINT", "models_dir", "tiny()"):
        assert part in str(caught.value)


@pytest.mark.parametrize("load", [load, load_processor])
def test_loading_real_weights_asks_first(monkeypatch, load):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: pytest.fail("would retry for minutes"))
    with pytest.raises(ConnectionError, match="cannot be reached"):
        load("qwen2_vl", Settings.real(hub="huggingface", device="cpu"))


@pytest.mark.parametrize("code", [200, 401, 403, 404, 405, 429, 501])
def test_hub_that_answers_anything_is_there(monkeypatch, server, code):
    server.code = code
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    hub.require_hub(at("huggingface"))
    assert server.asked == ["/"] or server.asked == [""]


def test_modelscope_is_asked_where_its_own_variable_says(monkeypatch, server):
    monkeypatch.setenv("MODELSCOPE_DOMAIN", server.address)
    hub.require_hub(at("modelscope"))
    assert server.asked
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "127.0.0.1:9")  # no scheme, as its documentation has it
    assert hub.addresses()["modelscope"] == "https://127.0.0.1:9"
    with pytest.raises(ConnectionError, match="modelscope .*hub='huggingface'"):
        hub.require_hub(at("modelscope"))


def test_local_hub_is_never_asked(monkeypatch):
    monkeypatch.setattr(hub, "ask", lambda *arguments: pytest.fail("asked"))
    hub.require_hub(at("local"))


def test_offline_leaves_the_answer_to_the_cache(monkeypatch):
    monkeypatch.setattr(hub, "ask", lambda *arguments: pytest.fail("asked"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.require_hub(at("huggingface"))


def test_proxy_is_asked_and_not_the_hub(monkeypatch, server):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")  # a name that only the proxy could know
    monkeypatch.setenv("http_proxy", server.address)
    hub.require_hub(at("huggingface"))
    assert server.asked[0].rstrip("/") == "http://hub.invalid"


@pytest.mark.parametrize("code", [407, 502, 503, 504])
def test_proxy_that_cannot_reach_the_hub_is_no_hub(monkeypatch, server, code):
    server.code = code
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("http_proxy", server.address)
    with pytest.raises(ConnectionError, match=str(code)):
        hub.require_hub(at("huggingface"))


def test_silent_name_server_costs_only_the_time_given(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [] if release.wait(20) else [])
    start = time.monotonic()
    answers = hub.ask({"a": "http://hub.invalid", "b": "http://other.invalid"}, seconds=0.3)
    release.set()
    assert time.monotonic() - start < 5 and set(answers.values()) == {"no answer in 0.3 s"}


def test_silent_hub_costs_only_the_time_given():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        answer = hub.ask({"hub": f"http://127.0.0.1:{silent.getsockname()[1]}"}, seconds=0.3)["hub"]
    assert answer and time.monotonic() - start < 5


@pytest.mark.parametrize("address", ["not an address", "mirror.example", "https://mirror example", "http://[", ""])
def test_wrong_address_is_a_reason_and_no_traceback(address):
    assert hub.ask({"hub": address}, seconds=3)["hub"].startswith("not reached")


def test_certificate_that_only_the_system_does_not_trust_is_an_answer(monkeypatch):
    def refuse(*arguments, **options):
        raise urllib.error.URLError(ssl.SSLCertVerificationError("self-signed certificate in certificate chain"))

    monkeypatch.setattr("urllib.request.OpenerDirector.open", refuse)
    hub.require_hub(at("huggingface"))


def test_password_of_an_endpoint_is_not_shown(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://me:hidden@127.0.0.1:9")
    with pytest.raises(ConnectionError) as caught:
        hub.require_hub(at("huggingface"))
    assert "hidden" not in str(caught.value)


# --- a hub that is there, and fails ---------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch, tmp_path):
    """A Hugging Face of two files on this machine; ``failing.mode`` is how it fails, an HTTP status among them."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            if self.path in ("", "/"):
                self.answer(200, b"")
            elif running.mode == "silent":
                running.release.wait(20)
            elif isinstance(running.mode, int):
                self.answer(running.mode, b"{}")
            elif running.mode == "page":
                self.answer(200, b"<html>please log in</html>")
            elif self.path.startswith("/api/"):
                names = ["config.json", *(["../../out.json"] if running.mode == "outside" else [])]
                rows = [{"type": "file", "path": name, "size": 3, "oid": "0" * 40} for name in names]
                facts = {"id": "owner/name", "sha": "a" * 40, "siblings": [{"rfilename": name} for name in names]}
                self.answer(200, json.dumps(rows if "/tree/" in self.path else facts).encode())
            else:
                self.answer(200, b"x" * 2000, sent=100 if running.mode == "torn" and self.command == "GET" else 2000)

        def answer(self, code, data, sent=None):
            self.send_response(code)
            for name, value in (("Content-Length", len(data)), ("X-Repo-Commit", "a" * 40), ("ETag", '"tag"')):
                self.send_header(name, str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data[:sent])
                self.close_connection = sent not in (None, len(data))

        def log_message(self, *arguments):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.mode, running.release = None, threading.Event()
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://me:hidden-password@127.0.0.1:{running.server_port}")
    for module in ("huggingface_hub.constants", "huggingface_hub.file_download", "huggingface_hub._snapshot_download"):
        import_module(module)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    yield running
    running.release.set()
    running.shutdown()
    running.server_close()


def fetch(monkeypatch, running):
    """What ``hub.download`` brings from there; its client has read HF_ENDPOINT when it was imported."""
    client = import_module("huggingface_hub._snapshot_download").snapshot_download
    address = f"http://127.0.0.1:{running.server_port}"
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda *names, **given: client(*names, endpoint=address, **given)
    )
    return hub.download(at("huggingface"), "owner/name", ["*.json"])


def test_a_hub_that_does_not_fail_brings_its_files(failing, monkeypatch):
    assert [path.name for path in fetch(monkeypatch, failing).iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("mode", "why", "cure"),
    [
        (401, "401 Unauthorized", "HF_TOKEN"),
        (403, "403 Forbidden", "HF_TOKEN"),
        (404, "404 Not Found", "check the name"),
        (429, "429 Too Many Requests", "run this cell again"),
        (500, "500 Internal Server Error", "run this cell again"),
        ("page", "no hub, but perhaps the page of a proxy or a login", "other hub"),
        ("torn", "peer closed connection", "run this cell again"),
        ("outside", "'..'", "other hub"),
        ("silent", "no answer in 0.2 s", "run this cell again"),
    ],
)
def test_a_failed_download_is_one_line(failing, monkeypatch, tmp_path, mode, why, cure):
    failing.mode = mode
    monkeypatch.setattr(hub, "SILENT", 0.2)
    with pytest.raises(ConnectionError) as caught:
        fetch(monkeypatch, failing)
    said = str(caught.value)
    assert said.startswith("huggingface: owner/name cannot be downloaded: ") and why in said and cure in said
    assert "\n" not in said and "hidden" not in "".join(traceback.format_exception(caught.value))
    whole = list(tmp_path.rglob("snapshots/*/config.json"))  # of two files only one has a name that is taken
    assert bool(whole) == (mode == "outside") and not list(tmp_path.rglob("out.json"))


def test_a_torn_download_goes_on_and_is_whole(failing, monkeypatch):
    failing.mode = "torn"
    with pytest.raises(ConnectionError):
        fetch(monkeypatch, failing)
    failing.mode = None
    assert (fetch(monkeypatch, failing) / "config.json").stat().st_size == 2000


@pytest.mark.parametrize("name", ["modelscope", "huggingface"])
def test_a_full_disk_is_called_so(monkeypatch, name):
    def full(*names, **options):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ValueError("broke off") from error

    monkeypatch.setattr(hub, "require_hub", lambda settings: None)
    monkeypatch.setattr(CLIENTS[name][False][0], full)
    with pytest.raises(OSError, match=f"{name}: no space left on the disk for owner/name .*HF_HOME") as caught:
        hub.download(at(name), "owner/name", ["*"])
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("error", ["NotExistError", "ServerError", "FileIntegrityError", "PermissionDeniedError"])
def test_modelscopes_own_errors_are_one_line(monkeypatch, error):
    from modelscope_hub import errors

    def fail(*names, **options):
        raise getattr(errors, error)("a sentence\nor two")

    monkeypatch.setattr(hub, "require_hub", lambda settings: None)
    monkeypatch.setattr("modelscope.snapshot_download", fail)
    with pytest.raises(ConnectionError, match="modelscope: owner/name cannot be downloaded: .* -> "):
        hub.download(at("modelscope"), "owner/name", ["*"])


# --- secrets ----------------------------------------------------------------------------------------


def test_tokens_and_passwords_are_hidden(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "SWANLAB_API_KEY", "MODELSCOPE_API_TOKEN", "WANDB_API_KEY"):
        monkeypatch.setenv(name, f"planted-{name}")
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:planted-word@proxy:8080")
    text = "planted-HF_TOKEN planted-SWANLAB_API_KEY planted-word http://who:else@host/a?b=planted-WANDB_API_KEY é"
    assert hub.hide(text) == "*** *** *** http://***@host/a?b=*** é"
    log = tmp_path / "log"
    log.write_bytes(text.encode() + b"\xff\r\n")
    hub.hide_in(log)
    assert b"planted" not in log.read_bytes() and log.read_bytes().endswith(b"\xff\r\n")


@pytest.mark.parametrize("address", ["http://me:hidden@hub.invalid", "me:hidden@hub.invalid", "http://me:hid@den@[::1"])
def test_password_of_any_endpoint_is_not_shown(monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(ConnectionError) as caught:
        hub.require_hub(at("huggingface"))
    assert "hid" not in "".join(traceback.format_exception(caught.value))
