"""Reads a CI's file and prints as JSON what that CI would run: {"shell": [...], "runs": [{"script": ..., "env": {...}}]}.

Each run is one shell with its own variables, in order. Values that the CI substitutes before the shell starts are substituted
here too, and text that it would substitute by mistake is an error. A secret named x has the value `secret-x`, a token for the
audience y the value `token-for-y`. A step with `settings` has no script: its shell is `IMAGE`, the program of the image, and its
script the argument of that. Never runs a script.
"""

import json
import pathlib
import re
import sys

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]


def need(condition, message):
    if not condition:
        sys.exit(message)


def travis(file):
    deploy = file["deploy"]
    need(deploy["provider"] == "script" and deploy["on"] == {"all_branches": True}, "Travis would check the conditions too")
    env = dict(line.split("=", 1) for line in file["env"]["global"])
    return ["bash", "-c"], [{"script": script, "env": env} for script in (file["before_deploy"], deploy["script"])]


def github(file):
    need(file["defaults"]["run"]["shell"] == "bash", "the shell has no pipefail")
    need(file["permissions"]["id-token"] == "write", "the job gets no token")
    need("pull_request" not in file["on"], "the file deploys pull requests")
    job = file["jobs"]["deploy"]
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    need(not any("${{" in script for script in scripts), "an expression in a script")
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"], [{"script": s, "env": job["env"]} for s in scripts]


def gitlab(file):
    job = file["deploy"]
    env = dict(job["variables"])
    for name, token in job["id_tokens"].items():
        env[name] = "token-for-" + token["aud"]
    return ["bash", "-eo", "pipefail", "-c"], [{"script": "\n".join(job["script"]), "env": env}]


def given_to(declared, given):
    """The value of each declared input or parameter, as the CI determines it."""
    need(set(given) <= set(declared), f"not declared: {set(given) - set(declared)}")
    values = {name: entry["default"] for name, entry in declared.items() if "default" in entry} | given
    need(set(values) == set(declared), f"without a value: {set(declared) - set(values)}")
    need(all(isinstance(value, str) for value in values.values()), f"a value that is not a text: {values}")
    return values


def inserted(node, pattern, values):
    """Inserts values in keys and values, as the CI does after it has read the YAML."""
    if isinstance(node, dict):
        return {inserted(key, pattern, values): inserted(value, pattern, values) for key, value in node.items()}
    if isinstance(node, list):
        return [inserted(item, pattern, values) for item in node]
    return re.sub(pattern, lambda match: values[match[1]], node) if isinstance(node, str) else node


def gitlab_component(file):
    """Includes the component's template; the jobs of the file add keys to its job."""
    (include,) = file["include"]
    need(include["component"].endswith("/OWNER/dpl-lambda/deploy@v0.1.0"), "another component")
    header, template = YAML(typ="safe").load_all(ROOT / "templates/deploy.yml")
    (job,) = template.values()
    need("$[[" not in "".join(job["script"]), "an input in a script")
    inputs = given_to(header["spec"]["inputs"], include["inputs"])
    ((name, job),) = inserted(template, r"\$\[\[ inputs\.([a-z0-9-]+) \]\]", inputs).items()
    need(name in file, "the file adds keys to another job")
    return gitlab({"deploy": job | file[name]})


def buildkite(file):
    (step,) = file["steps"]
    script = "\n".join(step["command"])
    need("$" not in script.replace("$$", ""), "Buildkite substitutes a single $ on upload")
    return ["bash", "-e", "-c"], [{"script": script.replace("$$", "$"), "env": file["env"]}]


def circleci(file):
    job = file["jobs"]["deploy"]
    env = {name: value.replace("<< pipeline.event.name >>", "push") for name, value in job["environment"].items()}
    (run,) = file["workflows"]["deploy"]["jobs"]
    need("context" in run["deploy"], "without a context the job gets no token")
    runs = [step["run"] for step in job["steps"] if "run" in step]
    scripts = [run if isinstance(run, str) else run["command"] for run in runs]
    need("<<" not in json.dumps([env, scripts]), "an unsupported pipeline value")
    return ["bash", "-eo", "pipefail", "-c"], [{"script": script, "env": env} for script in scripts]


