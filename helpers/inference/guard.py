"""What a request may ask of our server: answers about pictures that it carries itself.

``transformers serve`` fetches whatever address a request names as its picture, opens files of this machine by their
path, and loads other models. All of that is refused before it sees the request.
"""

import base64
import binascii
import json

from helpers.data.images import MAX_BYTES, PictureError, open_picture
from helpers.language import message

PATHS = ("/health", "/v1/models", "/v1/chat/completions")
HOSTS = ("127.0.0.1", "localhost")  # any other name was made to lead here by someone: DNS rebinding
LARGEST = 4 * MAX_BYTES  # bytes of a request: some pictures in base64


class RefusedError(ValueError):
    """A request that is not passed on: HTTP status and a sentence."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Guard:
    """ASGI middleware: passes good requests on to ``app`` and answers the others itself."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """One request, by the rules of ASGI."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _check_head(scope)
            body = await _read(receive)
            if scope["method"] == "POST":
                _check_body(body)
        except RefusedError as error:
            return await _answer(send, error)
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def again():
            return parts.pop() if parts else await receive()

        return await self.app(scope, again, send)


def _check_head(scope):
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    if host.rsplit(":", 1)[0] not in HOSTS:
        raise RefusedError(403, message("guard.host", host=host[:60], known=", ".join(HOSTS)))
    if scope["path"] not in PATHS:
        raise RefusedError(404, message("guard.path", path=scope["path"][:60], known=", ".join(PATHS)))


async def _read(receive):
    """The whole body of a request, unless it is too large."""
    body, more = bytearray(), True
    while more:
        part = await receive()
        body += part.get("body", b"")
        more = part.get("more_body", False)
        if len(body) > LARGEST:
            raise RefusedError(413, message("guard.large", limit=f"{LARGEST:,}"))
    return bytes(body)


async def _answer(send, error):
    data = json.dumps({"error": {"message": str(error), "type": "invalid_request_error"}}).encode()
    kind = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": kind})
    await send({"type": "http.response.body", "body": data})


def _check_body(body):
    """Raise RefusedError if the body is no JSON object, or has an address in it that is no data URL of a picture."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, message("guard.no_json")) from error
    if not isinstance(request, dict):
        raise RefusedError(400, message("guard.no_json"))
    for address in _addresses(request.get("messages")):
        _check_picture(address)


def _addresses(messages):
    """All that the parts of messages name beside text: each must be a picture inside the request."""
    if not isinstance(messages, list) or not all(isinstance(turn, dict) for turn in messages):
        raise RefusedError(400, message("guard.no_messages"))
    for turn in messages:
        content = turn.get("content")
        for part in content if isinstance(content, list) else []:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind == "text":
                continue
            named = part.get("image_url") if kind == "image_url" else None
            address = named.get("url") if isinstance(named, dict) else named
            if not isinstance(address, str):
                raise RefusedError(400, message("guard.part", kind=str(kind)[:40]))
            yield address


def _check_picture(address):
    head, _, body = address.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise RefusedError(400, message("guard.address", address=address[:60]))
    try:
        open_picture(base64.b64decode(body, validate=True))
    except binascii.Error as error:
        raise RefusedError(400, message("guard.base64")) from error
    except PictureError as error:
        raise RefusedError(400, message("guard.picture", reason=error.reason, cure=error.cure)) from error
