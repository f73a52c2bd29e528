"""Generates cases {category, stanza, env} from a seed and a count. The same seed gives the same cases.

No case writes files, waits or uses the network, and every stanza is valid except for its conditions. Half of the cases
take their `on` from on-conditions.jsonl (real repositories); the other half comes in equal parts from the categories below.
"""

import argparse
import json
import random
import re
import sys
from pathlib import Path

REAL = Path(__file__).with_name("on-conditions.jsonl")


def main():
    chosen = arguments(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    for case in cases(chosen.seed, chosen.count):
        json.dump(case, sys.stdout, ensure_ascii=False)
        print()


def arguments(parser):
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--only", help="one category")
    return parser.parse_args()


def cases(seed, count, only=None):
    rng = random.Random(seed)
    real = [json.loads(line)["value"] for line in REAL.read_text().splitlines()]
    makers = list(CATEGORIES.items())
    made = []
    for i in range(count):
        if i % 2 == 0:
            category, (stanza, env) = "real", from_real(rng, real[i // 2 % len(real)], i // 2 // len(real))
        else:
            category, make = makers[i // 2 % len(makers)]
            stanza, env = make(rng)
        made.append({"category": category, "stanza": stanza, "env": env})
    return [case for case in made if only in (None, case["category"])]


# --- real conditions --------------------------------------------------------------------------------------------------

COMPARED = re.compile(r"""["']?\$\{?(\w+)\}?["']?\s*(=~|==|!=|=|-\w\w)\s*("[^"]*"|'[^']*'|[^\s)]+)""")
NAMED = re.compile(r"\$\{?[#!]?(\w+)|-v (\w+)")


def from_real(rng, on, turn):
    """A case with a real `on`. In the first turn the environment matches, as far as this can compute it; later it fails in some ways."""
    env = base_env(rng)
    spec = on if isinstance(on, dict) else {"branch": on}
    match = lambda: turn == 0 or rng.random() < 0.75  # noqa: E731

    branch = spec.get("branch", "master")
    names = [str(b) for b in (branch if isinstance(branch, list) else [branch])]
    env["TRAVIS_BRANCH"] = instance(rng, rng.choice(names)) if match() else rng.choice(["main", "dev", "a b", ""])
    repo = str(spec.get("repo", "owner/repo"))
    env["TRAVIS_REPO_SLUG"] = repo if match() else rng.choice(["fork/" + repo.split("/")[-1], repo.lower(), ""])
    env["TRAVIS_TAG"] = rng.choice(["v1.2.3", "1.0", "1.2.3rc1"]) if match() == bool(spec.get("tags")) else ""
    for key, variable in (("rvm", "RUBY"), ("node_js", "NODE")):
        if key in spec:
            env[f"TRAVIS_{variable}_VERSION"] = str(spec[key]) if match() else "9.9"
    for key in ("python", "node", "jdk", "php", "go", "ruby", "haxe", "rust"):
        if key in spec:
            env[f"TRAVIS_{key.upper()}_VERSION"] = str(spec[key]) if match() else rng.choice(["9.9", ""])

    conditions = spec.get("condition", [])
    for text in conditions if isinstance(conditions, list) else [conditions]:
        words = re.findall(r"[\w./:+-]+", str(text)) or ["x"]
        for plain, tested in NAMED.findall(str(text)):
            name = plain or tested
            if not name[0].isdigit() and not name.startswith("TRAVIS_"):
                value = rng.choice([*words, "true", "1", ""])
                if rng.random() < 0.85:
                    env[name] = value
        for name, operator, value in COMPARED.findall(str(text)):
            if operator != "!=" and match() and not name[0].isdigit():
                env[name] = instance(rng, value)
    if turn and rng.random() < 0.04:
        env["TRAVIS_PULL_REQUEST"] = str(rng.randrange(1, 9999))
    return {"on": on}, env


def instance(rng, pattern):
    """A word that probably matches a glob or regex of the kind that people write."""
    word = pattern.strip("\"'").lstrip("^").rstrip("$")
    word = re.sub(r"\(([^()|]*)\|?[^()]*\)\??", r"\1", word).split("|")[0]
    word = re.sub(r"\[\[:digit:\]\][*+?]?|\[0-9[^\]]*\][*+?]?|\\d[*+]?", lambda _: str(rng.randrange(1, 20)), word)
    word = word.replace(".*", "x").replace("*", rng.choice(["", "x", "x/y"])).replace("?", "")
    return re.sub(r"\\(.)", r"\1", word).replace("\0", "")


# --- building blocks of the categories ------------------------------------------------------------------------------------

WORDS = ["a", "b", "ab", "abc", "master", "main", "dev", "1", "0", "10", "2.7", "v1.0", "true", "false", "x/y", "-n", "-z"]
ODD = ["", " ", "a b", " a", "a ", "*", "?", "[a]", "(", ")", "!", "a\nb", "a\tb", "\\", "\\a", "$A", "`a`", "'", '"', "é", "]]", "&&"]
BRANCHES = ["master", "main", "dev", "release/1", "release/1.2", "v1.0", "v1", "feature-#1", "a", "b", "ab"]


def base_env(rng):
    env = {
        "TRAVIS_BRANCH": "master", "TRAVIS_TAG": "", "TRAVIS_PULL_REQUEST": "false",
        "TRAVIS_REPO_SLUG": "owner/repo", "TRAVIS_EVENT_TYPE": "push", "TRAVIS_OS_NAME": "linux",
    }
    if rng.random() < 0.1:
        del env["TRAVIS_PULL_REQUEST"]
    return env


def odd_env(rng, words=WORDS):
    """An environment in which each of A, B and C is a plain word, an unusual text or unset."""
    env = base_env(rng)
    for name in "ABC":
        if rng.random() < 0.85:
            env[name] = rng.choice(words if rng.random() < 0.75 else ODD)
    if rng.random() < 0.2:
        env["LC_ALL"] = rng.choice(["C", "C.UTF-8", "POSIX"])
    return env


def condition(rng, text, env=None):
    """A stanza with this condition, often with other groups, so that the text affects the whole line."""
    env = env or odd_env(rng)
    on = {"condition": text}
    beside = rng.random()
    if beside < 0.4:
        on["all_branches"] = True
    elif beside < 0.6:
        on["branch"] = rng.choice(["master", "dev", "m*"])
    elif beside < 0.75:
        on["tags"] = rng.choice([True, False])
        env["TRAVIS_TAG"] = rng.choice(["", "v1"])
    if rng.random() < 0.15:
        on["repo"] = rng.choice(["owner/repo", "owner/other"])
    return {"on": on}, env


def letters(rng, alphabet, most):
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most + 1)))


def branch(rng, pattern, current, env=None):
    env = env or odd_env(rng)
    env["TRAVIS_BRANCH"] = current
    return rng.choice([{"on": {"branch": pattern}}, {"on": {"branch": [pattern, "zzz"]}}, {"on": pattern}]), env


def variable(rng):
    return rng.choice(["$A", "$B", "$C", "${A}", '"$A"', '"${B}"', "$UNSET", "${A:-a}", "${#A}", "${A%b}", "${A/a/b}", "${A^^}", "x$A"])


def word(rng):
    return rng.choice([rng.choice(WORDS), variable(rng), "'a b'", '"a b"', "a\\ b", "''", '""', "a*", "?", "[ab]", "*b*", "'*'"])


def term(rng):
    return rng.choice([
        lambda: f"{variable(rng)} {rng.choice(['=', '==', '!='])} {word(rng)}",
        lambda: f"{variable(rng)} = {word(rng)}",
        lambda: f"{rng.choice(['-z', '-n'])} {variable(rng)}",
        lambda: f"-v {rng.choice(['A', 'B', 'UNSET'])}",
        lambda: variable(rng),
        lambda: f"{variable(rng)} =~ {rng.choice(['a', '^a', 'b$', '^[ab]+$', 'a|b', '(a|b)c?', '[0-9]', '^$', '.'])}",
        lambda: f"{variable(rng)} {rng.choice(['<', '>'])} {word(rng)}",
    ])()


def expression(rng, depth):
    if depth == 0 or rng.random() < 0.2:
        return ("! " if rng.random() < 0.2 else "") + term(rng)
    kind = rng.random()
    if kind < 0.35:
        return f"({expression(rng, depth - 1)})"
    if kind < 0.5:
        return f"! ( {expression(rng, depth - 1)} )"
    return f"{expression(rng, depth - 1)} {rng.choice(['&&', '||'])} {expression(rng, depth - 1)}"


# --- the categories ---------------------------------------------------------------------------------------------------


def globs(rng):
    pattern = rng.choice([
        "release/*", "v?.?", "[0-9]*", "*", "?", "m*r", "[!m]*", "[^m]*", "[[:alpha:]]*", "[a-m]*", "/^v\\d+$/", "^master$",
        "{a,b}", "!x", "a=b", "feature-#1", "master*", "*/*", "\\*", "'*'", '"m"*', "[", "[a", "]", "a]", "[]a]", "[a-]",
        "[[:digit:]]", "[[.a.]]", "**", "release/**", "release/?", "~", "~root", "a~", "-n", "-z", "=", "!", "a!b", "master/",
        "[\\!a]", "m[a]ster", "m[[:lower:]]*", "%", "@", "+", "a+", "ma:ster", "*.x", ".*", "m.*",
    ])
    current = rng.choice([*BRANCHES, "*", "[", "!x", "a=b", "{a,b}", "", "^master$", "/^v\\d+$/", "-n", "~", "]", "[a", "=", "!", pattern])
    if rng.random() < 0.5:
        pattern, current = letters(rng, ["a", "b", "*", "?", "[", "]", "!", "^", "-", "\\", "/", ".", "$A", "'", '"', "[ab]", "[!a]"], 5), letters(rng, "ab-/.", 4)
    return branch(rng, pattern, current)


def words(rng):
    """Values that can be compared without bash: plain words, equal or similar, in every place that takes a word."""
    said = letters(rng, "aAb1.-_/", 6) or "a"
    seen = rng.choice([said, said, said.swapcase(), said + rng.choice("ab.-"), said[:-1], "a" + said, letters(rng, "ab.", 3)])
    env = base_env(rng)
    env.update(TRAVIS_BRANCH=seen, TRAVIS_REPO_SLUG=seen, TRAVIS_PYTHON_VERSION=seen, A=seen)
    on = rng.choice([
        {"branch": said}, {"branch": ["x", said]}, {"branch": {said: "x"}}, {"repo": said, "all_branches": True}, {"python": said, "tags": False, "branch": said},
        {"condition": f"$A = {said}", "all_branches": True}, {"condition": f"$A != {said}", "branch": said}, {"condition": f"{said} = {seen}"}, {"condition": said},
        {"condition": f"$A == '{said}'", "tags": False}, {"repo": said, "branch": said, "python": said, "condition": f"${{A}} = \"{said}\"", "tags": False},
    ])
    return {"on": on}, env


def extglobs(rng):
    pattern = rng.choice([
        "!(master)", "@(a|b)", "+(a|b)", "*(a)", "?(a)b", "!(a|b)*", "release/+([0-9])", "@(master|dev|release/*)", "v+([0-9]).+([0-9])",
        "!(release/*)", "@(a|@(b|c))", "!(*/*)", "*!(b)", "@()", "!()", "@(a b)", "@(a|b", "@(|a)", "+(?)", "!('a'|\"b\")", "@($A|$B)",
    ])
    if rng.random() < 0.5:
        return branch(rng, pattern, rng.choice([*BRANCHES, "", "aab", "a b"]))
    return condition(rng, f"{variable(rng)} {rng.choice(['=', '==', '!='])} {pattern}")


def regexes(rng):
    pattern = rng.choice([
        "^v[0-9]+", "^v[0-9]+\\.[0-9]+$", "^(a|b)$", "a|b", "^master|develop$", "[", "(", "*", "a{2}", "a{1,2}b", "^a*$", "\\d", "^\\d+$",
        "\\w+", "\\bab", "(.)\\1", "'a.c'", '"a.c"', "a.c", "^$", "$", "^", ".", "\\.", "[.]", "[[:digit:]]+", "[[:space:]]", "a\\ b",
        "'a b'", "a b", "$A", '"$A"', "^($A|$B)$", "((a)(b))", "()", "[^a]", "[]a]", "a++", "+", "?", "{", "a{", "a{x}", "x(y", "x)y",
        "^v?[0-9.]+$", "<", ">", "&", "a;b", "#", "\\#", "-", "=", "[ ]", "[a b]", "a\\|b", "\\(", "^\\(", "\\[", "\"^\"a", "^'a'$",
    ])
    if rng.random() < 0.35:
        pattern = letters(rng, ["a", "b", "1", ".", "*", "+", "?", "^", "$", "|", "(", ")", "(a|b)", "[ab]", "[^a]", "{2}", "\\", "'", '"', "$A", "\\."], 5) or "a"
    negated = "! " if rng.random() < 0.15 else ""
    return condition(rng, f"{negated}{rng.choice(['$A', '$B', '$TRAVIS_BRANCH', 'ab', 'v1.0', '$UNSET'])} =~ {pattern}")


def captures(rng):
    return condition(rng, rng.choice([
        ["$A =~ ^(.)(.*)$", "${BASH_REMATCH[1]} = a"], "$A =~ (.)b && ${BASH_REMATCH[1]} = a", ["$A =~ a", "-n $BASH_REMATCH"],
        ["${X:=a} = a", "$X = a"], "$(( X = 5 )) -eq 5 && $X = 5", ["$A =~ ^(.)", "$B = ${BASH_REMATCH[1]}*"],
        ["-z ${X:=}", "-v X"], ["X=1 -eq 1", "$X = 1"], ["${Y:=b} = $B", "! $Y = a"],
    ]))


def quotes(rng):
    text = rng.choice([
        "$A = 'a'", '$A = "a"', '"$A" = "a b"', "'$A' = a", "$A = a'b'\"c\"", "$A = \\a", "$A = a\\ b", "$A = 'a", '$A = "a', "$A = $'a\\tb'",
        "$A = $'a\\nb'", '$A = $"a"', "$A = 'a'\\''b'", '$A = "\\$A"', "$A = \\$A", '"$A" = "*"', '$A = "*"', "$A = '\"'", "$A = \"'\"",
        "$A = \\\\", "$A = '\\'", "$A = \\", '$A = "\\"', '"a b" = $A', "'' = $A", '"" = "$A"', "\"$A\" == 'a b'", "\"${A}\" = \"${B}\"",
        '"$A$B" = "ab"', "$A = ''", "''", '""', "' '", '"$UNSET"', '"$A', "it's", "$A != \"\"", "$A != ''", "“$A” = a", "$A = ‘a’",
    ])
    return condition(rng, text)


def unicode(rng):
    words = ["é", "ü", "日本", "日本語", "naïve", "e\u0301", "🦀", "İ", "ß", "a", "\u00a0", "a\u00a0b", "\u2003", "ЖД"]
    env = odd_env(rng, words)
    pattern = rng.choice([*words, "?", "??", "[é]", "[à-ü]*", "*", "日*", "$A", "'é'", "\\é", "[[:alpha:]]", "[!a]", "a\u00a0b"])
    if rng.random() < 0.4:
        return branch(rng, pattern, rng.choice(words), env)
    operator = rng.choice(["=", "!=", "=~", "<", ">"])
    return condition(rng, f"$A {operator} {pattern}", env)


def spaces(rng):
    current = rng.choice(["a b", " a", "a ", "a  b", "*", "-n", "(", "a\nb", "a\tb", "! a", "a = a", "-n x -o", "]]", ""])
    env = odd_env(rng)
    env["TRAVIS_TAG"] = current
    if rng.random() < 0.5:
        pattern = rng.choice(["'a b'", '"a b"', "a\\ b", "a*b", "a?b", "a b", " a", "a ", "*", "$A", " master ", "\ta", "a\n", "a\nb", "\na", "' a'"])
        return branch(rng, pattern, current, env)
    env["TRAVIS_BRANCH"] = current
    text = rng.choice([
        "$TRAVIS_BRANCH = a*", "$TRAVIS_TAG = $TRAVIS_BRANCH", '$TRAVIS_TAG = "$TRAVIS_BRANCH"', "-n $TRAVIS_TAG", "-z $TRAVIS_TAG",
        "$TRAVIS_TAG", "! $TRAVIS_TAG", "$TRAVIS_TAG =~ ^v", "$TRAVIS_TAG != a", "$TRAVIS_TAG = 'a b'", "$TRAVIS_TAG =~ a\\ b",
    ])
    return condition(rng, text, env)


def emptiness(rng):
    env = base_env(rng)
    for name in ("A", "TRAVIS_TAG", "TRAVIS_BRANCH", "TRAVIS_REPO_SLUG"):
        env.pop(name, None)
        if rng.random() < 0.6:
            env[name] = rng.choice(["", "", "a"])
    on = rng.choice([
        {"tags": True}, {"tags": False}, {"tags": False, "branch": "a"}, {"branch": "''"}, {"branch": '""'}, {"repo": ""},
        {"branch": ""}, {"branch": []}, {"branch": {}}, {"branch": [""]}, {"branch": ["a", ""]}, {"condition": ""}, {"condition": []},
        {"condition": [""]}, {"condition": ["$A = a", ""]}, {"condition": " "}, {"condition": "\n"}, {"condition": "$A"},
        {"condition": "! $A"}, {"condition": "-z $A"}, {"condition": "-n $A"}, {"condition": "-v A"}, {"condition": "! -v A"},
        {"condition": "${A-x} = x"}, {"condition": "${A:-x} = x"}, {"condition": "${A+x} = x"}, {"condition": "-z ${A+x}"},
        {"condition": "$A = ''"}, {"condition": "$A ="}, {"condition": "= $A"}, {"condition": "-v TRAVIS_TAG"}, {"python": ""},
        {"condition": "-z"}, {"condition": "-n"}, {"condition": "!"}, {"condition": "-z $TRAVIS_TAG", "branch": "a"}, {"branch": "$A"},
        {"branch": "$UNSET"}, {"python": "", "repo": "", "tags": False}, {"condition": "${A?}"}, {"condition": "${A:?}"},
    ])
    return {"on": on}, env


def numbers(rng):
    number = rng.choice([0, 1, -1, 2, 10, 3.1, 2.0, 2.7, 0.5, 1e20, 1e16, 1e15, 1e-5, 0.0001, 123456789012345678, -2.5, 100000.0])
    env = odd_env(rng)
    written = rng.choice([str(number), repr(number), "1.0e+20", "1.0e+16", "1000000000000000.0", "1.0e-05", "0.0001", "2", "100000.0"])
    key = rng.choice(["branch", "condition", "repo", "python", "node", "ruby", "rvm", "all_branches", "tags"])
    value = number
    env["TRAVIS_BRANCH"] = rng.choice([written, "master"])
    env["TRAVIS_REPO_SLUG"] = written
    for name in ("PYTHON", "NODE", "RUBY"):
        env[f"TRAVIS_{name}_VERSION"] = rng.choice([written, str(number)])
    if key in ("branch", "condition") and rng.random() < 0.4:
        value = [number, rng.choice([1, "master", 2.5])]
    return {"on": {key: value}}, env


def file_tests(rng):
    operator = rng.choice(["-f", "-e", "-d", "-s", "-r", "-x", "-L", "-h", "-a", "-b", "-c", "-p", "-S", "-u", "-O", "-N"])
    path = rng.choice(["/etc/passwd", "/nonexistent", "/etc", "/dev/null", "/", "$A", '"$A"', "$A$B", "/etc/pass*", "'/etc/passwd'", ".", "x.txt", "/etc/$A"])
    env = odd_env(rng)
    env["A"] = rng.choice(["/etc/passwd", "/nonexistent", "", "passwd", "/etc/pass wd"])
    text = rng.choice([
        f"{operator} {path}", f"! {operator} {path}", f"{operator} {path} && -n $B", "/etc/passwd -ef /etc/passwd", "/etc/passwd -nt /nonexistent",
        "/nonexistent -ot /etc/passwd", "/etc/passwd -nt /etc/passwd", "$A -ef /etc/passwd", f"({operator} {path})", "-e <(true)",
    ])
    return condition(rng, text, env)


def nested(rng):
    return condition(rng, expression(rng, rng.randrange(2, 5)))


def spacing(rng):
    """Newlines in places where bash allows them, and in places where it does not."""
    text = expression(rng, 2)
    gap = rng.choice(["\n", "\n\n", "  ", "\t", " \n ", "\r\n", "\\\n", " # x\n"])
    at = [found.start() for found in re.finditer(r" ", text)]
    text = rng.choice([text + gap, gap + text, text, text])
    for place in rng.sample(at, min(len(at), rng.choice([0, 1, 1, 2]))):
        text = text[:place] + gap + text[place + 1:] if place < len(text) else text
    return condition(rng, text)


def branch_or(rng):
    env = odd_env(rng)
    pattern = rng.choice([
        "a || $A = b", "dev || $A = a", "master && $A = a", "master && -n $B || dev", "a || ! $A = a", "a||$A = a", "master &&! -z $A",
        "master || dev", "dev || master", "a || $TRAVIS_BRANCH = m*", "'a' || ( $A = a )", "a ||", "|| a", "a | b", "a, b", "a or b",
        "master && $TRAVIS_TAG = ''", "a\n|| $A = a", "a ||\n$A = a", "master || $A", "dev || -z $UNSET", "m* && ! $TRAVIS_BRANCH = master",
    ])
    env["TRAVIS_BRANCH"] = rng.choice(BRANCHES)
    on = {"branch": rng.choice([pattern, [pattern], [pattern, "zz"], ["zz", pattern], {pattern: "x"}])}
    if rng.random() < 0.3:
        on["condition"] = term(rng)
    return {"on": on}, env


def broken_out(rng):
    """Texts that break out of the parentheses that Travis puts around them. The unmet groups then depend on operator precedence."""
    left, right = term(rng), term(rng)
    text = rng.choice([
        f"{left}) || ({right}", f"{left}) && ({right}", f"{left}) || ! ({right}", f"({left}) || ({right})", f"{left}) || (({right})",
        f"{left}) ({right}", f"){left}(", f"{left})) || (({right}", f"{left} ]] && [[ {right}", f"{left}) ]] && [[ ({right}",
        f"{left}) ]] || [[ ({right}", f"{left})", f"({left}", f"{left}) ||\n({right}", [f"({left}", f"{right})"], [f"{left} || ({right}", "a = a)"],
        [f"{left}) || ({right}", term(rng)], [f"! ({left}", f"{right})"],
    ])
    if isinstance(text, str) and rng.random() < 0.3:
        current = rng.choice(["master", "dev"])
        return {"on": {"branch": rng.choice(["master", "dev"]) + f" && {text}", "tags": False}}, {**odd_env(rng), "TRAVIS_BRANCH": current}
    return condition(rng, text)


def across_groups(rng):
    """Parentheses that are opened in one group and closed in another: the whole line parses, but no single group does."""
    env = odd_env(rng)
    on = rng.choice([
        {"branch": "master || (a = a", "condition": "a = a)"}, {"branch": "(master", "condition": "a)"},
        {"condition": "(a = a", "tags": False}, {"branch": "'master", "condition": "a' = a"},
        {"branch": '"master', "condition": 'a" = a'}, {"branch": "@(master", "condition": "b) = b"},
        {"branch": "$(echo master", "condition": "echo) = master"}, {"branch": "`echo master", "condition": "` = x"},
        {"repo": 'a" || ("x" = "x', "condition": "$A = a) || (b = b"}, {"branch": "${A", "condition": "} = x"},
    ])
    return {"on": on}, env


def substitutions(rng):
    text = rng.choice([
        "$(echo a) = a", "`echo a` = a", "$(echo $A) = a", '"$(echo $A)" = "a b"', "$(echo a b) = 'a b'", "-z $(true)", "-n $(false)",
        "$(nonexistent-command) = a", "-z $(nonexistent-command)", "$(exit 3) = ''", "$(printf '%s' \"$A\") = $A", "$((1+1)) = 2", "$((1+1)) -eq 2",
        "$(( A + 1 )) -gt 1", "$(echo \"$A\" | tr a-z A-Z) = AB", "$(case $A in a) echo y;; esac) = y", "$([[ $A = a ]] && echo y)",
        "$(if [ -n \"$A\" ]; then echo y; fi) = y", "`echo \\`echo a\\`` = a", "$(echo ')') = ')'", "$(echo a", "`echo a", "$((1/0)) = 1", "$((1+)) = 1",
        "$(echo a) ]]", "$(cat) = ''", "$(cat </dev/null) = ''", "$(cat <<< \"$A\") = a", "$(cat <<X\na\nX\n) = a", "$(echo 'a\nb') = $'a\\nb'",
        "$(echo a # b\n) = a", "$(env | grep -c ^A=) -gt 0", "${A b} = a", "${A:?} = a", "${UNSET:?gone} = a", "${A:0:1} = a", "${A,,} = a", "${!A} = a",
        "${A[0]} = a", "${A//[ab]/x} = x", "${UNSET:-$(echo a)} = a", "$[1+1] = 2", "$(head -n1 /etc/passwd) =~ ^root:", "-e $(echo /etc/passwd)",
        "$(echo met >&3; echo a) = b", "$(echo a >&2) = ''", "$(test \"$A\" = a; echo $?) -eq 0", "$(true) $(true)", "$(nonexistent-command) == 'true'",
        "$(kill -0 $$ && echo y) = y", "$(f() { echo a; }; f) = a", "$(return 3) = ''", "$(ls) = ''", "$# -eq 0 && -z $1 && -z $*",
    ])
    return condition(rng, text)


def arithmetic(rng):
    operator = rng.choice(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])
    junk = ["1", "0", "10", "08", "010", "0x10", "1.0", "1 2", "", "a", "A", "B", "1+1", "2*3", "1/0", "-1", "+1", "9223372036854775808", "A+1", "(1", "2#101", "'1'", '"1"', "x[0]", "1 ", " 1", "é", "%", "A=5"]
    env = odd_env(rng, [value for value in junk if value not in ("A", "B", "A+1")])
    side = lambda: rng.choice(["$A", '"$A"', "$B", "$UNSET", "1", "10", "A", rng.choice(junk)])  # noqa: E731
    return condition(rng, f"{rng.choice(['', '', '! '])}{side()} {operator} {side()}", env)


