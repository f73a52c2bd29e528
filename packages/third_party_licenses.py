"""Prints the licenses of everything that is linked into the program: each text once, below the crates that it belongs to.

Needs cargo with the crates of Cargo.lock in its cache. The output depends only on Cargo.lock.
"""

import json
import pathlib
import re
import subprocess

TARGET = "x86_64-unknown-linux-gnu"  # the crates for arm64 are the same
NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)([-._].*)?", re.IGNORECASE)


def cargo(*arguments):
    command = ["cargo", *arguments, "--locked", "--offline"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


packages = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))["packages"]
packages = {(package["name"], package["version"]): package for package in packages}
tree = cargo("tree", "--package", "dpl-lambda", "--edges", "normal", "--target", TARGET, "--prefix", "none")
linked = {tuple(line.split(" (")[0].split(" v")[:2]) for line in tree.splitlines() if line and "(proc-macro)" not in line}
texts, without = {}, []
for name, version in sorted(linked):
    package = packages[name, version]
    if name == "dpl-lambda":
        continue
    title = f"{name} {version} ({package['license'] or 'see the text'})"
    directory = pathlib.Path(package["manifest_path"]).parent
    files = sorted(file for file in directory.iterdir() if file.is_file() and NAMES.fullmatch(file.name))
    for file in files:
        text = file.read_text(errors="replace").replace("\r\n", "\n").strip()
        crates = texts.setdefault(text, [])
        if title not in crates:
            crates.append(title)
    if not files:
        without.append(title)

print("The program contains these crates, Rust's standard library (MIT OR Apache-2.0) and the GNU C Library (LGPL-2.1-or-later).")
print("\nCrates whose source has no file with a license text:\n  " + "\n  ".join(without))
for text, crates in texts.items():
    print("\n" + "=" * 100 + "\n" + "\n".join(crates) + "\n" + "=" * 100 + "\n\n" + text)
