use std::path::Path;

use super::*;
use crate::cancel::CancelToken;
use crate::conditions::BashOptions;
use crate::standalone::job_env::{self, CiSelection};
use crate::standalone::travis_yml;

/// What is decided about the first stanza of a file: the messages of unmet conditions, the notes, and the
/// variables of the job. `env` is the process environment of a user on a terminal.
struct Decided {
    unmet: Vec<UnmetCondition>,
    notes: Vec<String>,
    variables: Vec<String>,
}

fn decided(text: &str, env: &[(&str, &str)]) -> Result<Decided, (JobCondition, InvalidCondition)> {
    let env: Environment = env.iter().copied().chain([("PATH", "/nowhere")]).collect();
    let job_env = job_env::detect(&env, CiSelection::None, Path::new("/"), &CancelToken::new())
        .expect("there is no checkout to ask about");
    let stanzas = travis_yml::stanzas(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let mut located = stanzas.into_iter().next().expect("a stanza");
    let meets_on = |stanza: &Map, env: &Environment| {
        let (verdict, _) = conditions::evaluate(stanza, env, BashOptions::default(), &CancelToken::new());
        verdict.ok().map(|verdict| verdict.deploys)
    };
    let unmet = select(&mut located, &job_env, Some(&meets_on), None)?;
    let variables = located.variables.iter().map(ToString::to_string).collect();
    Ok(Decided { unmet, notes: located.notes, variables })
}

/// Whether the job is made on the branch `main`, and the notes.
#[track_caller]
fn on_main(text: &str) -> (bool, Vec<String>) {
    let decided = decided(text, &[("TRAVIS_BRANCH", "main")]).unwrap_or_else(|error| panic!("{error:?}"));
    (decided.unmet.is_empty(), decided.notes)
}

const DEPLOY: &str = "deploy: {provider: lambda, function_name: f}\n";

#[test]
fn a_job_is_made_only_if_all_conditions_of_the_file_are_met() {
    for (text, is_made) in [
        ("", true),
        ("if: branch = main\n", true),
        ("if: branch = develop\n", false),
        ("if: true\n", true),
        ("if: false\n", false),
        ("if: [branch = develop, branch = main]\n", false),
        ("if: ~\n", true),
        ("branches: {only: [main, develop]}\n", true),
        ("branches: {only: develop}\n", false),
        ("branches: {only: [/^ma/]}\n", true),
        ("branches: main\n", true),
        ("branches: [develop]\n", false),
        ("branches: {except: [main]}\n", false),
        ("branches: {except: [/^release/]}\n", true),
        ("branches: {only: [main], except: [main]}\n", true),
        ("branches: {only: [], except: [main]}\n", false),
        ("branches: ~\n", true),
        ("branches: []\n", true),
        ("branches: [{only: main}]\n", true),
        ("branches: [{only: develop}]\n", false),
        ("branches: [{except: main}]\n", false),
        ("branches: {exclude: main}\n", false),
        ("branches: {other: main}\n", true),
        ("branch: develop\n", false),
        ("stages: [{name: test, if: branch = develop}]\n", false),
        ("stages: [{name: Test, if: branch = develop}]\n", false),
        ("stages: [{name: release, if: branch = develop}]\n", true),
        ("os: osx\nif: os = osx\n", true),
        ("if: os = osx\n", false),
        ("os: windows\n", false),
        ("language: go\nif: language = node_js\n", false),
        ("env: STAGE=prod\nif: env(STAGE) = prod\n", true),
        ("env: STAGE=test\nif: env(STAGE) = prod\n", false),
        ("if: type = push AND tag IS blank\n", true),
        ("if: type = cron\n", false),
    ] {
        let (made, notes) = on_main(&format!("{text}{DEPLOY}"));
        assert_eq!((made, notes), (is_made, Vec::new()), "{text}");
    }
}

#[test]
fn a_job_of_its_own_has_the_condition_of_its_stage_and_its_own() {
    let file = |job: &str| {
        format!(
            "stages: [{{name: release, if: branch = main}}]\njobs:\n  include:\n  - stage: release\n    \
             script: skip\n  - deploy: {{provider: lambda}}\n{job}"
        )
    };
    // Without `stage`, a job belongs to the stage of the job before it.
    for (branch, job, is_made) in [
        ("main", "", true),
        ("develop", "", false),
        ("develop", "    stage: test\n", true),
        ("main", "    if: branch = develop\n", false),
        ("main", "    if: branch IN (main)\n", true),
    ] {
        let decided = decided(&file(job), &[("TRAVIS_BRANCH", branch)]).expect("valid conditions");
        assert_eq!(decided.unmet.is_empty(), is_made, "{branch} {job}");
    }
}

#[test]
fn each_condition_that_is_not_met_is_named() {
    let text = "branches:\n  only: [master, develop]\nstages:\n- test\n- name: release\n  if: branch = \
                master\njobs:\n  include:\n  - stage: release\n    if: branch IN (master, develop) AND tag \
                IS blank\n    deploy: {provider: lambda}\n";
    let decided = decided(text, &[("TRAVIS_BRANCH", "experiment")]).expect("valid conditions");
    let unmet: Vec<_> = decided.unmet.iter().map(|one| (&*one.message, &*one.want, &*one.got)).collect();
    let of_job = "branch IN (master, develop) AND tag IS blank";
    let expected = [
        ("`branches.only` does not list this branch (line 2)", "master, develop", "experiment"),
        ("the `if` of the stage `release` is not met (line 6)", "branch = master", "branch = experiment"),
        ("the `if` of the job is not met (line 10)", of_job, "branch = experiment, no tag"),
    ];
    assert_eq!(unmet, expected);
    assert!(decided.unmet.iter().all(|one| one.condition == Condition::Job));
    // Each in one line.
    let text = format!("if: |\n  branch = master AND\n  type = push\n{DEPLOY}");
    let unmet = self::decided(&text, &[("TRAVIS_BRANCH", "main")]).expect("a valid condition").unmet;
    assert_eq!(unmet[0].want, "branch = master AND type = push");
}

#[test]
fn what_cannot_be_evaluated_counts_as_met_with_a_note() {
    for (text, unknown) in [
        ("if: fork = false AND sender != bot", "(unknown: `fork`, `sender`)"),
        ("if: env(OTHER) = x", "(unknown: `env(OTHER)`)"),
        ("if: branch =~ /^(?!x)/", "(unknown: the regular expression `^(?!x)` (`(?!x` is not supported))"),
        ("conditions: v0\nif: branch = x", "the `if` of the file, in version 0 of the language, cannot"),
        ("if: {a: b}", "the `if` of the file cannot be evaluated outside of Travis CI; it counts as met"),
    ] {
        let (made, notes) = on_main(&format!("{text}\n{DEPLOY}"));
        assert!(made && notes.len() == 1 && notes[0].contains(unknown), "{text}: {notes:?}");
    }
    // It does not matter if another part decides.
    assert!(!on_main(&format!("if: branch = x AND fork = false\n{DEPLOY}")).0);
    // Without a branch, nothing is known of it.
    let decided = decided(&format!("if: branch = main\n{DEPLOY}"), &[]).expect("a valid condition");
    assert!(decided.unmet.is_empty() && decided.notes[0].contains("(unknown: `branch`)"));
}

#[test]
fn a_pull_request_is_left_to_the_child_run() {
    let env = [("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "7")];
    let decided = decided(&format!("{DEPLOY}if: branch == x AND\n"), &env).expect("not evaluated");
    assert!(decided.unmet.is_empty() && decided.notes.is_empty());
}

#[test]
fn several_jobs_that_deploy_a_stanza_are_named_with_how_to_choose_one() {
    let included = "jobs:\n  include:\n  - {name: one, env: FN=alpha}\n  - name: two\n    env: [FN=beta, \
                    STAGE=test]\n";
    for (text, jobs) in [
        (included, "`one` (FN=alpha), `two` (FN=beta STAGE=test)"),
        ("env: [FN=alpha, FN=beta]\n", "FN=alpha, FN=beta"),
        ("env: {jobs: [FN=alpha, FN=beta], global: X=y}\n", "FN=alpha, FN=beta"),
    ] {
        let text = format!("{text}{DEPLOY}");
        let (made, notes) = on_main(&text);
        let jobs = format!("2 jobs deploy this stanza: {jobs}; here");
        assert!(made && notes.len() == 1 && notes[0].contains(&jobs), "{text}: {notes:?}");
        let hint = "once; choose a job by its variables: `FN=alpha dpl-lambda …`";
        assert!(notes[0].ends_with(hint), "{notes:?}");
        let chosen = decided(&text, &[("FN", "beta")]).expect("no condition");
        assert!(chosen.notes.is_empty(), "{:?}", chosen.notes);
        assert!(chosen.variables.contains(&"FN=beta".to_owned()), "{:?}", chosen.variables);
        // A value of no job chooses none.
        assert_eq!(decided(&text, &[("FN", "gamma")]).expect("no condition").notes.len(), 1);
    }
    let (_, notes) = on_main(&format!("node_js: [20, 22]\nos: [linux, osx]\n{DEPLOY}"));
    let jobs = "4 jobs deploy this stanza: node_js 20 os linux, node_js 20 os osx";
    assert!(notes[0].contains(jobs), "{notes:?}");
    // A variable that all jobs have in common chooses none of them.
    let (_, notes) = on_main(&format!("env: [X=y FN=alpha, X=y FN=beta]\n{DEPLOY}"));
    assert!(notes[0].ends_with("`FN=alpha dpl-lambda …`"), "{notes:?}");
    let (_, notes) = on_main(&format!("env: [TOKEN=hunter2, TOKEN=hunter3]\n{DEPLOY}"));
    assert!(!notes[0].contains("hunter") && !notes[0].contains("choose"), "{notes:?}");
}

#[test]
fn conditions_may_leave_one_of_several_jobs() {
    let text = format!(
        "jobs:\n  include:\n  - {{env: FN=alpha, if: branch = main}}\n  - {{env: FN=beta, if: branch = \
         develop}}\n{DEPLOY}"
    );
    let decided_on = |branch| decided(&text, &[("TRAVIS_BRANCH", branch)]).expect("valid conditions");
    for (branch, variable) in [("main", "FN=alpha"), ("develop", "FN=beta")] {
        let decided = decided_on(branch);
        assert_eq!((decided.unmet.len(), decided.notes.len()), (0, 0), "{branch}");
        assert_eq!(decided.variables, [variable]);
    }
    assert_eq!(decided_on("other").unmet.len(), 2);
}

#[test]
fn of_several_jobs_that_in_which_on_is_met_is_meant() {
    let meant = |node: &str, condition: &str| {
        let on = format!("on: {{branch: main, node: {node}{condition}}}");
        let text = format!("node_js: [20, 22]\ndeploy: {{provider: lambda, function_name: f, {on}}}\n");
        let decided = decided(&text, &[("TRAVIS_BRANCH", "main")]).expect("no condition");
        (decided.variables, decided.notes.len())
    };
    assert_eq!(meant("22", ""), (vec!["TRAVIS_NODE_VERSION=22".to_owned()], 0));
    // No job has this version, and without bash nothing is known of a condition.
    for (node, condition) in [("18", ""), ("22", ", condition: $A = b")] {
        assert_eq!(meant(node, condition), (Vec::new(), 1), "{node}{condition}");
    }
}

#[test]
fn a_job_with_a_deploy_of_its_own_does_not_deploy_that_of_the_file() {
    let file = |value: &str| format!("{DEPLOY}jobs: {{include: [{{script: skip, deploy: {value}}}]}}\n");
    for value in ["false", "skip", "{provider: s3}"] {
        let decided = decided(&file(value), &[("TRAVIS_BRANCH", "main")]).expect("no condition");
        let messages: Vec<_> = decided.unmet.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages, ["no job of the file deploys this stanza (line 1)"], "{value}");
    }
    assert!(on_main(&file("~")).0);
    // Several versions of a runtime make jobs beside those of `jobs.include`.
    assert!(on_main(&format!("{}node_js: [20, 22]\n", file("false"))).0);
    let exclude = format!("env: [A=b, A=c]\njobs: {{exclude: [{{env: A=b}}]}}\n{DEPLOY}");
    let note = "the condition that `jobs.exclude` keeps the job cannot be evaluated outside of Travis CI";
    assert!(on_main(&exclude).1[0].contains(note));
    let (made, notes) = on_main(&format!("jobs: {{exclude: []}}\nmatrix: {{exclude: }}\n{DEPLOY}"));
    assert!(made && notes.is_empty(), "{notes:?}");
}

#[test]
fn commands_and_other_providers_are_reported_as_not_run() {
    let text = "before_deploy: make\nscript: [npm test]\nafter_deploy:\n- notify\n\
                deploy:\n- {provider: lambda}\n- provider: s3\n- npm\n";
    let (_, notes) = on_main(text);
    let expected = [
        "line 1: `before_deploy` is not run; run it first",
        "line 2: `script` is not run; run it first",
        "line 3: `after_deploy` is not run; run it afterwards",
        "line 7: the stanza of the provider `s3` is not deployed; only those of lambda are",
        "line 8: the stanza of the provider `npm` is not deployed; only those of lambda are",
    ];
    assert_eq!(notes, expected);
    let (_, notes) = on_main(&format!("script: skip\nbefore_deploy: []\nafter_deploy: 'true'\n{DEPLOY}"));
    assert!(notes.is_empty(), "{notes:?}");
    // A job has its own commands, or inherits them.
    let own = "jobs: {include: [{script: skip, deploy: {provider: lambda}}]}\n";
    let (_, notes) = on_main(&format!("script: make\nbefore_deploy: zip\n{own}"));
    assert_eq!(notes, ["line 2: `before_deploy` is not run; run it first"]);
    // Nothing is missing in a job that is not made.
    assert_eq!(on_main(&format!("if: false\nscript: make\n{DEPLOY}")), (false, Vec::new()));
}