def broken(rng):
    text = rng.choice([
        "[ $A = b ]", "[[ $A = b ]]", "test $A = b", "$A = b -a $C = d", "tag IS present", "branch = master AND type = push", "$A IN (x, y)",
        "$A >= 1", "$A <= 1", "$A = a &&", "&& $A = a", "$A = a || || b", "$A = ", "$A = a b", "$A b", "a b c", "$A === a", "$A = a; true",
        "$A = a & b", "$A = a | b", "| a", "<a", ">a", "$A = a > ", "if true; then", "fi", "then", "; then", "}", "{", "$A = a }", "(($A = a)", "($A))",
        "()", "( )", "! ", "!!", "! ! $A", "!$A", "-f", "-z -z", "-q $A", "-n $A -z", "$A -foo b", "$A -eq", "#", "# comment", "$A = a # x", "$A = #a",
        "$A = a#", "$A =~", "=~ a", "$A =~ (a", "$A =~ a)", "$A =~ a b", "$A = (a)", "$A = (a", "$A = <a>", "$A = $(", "$A = `", "$A = ${", "$A = ${A", "]]",
        "[[", "a ]]", "]] a", "$A = a ]] || [[ a", "exit 0", "true", "false", "0", "true && false", "$A=b", "$A==b", "$A!=b", "$A = b && $B=a", "not $A = a",
        "tag", "branch = master", "tag =~ ^v", "type = push", "$A = [a", "${}", "$", "$A = $", "$ = a", "$A = a\\", "`", "'", '"', "((", "))", "$((", "é é", "a\rb", "$A = a\r",
    ])
    if rng.random() < 0.15 and text:
        return branch(rng, text, rng.choice(BRANCHES))
    return condition(rng, text)


