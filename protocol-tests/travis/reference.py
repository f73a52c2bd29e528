"""Computes Travis CI's verdict for a deploy stanza and the environment of a job: deploy, skip (with the unmet groups) or broken.

It decides nothing in Python that bash decides on Travis: it builds the text that travis-build's script.rb builds, and runs
it in a bash. It was written only from conditions.md (section numbers below refer to it), so that it is independent of
the plugin. "Decision:" marks comments about cases that the document does not decide.
"""

import fcntl
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

BASH = "/bin/bash"
TIME_LIMIT_S = 20

# The order in the text (§4). `pull-request` comes before all of them.
GROUPS = ("repo", "branch", "runtime", "condition", "tags")

# §6, in script.rb's order.
RUNTIMES = (
    "d", "dart", "elm", "elixir", "ghc", "go", "haxe", "jdk", "julia", "mono", "node", "otp_release",
    "perl", "php", "python", "r", "ruby", "rust", "scala", "smalltalk",
)

# §11: the words that travis-yml casts to booleans. Decision: in any letter case; the other fuzzy spellings are not documented.
TRUE_WORDS = {"true", "on", "yes", "enabled", "required"}
FALSE_WORDS = {"false", "off", "no", "disabled"}

# Last section: travis-yml wraps these in a list, so their maps are no branch hashes. `edge`, `allow_failure`: §5.
NEVER_BRANCH_MAPS = {
    "environment", "environment_variables", "function_tags", "layers", "edge", "allow_failure",
}


@dataclass(frozen=True)
class Verdict:
    """`outcome` is deploy, skip or broken; `unmet` is empty except for skip."""

    outcome: str
    unmet: tuple = ()


BROKEN = Verdict("broken")


class Unreadable(Exception):
    """A type of value that stops Travis before it builds a text (§3, §5)."""


def judge(stanza, env):
    # §1. Travis reads this from its database; this is the equivalent in terms of variables. `on` is not evaluated.
    if env.get("TRAVIS_PULL_REQUEST", "") not in ("", "false"):
        return Verdict("skip", ("pull-request",))
    try:
        groups = elements(stanza)
    except Unreadable:
        return BROKEN
    if not groups:
        return Verdict("deploy")
    with tempfile.TemporaryDirectory(prefix="travis-") as build_dir:
        met = run(whole_text(groups), env, build_dir)
        if met is None:
            return BROKEN
        if met:
            return Verdict("deploy")
        unmet = []
        for name, group in groups.items():
            alone = False if len(groups) == 1 else run(if_text(conjunction(group)), env, build_dir)
            if alone is None:
                # §9: one broken element breaks everything, even if another group already fails. Travis has printed
                # the messages of the previous groups by then, but its function is aborted anyway.
                return BROKEN
            if not alone:
                unmet.append(name)
        return Verdict("skip", tuple(unmet))


# --- the normaliser, then script.rb -----------------------------------------------------------------------------------


def elements(stanza):
    """The groups that apply, each with its elements as bash text."""
    on, options = take_on(stanza)
    groups = {}

    repo = first(on.get("repo"))
    if truthy(repo):
        groups["repo"] = [f'$TRAVIS_REPO_SLUG = "{text(repo)}"']

    tags, all_branches = cast(on.get("tags")), cast(on.get("all_branches"))
    # §5: `tags: v1`, `""` and `0` are truthy and drop the branch condition too.
    if not truthy(tags) and not truthy(all_branches):
        groups["branch"] = [" || ".join(f"$TRAVIS_BRANCH = {b}" for b in branches(on.get("branch"), options))]

    # §3: `rvm` and `node_js` replace what is null or false, if they are there. `false` is a version like any other text.
    ruby = on.get("ruby") if truthy(on.get("ruby")) or on.get("rvm") is None else on.get("rvm")
    node = on.get("node") if truthy(on.get("node")) or on.get("node_js") is None else on.get("node_js")
    versions = {**on, "ruby": ruby, "node": node}
    runtime = [
        f"$TRAVIS_{key.upper()}_VERSION = {version(versions[key])}" for key in RUNTIMES if versions.get(key) is not None
    ]
    if runtime:
        groups["runtime"] = runtime

    condition = [text(c) for c in flatten(on.get("condition")) if c is not None]
    if condition:
        groups["condition"] = condition

    if tags is True:
        groups["tags"] = ['"$TRAVIS_TAG" != ""']
    elif tags is False:
        groups["tags"] = ['"$TRAVIS_TAG" = ""']
    return groups


