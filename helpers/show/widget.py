"""Your own picture in a notebook: upload or paste it, and see what the model reads.

Without ipywidgets, or outside a notebook, ``recognise`` does the same as a plain call.
"""

import base64
import contextlib
import tempfile
from html import escape
from importlib.util import find_spec
from pathlib import Path

from helpers import jupyter
from helpers.data.images import MAX_BYTES, read_picture
from helpers.data.samples import Sample
from helpers.inference.predict import predict
from helpers.jupyter import in_notebook
from helpers.language import message
from helpers.models.inputs import PROMPT
from helpers.show import html
from helpers.show.kinds import kind_of

BASE = "base"
PASTE = """
<script>
for (const box of document.querySelectorAll(".ocr-paste textarea")) {
  if (box.dataset.ready) continue;
  box.dataset.ready = "1";
  box.addEventListener("paste", event => {
    const item = [...event.clipboardData.items].find(item => item.type.startsWith("image/"));
    if (!item) return;
    event.preventDefault();
    const reader = new FileReader();
    reader.onload = () => {
      box.value = reader.result;
      for (const name of ["input", "change"]) box.dispatchEvent(new Event(name, {bubbles: true}));
    };
    reader.readAsDataURL(item.getAsFile());
  });
}
</script>"""


def reader(model, processor, settings, prompt=PROMPT):
    """Show upload button, box to paste into, a choice of base and adapters, and below them what was read.

    Args:
        model: from ``models.load``; with adapters, the choice has the base without them, too.

    Returns:
        the widget (also displayed), or None where there are no widgets; then it says what to call instead.
    """
    if not in_notebook() or find_spec("ipywidgets") is None:
        print(message("widget.none"))
        return None
    import ipywidgets as w
    from IPython.display import HTML, display

    upload = w.FileUpload(accept="image/*", multiple=False, description=message("word.picture"))
    paste = w.Textarea(
        placeholder=message("widget.hint"), continuous_update=False, rows=2, layout=w.Layout(width="30em")
    )
    paste.add_class("ocr-paste")
    known = {BASE: message("widget.base"), "default": message("widget.adapter")}
    names = [(known.get(name, name), name) for name in adapters_of(model)]
    choice = w.ToggleButtons(options=names[::-1], description=message("widget.model"))
    page = w.HTML()
    last = {}

    def answered(source):
        last["source"] = source
        page.value = message("widget.reading")
        page.value = answer(source, model, processor, settings, choice.value, prompt)[0]

    def uploaded(change):
        files = list(change.new.values()) if isinstance(change.new, dict) else change.new  # ipywidgets 7, 8
        if files:
            answered(bytes(files[0]["content"]))
            upload.value = type(upload.value)()  # so that the same file can be taken again

    def pasted(change):
        if change.new.strip():
            answered(change.new)
            paste.value = ""

    upload.observe(uploaded, "value")
    paste.observe(pasted, "value")
    choice.observe(lambda change: answered(last["source"]) if last else None, "value")
    box = w.VBox([w.HBox([upload, paste]), choice, page])
    display(box)
    display(HTML(PASTE))
    return box


def adapters_of(model):
    """What can be chosen: the base, and each adapter on it by its name."""
    return [BASE, *getattr(model, "peft_config", {})]


def recognise(source, model, processor, settings, adapter=None, prompt=PROMPT):
    """Read one picture and show it with the answer: the plain call behind the widget; arguments as ``read``.

    What cannot be read is answered by a sentence, not by an error.
    """
    page, plain = answer(source, model, processor, settings, adapter, prompt)
    jupyter.display({"text/html": page, "text/plain": plain})


def answer(*arguments):
    """(HTML: the picture, the answer drawn and as text; plain text), or a sentence that says why there is none.

    Arguments as ``read``.
    """
    try:
        picture, text = read(*arguments)
    except (ValueError, OSError) as error:
        return f"<p>✗ <code>{escape(str(error))}</code></p>", f"✗ {error}"
    drawn = html.drawing(text, kind_of(text)) or f"<i>{message('show.not_drawn')}</i>"
    return f"<div>{picture}</div>{drawn}{html.code_box(escape(text))}", text


def read(source, model, processor, settings, adapter=None, prompt=PROMPT):
    """(the picture as <img>, what the model reads in it).

    Args:
        source: bytes of a picture file, its path, or a data URL.
        adapter: one of ``adapters_of(model)``; None: as the model is.

    Raises:
        ValueError, OSError: no picture, a broken or too large one, an unknown adapter; a sentence fit to be shown.
    """
    data = picture_bytes(source)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(data)
        read_picture(path)
        with _using(model, adapter):
            text = predict(model, processor, [Sample(path, "")], settings, prompt)[0]
        return html.picture_tag(path, 320), text


def picture_bytes(source):
    """The bytes of a picture file from bytes, a data URL or a path; ValueError where there cannot be any."""
    if isinstance(source, bytes):
        data = source
    elif str(source).lstrip().startswith("data:"):
        data = _decoded(str(source).strip())
    else:
        path = Path(str(source).strip().strip("\"'"))
        if len(str(path)) > 1000 or "\n" in str(path) or not path.is_file():
            raise ValueError(message("widget.no_file", file=str(path)[:60]))
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(path.stat().st_size)
        data = path.read_bytes()
    if not data:
        raise ValueError(message("widget.empty"))
    if len(data) > MAX_BYTES:
        raise _too_large(len(data))
    return data


def _too_large(size):
    return ValueError(message("widget.too_large", size=f"{size:,}", limit=f"{MAX_BYTES:,}"))


def _decoded(url):
    head, _, body = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise ValueError(message("widget.no_picture", head=head[:40]))
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:  # binascii.Error is one
        raise ValueError(message("widget.damaged", why=error)) from error


@contextlib.contextmanager
def _using(model, adapter):
    """``model`` with one of its adapters, or with none; afterwards as before."""
    if adapter is None:
        yield
        return
    if adapter not in adapters_of(model):
        raise ValueError(message("widget.no_adapter", name=adapter, known=", ".join(adapters_of(model))))
    if adapter == BASE:
        with model.disable_adapter() if hasattr(model, "disable_adapter") else contextlib.nullcontext():
            yield
        return
    before = model.active_adapter
    model.set_adapter(adapter)
    try:
        yield
    finally:
        model.set_adapter(before)