def mutated(rng):
    """A valid text with one or two characters removed, added or replaced."""
    text = list(expression(rng, 2))
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(len(text) + 1)
        kind = rng.random()
        if kind < 0.4 and at < len(text):
            del text[at]
        elif kind < 0.8 or at >= len(text):
            text.insert(at, rng.choice(list("()[]{}'\"\\$&|;!=~<> \n#*?-a`")))
        else:
            text[at] = rng.choice(list("()[]'\"\\$&|!= \n"))
    text = "".join(text)
    if "$(" in text or "`" in text:
        text = text.replace(">", "=")  # `>` inside a command substitution would write a file
    return condition(rng, text)


def casts(rng):
    word = rng.choice(["true", "false", "yes", "no", "on", "off", "enabled", "disabled", "required", "v1", "", "$TAG", "release", "always", "null", "1", "0", " "])
    word = rng.choice([word, word, word.capitalize(), word.upper()])
    value = rng.choice([word, word, True, False, None, 0, 1, 2.5])
    env = base_env(rng)
    env["TRAVIS_TAG"] = rng.choice(["", "v1"])
    env["TRAVIS_BRANCH"] = rng.choice(["master", "dev", "v1"])
    on = {rng.choice(["tags", "all_branches"]): value}
    if rng.random() < 0.4:
        on["branch"] = rng.choice(["master", "dev", "", "a b"])
    if rng.random() < 0.3:
        on["tags" if "all_branches" in on else "all_branches"] = rng.choice([True, False, word, None])
    if rng.random() < 0.2:
        on["condition"] = "-n $TRAVIS_TAG"
    return {"on": on}, env


