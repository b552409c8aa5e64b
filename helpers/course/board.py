"""What a tour shows while several lessons run: a live line for each in a terminal, elsewhere a line as each begins and
ends and one a minute that says where all of them are."""

import sys
import threading
import time

MINUTE = 60


class Board:
    """Lines for lessons that run at the same time: a context, whose methods any thread may call."""

    def __init__(self, count: int):
        self.waiting, self.running, self.drawn = count, {}, 0
        self.live, self.due = sys.stdout.isatty(), time.monotonic() + MINUTE
        self.lock, self.over = threading.Lock(), threading.Event()

    def __enter__(self):
        self.ticking = threading.Thread(target=self._tick, daemon=True)
        self.ticking.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.ticking.join()
        self._draw([])

    def begin(self, name: str) -> None:
        """A lesson begins."""
        with self.lock:
            self.waiting -= 1
            self.running[name] = [0, 0, time.monotonic()]
            if not self.live:
                print(f"{name}  begins", flush=True)

    def advance(self, name: str, cell: int, count: int) -> None:
        """A lesson comes to its code cell ``cell`` of ``count``."""
        with self.lock:
            self.running[name][:2] = cell, count

    def end(self, name: str, line: str) -> None:
        """A lesson is over; ``line`` stays on the screen."""
        with self.lock:
            self.running.pop(name, None)
            self._draw([line])

    def _tick(self):
        while not self.over.wait(1):
            with self.lock:
                if self.live:
                    self._draw([])
                elif time.monotonic() >= self.due:
                    print("  ".join(f"{line};" for line in self._lines()), flush=True)
                    self.due = time.monotonic() + MINUTE

    def _lines(self):
        now = time.monotonic()
        lines = [
            f"{name}  cell {cell} of {count}  {now - start:.0f} s"
            for name, (cell, count, start) in self.running.items()
        ]
        return [*lines, f"{self.waiting} waiting"] if self.waiting else lines

    def _draw(self, finished):
        """Print ``finished`` for good, and below it, in a terminal, the lines of what runs."""
        lines = self._lines() if self.live and not self.over.is_set() else []
        if self.live:
            print(f"\033[{self.drawn}F\033[J" if self.drawn else "\r\033[J", end="")
        for line in [*finished, *lines]:
            print(line)
        sys.stdout.flush()
        self.drawn = len(lines)
