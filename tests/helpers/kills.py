"""Kills at a chosen file operation: openings for writing, renames, removals, folders made, and fsyncs."""

import os
import sys
import warnings

OPERATIONS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
KILLED = 77


def die_before(number):
    """From now on this process counts its operations, and ends without a word before that one."""
    left = number

    def step():
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(KILLED)

    def watch(event, arguments):
        writes = event != "open" or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if event in OPERATIONS and writes:
            step()

    os.fsync = lambda _: step()  # what it waits for outlives this process anyway
    sys.addaudithook(watch)


def killed_at(number, work):
    """Runs ``work`` in a fork of this process that dies before its operation ``number``; whether it was killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons say that threads do not survive a fork
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            die_before(number)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, KILLED}, f"operation {number} ended the command with {code}"
    return code == KILLED