KEYS = ["d", "dart", "elm", "elixir", "ghc", "go", "haxe", "jdk", "julia", "mono", "node", "node_js", "otp_release", "perl", "php", "python", "r", "ruby", "rvm", "rust", "scala", "smalltalk", "perl6", "hhvm"]


def runtimes(rng):
    env = base_env(rng)
    on = {}
    for key in rng.sample(KEYS, rng.choice([1, 1, 2, 3])):
        value = rng.choice(["2.7", 2.7, 3, "", "2.*", "1.x", "a b", "$A", "'x'", "*", "é", "x\ny", "[2]", ["2.7"], ["3.6", "2.7"], [3.5, 2.7], [], None, True, False, "~", "a;b", "+(1)", "node"])
        on[key] = value
        variable = {"rvm": "ruby", "node_js": "node"}.get(key, key).upper()
        wanted = value[0] if isinstance(value, list) and value else value
        wanted = {True: "true", False: "false", None: ""}.get(wanted, str(wanted)) if not isinstance(wanted, list) else ""
        if rng.random() < 0.9:
            env[f"TRAVIS_{variable}_VERSION"] = wanted if rng.random() < 0.7 else rng.choice(["2.7", "", "2.9", "1.x"])
    env["A"] = "2.7"
    if rng.random() < 0.5:
        on["all_branches"] = True
    if rng.random() < 0.2:
        on["condition"] = rng.choice(["$A = 2.7", "$A = 3"])
    return {"on": on}, env


