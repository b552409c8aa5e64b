"""CUDA graphs: the kernels of a piece of work are recorded once, and from then on a single call starts them all."""

import gc


def run_aside(work):
    """What ``work()`` returns, run on a stream of its own before a graph is made of it: what is compiled then, and what
    libraries take for themselves, stays outside of the graph."""
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        found = work()
    torch.cuda.current_stream().wait_stream(aside)
    return found


def record(work, pool):
    """(graph, what ``work()`` returns in it); nothing is computed before ``graph.replay()``.

    Args:
        pool: of an earlier graph, whose memory this one takes too, for they do not run at once; None for the first.
    """
    import torch

    graph = torch.cuda.CUDAGraph()
    gc.collect()
    gc.disable()  # what is freed during a capture can spoil it
    try:
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            found = work()
    finally:
        gc.enable()
    return graph, found


def recover():
    """After a capture that failed: its memory is free again, and random numbers, which it leaves unusable, work."""
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        numbers = torch.cuda.default_generators[torch.cuda.current_device()]
        numbers.graphsafe_set_state(numbers.clone_state())
        torch.cuda.empty_cache()


def reason(error):
    """What went wrong, in one line; the end of a capture itself only says that something failed before."""
    first = error.__context__ or error
    return (str(first).splitlines() or [type(first).__name__])[0][:200]