def take_on(stanza):
    """`on` as a map, and the options that stay behind (§3)."""
    options = {key: value for key, value in stanza.items() if value is not None}
    # travis-yml: `true` is an alias of `on` and overwrites it (§11). Decision: null means absent, so it does not overwrite.
    if "true" in options:
        options["on"] = options.pop("true")
    # travis-yml turns a string into a map, so an `on` that is left over beside `if` is a map like any other (§3, §11).
    if isinstance(options.get("on"), str):
        options["on"] = {"branch": options["on"]}
    on = options.pop("if", None)
    if not truthy(on):
        on = options.pop("on", None)
    if isinstance(on, list):
        # Decision: `on: []` has no first entry, so it means absent.
        on = on[0] if on else None
    if not truthy(on):
        on = {}
    if isinstance(on, str):
        on = {"branch": on}
    if not isinstance(on, dict):
        raise Unreadable
    return on, options


def branches(branch, options):
    if isinstance(branch, dict):
        branch = list(branch)  # its keys; the values are ignored
    if branch is None:
        return default_branches(options)
    if not isinstance(branch, list):
        branch = [branch]
    # Decision: a null entry means absent. An empty list gives `()` and an empty entry gives `= `; both are syntax errors in bash.
    # Decision: travis-yml turns a branch map into `[{production: …}]` (§11), and branch maps work (last section).
    names = []
    for entry in branch:
        names.extend(entry if isinstance(entry, dict) else [] if entry is None else [text(entry)])
    return names


def default_branches(options):
    keys = []
    for name, value in options.items():
        if name in NEVER_BRANCH_MAPS or not isinstance(value, dict) or set(value) == {"secure"}:
            continue
        keys.extend(key for key in value if key not in keys)
    return keys or ["master"]


def cast(value):
    """A boolean if travis-yml casts the value to one; otherwise the value unchanged."""
    if isinstance(value, str) and value.lower() in TRUE_WORDS:
        return True
    if isinstance(value, str) and value.lower() in FALSE_WORDS:
        return False
    return value


def truthy(value):
    """True unless the value is null or false, as in Ruby."""
    return value is not None and value is not False


def first(value):
    """The first entry of a list: travis-yml uses it where it expects a single value."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def version(value):
    """Decision: an empty list has no first entry, so it becomes what script.rb makes of any list: a text that never matches (§6)."""
    return shellescape("[]" if value == [] else text(first(value)))


def flatten(value):
    if isinstance(value, list):
        return [inner for entry in value for inner in flatten(entry)]
    return [value]


def text(value):
    """A scalar as Ruby's `to_s` formats it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        written = repr(value)
        mantissa, e, exponent = written.partition("e")
        return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else written
    if isinstance(value, (str, int)):
        return str(value)
    raise Unreadable


def shellescape(value):
    """Escapes a string as Ruby's String#shellescape does."""
    if value == "":
        return "''"
    return re.sub(r"[^A-Za-z0-9_\-.,:+/@\n]", lambda c: "\\" + c[0], value).replace("\n", "'\n'")


# --- the text and its bash --------------------------------------------------------------------------------------------


def conjunction(group_elements):
    return " && ".join(f"({element})" for element in group_elements)


def if_text(condition, otherwise=":"):
    # `return` comes before the messages: they must parse, as on Travis, but must not run here.
    return f"if [[ {condition} ]]; then\n  verdict met\nelse\n  verdict unmet; return\n{otherwise}\nfi"


def whole_text(groups):
    return if_text(conjunction([e for name in GROUPS for e in groups.get(name, ())]), messages(groups))


def messages(groups):
    """§8: each message under the negation of its group. A negation that does not parse breaks the text, even if the conditions parse.

    Decision: the texts of the messages are left out. On Travis they contain the names of the repository and the current branch
    in double quotes, where a quote would break the whole text; that is a flaw of the message, not a condition.
    """
    negations = (" && ".join(f" ! ({element})" for element in groups[name]) for name in GROUPS if name in groups)
    return "\n".join(f"  if [[ {negation} ]]; then\n    echo\n  fi" for negation in negations)


def run(condition, env, build_dir):
    """True, False, or None if bash gave no verdict.

    Each text gets its own bash: after a parse error, bash 5.2 keeps its `[[` state and fails at the next one. Its exit
    status is 0 anyway, so only a record on a separate file descriptor counts. The text is a function in a sourced
    file, as on Travis (§0), so that errors abort the function or the shell in the same way.
    """
    reading, writing = os.pipe()
    record = fcntl.fcntl(writing, fcntl.F_DUPFD, 200)  # a high number, so that a condition that writes to small descriptors cannot reach it
    os.close(writing)
    source = (
        f'verdict() {{ builtin echo "$1" >&{record}; }}\n'
        f"travis_run_after_success() {{\n{condition}\n}}\n"
    )
    try:
        bash = subprocess.Popen(
            [BASH, "--noprofile", "--norc", "-c", ". /dev/stdin; travis_run_after_success"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=env, cwd=build_dir, pass_fds=(record,),
        )
    finally:
        os.close(record)
    try:
        bash.communicate(source.encode(), timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        bash.kill()
        bash.communicate()
        os.close(reading)
        return None
    with os.fdopen(reading, "rb") as records:
        said = records.read()
    return {b"met\n": True, b"unmet\n": False}.get(said)
