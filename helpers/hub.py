"""Models and data sets from a hub, which is first asked whether it is there: its own client would try for minutes."""

import errno
import http.client
import json
import os
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from helpers.language import message

SECONDS = 5.0
SILENT = 30.0  # seconds that a hub's client waits for the next word of an answer
NOT_THE_HUB = (407, 502, 503, 504)  # what a proxy answers in its stead
SECRET = re.compile(r"(TOKEN|KEY|SECRET|PASSWORD)$")  # how the names of variables end that nobody else may see
IN_ADDRESS = re.compile(r"(?:(?<=//)|^)[^/\s]*@")  # user:password@ of an address
FULL = (errno.ENOSPC, errno.EDQUOT)


def require_hub(settings):
    """Raise ConnectionError within seconds, with advice, when the hub of ``settings`` cannot be reached.

    A local hub is not asked, nor is Hugging Face with HF_HUB_OFFLINE: its client then looks only into its cache.
    """
    if settings.hub == "local" or (settings.hub == "huggingface" and offline()):
        return
    address = addresses()[settings.hub]
    why = ask({settings.hub: address})[settings.hub]
    if why:
        other = "huggingface" if settings.hub == "modelscope" else "modelscope"
        host = host_of(address)
        raise ConnectionError(message("hub.out_of_reach", hub=settings.hub, host=host, why=why, other=other))


def download(settings, name, patterns, dataset=False):
    """The folder into which the hub's own client has put the files of a repository that match ``patterns``.

    Args:
        name: the repository on ``settings.hub``.
        dataset: whether it holds data, not a model.

    Raises:
        ConnectionError: the hub does not answer within seconds, refuses, or breaks off; the message says what to do.
        OSError: the disk is full.
    """
    require_hub(settings)
    with _failures_named(settings.hub, name):
        if settings.hub == "modelscope":
            import modelscope

            client = modelscope.dataset_snapshot_download if dataset else modelscope.snapshot_download
            return Path(client(name, allow_patterns=patterns))
        from huggingface_hub import get_session, snapshot_download

        _bound(get_session())
        return Path(snapshot_download(name, repo_type="dataset" if dataset else "model", allow_patterns=patterns))


def _bound(session):
    """Let requests of Hugging Face's client end after ``SILENT`` seconds without a word: some would wait for ever."""
    hooks = session.event_hooks
    if _end_in_time not in hooks["request"]:
        session.event_hooks = hooks | {"request": [*hooks["request"], _end_in_time]}


def _end_in_time(request):
    limits = request.extensions["timeout"]
    request.extensions["timeout"] = {phase: seconds or SILENT for phase, seconds in limits.items()}


@contextmanager
def _failures_named(hub, name):
    """Errors of a hub's client as one line: which hub and repository, why, and what to do next."""
    import httpx
    from modelscope_hub.errors import HubError

    try:
        yield
    except (OSError, ValueError, httpx.HTTPError, HubError) as error:
        facts, errors = {"hub": hub, "name": name}, list(_chain(error))
        if any(getattr(cause, "errno", None) in FULL for cause in errors):
            raise OSError(errno.ENOSPC, message("hub.no_space", **facts)) from None
        code = next(filter(None, map(_status, errors)), None)
        cure = {401: "hub.login", 403: "hub.login", 404: "hub.no_repository"}.get(code, "hub.again")
        raise ConnectionError(
            message("hub.failed", **facts, why=_why(code, errors), cure=message(cure, hub=hub))
        ) from None


def _chain(error):
    """An error, and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error):
    """The HTTP status that an error of a hub's client tells of, or None."""
    code = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "status_code", None)
    return code if isinstance(code, int) else None


def _why(code, errors):
    """In a few words why a download failed; an address may hold a password."""
    import httpx

    if code:
        return f"{code} {http.client.responses.get(code, '')}".strip()
    if any(isinstance(error, httpx.TimeoutException) for error in errors):
        return message("hub.no_answer", seconds=f"{SILENT:g}")
    if any(isinstance(error, json.JSONDecodeError) for error in errors):
        return message("hub.no_answer_of_a_hub")
    return hide(" ".join(str(errors[0]).split()))[:200] or type(errors[0]).__name__


def hide(text):
    """``text`` without the tokens and passwords that the environment holds, nor those in an address: they are ***."""
    values = [value for name, value in os.environ.items() if SECRET.search(name.upper())]
    addresses = [part[:-1] for value in os.environ.values() for part in IN_ADDRESS.findall(value)]
    values += [password for part in addresses for password in (part, part.partition(":")[2])]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***") if len(value) >= 6 else text
    return IN_ADDRESS.sub("***@", text)


def hide_in(path):
    """Take tokens and passwords out of a text file, such as the log of another program."""
    text = path.read_bytes()
    clean = hide(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if clean != text:
        path.write_bytes(clean)


def addresses():
    """Where the hubs are: ``{hub: address}``, as the environment variables of their clients say."""
    domain = os.environ.get("MODELSCOPE_DOMAIN") or "www.modelscope.cn"
    return {
        "modelscope": domain if "://" in domain else f"https://{domain}",
        "huggingface": os.environ.get("HF_ENDPOINT") or "https://huggingface.co",
    }


def host_of(address):
    """The machine that an address names, as it may be printed; the address itself where it names none."""
    try:
        return urlsplit(address).hostname or hide(address)
    except ValueError:
        return hide(address)


def offline():
    """True if HF_HUB_OFFLINE forbids asking."""
    return os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE")


def ask(wanted, seconds=SECONDS):
    """Ask addresses for a sign of life, all at the same time, through the proxy that HTTP(S)_PROXY names.

    Args:
        wanted: ``{name: address}``.
        seconds: how long to wait at most, even for a silent name server.

    Returns:
        ``{name: why}``: "" for an address that answers, else why not, in a few words.
    """
    answers = {}
    asking = [
        threading.Thread(target=_ask, args=(address, seconds, name, answers), daemon=True)
        for name, address in wanted.items()
    ]
    for thread in asking:
        thread.start()
    end = time.monotonic() + seconds
    for thread in asking:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: answers.get(name, message("hub.no_answer", seconds=f"{seconds:g}")) for name in wanted}


def _ask(address, seconds, name, answers):
    """Put "" or the reason why not into answers[name]. A refusal such as 403 is an answer.

    So is a certificate that only the system does not trust: the hubs' clients bring their own.
    """
    address = IN_ADDRESS.sub("", address)  # urllib takes a password there for a port
    try:
        opener = urllib.request.build_opener()  # urlopen would remember the proxy of its first call
        with opener.open(urllib.request.Request(address, method="HEAD"), timeout=seconds):
            answers[name] = ""
    except urllib.error.HTTPError as error:
        answers[name] = str(error) if error.code in NOT_THE_HUB else ""
    except urllib.error.URLError as error:
        trusted = not isinstance(error.reason, ssl.SSLCertVerificationError)
        answers[name] = message("hub.not_reached", reason=hide(str(error.reason))) if trusted else ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        answers[name] = message("hub.not_reached", reason=hide(str(error)))
