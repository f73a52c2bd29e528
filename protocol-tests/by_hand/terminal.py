"""Runs a command on a terminal of its own and writes what it shows; an interrupt is typed once a file is there, or a line (-).

usage: terminal.py FILE|- COMMAND...; ends with the command's exit status, as a shell tells it.
"""

import os
import pty
import select
import sys
import time

marker, command = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
typed = spoken = False
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    ready, _, _ = select.select([terminal], [], [], 0.05)
    if ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:
            break
        if not shown:
            break
        sys.stdout.buffer.write(shown)
        spoken = spoken or b"\n" in shown
    if not typed and (spoken if marker == "-" else os.path.exists(marker)):
        typed = True
        os.write(terminal, b"\x03")
_, status = os.waitpid(child, 0)
sys.stdout.flush()
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
