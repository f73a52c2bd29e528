"""Runs a command on a new terminal, copies its output to standard output, and types standard input into the terminal.

usage: terminal.py SECONDS COMMAND...; exits with the command's exit status, in the shell's convention. After SECONDS the
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
        return b""  # Linux reports this for a terminal that no process has open any more


sources = [terminal, 0]
while terminal in sources and time.monotonic() < deadline:
    ready, _, _ = select.select(sources, [], [], max(0, deadline - time.monotonic()))
    for source in ready:
        data = read(source)
        if not data:
            sources.remove(source)
        else:
            os.write(terminal if source == 0 else 1, data)

# The command may have closed its terminal and still run.
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
