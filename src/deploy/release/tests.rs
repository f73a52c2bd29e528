//! Runs releases whose members fail or are cancelled at random moments, and checks what every release keeps.

use std::io;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::super::shared::new_runtime;
use super::*;
use crate::protocol::error::Code;

/// What a member did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Planned,
    Shown,
    Prepared,
    Shifted(usize),
    Held(usize),
    Moved,
    Updated,
    CleanedUp,
    Back,
}

/// What a member is to do.
#[derive(Clone, Debug)]
struct Script {
    rounds: usize,
    has_alias: bool,
    /// Where it fails. `None`: nowhere.
    fails_at: Option<Act>,
    /// How long each of its acts takes, in microseconds.
    pauses: Vec<u64>,
}

/// How a member ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemberResult {
    Done,
    FailedFirst,
    FailedToo,
    Halted,
}

struct Log(Mutex<Vec<(Act, usize)>>);

impl Log {
    fn push(&self, act: Act, member: usize) {
        self.0.lock().unwrap().push((act, member));
    }
}

/// One member of the release under test.
struct Player<'a> {
    release: &'a ReleaseRun<'a>,
    runtime: &'a Runtime,
    stop: &'a CancelToken,
    member: usize,
    script: &'a Script,
    log: &'a Log,
}

impl Player<'_> {
    /// As a step of a plan: takes its time, and ends early if the member is stopped.
    fn act(&self, act: Act) -> Result<(), Ended> {
        let pause = Duration::from_micros(self.script.pauses[self.log.0.lock().unwrap().len() % 16]);
        self.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stop.cancelled() => {}
            }
        });
        if self.stop.reason().is_some() {
            return Err(ErrorReport::new(Code::Cancelled, "cancelled").into());
        }
        if self.script.fails_at == Some(act) {
            return Err(ErrorReport::new(Code::Conflict, "refused").into());
        }
        self.log.push(act, self.member);
        Ok(())
    }

    fn go_live(&self) -> Result<(), Ended> {
        let Player { release, member, script, .. } = self;
        self.act(Act::Planned)?;
        release.gate(*member, Stage::Planned)?;
        release.in_turn(*member, Stage::Shown, || self.act(Act::Shown))?;
        release.gate(*member, Stage::Shown)?;
        self.act(Act::Prepared)?;
        let (rounds, _) = release.prepared(*member, script.rounds, Vec::new())?;
        for round in 0..rounds {
            let shifts = round < script.rounds;
            release.in_turn(*member, Stage::Shifted(round), || {
                if !shifts {
                    return Ok(());
                }
                release.begin_move(*member)?;
                self.act(Act::Shifted(round))
            })?;
            if shifts {
                self.act(Act::Held(round))?;
            }
            release.gate(*member, Stage::Held(round))?;
        }
        release.in_turn(*member, Stage::Moved, || {
            if !script.has_alias {
                return Ok(());
            }
            release.begin_move(*member)?;
            self.act(Act::Moved)
        })?;
        release.gate(*member, Stage::Moved)?;
        if !script.has_alias {
            self.act(Act::Updated)?;
        }
        release.gate(*member, Stage::Updated)
    }

    fn play(&self) -> MemberResult {
        let ended = self.go_live().and_then(|()| self.act(Act::CleanedUp));
        let result = match ended {
            Ok(()) => MemberResult::Done,
            Err(ended) => {
                let is_first = self.release.fail(self.member);
                self.release.turn_back(self.member, |_| self.log.push(Act::Back, self.member));
                match ended {
                    _ if is_first => MemberResult::FailedFirst,
                    Ended::Halted => MemberResult::Halted,
                    Ended::Failed(report) if report.code == Code::Cancelled => MemberResult::Halted,
                    Ended::Failed(_) => MemberResult::FailedToo,
                }
            }
        };
        self.release.leave(self.member);
        result
    }
}

fn script(rng: &mut Rng) -> Script {
    let has_alias = rng.u8(..4) > 0;
    let rounds = if has_alias { rng.usize(..3) } else { 0 };
    let places = [
        Act::Planned,
        Act::Shown,
        Act::Prepared,
        Act::Shifted(0),
        Act::Held(0),
        Act::Held(1),
        Act::Moved,
        Act::Updated,
        Act::CleanedUp,
    ];
    let fails_at = (rng.u8(..6) == 0).then(|| places[rng.usize(..places.len())]);
    Script { rounds, has_alias, fails_at, pauses: (0..16).map(|_| rng.u64(..400)).collect() }
}

