#!/usr/bin/env python3
"""A fake plugin that plays a case: writes the output of the case, ends as the case says, and stores what it received.

RUNNER_CASE is the path of the case. RUNNER_KEPT is a directory. The file `log` there holds what the runner has printed so far. The
plugin adds a byte to `starts` there, and writes its arguments, its working directory and its standard input to `given-0.json`; when it
is started again to `given-1.json`, and so on.
"""
import json
import os
import signal
import sys
import time

with open(os.environ["RUNNER_CASE"], encoding="utf-8") as file:
    case = json.load(file)
kept = os.environ["RUNNER_KEPT"]
starts = os.path.join(kept, "starts")
with open(starts, "ab") as file:
    file.write(b"x")
number = os.path.getsize(starts) - 1
run = [case, *case.get("again", [])][number]


def read_request():
    """Reads standard input to its end. The end comes only when the runner closes it."""
    given = {
        "arguments": sys.argv[1:],
        "directory": os.getcwd(),
        "stdin": sys.stdin.buffer.read().decode("utf-8"),
    }
    with open(os.path.join(kept, f"given-{number}.json"), "w", encoding="utf-8") as file:
        json.dump(given, file)


def say(piece, stream):
    """Writes one item: a string as a line, `hex` as raw bytes, an event as a line of JSON."""
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
    """Waits until the runner has printed this text. Exits with 99 if the runner holds messages back."""
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
    for place, piece in enumerate(run["stdout"]):
        say(piece, sys.stdout.buffer)
        if reads == "after-hello" and place == 0:
            read_request()
except BrokenPipeError:
    os._exit(1)  # the runner closed standard output, so the plugin stops
if reads == "last":
    read_request()
if "signal" in run["ends"]:
    os.kill(os.getpid(), signal.Signals[run["ends"]["signal"]])
os._exit(run["ends"]["exit"])
