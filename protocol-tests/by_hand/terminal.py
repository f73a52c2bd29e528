"""Runs a command on a terminal of its own and writes what it shows; types an interrupt half a second after a text is shown.

usage: terminal.py TEXT COMMAND...; ends with the command's exit status, as a shell tells it.
"""

import os
import pty
import select
import sys
import time

text, command = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown, typing = b"", None
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    ready, _, _ = select.select([terminal], [], [], 0.05)
    if ready:
        try:
            more = os.read(terminal, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    if typing is None and text in shown:
        typing = time.monotonic() + 0.5
    if typing and time.monotonic() >= typing:
        typing = 0
        os.write(terminal, b"\x03")
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
