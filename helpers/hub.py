"""Models and data sets from a hub, which is first asked whether it is there: its own client would try for minutes."""

import http.client
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from helpers.language import message

SECONDS = 5.0
NOT_THE_HUB = (407, 502, 503, 504)  # what a proxy answers in its stead


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
        host = urlsplit(address).hostname or address
        raise ConnectionError(message("hub.out_of_reach", hub=settings.hub, host=host, why=why, other=other))


def download(settings, name, patterns, dataset=False):
    """The folder into which the hub's own client has put the files of a repository that match ``patterns``.

    Args:
        name: the repository on ``settings.hub``.
        dataset: whether it holds data, not a model.

    Raises:
        ConnectionError: the hub does not answer within seconds; the message says what to do.
    """
    require_hub(settings)
    if settings.hub == "modelscope":
        import modelscope

        client = modelscope.dataset_snapshot_download if dataset else modelscope.snapshot_download
        return Path(client(name, allow_patterns=patterns))
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, repo_type="dataset" if dataset else "model", allow_patterns=patterns))


def addresses():
    """Where the hubs are: ``{hub: address}``, as the environment variables of their clients say."""
    domain = os.environ.get("MODELSCOPE_DOMAIN") or "www.modelscope.cn"
    return {
        "modelscope": domain if "://" in domain else f"https://{domain}",
        "huggingface": os.environ.get("HF_ENDPOINT") or "https://huggingface.co",
    }


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
    try:
        opener = urllib.request.build_opener()  # urlopen would remember the proxy of its first call
        with opener.open(urllib.request.Request(address, method="HEAD"), timeout=seconds):
            answers[name] = ""
    except urllib.error.HTTPError as error:
        answers[name] = str(error) if error.code in NOT_THE_HUB else ""
    except urllib.error.URLError as error:
        trusted = not isinstance(error.reason, ssl.SSLCertVerificationError)
        answers[name] = message("hub.not_reached", reason=error.reason) if trusted else ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        answers[name] = message("hub.not_reached", reason=error)
