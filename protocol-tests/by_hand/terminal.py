"""Runs a command on a terminal of its own, shows what it shows, as it comes, and types there what stands on standard input.

usage: terminal.py SECONDS COMMAND...; ends with the command's exit status, as a shell tells it. After so many seconds the
command is killed.
"""

import os
import pty
import select
import signal
import sys
import time

seconds, command = float(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
deadline = time.monotonic() + seconds


def read(source):
    try:
        return os.read(source, 65536)
    except OSError:
        return b""  # what Linux says of a terminal that nobody has open any more


sources = [terminal, 0]
while terminal in sources and time.monotonic() < deadline:
    ready, _, _ = select.select(sources, [], [], max(0, deadline - time.monotonic()))
    for source in ready:
        data = read(source)
        if not data:
            sources.remove(source)
        else:
            os.write(terminal if source == 0 else 1, data)

# It may have let go of its terminal, and go on.
ended, status = os.waitpid(child, os.WNOHANG)
while not ended and time.monotonic() < deadline:
    time.sleep(0.01)
    ended, status = os.waitpid(child, os.WNOHANG)
if not ended:
    print(f"terminal.py: no end after {seconds:g} s", file=sys.stderr)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
