"""helpers.inference.guard: a request may bring pictures and text; nothing else gets through to the server."""

import asyncio
import base64
import io
import json

import pytest
from PIL import Image

from helpers.inference import guard

PICTURE = io.BytesIO()
Image.new("RGB", (40, 20), "white").save(PICTURE, format="PNG")
URL = "data:image/png;base64," + base64.b64encode(PICTURE.getvalue()).decode()


def request(body, path="/v1/chat/completions", host="127.0.0.1:8000", method="POST"):
    """(status, message or what the application behind the guard got) of one request."""
    sent, arrived = [], []

    async def app(scope, receive, send):
        part = await receive()
        arrived.append(part["body"])

    async def receive():
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    half = len(data) // 2
    parts = [{"body": data[:half], "more_body": True}, {"body": data[half:], "more_body": False}]
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(guard.Guard(app)(scope, receive, send))
    if arrived:
        assert arrived == [data] and not sent
        return 200, data
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]["message"]


def asking(*parts):
    return {"model": "m", "messages": [{"role": "user", "content": list(parts)}]}


def picture(url):
    return {"type": "image_url", "image_url": {"url": url}}


def test_pictures_inside_a_request_and_text_pass():
    text = {"type": "text", "text": "see http://example.org/a.png"}
    for body in (asking(picture(URL), text), {"messages": [{"role": "user", "content": "hello"}]}):
        assert request(body)[0] == 200
    assert request(b"", "/health", "localhost:1", "GET")[0] == 200


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:9/a.png", "https://example.org/a.png", "HTTP://x/a", "file:///etc/passwd", "/etc/passwd"),
        *("../secret.png", "data:text/plain;base64,aGk=", "data:image/png,abc", "ftp://x/a.png", "aGVsbG8=", ""),
    ],
)
def test_addresses_and_paths_are_refused(url):
    status, said = request(asking(picture(url)))
    assert status == 400 and "is no data URL" in said and "inference.chat_messages" in said


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video_url", "video_url": {"url": URL}},
        {"type": "audio_url", "audio_url": {"url": "http://x/a.wav"}},
        {"type": "input_image", "image_url": "http://x/a.png"},
        {"type": "image", "url": "/etc/passwd"},
        {"type": "image_url"},
        {"type": "image_url", "image_url": ["http://x"]},
        {"type": ["image_url"], "image_url": "http://x"},
        "http://x/a.png",
    ],
)
def test_other_parts_are_refused(part):
    assert request(asking(part))[0] == 400


def test_a_picture_as_a_plain_string_is_judged_too():
    assert request(asking({"type": "image_url", "image_url": "http://x/a.png"}))[0] == 400
    assert request(asking({"type": "image_url", "image_url": URL}))[0] == 200


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"[" * 100_000, {"messages": 1}, {"messages": ["x"]}, {}])
def test_what_is_no_request_is_refused(body):
    assert request(body)[0] == 400


def test_broken_pictures_and_bombs_are_refused_with_a_reason():
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, format="PNG")
    for data, said in ((bomb.getvalue(), "bomb"), (b"no picture", "not a picture"), (PICTURE.getvalue()[:60], "->")):
        status, text = request(asking(picture("data:image/png;base64," + base64.b64encode(data).decode())))
        assert status == 400 and said in text
    assert "base64" in request(asking(picture("data:image/png;base64,*")))[1]


@pytest.mark.parametrize(
    "path", ["/load_model", "/reset", "/v1/responses", "/v1/completions", "/docs", "/openapi.json"]
)
def test_other_paths_are_not_offered(path):
    assert request(asking(picture(URL)), path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "", "127.0.0.1.evil.example"])
def test_other_hosts_are_refused(host):
    assert request(asking(), host=host)[0] == 403


def test_a_request_that_is_too_large_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(guard, "LARGEST", 100)
    assert request(asking(picture(URL)))[0] == 413