def repos(rng):
    env = odd_env(rng)
    env["A"] = rng.choice(["owner/repo", "owner", "", "*", 'x"y'])
    repo = rng.choice([
        "owner/repo", "Owner/Repo", "owner/*", "*", "$A", "${A}", "$A/repo", "'owner/repo'", 'owner/"repo"', 'a" || "b" = "b', '"', "owner/re\\po", "\\$A",
        "$(echo owner)/repo", "`echo owner/repo`", "owner/repo ", "$TRAVIS_REPO_SLUG", "$UNSET", "", "${A", "$(", "a b", "(", "a)b", "a\nb", "\\", "é", "!x", 7, 1.5,
        ["owner/repo"], ["owner/other", "owner/repo"], None, True, "owner/repo\\", "]]", "a;b", "a#b", "${A:?}", "${A b}", "~", "x\\\"y",
    ])
    env["TRAVIS_REPO_SLUG"] = rng.choice(["owner/repo", "owner/repo", "owner/*", "", "*", "$A", "7", "a b", repo if isinstance(repo, str) else "true"])
    on = {"repo": repo}
    if rng.random() < 0.6:
        on["all_branches"] = True
    if rng.random() < 0.2:
        on["condition"] = term(rng)
    return {"on": on}, env


def precedence(rng):
    """`if`, `on` and `true`, each present, null or absent."""
    values = [
        {"branch": "a"}, {"branch": "b"}, {"tags": False}, {"tags": True}, {"all_branches": True}, "a", "b", {"condition": "$TRAVIS_BRANCH = a"}, {}, None, False,
        {"tags": False, "repo": "owner/repo"}, {"python": "3"},
    ]
    stanza = {key: rng.choice(values) for key in rng.sample(["if", "on", "true"], rng.choice([1, 2, 2, 2, 3]))}
    env = base_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["a", "b", "master", "branch", "tags", "condition"])
    env["TRAVIS_TAG"] = rng.choice(["", "", "v1"])
    return stanza, env


