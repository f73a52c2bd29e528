#!/usr/bin/env python3
"""A runner: spawns dpl-lambda for a stanza (a JSON file), prints its log, ends as it did."""
import json
import os
import subprocess
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    request = {**json.load(file), "protocol": 1, "env": dict(os.environ)}
plugin = subprocess.Popen(
    [os.environ.get("DPL_LAMBDA", "dpl-lambda"), *sys.argv[2:]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
plugin.stdin.write(json.dumps(request))
plugin.stdin.close()
outcome = "failed"  # a stream without its last line is a failure
for line in plugin.stdout:
    event = json.loads(line)
    print(event["message"], flush=True)
    outcome = event.get("outcome", outcome)  # only `finished` has one
sys.exit(plugin.wait() or (outcome == "failed" and "allowed" not in event))