/// Plays a release that the seed describes, and checks it.
fn play(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let scripts: Vec<Script> = (0..rng.usize(1..7)).map(|_| script(&mut rng)).collect();
    let is_reversed = rng.bool();
    let signal_after = (rng.u8(..4) == 0).then(|| Duration::from_micros(rng.u64(..6000)));
    let run = CancelToken::new();
    let stop = run.child();
    let runtime = new_runtime().unwrap();
    let events = Arc::new(EventWriter::new(io::sink(), run.clone()));
    let release = ReleaseRun::new("r", scripts.len(), &runtime, &events, (&run, &stop), is_reversed);
    let log = Log(Mutex::default());
    let results: Vec<MemberResult> = thread::scope(|scope| {
        let (release, runtime, stop, log) = (&release, &runtime, &stop, &log);
        let players: Vec<_> = scripts
            .iter()
            .enumerate()
            .map(|(member, script)| {
                let player = Player { release, runtime, stop, member, script, log };
                scope.spawn(move || player.play())
            })
            .collect();
        if let Some(delay) = signal_after {
            let run = run.clone();
            scope.spawn(move || {
                thread::sleep(delay);
                run.cancel(CancelReason::Signal(15));
            });
        }
        release.wait_for_all();
        players.into_iter().map(|player| player.join().unwrap()).collect()
    });
    let acts = log.0.into_inner().unwrap();
    let is_signalled = run.reason().is_some();
    let about = format!("seed {seed}: {scripts:?}, {acts:?}, {results:?}");
    check_order(&acts, &scripts, is_reversed, &about);
    let moved: Vec<usize> = release.state.borrow().moved.clone();
    let back: Vec<usize> = of_kind(&acts, |act| act == Act::Back).map(|(_, member)| member).collect();
    let has_failed = results.iter().any(|result| *result != MemberResult::Done);
    if release.state.borrow().is_final {
        assert!(back.is_empty(), "{about}");
        let updated = of_kind(&acts, |act| act == Act::Moved || act == Act::Updated).count();
        assert_eq!(updated, scripts.len(), "{about}");
    } else {
        assert!(has_failed, "{about}");
        let mut newest_first: Vec<usize> = moved.iter().rev().copied().collect();
        let mut sent_back = back;
        if is_signalled {
            newest_first.sort_unstable();
            sent_back.sort_unstable();
        }
        assert_eq!(sent_back, newest_first, "{about}");
        assert!(of_kind(&acts, |act| act == Act::CleanedUp).count() == 0, "{about}");
    }
    let first = results.iter().filter(|result| **result == MemberResult::FailedFirst).count();
    assert_eq!(first, usize::from(has_failed), "{about}");
}

fn of_kind(acts: &[(Act, usize)], is_kind: impl Fn(Act) -> bool) -> impl Iterator<Item = (Act, usize)> {
    acts.iter().copied().filter(move |(act, _)| is_kind(*act))
}

/// Checks that no stage began before the one before it, and that turns were taken in order.
fn check_order(acts: &[(Act, usize)], scripts: &[Script], is_reversed: bool, about: &str) {
    let is_turn = |act: Act| matches!(act, Act::Shown | Act::Shifted(_) | Act::Moved);
    let number = |act: Act| match act {
        Act::Planned => 1,
        Act::Shown => 2,
        Act::Prepared => 3,
        Act::Shifted(round) => 4 + 2 * round,
        Act::Held(round) => 5 + 2 * round,
        Act::Moved => 100,
        Act::Updated => 101,
        Act::CleanedUp => 102,
        Act::Back => 103,
    };
    for (place, (act, member)) in acts.iter().enumerate() {
        for (later, other) in &acts[place + 1..] {
            // A share is held while the next aliases shift, so these two overlap.
            let overlap = matches!((act, later), (Act::Held(held), Act::Shifted(shifted)) if held == shifted);
            let is_ordered = number(*act) <= number(*later) || overlap || *act == Act::Back;
            assert!(is_ordered, "{act:?} of {member} before {later:?} of {other}: {about}");
            if act == later && is_turn(*act) {
                assert_eq!(other > member, !is_reversed, "{act:?} of {member} and {other}: {about}");
            }
        }
        // All members were there before the next stage began.
        if matches!(act, Act::Shown | Act::Moved | Act::Updated | Act::CleanedUp) {
            let needed = if *act == Act::Shown { Act::Planned } else { Act::Prepared };
            let there = of_kind(&acts[..place], |earlier| earlier == needed).count();
            assert_eq!(there, scripts.len(), "{act:?} of {member}: {about}");
        }
    }
}

#[test]
fn every_release_ends_with_all_aliases_moved_or_with_all_sent_back() {
    for seed in 0..300 {
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            play(seed);
            sender.send(()).unwrap();
        });
        let ended = ended.recv_timeout(Duration::from_secs(10));
        assert_eq!(ended, Ok(()), "seed {seed}: a check failed, or a member waits for ever");
    }
}

#[test]
fn a_release_of_one_member_waits_for_nobody() {
    let run = CancelToken::new();
    let stop = run.child();
    let runtime = new_runtime().unwrap();
    let events = Arc::new(EventWriter::new(io::sink(), run.clone()));
    let release = ReleaseRun::new("r", 1, &runtime, &events, (&run, &stop), false);
    let alias = ReleaseAlias { name: "f:live".to_owned(), ..ReleaseAlias::default() };
    assert_eq!(release.read(0, vec![alias.clone()]).unwrap(), [alias]);
    release.gate(0, Stage::Planned).unwrap();
    assert_eq!(release.in_turn(0, Stage::Shown, || Ok(7)).unwrap(), 7);
    release.gate(0, Stage::Shown).unwrap();
    assert_eq!(release.prepared(0, 0, Vec::new()).unwrap(), (0, Vec::new()));
    release.in_turn(0, Stage::Moved, || release.begin_move(0)).unwrap();
    release.gate(0, Stage::Moved).unwrap();
    release.gate(0, Stage::Updated).unwrap();
    // A signal comes too late to send anything back.
    run.cancel(CancelReason::Signal(2));
    assert!(release.turn_back(0, |_| ()).is_none());
    assert_eq!(release.stop_reason(), CancelReason::Signal(2));
    release.leave(0);
    release.wait_for_all();
}