def circleci_orb(file):
    """Finds the job in the orb, and inserts its parameters."""
    orb = YAML(typ="safe").load(ROOT / "orb.yml")
    (run,) = file["workflows"]["deploy"]["jobs"]
    given = dict(run["dpl-lambda/deploy"])
    keys = {key: given.pop(key) for key in ("context", "filters")}
    job = orb["jobs"]["deploy"]
    given["event"] = given["event"].replace("<< pipeline.event.name >>", "push")
    values = given_to(job["parameters"], given)
    steps = [step["run"] for step in job["steps"] if "run" in step]
    need(not any("<<" in step["command"] for step in steps), "a parameter in a script")
    (run,) = inserted(steps, r"<< parameters\.([a-z0-9-]+) >>", values)
    return circleci({
        "jobs": {"deploy": {"environment": run["environment"], "steps": [{"run": run["command"]}]}},
        "workflows": {"deploy": {"jobs": [{"deploy": keys}]}},
    })


def woodpecker_or_drone(file):
    (step,) = file["steps"]
    env = {}
    for name, value in step["environment"].items():
        env[name] = value if isinstance(value, str) else "secret-" + value["from_secret"]
    script = "\n".join(step["commands"])
    need("${" not in script, "the CI substitutes ${…} before the shell starts")
    return ["sh", "-e", "-c"], [{"script": script, "env": env}]


def bitbucket(file):
    """Bitbucket has no variables in the file: the first lines of the script set them."""
    (branch,) = file["pipelines"]["branches"].items()
    need(branch[0] == "main", "another branch")
    (item,) = branch[1]
    step = item["step"]
    need(step["oidc"] is True, "the step gets no token")
    constants = [re.fullmatch(r"export (\w+)=([^\s$'\"`\\]+)", line) for line in step["script"]]
    env = {constant[1]: constant[2] for constant in constants if constant}
    script = [line for line, constant in zip(step["script"], constants) if not constant]
    return ["sh", "-e", "-c"], [{"script": "\n".join(script), "env": env}]


def azure(file):
    need(file["pr"] == "none", "the file deploys pull requests")
    runs = []
    for step in file["steps"]:
        need(not re.search(r"\$\(\w+(\.\w+)*\)", step["bash"]), "Azure substitutes $(name) in a script")
        secrets = {name: re.sub(r"^\$\((.+)\)$", r"secret-\1", value) for name, value in step.get("env", {}).items()}
        runs.append({"script": step["bash"], "env": file["variables"] | secrets})
    return ["bash", "--noprofile", "--norc", "-c"], runs


def codebuild(file):
    """Since version 0.2, all commands of a build run in one shell. No schema is published, so the fields are checked in `buildspec.json`."""
    need(file["version"] == 0.2, "each command would have its own shell")
    (phase,) = file["phases"].values()
    script = "\n".join(phase["commands"])
    return [file["env"]["shell"], "-e", "-c"], [{"script": script, "env": file["env"]["variables"]}]


def plugin(file):
    """A step whose image gets its settings as Drone and Woodpecker pass them: as texts, in `PLUGIN_*` variables."""
    (step,) = file["steps"]
    need(step["image"] == "OWNER/dpl-lambda:0.1.0" and "commands" not in step, "the step has a shell, or another image")

    def is_plain(value):
        return isinstance(value, (str, bool, int, float))

    def text(value):
        if isinstance(value, bool):
            return str(value).lower()
        if is_plain(value):
            return str(value)
        if isinstance(value, list) and all(is_plain(item) for item in value):
            return ",".join(text(item) for item in value)
        need("from_secret" not in json.dumps(value), "Drone replaces a secret only if it is the whole value of a setting")
        return json.dumps(value)

    env = {}
    for name, value in step["settings"].items():
        is_secret = isinstance(value, dict) and list(value) == ["from_secret"]
        env["PLUGIN_" + name.upper()] = "secret-" + value["from_secret"] if is_secret else text(value)
    return ["IMAGE"], [{"script": "plugin", "env": env}]


