//! Checks that the documents are true: the dependencies and tests that SECURITY.md names, links, and commands
//! that are marked to be run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use lambda_endpoint::{Endpoint, Settings};
use tempfile::TempDir;

use crate::plugin::{job_env, program, variables};
use crate::repository;
use crate::shell::PATH;

#[test]
fn each_direct_dependency_is_reported_with_who_keeps_it() {
    let read =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("readable");
    let manifest = read("Cargo.toml");
    let mut section = "";
    let mut built_from = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if ["[dependencies]", "[dev-dependencies]"].contains(&section)
            && let Some((name, _)) = line.split_once(" = ")
            && !name.starts_with('#')
        {
            built_from.insert(name.to_owned());
        }
    }
    assert!(built_from.contains("aws-sdk-lambda") && built_from.contains("jsonschema"), "{built_from:?}");
    let security = read("SECURITY.md");
    let (_, table) = security.split_once("| crates | kept by | licence |").expect("a table of crates");
    let rows = table.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    let reported: BTreeSet<String> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|crates| crates.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    assert_eq!(reported, built_from);
}

#[test]
fn each_key_of_an_error_is_on_the_page_for_runners() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md"));
    let page = page.expect("readable");
    let (_, errors) = page.split_once("\n## Errors\n").expect("a section about errors");
    let (errors, _) = errors.split_once("\n## ").expect("another section");
    let schema = repository::committed_schema("event.json");
    let keys = schema["definitions"]["ErrorReport"]["properties"].as_object().expect("an object").keys();
    let first_cells: String =
        errors.lines().filter_map(|row| row.strip_prefix("| ")?.split(" | ").next()).collect();
    let missing: Vec<&String> = keys.filter(|key| !first_cells.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_test_that_a_promise_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let security = fs::read_to_string(root.join("SECURITY.md")).expect("readable");
    let (_, promises) = security.split_once("| promise |").expect("a table of promises");
    let (promises, _) = promises.split_once("\n\n").expect("the table ends with a blank line");
    let modules: Vec<&str> =
        promises.split('`').skip(1).step_by(2).filter_map(|name| name.strip_suffix("::*")).collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in modules {
        assert!(
            root.join("protocol-tests").join(module.replace("::", "/")).with_extension("rs").exists(),
            "{module}"
        );
    }
}

/// The lines of a Markdown text outside of fenced code.
fn lines_of_prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    markdown.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// A Markdown text without fenced code and code spans. A span ends with its paragraph at the latest.
fn prose(markdown: &str) -> String {
    let lines: Vec<&str> = lines_of_prose(markdown).collect();
    let text = lines.join("\n");
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split('`').step_by(2).collect::<String>());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// The values that a text has between `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: char) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// The targets of the links and pictures of a Markdown text, without their titles.
fn links(markdown: &str) -> Vec<String> {
    let prose = prose(markdown);
    let targets =
        [between(&prose, "](", ')'), between(&prose, "href=\"", '"'), between(&prose, "src=\"", '"')]
            .concat();
    targets.iter().filter_map(|target| target.split_whitespace().next()).map(str::to_owned).collect()
}

