//! Benchmark of packaging, compared with `zip -r -q` and Python's zipfile: `cargo bench --bench package`.
//!
//! It uses four directory trees, which it creates under the target directory from the sources of the
//! project's dependencies: 5,000 files with 60 MB, 20,000 files with 200 MB, some of which do not compress,
//! one file of 200 MB, and files of 52 MB in total that do not compress. It runs nine rounds, alternates the
//! programs, and prints medians. The limit is the time of libdeflate in memory with one thread per core,
//! without reading files and without writing an archive in order.
//!
//! Needs `zip` and Python 3. `BENCH_TREE=small`, `large`, `single` or `noise` selects one tree.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark makes files, starts programs and prints"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;

use measured::{Run, median};
use noise::noise;

#[path = "measured.rs"]
mod measured;
#[path = "../noise.rs"]
mod noise;

const ROUNDS: usize = 9;

fn main() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-package");
    let wanted = std::env::var("BENCH_TREE").unwrap_or_default();
    for (name, make) in [
        ("small", small as fn(&Path)),
        ("large", large as fn(&Path)),
        ("single", single as fn(&Path)),
        ("noise", incompressible as fn(&Path)),
    ] {
        let tree = scratch.join(name);
        if !wanted.is_empty() && wanted != name {
            continue;
        }
        if !tree.join(".made").exists() {
            let _ = fs::remove_dir_all(&tree);
            fs::create_dir_all(&tree).expect("created");
            make(&tree);
            fs::write(tree.join(".made"), "").expect("written");
        }
        compare(&scratch, name);
    }
}

fn compare(scratch: &Path, tree: &str) {
    let request = format!(r#"{{"function_name":"f","zip":"{tree}"}}"#);
    fs::write(scratch.join("request.json"), request).expect("written");
    let python = "import sys, shutil; shutil.make_archive(sys.argv[1][:-4], 'zip', sys.argv[2])";
    let commands: [(&str, Vec<&str>); 3] = [
        ("dpl-lambda package", vec![env!("CARGO_BIN_EXE_dpl-lambda"), "package", "--output", "ours.zip"]),
        ("zip -r -q", vec!["zip", "-r", "-q", "-X", "peer.zip", tree]),
        ("Python zipfile", vec!["python3", "-c", python, "python.zip", tree]),
    ];
    let (mut runs, mut sizes): ([Vec<Run>; 3], _) = (Default::default(), [0; 3]);
    for _ in 0..ROUNDS {
        for (((_, command), runs), size) in commands.iter().zip(&mut runs).zip(&mut sizes) {
            let output = scratch.join(
                ["ours.zip", "peer.zip", "python.zip"]
                    .iter()
                    .find(|name| command.contains(name))
                    .expect("each command names its output"),
            );
            let _ = fs::remove_file(&output);
            runs.push(measured::run(scratch, command, &[]));
            *size = fs::metadata(&output).expect("created").len();
        }
    }
    let (files, bytes, limit) = limit(&scratch.join(tree));
    println!("{tree}: {files} files, {:.0} MB; the limit is {limit:.3} s", bytes as f64 / 1e6);
    let medians = runs.map(|runs| median(&runs));
    for (((name, _), run), size) in commands.iter().zip(medians).zip(sizes) {
        println!(
            "  {name:<20} {:>6.3} s wall, {:>6.3} s CPU, {:>6.1} MiB peak, {size:>11} bytes, {:.2} of the limit, {:.2} x zip's speed",
            run.wall,
            run.cpu,
            run.peak / 1048576.0,
            limit / run.wall,
            medians[1].wall / run.wall,
        );
    }
}

/// Returns the number of files, their bytes, and the best of five times in seconds that libdeflate needs for
/// them in memory.
fn limit(tree: &Path) -> (usize, usize, f64) {
    let files: Vec<Vec<u8>> = walk(tree).iter().map(|path| fs::read(path).expect("readable")).collect();
    // Large files are split, so that every core has work.
    let pieces: Vec<&[u8]> = files.iter().flat_map(|file| file.chunks(1 << 20)).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let times = (0..5).map(|_| {
        let (began, next) = (Instant::now(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let level = libdeflater::CompressionLvl::new(6).expect("a valid level");
                    let mut compressor = libdeflater::Compressor::new(level);
                    let mut out = vec![0; compressor.deflate_compress_bound(1 << 20)];
                    while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                        compressor.deflate_compress(piece, &mut out).expect("the output fits");
                    }
                });
            }
        });
        began.elapsed().as_secs_f64()
    });
    let best = times.fold(f64::INFINITY, f64::min);
    (files.len(), files.iter().map(Vec::len).sum(), best)
}

/// The source files of the dependencies; the same on every machine with the same Cargo.lock.
fn sources() -> Vec<PathBuf> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter(|package| !package["source"].is_null());
    let mut manifests: Vec<&str> = packages.filter_map(|package| package["manifest_path"].as_str()).collect();
    manifests.sort_unstable();
    manifests.iter().filter_map(|path| Path::new(path).parent()).flat_map(walk).collect()
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut open = vec![directory.to_owned()];
    let mut files = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("readable") {
            let entry = entry.expect("readable");
            let kind = entry.file_type().expect("readable");
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden {
                open.push(entry.path());
            } else if kind.is_file() && !hidden {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// Copies sources under new names until there are `count` files. Each file is shortened or extended depending
/// on the bytes written so far, so that the total is about `bytes`.
fn copies(tree: &Path, count: usize, bytes: usize) {
    let sources = sources();
    let share = bytes / count;
    let mut written = 0;
    for number in 0..count {
        let mut content = fs::read(&sources[number % sources.len()]).expect("readable");
        content.truncate(if written > number * share { share } else { 8 * share });
        let mut more = number;
        while written < number * share && content.len() < share {
            more += 1;
            content.extend(fs::read(&sources[more % sources.len()]).expect("readable"));
        }
        content.truncate(8 * share);
        written += content.len();
        let directory = tree.join(format!("d{}", number % 200));
        fs::create_dir_all(&directory).expect("created");
        fs::write(directory.join(format!("f{number}.rs")), content).expect("written");
    }
}

fn small(tree: &Path) {
    copies(tree, 5_000, 60_000_000);
}

/// Similar to a typical `node_modules`: mostly small sources, some images and binaries.
fn large(tree: &Path) {
    copies(tree, 19_900, 160_000_000);
    for number in 0..100 {
        fs::write(tree.join(format!("d{number}/picture.bin")), noise(400_000, number + 1)).expect("written");
    }
}

/// Sources, concatenated into one file.
fn single(tree: &Path) {
    let mut content = Vec::new();
    for path in sources().iter().cycle() {
        content.extend(fs::read(path).expect("readable"));
        if content.len() >= 200_000_000 {
            break;
        }
    }
    content.truncate(200_000_000);
    fs::write(tree.join("bundle.js"), content).expect("written");
}

/// Nothing that compresses: half of it in files that are compressed as a whole, half in larger ones.
fn incompressible(tree: &Path) {
    for number in 0..65 {
        fs::write(tree.join(format!("picture{number}.bin")), noise(400_000, number + 1)).expect("written");
    }
    for number in 65..67 {
        fs::write(tree.join(format!("video{number}.bin")), noise(13_000_000, number + 1)).expect("written");
    }
}