def lists(rng):
    env = odd_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["a", "b", "master", ""])
    on = rng.choice([
        ["a", "b"], ["b"], [{"branch": "a"}, {"branch": "b"}], [{"tags": True}], [{"all_branches": True}, "a"], {"branch": ["a", "b"]}, {"branch": ["a*", "master"]},
        {"branch": ["a", 1]}, {"branch": ["a", "b c"]}, {"branch": ["a", "a"]}, {"condition": ["$A = a", "$B = b"]}, {"condition": [["$A = a"], ["$B = b", ["$C = c"]]]},
        {"condition": [None, "$A = a"]}, {"condition": [[], [None]]}, {"condition": ["$A = a", True]}, {"condition": [False, 0]}, {"condition": ["$A = a", "$A ="]},
        {"branch": "a, b"}, {"branch": "[a, b]"}, {"condition": ["$A = a || $B = b", "$C = c"]}, {"branch": ["a", ""]}, {"branch": ["a", None]}, {"branch": [None]}, ["a b"], [""],
    ])
    return {"on": on}, env


def branch_maps(rng):
    env = odd_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["a", "b", "master", "release/1", "production"])
    on = {"branch": rng.choice([
        {"a": "x", "b": "y"}, {"production": "app"}, {"release/*": "x"}, {"a": None}, {"a b": "x"}, {"": "x"}, {"master": {"x": 1}}, {"a": "x", "!(b)": "y"},
        {"a || $A = a": 1}, {"master": True}, {"a": ["x"]},
    ])}
    if rng.random() < 0.3:
        on[rng.choice(["tags", "all_branches"])] = rng.choice([True, False])
    return {"on": on}, env


