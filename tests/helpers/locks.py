"""A lock that another writer holds: a thread of its own, which is no part of the test's own work."""

import contextlib
import threading

from memometer.locking import one_writer


@contextlib.contextmanager
def held(target, *, file=False):
    """Within it someone else writes ``target``."""
    taken, done = threading.Event(), threading.Event()

    def hold():
        with one_writer(target, file=file):
            taken.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(10)
    try:
        yield
    finally:
        done.set()
        thread.join()
