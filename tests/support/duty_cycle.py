"""A process that runs a part of the time only: where no CPU quota can be set."""
import contextlib
import os
import signal
import threading


@contextlib.contextmanager
def duty_cycle(pid, share, period=0.1):
    """Stopped for the rest of each period."""
    is_over = threading.Event()

    def run():
        while not is_over.is_set():
            os.kill(pid, signal.SIGSTOP)
            is_over.wait(period * (1 - share))
            os.kill(pid, signal.SIGCONT)
            is_over.wait(period * share)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        os.kill(pid, signal.SIGCONT)
