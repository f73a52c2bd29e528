"""Runs a command once and prints its wall time and CPU time in seconds and its peak resident size in bytes, as JSON."""
import json
import os
import resource
import subprocess
import sys
import time

with open(os.devnull, "r+b") as null, open(sys.argv[1], "rb") as stdin:
    began = time.perf_counter()
    status = subprocess.run(sys.argv[2:], stdin=stdin, stdout=null).returncode
    wall = time.perf_counter() - began
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}))
sys.exit(status)