/// The anchors that GitHub gives to the headings of a Markdown text, and those that it has itself.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let prose = prose(markdown);
    let mut anchors: BTreeSet<String> =
        between(&prose, " id=\"", '"').into_iter().map(str::to_owned).collect();
    for heading in lines_of_prose(markdown).filter(|line| line.starts_with('#')) {
        // Of a link only the text counts.
        let mut text = heading.trim_start_matches('#').trim().to_lowercase();
        for target in between(heading, "](", ')') {
            text = text.replace(&format!("({})", target.to_lowercase()), "");
        }
        let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        // Equal headings are numbered.
        let mut names = std::iter::once(slug.clone()).chain((1..).map(|number| format!("{slug}-{number}")));
        let free = names.find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

/// Follows a relative link of a document.
fn follow(document: &Path, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let document = repository::root().join(document);
    let target = if path.is_empty() { document } else { document.parent().expect("it is a file").join(path) };
    let target = fs::canonicalize(target).map_err(|_| "there is no such file".to_owned())?;
    let root = fs::canonicalize(repository::root()).expect("the root exists");
    let target = target.strip_prefix(root).map_err(|_| "the file is outside of the repository".to_owned())?;
    if anchor.is_empty() {
        return Ok(());
    }
    if target.extension().is_none_or(|extension| extension != "md") {
        return Err("only Markdown documents have anchors".to_owned());
    }
    let anchors = anchors(&repository::read(target));
    if anchors.contains(anchor) {
        Ok(())
    } else {
        Err(format!("no heading has this anchor; there are {anchors:?}"))
    }
}

#[test]
fn each_relative_link_of_a_document_leads_to_a_file_and_a_heading() {
    let (mut followed, mut broken) = (0, Vec::new());
    for document in repository::documents() {
        for link in links(&repository::read(&document)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            broken.extend(
                follow(&document, &link).err().map(|why| format!("{}: {link}: {why}", document.display())),
            );
        }
    }
    assert!(followed > 100, "{followed}");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn links_and_anchors_are_found_where_github_finds_them() {
    let document = "# What `it` is\n\n[`a`](b.md#c) and `[no](link)` <img src=\"d.svg\">\n\n```md\n# no\n[no](code)\n```\n\n\
                    ## A [link](to.md)\n## What it is\n<a id=\"here\"></a>\n[e](f \"title\")\n";
    assert_eq!(links(document), ["b.md#c", "to.md", "f", "d.svg"]);
    let expected = ["a-link", "here", "what-it-is", "what-it-is-1"].map(str::to_owned);
    assert_eq!(anchors(document), BTreeSet::from(expected));
}

/// The files of this repository that a text names by their path, such as `docs/errors.md`.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_-./".contains(c));
    words.map(|word| word.trim_end_matches('.')).filter(|word| {
        let folders = ["docs/", "examples/", "protocol-tests/", "schema/", "src/"];
        let extensions = [".json", ".md", ".rs", ".svg", ".toml", ".txt", ".yml"];
        folders.iter().any(|folder| word.starts_with(folder))
            && extensions.iter().any(|end| word.ends_with(end))
    })
}

#[test]
fn each_path_that_a_source_or_a_document_names_exists() {
    let is_ours = |file: &Path| {
        file.starts_with(".ci")
            || file.extension().is_some_and(|end| ["md", "rs", "toml"].iter().any(|ours| end == *ours))
    };
    let mut missing = Vec::new();
    for file in repository::files("").into_iter().filter(|file| is_ours(file)) {
        let text = repository::read(&file);
        let wrong = paths(&text).filter(|path| !repository::root().join(path).exists());
        missing.extend(wrong.map(|path| format!("{}: {path}", file.display())));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn each_type_that_the_glossary_names_exists() {
    let sources: String = repository::files("src").iter().map(|file| repository::read(file)).collect();
    let words: BTreeSet<&str> = sources.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let glossary = repository::read(Path::new("docs/glossary.md"));
    let code = glossary.split('`').skip(1).step_by(2).filter_map(|name| name.rsplit("::").next());
    let types: Vec<_> = code.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())).collect();
    let missing: Vec<_> = types.iter().filter(|name| !words.contains(**name)).collect();
    assert!(types.len() > 20 && missing.is_empty(), "{missing:?} of {types:?}");
}

/// Whether bash can run the text as it is: no quote, here-document or list of commands goes on behind it.
fn is_complete(script: &str) -> bool {
    let output = Command::new("bash").args(["--norc", "-n", "-c", script]).output().expect("bash is there");
    !script.ends_with('\\') && output.status.success() && output.stderr.is_empty()
}

/// The commands of the console blocks behind `<!-- run -->`: the lines behind `$ `, with the lines that
/// complete them. All other lines are output.
fn marked_commands(markdown: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for block in markdown.split("<!-- run -->\n```console\n").skip(1) {
        let (block, _) = block.split_once("\n```").expect("the block ends");
        let mut is_open = false;
        for line in block.lines() {
            if is_open {
                let command = commands.last_mut().expect("a command has begun");
                *command = format!("{command}\n{line}");
            } else if let Some(start) = line.strip_prefix("$ ") {
                commands.push(start.to_owned());
            } else {
                continue;
            }
            is_open = commands.last().is_some_and(|command| !is_complete(command));
        }
    }
    commands
}

/// The commands of one document run in one directory, with a function's code in `dist`, against an endpoint
/// on this machine.
#[test]
fn the_marked_commands_of_the_documents_run() {
    let mut count = 0;
    for document in repository::documents() {
        let commands = marked_commands(&repository::read(&document));
        if commands.is_empty() {
            continue;
        }
        count += commands.len();
        let (directory, programs) =
            (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
        fs::create_dir(directory.path().join("dist")).expect("made");
        fs::write(directory.path().join("dist/index.js"), "exports.handler = async () => 'hello'\n")
            .expect("written");
        std::os::unix::fs::symlink(program(), programs.path().join("dpl-lambda")).expect("linked");
        let settings = Settings { region: "eu-west-1".to_owned(), ..Settings::default() };
        let endpoint = Endpoint::start(settings).expect("a free port");
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-euxo", "pipefail", "-c", &commands.join("\n")]).stdin(Stdio::null());
        bash.current_dir(directory.path()).env_clear();
        bash.envs(variables(&job_env(&endpoint)));
        bash.env("PATH", format!("{}:{}", programs.path().display(), *PATH));
        bash.env("HOME", directory.path()).env("AWS_REGION", "eu-west-1");
        let output = bash.output().expect("bash is there");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}:\n{stderr}\n{stdout}", document.display());
    }
    assert!(count > 0, "no document has a block behind `<!-- run -->`");
}

#[test]
fn commands_are_separated_from_their_output() {
    let document = "<!-- run -->\n```console\n$ echo 'a\nb' | \\\n  cat\na\nb\n$ cat <<'EOF'\nx\nEOF\nx\n```\n\n```console\n$ no\n```\n";
    assert_eq!(marked_commands(document), ["echo 'a\nb' | \\\n  cat", "cat <<'EOF'\nx\nEOF"]);
}
