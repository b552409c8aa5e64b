"""helpers.hub: a hub out of reach is told within seconds, one behind a proxy is found, nothing can hang us."""

import http.server
import socket
import ssl
import threading
import time
import types
import urllib.error

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
