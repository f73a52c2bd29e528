#!/usr/bin/env python3
"""A runner: sends a stanza (a JSON file) to dpl-lambda, prints the log, and exits with 0 only if the deployment succeeded.

Usage: runner.py STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA is the path of the plugin.
"""
import contextlib
import json
import os
import subprocess
import sys
import threading

sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
environment = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in os.environb.items()}
with open(sys.argv[1], encoding="utf-8") as file:
    request = {**json.load(file), "protocol": 1, "env": environment}

program = os.environ.get("DPL_LAMBDA", "dpl-lambda")
try:
    plugin = subprocess.Popen([program, *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
except OSError as error:
    print(f"failed: cannot start {program}: {error.strerror}")
    sys.exit(127)


def give_request():
    with contextlib.suppress(BrokenPipeError), plugin.stdin:  # it may exit without reading; its events say why
        plugin.stdin.write(json.dumps(request).encode())


threading.Thread(target=give_request).start()  # writes while we read, so that a full pipe cannot block both sides

verdicts = []
for line in plugin.stdout:
    text = line.decode(errors="replace").rstrip("\n")
    try:
        event = json.loads(text)
    except ValueError:
        print(text)  # not an event: print the line unchanged
        continue
    if not isinstance(event, dict):
        continue
    if isinstance(event.get("message"), str):
        print(event["message"])
    if event.get("event") == "hello" and 1 not in event["protocol"]:
        print(f"failed: the plugin speaks protocol {event['protocol']}, and this runner speaks 1")
        plugin.stdout.close()  # this stops the plugin
        break
    if event.get("event") == "finished":
        verdicts.append(event)

status = plugin.wait()
status = status if status >= 0 else 128 - status  # for a signal, the exit status that a shell reports
finished = verdicts[0] if len(verdicts) == 1 else {}  # none: the stream was cut off; two: ambiguous
outcome = finished.get("outcome")
if outcome == "failed":
    hint = (finished.get("error") or {}).get("hint")
    if hint and hint not in finished.get("message", ""):
        print(hint)
    sys.exit(status or (0 if finished.get("allowed") is True else 1))
if status or not isinstance(outcome, str):
    print(f"failed: the plugin's outcome is {outcome or 'unknown'}, its exit status {status}")
    sys.exit(status or 1)
