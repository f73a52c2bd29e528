#!/usr/bin/env python3
"""A plugin that plays a case: says what the case says, ends as it ends, and keeps what the runner gave it.

RUNNER_CASE names the case's file. RUNNER_KEPT names a directory: `log` there is what the runner has printed so far,
`given.json` will be the plugin's arguments, its directory, and all that came on standard input.
"""
import json
import os
import signal
import sys
import time

with open(os.environ["RUNNER_CASE"], encoding="utf-8") as file:
    case = json.load(file)
kept = os.environ["RUNNER_KEPT"]


def read_request():
    """Reads to the end of standard input, which comes only when the runner closes it."""
    given = {
        "arguments": sys.argv[1:],
        "directory": os.getcwd(),
        "stdin": sys.stdin.buffer.read().decode("utf-8"),
    }
    with open(os.path.join(kept, "given.json"), "w", encoding="utf-8") as file:
        json.dump(given, file)


def say(piece, stream):
    """A text is a line as it is, `hex` are bytes as they are, and an event is a line of JSON."""
    if isinstance(piece, str):
        stream.write(piece.encode() + b"\n")
    elif "hex" in piece:
        stream.write(bytes.fromhex(piece["hex"]))
    elif "line_of_bytes" in piece:
        stream.write(b"x" * piece["line_of_bytes"] + b"\n")
    elif "until_logged" in piece:
        wait_until_logged(piece["until_logged"])
    else:
        event = dict(piece)
        if "and_bytes" in event:
            event["message"] += "é" * (event.pop("and_bytes") // 2)
        stream.write(json.dumps(event, ensure_ascii=False).encode() + b"\n")
    stream.flush()


def wait_until_logged(text):
    """A runner that keeps messages back until the end is told apart by the plugin's end."""
    for _ in range(1000):
        with open(os.path.join(kept, "log"), "rb") as log:
            if text.encode() in log.read():
                return
        time.sleep(0.02)
    os._exit(99)


reads = case.get("reads", "first")
if reads == "first":
    read_request()
for piece in case.get("stderr", []):
    say(piece, sys.stderr.buffer)
try:
    for piece in case["stdout"]:
        say(piece, sys.stdout.buffer)
except BrokenPipeError:
    os._exit(1)  # the runner has closed standard output, and a plugin stops
if reads == "last":
    read_request()
if "signal" in case["ends"]:
    os.kill(os.getpid(), signal.Signals[case["ends"]["signal"]])
os._exit(case["ends"]["exit"])
