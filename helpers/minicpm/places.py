"""Pictures and sounds into their places among the embeddings of a text."""

import functools
import inspect

import torch


def spans(bounds):
    """(first, behind the last) of each place, a list for each row; ``bounds`` None: nothing."""
    return [row.reshape(-1, 2).long().tolist() for row in bounds] if bounds is not None else []


def put(text, bounds, vectors):
    """``text`` (B, L, width) with ``vectors`` (n, width) in the places of ``bounds``, in order; out of place."""
    places = [(row, at) for row, found in enumerate(spans(bounds)) for first, end in found for at in range(first, end)]
    rows, columns = torch.tensor(places, device=text.device).unbind(1)
    return text.index_put((rows, columns), vectors.to(text))


def check_pictures(counts, bounds, queries):
    """Raise ``ValueError`` unless each row has as many places as ``counts`` says, each of ``queries`` tokens."""
    found = spans(bounds) or [[] for _ in counts]
    for row, (count, places) in enumerate(zip(counts, found, strict=True)):
        if count != len(places):
            raise ValueError(f"row {row}: {count} pictures or tiles for {len(places)} places in the text")
        for first, end in places:
            if end - first != queries:
                raise ValueError(f"row {row}: {end - first} tokens at {first} for a picture's {queries} embeddings")


def check_sounds(counts, bounds):
    """Raise ``ValueError`` unless each row's places hold as many tokens as ``counts`` says."""
    found = spans(bounds) or [[] for _ in counts]
    for row, (count, places) in enumerate(zip(counts, found, strict=True)):
        room = sum(end - first for first, end in places)
        if count != room:
            raise ValueError(f"row {row}: the sounds give {count} embeddings for {room} places in the text")


def takes_data(forward):
    """Let ``forward`` take its arguments in a dict ``data`` too; those of other names in it are left alone."""
    names = set(inspect.signature(forward).parameters)

    @functools.wraps(forward)
    def merged(self, *args, data=None, **kwargs):
        return forward(self, *args, **{name: data[name] for name in data or () if name in names} | kwargs)

    return merged
