"""Runs a plugin (DPL_LAMBDA) on generated cases (generate.py), and prints the cases whose verdict differs from Travis's (reference.py).

It makes no request to AWS: it runs the command `check`. The last line counts the cases of each category; the exit status is 1 on a mismatch.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import generate
import reference

PATH = "/usr/local/bin:/usr/bin:/bin"
WORKERS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", type=int, default=20, help="mismatches to print")
    arguments = generate.arguments(parser)
    plugin = os.environ.get("DPL_LAMBDA")
    if not plugin:
        sys.exit("DPL_LAMBDA is not set; set it to the path of the plugin")
    plugin = os.path.abspath(plugin)
    cases = list(generate.cases(arguments.seed, arguments.count, arguments.only))
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda case: answer(plugin, case), cases))
    mismatches = [(case, travis, ours) for case, (travis, ours) in zip(cases, answers) if travis != ours]
    for case, travis, ours in mismatches[: arguments.show]:
        print(f"{case['category']}\n  stanza {json.dumps(case['stanza'])}\n  env    {json.dumps(case['env'])}")
        print(f"  Travis {shown(travis)}\n  plugin {shown(ours)}")
    verdicts = ", ".join(f"{name} {count}" for name, count in Counter(travis.outcome for travis, _ in answers).items())
    print(f"Travis: {verdicts}")
    counts = ", ".join(f"{name} {count}" for name, count in Counter(c["category"] for c in cases).items())
    print(f"{len(cases)} cases, seed {arguments.seed}: {counts}; {len(mismatches)} mismatches")
    return 1 if mismatches else 0


def answer(plugin, case):
    env = {"PATH": PATH, **case["env"]}
    return reference.judge(case["stanza"], env), ask(plugin, case["stanza"], env)


def ask(plugin, stanza, env):
    request = {"function_name": "f", **stanza, "env": env}
    kept = {"PATH": PATH}
    if "DPL_LAMBDA_CONDITIONS" in os.environ:
        kept["DPL_LAMBDA_CONDITIONS"] = os.environ["DPL_LAMBDA_CONDITIONS"]
    with tempfile.TemporaryDirectory(prefix="plugin-") as build_dir:
        try:
            done = subprocess.run(
                [plugin, "check"], input=json.dumps(request).encode(), env=kept, cwd=build_dir,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
            )
        except subprocess.TimeoutExpired:
            return "no answer in 60 s"
    try:
        last = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return f"exit {done.returncode} without a last event: {done.stderr[-300:]!r}"
    outcome = last.get("outcome")
    if outcome == "checked":
        return reference.Verdict("deploy")
    if outcome == "skipped":
        found = {group["condition"] for group in last["unmet"]}
        order = ("pull-request", *reference.GROUPS)
        if len(found) != len(last["unmet"]) or not found <= set(order):
            return json.dumps(last)
        return reference.Verdict("skip", tuple(group for group in order if group in found))
    if outcome == "failed" and last["error"]["code"] == "bad-condition":
        return reference.BROKEN
    return json.dumps(last)


def shown(verdict):
    if isinstance(verdict, str):
        return verdict
    return " ".join([verdict.outcome, *verdict.unmet])


if __name__ == "__main__":
    sys.exit(main())
