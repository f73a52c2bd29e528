"""Runs a program once for each line of standard input, a JSON object, and prints the exit status, times and peak memory of
that run as a JSON object. This process must stay small: a child starts with the peak memory of its parent."""
import json
import os
import resource
import signal
import sys
import threading
import time

UNIT = 1 if sys.platform == "darwin" else 1024

for line in sys.stdin:
    run = json.loads(line)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, run["stdin"], os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, run["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, run["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    began = time.monotonic()
    child = os.posix_spawn(run["command"][0], run["command"], run["env"], file_actions=actions)
    if hasattr(resource, "prlimit"):
        resource.prlimit(child, resource.RLIMIT_CPU, (run["cpu"], run["cpu"]))
    clock = threading.Timer(run["timeout"], os.kill, (child, signal.SIGKILL))
    clock.start()
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - began
    clock.cancel()
    result = {
        "status": status,
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * UNIT,
    }
    print(json.dumps(result), flush=True)