def option_maps(rng):
    """Branch-specific option values. Their keys are the default branches (§5)."""
    keys = ["a", "b", "master", "dev", "release/*", "a b", "m*", "'a'", "a || $A = b"]
    env = odd_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["a", "b", "master", "dev", "release/1", "main", "source"])
    stanza = {}
    for option in rng.sample(["description", "role", "options", "app", "stage", "edge"], rng.choice([1, 1, 2, 3])):
        chosen = rng.sample(keys[:5] if rng.random() < 0.8 else keys, rng.choice([0, 1, 1, 2]))
        value = {"role": "arn:aws:iam::123456789012:role/run"}.get(option, "x")
        stanza[option] = rng.choice([{key: value for key in chosen}] * 4 + [value])
        if option == "edge":
            stanza[option] = rng.choice([True, {"source": "x", "branch": "a"}])
        elif option in ("options", "app") and rng.random() < 0.2:
            stanza[option] = [{"a": "x"}]
    if rng.random() < 0.5:
        stanza["on"] = rng.choice([{"tags": False}, {"branch": "b"}, {}, {"condition": "-n $A"}, {"repo": "owner/repo"}, {"tags": True}, {"all_branches": True}, None, False])
    return stanza, env


def other_maps(rng):
    """Maps that are option values, not branch maps."""
    env = base_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["master", "FOO", "a", "main", "secure", "team"])
    stanza = {}
    for option in rng.sample(["environment", "environment_variables", "function_tags"], rng.choice([1, 1, 2])):
        if option.startswith("environment") and any(key.startswith("environment") for key in stanza):
            continue
        stanza[option] = rng.choice([{"FOO": "bar"}, {"a": "1", "team": "x"}, ["FOO=bar"], {"FOO": ""}])
    if rng.random() < 0.4:
        stanza["description"] = rng.choice([{"a": "x"}, "x", {"master": "y"}])
    if env["TRAVIS_BRANCH"] not in ("master", "a"):
        # The deployment is skipped here, so an encrypted value does not matter.
        stanza.setdefault("secret_access_key", {"secure": "abc="})
    if "secret_access_key" not in stanza and rng.random() < 0.3:
        stanza["on"] = rng.choice([{"tags": False}, {"branch": "a"}, {"repo": "owner/repo"}])
    return stanza, env


