#!/usr/bin/env python3
"""A runner: sends a stanza, or a list of stanzas (a JSON file), to dpl-lambda, prints the log, and exits with 0 only if all succeeded.

Usage: runner.py STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA is the path of the plugin.
"""
import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading

sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
environment = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in os.environb.items()}
program = os.environ.get("DPL_LAMBDA", "dpl-lambda")


def give_request(plugin, request):
    with contextlib.suppress(BrokenPipeError), plugin.stdin:  # it may exit without reading; its events say why
        plugin.stdin.write(json.dumps({**request, "protocol": 1, "env": environment}).encode())


def parse(line):
    """The event of a line: {} for JSON that is not an object, None for a line that is not JSON."""
    try:
        event = json.loads(line.decode(errors="replace"))
    except ValueError:
        return None
    return event if isinstance(event, dict) else {}


def run(stanzas, is_list):
    """Runs the plugin for all stanzas if it takes lists, otherwise for the first one, and removes those. Returns the exit status."""
    try:
        plugin = subprocess.Popen([program, *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except OSError as error:
        print(f"failed: cannot start {program}: {error.strerror}")
        return 127
    hello = plugin.stdout.readline() if is_list else b""  # written before the plugin reads; says whether it takes lists
    if is_list and (not stanzas or "stanzas" in (parse(hello) or {}).get("features", [])):
        request = {"stanzas": stanzas[:]}
        stanzas.clear()
    else:
        request = stanzas.pop(0)
    # Writes while we read, so that a full pipe cannot block both sides.
    threading.Thread(target=give_request, args=(plugin, request)).start()

    verdicts = []
    for line in itertools.chain([hello] if hello else [], plugin.stdout):
        event = parse(line)
        if event is None:
            print(line.decode(errors="replace").rstrip("\n"))  # not an event: print the line unchanged
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
    return conclude(verdicts[0] if len(verdicts) == 1 else {}, status)  # none: the stream was cut off; two: ambiguous


def conclude(finished, status):
    functions = finished.get("functions", [])  # of a list: how each of its functions ended
    for function in functions:
        print(f"{function.get('function_name', 'stanza {}'.format(function['stanza']))}: {function['outcome']}")
    outcome = finished.get("outcome")
    if outcome == "failed":
        hint = (finished.get("error") or {}).get("hint")
        if hint and hint not in finished.get("message", ""):
            print(hint)
    elif status or not isinstance(outcome, str):
        print(f"failed: the plugin's outcome is {outcome or 'unknown'}, its exit status {status}")
    return status or (0 if all(map(goes_on, [finished, *functions])) else 1)


def goes_on(ended):
    """Whether the job may go on after a run, or a function of a list, that ended like this."""
    if ended.get("outcome") == "failed":
        return ended.get("allowed") is True
    return isinstance(ended.get("outcome"), str) and ended["outcome"] != "stopped"


with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
is_list = isinstance(given, list)
left = given if is_list else [given]
status = run(left, is_list)
while left and not status:
    status = run(left, is_list)
sys.exit(status)
