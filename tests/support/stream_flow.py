"""Streams that begin all the time, as users come, until told to stop."""
import threading


class StreamFlow:
    """Opens `count` streams each `every` seconds, at the edges that urls() names then; what is in
    `more` as in TokenStreams.open. A context manager."""

    def __init__(self, streams, urls, count, tokens, every=0.5, **more):
        self.streams, self.urls, self.count, self.tokens, self.every = streams, urls, count, tokens, every
        self.more = more
        self.all, self.is_over = [], threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def _run(self):
        while not self.is_over.is_set():
            self.all += self.streams.open(self.urls(), self.count, self.tokens, **self.more)
            self.is_over.wait(self.every)
