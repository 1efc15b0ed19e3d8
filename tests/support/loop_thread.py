"""An asyncio loop in a thread of its own, for what runs beside a test: clients, proxies, peers."""
import asyncio
import threading


class LoopThread:
    """`call(coroutine)` runs it there and waits for its result; `start(coroutine)` does not wait."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, coroutine, within=10.0):
        return self.start(coroutine).result(within)

    def do(self, function, *arguments):
        """A plain function, in the loop's thread."""
        async def run():
            return function(*arguments)
        return self.call(run())

    def close(self):
        async def cancel_all():
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.call(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()
