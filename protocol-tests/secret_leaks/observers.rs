//! Searches for secrets in everything that a run shows: its output, the arguments of its processes, and the
//! files that it writes or leaves behind. Never checks outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::scanner::{Leak, Scanner};
use super::secrets::all;
use crate::shell::PATH;

/// The interval between two looks at the processes.
const POLL_INTERVAL: Duration = Duration::from_millis(15);

/// The form in a finding about a temporary file, in which no secret was found.
const LEFT: &str = "a file that is left";

/// A leak: scenario, secret, and form.
type Finding = (String, String, &'static str);

/// Reads everything that runs show, and collects every secret in it.
pub(super) struct EventSink {
    scanner: Scanner,
    /// Wrappers of tools that record their arguments before they run the real tool.
    tools: TempDir,
    running: Mutex<BTreeMap<u32, Running>>,
    /// The lines that were already scanned; most lines occur many times.
    seen: Mutex<BTreeSet<Vec<u8>>>,
    leaks: Mutex<BTreeMap<Finding, (String, Leak)>>,
    runs: AtomicUsize,
    bytes: AtomicUsize,
    is_over: AtomicBool,
}

/// A run in progress.
#[derive(Clone)]
struct Running {
    scenario: String,
    temporary: PathBuf,
}

impl EventSink {
    pub(super) fn new() -> Self {
        let tools = TempDir::new().expect("a temporary directory");
        for name in ["bash", "git", "sh"] {
            let real =
                PATH.split(':').map(|directory| Path::new(directory).join(name)).find(|path| path.exists());
            let real = real.unwrap_or_else(|| panic!("{name} is missing"));
            let notes = tools.path().join("started").display().to_string();
            let script = format!(
                "#!/bin/sh\n{{ printf '%s\\n' \"$0\" \"$@\"; read -r parent </proc/$PPID/cmdline; printf '%s\\n' \"$parent\"; }} \
                 >>'{notes}' 2>/dev/null\nexec '{}' \"$@\"\n",
                real.display()
            );
            let tool = tools.path().join(name);
            fs::write(&tool, script).expect("written");
            fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("made executable");
        }
        EventSink {
            scanner: Scanner::new(all()),
            tools,
            running: Mutex::default(),
            seen: Mutex::default(),
            leaks: Mutex::default(),
            runs: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// The job's `PATH`, with the wrappers first.
    pub(super) fn path(&self) -> String {
        format!("{}:{}", self.tools.path().display(), *PATH)
    }

    /// Calls `act` while a thread watches the processes and files of every run.
    pub(super) fn watching(&self, act: impl FnOnce()) {
        thread::scope(|scope| {
            scope.spawn(|| {
                while !self.is_over.load(Ordering::Relaxed) {
                    let running = locked(&self.running).clone();
                    running.iter().for_each(|(id, running)| self.look_at(*id, running));
                    thread::sleep(POLL_INTERVAL);
                }
            });
            // Stops the watching thread even if `act` panics.
            let _over = Over(&self.is_over);
            act();
        });
        let started = fs::read(self.tools.path().join("started")).unwrap_or_default();
        self.read("any scenario", "arguments of a child", &started);
    }

    /// Registers a run that starts.
    pub(super) fn begin(&self, id: u32, scenario: &str, temporary: PathBuf) {
        locked(&self.running).insert(id, Running { scenario: scenario.to_owned(), temporary });
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Unregisters a run that has ended.
    pub(super) fn end(&self, id: u32) {
        locked(&self.running).remove(&id);
    }

    /// Reads what any user of the machine can see of a process and its children, and the files that they
    /// write.
    fn look_at(&self, id: u32, Running { scenario, temporary }: &Running) {
        let mut ids = vec![id.to_string()];
        while let Some(id) = ids.pop() {
            let process = PathBuf::from(format!("/proc/{id}"));
            self.read(
                scenario,
                "arguments of a process",
                &fs::read(process.join("cmdline")).unwrap_or_default(),
            );
            for thread in entries(&process.join("task")) {
                let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
                ids.extend(children.split_whitespace().map(str::to_owned));
            }
            for file in entries(&process.join("fd")) {
                let reported = process.join("fdinfo").join(file.file_name().unwrap_or_default());
                let reported = fs::read_to_string(reported).unwrap_or_default();
                let flags = reported.lines().find_map(|line| line.strip_prefix("flags:"));
                let flags =
                    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).unwrap_or_default();
                let path = fs::read_link(file).unwrap_or_default();
                // Regular files that are open for writing.
                let is_written = flags & 3 != 0 && path.is_file() && !path.starts_with(self.tools.path());
                // Git lists the names of the checkout's own files there.
                let is_index = path.to_string_lossy().contains("/.git/index");
                if is_written && !is_index && !path.starts_with("/dev") {
                    self.read(scenario, "a file that is open", &fs::read(&path).unwrap_or_default());
                }
            }
        }
        for file in files(temporary) {
            self.read(scenario, "a temporary file", &fs::read(file).unwrap_or_default());
        }
    }

    /// Searches bytes that a run has shown.
    pub(super) fn read(&self, scenario: &str, place: &str, bytes: &[u8]) {
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        for line in bytes.split(|byte| *byte == b'\n') {
            if !locked(&self.seen).insert(line.to_vec()) {
                continue;
            }
            for leak in self.scanner.scan(line) {
                let finding = (scenario.to_owned(), leak.secret.clone(), leak.form);
                locked(&self.leaks).entry(finding).or_insert_with(|| (place.to_owned(), leak));
            }
        }
    }

    /// Reports a temporary file that still exists after a run, whatever it contains.
    pub(super) fn find_left(&self, scenario: &str, name: String) {
        let leak = Leak { secret: name, form: LEFT, excerpt: String::new() };
        let finding = (scenario.to_owned(), leak.secret.clone(), leak.form);
        locked(&self.leaks).entry(finding).or_insert_with(|| ("temporary files".to_owned(), leak));
    }

    /// Returns every scenario with a leak, and the place of the first leak.
    pub(super) fn found(&self) -> Vec<(String, String)> {
        locked(&self.leaks)
            .iter()
            .map(|((scenario, ..), (place, _))| (scenario.clone(), place.clone()))
            .collect()
    }

    /// Prints every leak and the number of scanned bytes. Panics if there is a leak.
    #[track_caller]
    pub(super) fn conclude(self) {
        let leaks = self.leaks.into_inner().unwrap_or_else(PoisonError::into_inner);
        for ((scenario, secret, form), (place, leak)) in &leaks {
            println!("LEAK in {scenario}, {place}: {secret}, {form}: {}", leak.excerpt);
        }
        let (runs, bytes) = (self.runs.into_inner(), self.bytes.into_inner());
        println!("{runs} runs, {bytes} bytes scanned, {} leaks", leaks.len());
        assert!(leaks.is_empty(), "{} leaks", leaks.len());
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Returns every file under a directory.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let (directories, mut files): (Vec<_>, Vec<_>) =
        entries(directory).partition(|path| path.is_dir() && !path.is_symlink());
    files.extend(directories.iter().flat_map(|directory| self::files(directory)));
    files
}
