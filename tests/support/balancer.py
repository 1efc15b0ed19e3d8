"""What a load balancer does for clients: asks edges whether they are ready, and leaves out those that are not."""
import asyncio
import contextlib

from async_http import ask
from probes import Probes

EVERY = 0.1


class Balancer:
    """A context manager; `urls()` are the edges to use now, all of them when none is ready."""

    def __init__(self, loop, urls):
        self.loop, self.all, self.ready = loop, list(urls), list(urls)

    def urls(self):
        return self.ready or self.all

    def __enter__(self):
        self.runner = self.loop.start(self._run())
        return self

    def __exit__(self, *_):
        self.runner.cancel()

    async def _run(self):
        while True:
            self.ready = [url for url in self.all if await self._is_ready(url)]
            await asyncio.sleep(EVERY)

    @staticmethod
    async def _is_ready(url):
        with contextlib.suppress(OSError, EOFError, ValueError, IndexError):
            answer = await asyncio.wait_for(ask(url, "GET", "/ready"), 2)
            answer.close()
            return answer.status == 200
        return False


class BalancedProbes(Probes):
    """Probes that go to the edges in use. One that refuses the connection is passed over, as nothing was said."""

    def __init__(self, loop, balancer, key, **more):
        super().__init__(loop, balancer.all, key, **more)
        self.balancer = balancer

    async def _exchange(self, probe, url):
        usable = self.balancer.urls()
        first = url if url in usable else usable[0]
        try:
            return await super()._exchange(probe, first)
        except ConnectionRefusedError:
            other = next(each for each in self.balancer.all if each != first)
            return await super()._exchange(probe, other)
