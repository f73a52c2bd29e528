//! Conditions that compare or contain secrets, or make bash print them in an error.

use serde_json::{Value, json};

use super::scenario::Scenario;
use super::secrets::secret;

pub(super) fn scenarios() -> Vec<Scenario> {
    let (webhook, password, plain) =
        (secret("SLACK_WEBHOOK"), secret("DB_PASSWORD"), secret("environment.PLAIN"));
    let condition = |text: &str| json!({"condition": text});
    let conditions = vec![
        ("a webhook compared", condition("$SLACK_WEBHOOK = x")),
        ("a webhook alone", condition("$SLACK_WEBHOOK")),
        ("a webhook in a list", json!({"condition": ["-n $SLACK_WEBHOOK", "$DB_PASSWORD = y"]})),
        ("a webhook that does not parse", condition("$SLACK_WEBHOOK = x) y")),
        ("a webhook written out", condition(&format!("{webhook} = x"))),
        ("a webhook written out, without spaces", condition(&format!("$X={webhook}"))),
        ("a webhook written out that does not parse", condition(&format!("{webhook} x"))),
        ("a webhook written out after an open quote", condition(&format!("$X = \"{webhook}"))),
        ("a webhook written out in brackets", condition(&format!("[ $X = \"{webhook}\" ]"))),
        ("a password written out", condition(&format!("$X = {password}"))),
        ("a password written out in quotes", condition(&format!("$X = '{password}'"))),
        ("a variable's value written out", condition(&format!("$X = '{plain}' x"))),
        ("a long text that is shortened", condition(&format!("$X = {} {password} x", "y".repeat(160)))),
        ("an error that quotes a secret", condition("${A:?$GITHUB_TOKEN}")),
        ("an error that quotes several lines", condition("${A:?$PRIVATE_KEY}")),
        ("an error that quotes a long secret", condition("${A:?$AWS_SESSION_TOKEN}")),
        ("an error that quotes a secret with spaces", condition("${A:?$DEPLOY_AUTH}")),
        ("arithmetic", condition("$SLACK_WEBHOOK -gt 1")),
        ("arithmetic that does not parse", condition("$(( $SLACK_WEBHOOK )) = 1")),
        ("a command that prints", condition("$(echo \"$GITHUB_TOKEN\" >&2; echo x) = x && ${A:?}")),
        ("a missing command", condition("$(\"$GITHUB_TOKEN\") = x && ${A:?}")),
        ("a missing file", condition("$(<\"$API_KEY\") = x && ${A:?}")),
        ("a branch", json!({"branch": "$GITHUB_TOKEN"})),
        ("branches written out", json!({"branch": [webhook, password, "master"]})),
        ("a repo", json!({"repo": password})),
        ("a repo of a variable", json!({"repo": "$GITHUB_TOKEN/x"})),
        ("tags", json!({"tags": webhook})),
        ("tags that are long", json!({"tags": secret("AWS_SESSION_TOKEN")})),
        ("a runtime", json!({"node": webhook, "rvm": password})),
        ("a list", json!([webhook, password])),
        ("a word", json!(webhook)),
    ];
    let scenario = |(name, on): (&str, Value)| {
        Scenario::new(&format!("a condition: {name}"), move |stage| {
            stage.say(json!({"on": on}));
            stage.run_each(&[&["deploy"]]);
            stage.process = vec![("DPL_LAMBDA_CONDITIONS".into(), "bash".into())];
            stage.run_each(&[&["check"]]);
            // If the condition is not met, other problems are only warnings.
            stage.request["env"]["TRAVIS_BRANCH"] = json!("another");
            stage.say(json!({"publish": "$DB_PASSWORD", "timeout": "$GITHUB_TOKEN"}));
            stage.run_each(&[&["deploy"]]);
            stage.request["env"]["TRAVIS_PULL_REQUEST"] = json!("7");
            stage.run_each(&[&["deploy"]]);
        })
    };
    conditions.into_iter().map(scenario).collect()
}
