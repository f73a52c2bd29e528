//! Tests the npm packages: the launcher starts the program of this platform, and passes on signals and the
//! exit status.

use std::os::unix::process::CommandExt;

use lambda_endpoint::{Fault, FaultKind};

use super::*;
use crate::interruptions::{signal, signal_group};
use crate::plugin::{job_env, variables};
use crate::standalone::stanza;

/// A call of the deployments here, which AWS does not answer.
const HANGING: &str = "CreateFunction";

/// The directory in which npm has installed both packages.
static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
    tools::made_once("npm-installed", &this_run(), |made| {
        let mut npm = node::npm();
        npm.args(["install", "--offline", "--no-audit", "--no-fund", "--no-update-notifier"]);
        npm.arg("--cache").arg(made.join("cache")).arg("--prefix").arg(made);
        npm.arg(launcher_package()).arg(file(&PACKAGES, &format!("-{}-{VERSION}.tgz", processor().node)));
        tools::run(&mut npm, "npm refuses the packages");
    })
});

fn launcher_package() -> PathBuf {
    PACKAGES.join(format!("dpl-lambda-{VERSION}.tgz"))
}

fn launcher() -> PathBuf {
    INSTALLED.join("node_modules/.bin/dpl-lambda")
}

/// A fixture in which the creation of the function hangs at AWS. A run that gets a second signal ends at
/// once, and then cannot report that the creation may still take effect.
fn hanging() -> Fixture {
    let fixture = Fixture::new(json!({}));
    fixture.endpoint.fault(Fault::once(HANGING, FaultKind::hang()));
    fixture
}

/// Checks that a run has ended by one signal, with all events of the program.
#[track_caller]
fn check_cancelled(child: Child, status: i32) {
    let ended = PluginOutput::ended(child);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(status)), "{}", ended.stdout);
    let message = ended.finished()["error"]["message"].as_str().expect("a string");
    assert!(message.contains("may still take effect"), "{message}");
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_npm_packages_install_offline_and_deploy() {
    if !can_be_made() {
        return;
    }
    deploys(&mut Command::new(launcher()));
    let mut fixture = Fixture::new(json!({}));
    fixture.set(json!({"timeout": "ten"}));
    let ended = PluginOutput::ended(start(&mut Command::new(launcher()), &fixture));
    assert_eq!((ended.code(), ended.status.code()), ("bad-value", Some(2)), "{}", ended.stdout);
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_program_of_npm_gets_each_signal_once() {
    if !can_be_made() {
        return;
    }
    for (name, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        // Its own group, which is not in the foreground of the terminal of the tests.
        let start = |fixture: &Fixture| {
            let child = start(Command::new(launcher()).process_group(0), fixture);
            fixture.wait_for_call(HANGING);
            child
        };
        let fixture = hanging();
        let child = start(&fixture);
        signal(&child, name);
        // As npm does, which forwards what its group has received.
        signal(&child, name);
        check_cancelled(child, status);

        let fixture = hanging();
        let child = start(&fixture);
        signal_group(&child, name);
        check_cancelled(child, status);
    }
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_program_of_npm_gets_an_interrupt_that_is_typed_once() {
    if !can_be_made() {
        return;
    }
    let fixture = hanging();
    fs::write(fixture.path("lambda.yml"), stanza("f")).expect("writable");
    let mut terminal = Command::new("python3");
    terminal.arg(root().join("protocol-tests/standalone/terminal.py")).arg("60").arg(launcher());
    terminal.args(["deploy", "--stanza", "lambda.yml"]).current_dir(fixture.directory.path()).env_clear();
    terminal.envs(variables(&job_env(&fixture.endpoint)));
    terminal
        .env("PATH", path())
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = terminal.spawn().expect("Python is installed");
    fixture.wait_for_call(HANGING);
    let mut keyboard = child.stdin.take().expect("piped");
    keyboard.write_all(b"\x03").expect("terminal.py reads its input");
    let output = child.wait_with_output().expect("the process ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(130), "{shown}");
    assert!(shown.contains("may still take effect"), "{shown}");
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn a_platform_without_a_program_is_reported() {
    let Some(directory) = scratch() else { return };
    output(Command::new("tar").arg("-xzf").arg(launcher_package()).arg("-C").arg(directory.path()));
    let script = directory.path().join("package/dpl-lambda.js");
    let node = processor().node;
    let expected = format!(
        "dpl-lambda: the npm package dpl-lambda-linux-{node} is not installed; \
         install dpl-lambda again, on this platform and without `--omit=optional`\n"
    );
    assert_eq!(refusal(Command::new(node::node()).arg(&script), 2), expected);

    let on_a_mac = format!(
        "Object.defineProperty(process, 'platform', {{value: 'darwin'}}); require('{}')",
        script.display()
    );
    let expected = format!(
        "dpl-lambda: there is no npm package for darwin-{node}, only for linux-{node}; \
         build the program from its sources\n"
    );
    assert_eq!(refusal(Command::new(node::node()).args(["-e", &on_a_mac]), 2), expected);
}