def jenkins(text):
    """Parses a Jenkinsfile as Groovy and checks only the required sections, because Jenkins' own linter needs a running Jenkins."""
    import tree_sitter
    import tree_sitter_groovy

    language = tree_sitter.Language(tree_sitter_groovy.language())
    root = tree_sitter.Parser(language).parse(text.encode()).root_node
    need(not root.has_error, "not valid Groovy")

    def unquoted(node):
        text = node.text.decode()
        quote = "'''" if text.startswith("'''") else "'"
        need(text.startswith(quote) and text.endswith(quote), f"not in single quotes, so Groovy substitutes values: {text}")
        need("\\" not in text, f"an unsupported escape: {text}")
        return text[len(quote) : -len(quote)]

    def name(node):
        kinds = ("identifier", "type_identifier")
        return next((child.text.decode() for child in node.named_children if child.type in kinds), None)

    def members(node):
        """The statements of a block's closure."""
        for closure in (child for child in node.named_children if child.type == "closure"):
            for child in closure.named_children:
                yield child.named_children[0] if child.type == "expression_statement" else child

    def below(node):
        yield node
        for child in node.named_children:
            yield from below(child)

    def block(node, wanted):
        found = [member for member in members(node) if name(member) == wanted]
        need(len(found) == 1, f"{len(found)} of {wanted}")
        return found[0]

    (pipeline,) = [child for child in root.named_children if "comment" not in child.type]
    pipeline = pipeline.named_children[0]
    need(name(pipeline) == "pipeline", "not a declarative pipeline")
    allowed = {"agent", "options", "environment", "stages", "post", "tools", "triggers", "parameters", "libraries"}
    sections = [name(member) for member in members(pipeline)]
    need(len(sections) == len(set(sections)) and set(sections) <= allowed, f"sections: {sections}")
    need("agent" in sections, "no agent")

    env = {}
    for assignment in members(block(pipeline, "environment")):
        key, value = assignment.named_children
        env[key.text.decode()] = unquoted(value)
    stage = block(block(pipeline, "stages"), "stage")
    runs = []

    def collect(node, env):
        for member in members(node):
            if name(member) == "withCredentials":
                pairs = {name(item): unquoted(item.named_children[-1]) for item in below(member) if item.type == "map_item"}
                need(set(pairs) == {"credentialsId", "variable"}, f"credentials: {pairs}")
                collect(member, env | {pairs["variable"]: "secret-" + pairs["credentialsId"]})
            elif name(member) == "sh":
                (argument,) = member.named_children[-1].named_children
                runs.append({"script": unquoted(argument), "env": env})
            else:
                sys.exit(f"an unsupported step: {member.text.decode()}")

    collect(block(stage, "steps"), env)
    return ["sh", "-e", "-c"], runs


READERS = {
    "travis.yml": travis,
    "github-actions.yml": github,
    "gitlab-ci.yml": gitlab,
    "gitlab-component.yml": gitlab_component,
    "buildkite.yml": buildkite,
    "circleci.yml": circleci,
    "circleci-orb.yml": circleci_orb,
    "woodpecker.yml": woodpecker_or_drone,
    "drone.yml": woodpecker_or_drone,
    "bitbucket-pipelines.yml": bitbucket,
    "azure-pipelines.yml": azure,
    "buildspec.yml": codebuild,
    "woodpecker-plugin.yml": plugin,
    "drone-plugin.yml": plugin,
}


def main(path):
    name = re.split("/", path)[-1]
    with open(path, encoding="utf-8") as file:
        shell, runs = jenkins(file.read()) if name == "Jenkinsfile" else READERS[name](YAML(typ="safe").load(file))
    json.dump({"shell": shell, "runs": runs}, sys.stdout)


main(sys.argv[1])
