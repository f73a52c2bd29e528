//! Tests files and requests that are not what the program expects: the answer says what to do.

use super::*;

#[test]
fn a_wrapped_stanza_is_refused_before_its_conditions_are_evaluated() {
    for (request, at) in [
        (json!({"deploy": {"provider": "lambda", "function_name": "f"}}), Some("/deploy")),
        (json!({"stanza": {"function_name": "f"}, "env": {"TRAVIS_PULL_REQUEST": "7"}}), Some("/stanza")),
        (json!({"language": "node_js", "deploy": {"provider": "lambda"}}), None),
    ] {
        let ended = PluginCommand::new(&["deploy"]).run(&request);
        assert_eq!((ended.code(), ended.status.code()), ("bad-request", Some(2)), "{}", ended.stdout);
        assert_eq!(ended.finished()["error"]["at"].as_str(), at, "{}", ended.stdout);
    }
    let template = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n\
                    Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
                    Role: !Sub arn:${A}\n";
    let files = [
        (
            ".travis.yml",
            "language: node_js\ndeploy:\n  provider: lambda\n  function_name: f\n",
            "--travis-yml",
        ),
        ("twice.yml", "script: a\nscript: b\ndeploy:\n  provider: lambda\n", "--travis-yml"),
        ("deploy.json", r#"{"deploy": {"provider": "lambda"}}"#, "--travis-yml"),
        ("template.yaml", template, "CloudFormation"),
        ("template.json", r#"{"Resources": {"F": {"Type": "AWS::Lambda::Function"}}}"#, "CloudFormation"),
        (
            "serverless.yml",
            "service: s\nprovider: {name: aws}\nfunctions: {f: {handler: a.b}}\n",
            "Serverless",
        ),
        ("function.json", r#"{"FunctionName": "f", "Runtime": "nodejs22.x"}"#, "`function_name`"),
    ];
    let directory = directory(&files.map(|(name, text, _)| (name, text)));
    for (name, _, reported) in files {
        let ended = standalone(&["check", "--stanza", name], directory.path(), "");
        assert_eq!(
            (ended.code(), ended.status.code()),
            ("bad-arguments", Some(2)),
            "{name}: {}",
            ended.stdout
        );
        assert!(ended.stderr.contains(reported), "{name}: {}", ended.stderr);
    }
}

#[test]
fn yaml_on_standard_input_is_read_only_where_that_is_asked_for() {
    let directory = directory(&[]);
    let stanza = "# a stanza\nfunction_name: f\non:\n  all_branches: true\n";
    let ended = standalone(&["check"], directory.path(), stanza);
    assert_eq!((ended.code(), ended.status.code()), ("bad-json", Some(2)));
    assert!(error_message(&ended).contains("`--stanza -`"), "{}", ended.stdout);
    let ended = standalone(&["check", "--stanza", "-"], directory.path(), stanza);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let ended = standalone(&["check", "--stanza", "-"], directory.path(), "");
    assert!(ended.stderr.contains("standard input: the file is empty"), "{}", ended.stderr);
    let whole = format!("deploy:\n  provider: lambda\n  {}", stanza.trim_start_matches("# a stanza\n"));
    let whole = whole.replace("\non:", "\n  on:").replace("\n  all", "\n    all");
    let ended = standalone(&["check", "--travis-yml", "-"], directory.path(), &whole);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
}

#[test]
fn a_file_that_cannot_be_used_is_answered_with_what_to_do() {
    let stanza = "function_name: f\non: {all_branches: true}\n";
    let files = [
        ("comment.json", "{\n  // the function\n  \"function_name\": \"f\"\n}", "JSON has none"),
        ("comma.json", "{\"function_name\": \"f\",}", "remove the comma"),
        ("empty.json", "\n", "the file is empty"),
        ("tab.yml", "function_name: f\non:\n\tbranch: main\n", "instead of tabs"),
        ("indented.yml", "function_name: f\n\tzip: out\n", "indent with spaces instead of tabs"),
        ("percent.yml", "function_name: f\ndescription: %{commit}\n", "quote a value that begins with `%`"),
        ("colon.yml", "function_name: f\ndescription: a: b\n", "quote a value that contains `: `"),
        ("quote.yml", "function_name: 'f\nzip: out\n", "close the quote that begins here"),
        ("list.yml", "- function_name: f\n- g\n", "stanza 2 is a string; expected a map"),
        ("equals.yml", "function_name=f\nzip=out\n", "lines such as `function_name: hello`"),
        ("package.json", r#"{"name": "x", "version": "1.0.0", "scripts": {}}"#, "is a `package.json`"),
        ("ci.yml", "on: push\njobs: {x: {runs-on: ubuntu, steps: []}}\n", "a workflow of GitHub Actions"),
        ("gitlab.yml", "stages: [x]\ndeploy: {stage: x, script: make}\n", "a `.gitlab-ci.yml`"),
    ];
    let directory = directory(&files.map(|(name, text, _)| (name, text)));
    let refused = |arguments: &[&str], reported: &str| {
        let ended = standalone(arguments, directory.path(), "");
        assert_eq!((ended.outcome(), ended.status.code()), ("failed", Some(2)), "{arguments:?}");
        assert!(ended.stderr.contains(reported), "{arguments:?}: {}", ended.stderr);
    };
    for (name, _, reported) in files {
        refused(&["check", "--stanza", name], reported);
    }
    for (name, reported) in [
        ("list.yml", "use --stanza if it is a list of stanzas"),
        ("package.json", "is a `package.json`; expected a `.travis.yml`"),
        ("ci.yml", "is a workflow of GitHub Actions; expected a `.travis.yml`"),
        ("gitlab.yml", "is a `.gitlab-ci.yml`; expected a `.travis.yml`"),
    ] {
        refused(&["check", "--travis-yml", name], reported);
    }
    for (path, reported) in [
        (".", "this is a directory; expected a file"),
        ("~/lambda.yml", "write `$HOME` instead of `~`"),
        ("https://example.org/lambda.yml", "download the file"),
    ] {
        refused(&["check", "--stanza", path], reported);
    }
    // Of several documents only the first one is read, which is said.
    let several = format!("{stanza}---\nfunction_name: g\n");
    let ended = standalone(&["check", "--stanza", "-"], directory.path(), &several);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    let note = "line 3: a second document begins here; only the first one is read";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
}

#[test]
fn a_request_that_is_no_json_is_answered_with_what_to_do() {
    for (request, reported) in [
        ("", "the request is empty; expected one JSON object"),
        ("", "`--stanza FILE` and `--travis-yml FILE` read a file instead"),
        ("{function_name: f}", "put each key in double quotes"),
        ("{'function_name': 'f'}", "put each key in double quotes"),
        (r#"{"function_name": "f",}"#, "remove the comma before the closing bracket"),
        (r#"{"function_name": "f"} {}"#, "remove what follows the first JSON value"),
    ] {
        let ended = PluginCommand::new(&["check"]).run_on(request.as_bytes());
        assert_eq!((ended.code(), ended.status.code()), ("bad-json", Some(2)), "{request}");
        assert!(error_message(&ended).contains(reported), "{request}: {}", ended.stdout);
    }
}
