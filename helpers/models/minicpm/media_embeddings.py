"""The embeddings of pictures and sounds, inserted among those of a text."""

import functools
import inspect

import torch

from helpers.language import message


def spans_by_row(bounds):
    """(first, behind the last) of each span, a list for each row; ``bounds`` None: nothing."""
    return [row.reshape(-1, 2).long().tolist() for row in bounds] if bounds is not None else []


def insert_embeddings(text, bounds, vectors):
    """A copy of ``text`` (B, L, width) with ``vectors`` (n, width) in the spans of ``bounds``, in order."""
    rows_of_spans = enumerate(spans_by_row(bounds))
    positions = [(row, at) for row, spans in rows_of_spans for first, end in spans for at in range(first, end)]
    rows, columns = torch.tensor(positions, device=text.device).unbind(1)
    return text.index_put((rows, columns), vectors.to(text))


def check_pictures(counts, bounds, queries):
    """Raise ``ValueError`` unless each row has as many spans as ``counts`` says, each of ``queries`` tokens."""
    found = spans_by_row(bounds) or [[] for _ in counts]
    for row, (count, spans) in enumerate(zip(counts, found, strict=True)):
        if count != len(spans):
            raise ValueError(message("minicpm.tiles", row=row, count=count, places=len(spans)))
        for first, end in spans:
            if end - first != queries:
                raise ValueError(message("minicpm.tokens", row=row, count=end - first, first=first, queries=queries))


def check_sounds(counts, bounds):
    """Raise ``ValueError`` unless each row's spans hold as many tokens as ``counts`` says."""
    found = spans_by_row(bounds) or [[] for _ in counts]
    for row, (count, spans) in enumerate(zip(counts, found, strict=True)):
        room = sum(end - first for first, end in spans)
        if count != room:
            raise ValueError(message("minicpm.sound_places", row=row, count=count, places=room))


def takes_data(forward):
    """Let ``forward`` take its arguments in a dict ``data`` too; those of other names in it are left alone."""
    names = set(inspect.signature(forward).parameters)

    @functools.wraps(forward)
    def merged(self, *args, data=None, **kwargs):
        return forward(self, *args, **{name: data[name] for name in data or () if name in names} | kwargs)

    return merged