def nulls(rng):
    env = odd_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["master", "a", "main"])
    env["TRAVIS_TAG"] = rng.choice(["", "v1"])
    values = {"repo": "owner/repo", "branch": "a", "python": "3", "rvm": "2", "ruby": "2", "condition": "$A = a", "tags": True, "all_branches": True, "node": "8", "node_js": "8"}
    on = {key: rng.choice([None, None, values[key]]) for key in rng.sample(list(values), rng.choice([1, 2, 3, 4]))}
    for name in ("PYTHON", "RUBY", "NODE"):
        if rng.random() < 0.6:
            env[f"TRAVIS_{name}_VERSION"] = rng.choice(["3", "2", "8", ""])
    stanza = {"on": on}
    for key in ("if", "true", "description", "environment", "options"):
        if rng.random() < 0.15:
            stanza[key] = None
    if rng.random() < 0.1:
        stanza["on"] = None
    return stanza, env


def pull_requests(rng):
    env = base_env(rng)
    env["TRAVIS_PULL_REQUEST"] = rng.choice(["1", "4711", "false", "", "0", "no", "False", "true", " ", "FALSE", "null", "false "])
    on = rng.choice([{}, {"branch": "a b"}, 7, {"condition": "((("}, {"condition": "$A ="}, {"branch": "master"}, {"branch": "dev"}, "", {"tags": True}, True, {"all_branches": True}])
    return {"on": on}, env


def scalars(rng):
    """Booleans and numbers in place of strings, and values of unusable types."""
    env = odd_env(rng)
    env["TRAVIS_BRANCH"] = rng.choice(["master", "true", "false", "dev", "1"])
    env["TRAVIS_REPO_SLUG"] = rng.choice(["true", "owner/repo", "1"])
    on = rng.choice([
        {"condition": True}, {"condition": False}, {"condition": 0}, {"condition": 1.5}, {"condition": "true"}, {"condition": "false"}, {"condition": {"a": "b"}},
        {"condition": [{"a": "b"}]}, {"condition": ["$A = a", {"a": 1}]}, {"branch": True}, {"branch": False}, {"branch": 1}, {"branch": [True, False]}, {"repo": True},
        {"branch": [{"a": 1}]}, False, "", [], {}, True, 7, 0, 1.5, "master", "dev", {"branch": None}, {"unknown": 1}, {"master": True}, {"os": "linux"}, {"tag": True},
        {"branches": "dev"}, {"conditions": "a ="}, {"branch": ""},
    ])
    return {"on": on}, env


CATEGORIES = {
    make.__name__.replace("_", "-"): make
    for make in (
        words, globs, extglobs, regexes, captures, quotes, unicode, spaces, emptiness, numbers, file_tests, nested, spacing, branch_or, broken_out,
        across_groups, substitutions, arithmetic, broken, mutated, casts, runtimes, repos, precedence, lists, branch_maps, option_maps,
        other_maps, nulls, pull_requests, scalars,
    )
}


if __name__ == "__main__":
    main()
