//! Reads the `env` of a `.travis.yml`: the variables of all jobs, and those of each job.
//! Never executes anything: a value that needs bash is ignored, with a note.

use std::fmt;
use std::rc::Rc;

use super::yaml::{SourceMap, Tree, YamlError, note};
use crate::child::MAX_ARGUMENT;
use crate::protocol::json::{MAX_VALUES, Node, short};
use crate::protocol::secret_names::names_a_secret;
use crate::protocol::text::{is_variable_name, one_line};

/// A variable of the file, its value not expanded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The name of the variable, such as `STAGE`.
    pub name: String,
    value: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

impl Assignment {
    /// A variable whose value contains no other variable.
    pub(crate) fn plain(name: &str, value: &str) -> Self {
        Assignment { name: name.to_owned(), value: vec![Piece::Text(value.to_owned())] }
    }

    /// The value, with other variables expanded. An unset variable is empty, as in bash. The value is cut
    /// once it exceeds the kernel's limit for an argument: variables that each contain the previous one twice
    /// would grow exponentially.
    pub(crate) fn value(&self, lookup: impl Fn(&str) -> Option<String>) -> String {
        let mut value = String::new();
        for piece in &self.value {
            match piece {
                Piece::Text(text) => value.push_str(text),
                Piece::Variable(name) => value.push_str(&lookup(name).unwrap_or_default()),
            }
            if value.len() > MAX_ARGUMENT {
                break;
            }
        }
        value
    }
}

/// As it is written: `STAGE=prod`. The value of a variable that may be a secret is not shown.
impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if names_a_secret(&self.name) {
            "…".to_owned()
        } else {
            one_line(&short(&self.value(|name| Some(format!("${name}")))))
        };
        write!(f, "{}={value}", self.name)
    }
}

/// The variables that the `env` of a file defines.
#[derive(Default)]
pub(super) struct FileEnv {
    /// Those of every job.
    pub(super) global: Vec<Assignment>,
    /// Those of each job that `env` defines.
    pub(super) jobs: Vec<Vec<Assignment>>,
}

impl FileEnv {
    /// Reads the `env` of a file, in which each entry of a list is a job of its own. `ignored` gets a message
    /// for each ignored variable, `notes` those about merged maps.
    pub(super) fn read(
        env: &Rc<Tree>,
        ignored: &mut Vec<String>,
        notes: &mut Vec<String>,
    ) -> Result<FileEnv, YamlError> {
        let (global, jobs) = parts(env, notes)?;
        let mut read = FileEnv::default();
        if let Some(global) = global {
            read.global = variables(&global, ignored)?;
        }
        let mut count = read.global.len();
        for job in jobs.iter().flat_map(Tree::entries) {
            let variables = variables(&job, ignored)?;
            count += variables.len();
            check_number(count)?;
            read.jobs.push(variables);
        }
        Ok(read)
    }
}

/// The variables of an `env` in `jobs.include`, in which all entries of a list belong to the job.
pub(super) fn of_job(
    env: &Rc<Tree>,
    ignored: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<Vec<Assignment>, YamlError> {
    let (global, jobs) = parts(env, notes)?;
    let mut all = Vec::new();
    for part in [global, jobs].into_iter().flatten() {
        all.extend(variables(&part, ignored)?);
    }
    Ok(all)
}

/// Checks the number of variables. A single text can contain millions of them, and each job has those of the
/// whole file.
///
/// # Errors
/// [`YamlError::TooLarge`]
pub(super) fn check_number(variables: usize) -> Result<(), YamlError> {
    if variables <= MAX_VALUES { Ok(()) } else { Err(YamlError::TooLarge) }
}

/// The values of `global` and of `jobs`.
type Parts = (Option<Rc<Tree>>, Option<Rc<Tree>>);

/// The parts of an `env`. One without `global` and `jobs` belongs to the jobs.
fn parts(env: &Rc<Tree>, notes: &mut Vec<String>) -> Result<Parts, YamlError> {
    if let Some(pairs) = env.pairs(notes)? {
        let (global, jobs) = (pairs.get("global")?, pairs.get("jobs")?.or(pairs.get("matrix")?));
        if global.is_some() || jobs.is_some() {
            return Ok((global.cloned(), jobs.cloned()));
        }
    }
    Ok((None, Some(env.clone())))
}

fn variables(env: &Rc<Tree>, ignored: &mut Vec<String>) -> Result<Vec<Assignment>, YamlError> {
    let mut collector = Collector { found: Vec::new(), ignored };
    for entry in env.entries() {
        let mut read = SourceMap::default();
        let node = entry.read("", &mut read)?;
        collector.ignored.append(&mut read.notes);
        match node {
            node if node.is_secure() => collector.leave_out(&entry, "an encrypted variable"),
            Node::Map(map) => {
                for (name, value) in map.iter() {
                    match value.scalar() {
                        Some(value) => collector.assign(&entry, &format!("{name}={value}"), false),
                        None if value.is_secure() => {
                            collector.leave_out(&entry, &format!("the encrypted `{name}`"))
                        }
                        None => {}
                    }
                }
            }
            node => {
                if let Some(text) = node.scalar() {
                    collector.assign(&entry, &text, true);
                }
            }
        }
        check_number(collector.found.len())?;
    }
    Ok(collector.found)
}

struct Collector<'a> {
    found: Vec<Assignment>,
    ignored: &'a mut Vec<String>,
}

impl Collector<'_> {
    fn assign(&mut self, entry: &Tree, text: &str, several: bool) {
        for assignment in split(text, several) {
            match assignment {
                Ok(assignment) if is_reserved(&assignment.name) => {
                    self.leave_out(entry, &format!("`{}`, which only the CI may set,", assignment.name));
                }
                Ok(assignment) => self.found.push(assignment),
                Err(what) => self.leave_out(entry, &what),
            }
        }
    }

    fn leave_out(&mut self, entry: &Tree, what: &str) {
        let text =
            format!("{what} is ignored; set the variables that the deployment needs in the environment");
        note(self.ignored, entry.place().line, &text);
    }
}

/// True for variables that only the CI may set, such as the branch or whether this is a pull request. The
/// file is part of a pull request, so its author could set them.
fn is_reserved(name: &str) -> bool {
    name.starts_with("TRAVIS_") || ["CI", "CONTINUOUS_INTEGRATION", "TRAVIS"].contains(&name)
}

/// The assignments in a text, split as bash does: `A=b C="d $E" F='g h'`. A map entry is one assignment
/// (`several` is false), and spaces are part of its value. Of more than [`MAX_VALUES`], the rest is left out.
fn split(text: &str, several: bool) -> Vec<Result<Assignment, String>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while found.len() <= MAX_VALUES
        && let Some((name, after)) = rest.split_once('=')
    {
        let (value, left) = value(after, several);
        let name = name.trim_start();
        found.push(match value {
            _ if !is_variable_name(name) => Err("text that is not NAME=value".to_owned()),
            Some(value) => Ok(Assignment { name: name.to_owned(), value }),
            None => Err(format!("`{name}`, whose value only bash can compute,")),
        });
        rest = left.trim_start();
    }
    found
}

/// A value, up to a space outside of quotes, and the rest of the text. `None`: bash would have to run or
/// compute something.
fn value(text: &str, ends_at_blank: bool) -> (Option<Vec<Piece>>, &str) {
    let mut pieces = vec![Piece::Text(String::new())];
    let mut runs = false;
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    let push = |pieces: &mut Vec<Piece>, c: char| match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(c),
        _ => pieces.push(Piece::Text(c.to_string())),
    };
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() && ends_at_blank => {
                return ((!runs).then_some(pieces), &text[at..]);
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => push(&mut pieces, c),
            (_, '`') => runs = true,
            (quote, '\\') => match chars.next() {
                Some((_, next)) if quote.is_none() || matches!(next, '"' | '\\' | '$' | '`') => {
                    push(&mut pieces, next)
                }
                Some((_, next)) => {
                    push(&mut pieces, '\\');
                    push(&mut pieces, next);
                }
                None => push(&mut pieces, '\\'),
            },
            (_, '$') => {
                let after = &text[at + 1..];
                let braced = after.strip_prefix('{');
                let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                let name: String = braced.unwrap_or(after).chars().take_while(is_part).collect();
                let closed = braced.is_none_or(|braced| braced[name.len()..].starts_with('}'));
                if after.starts_with('(') || !closed {
                    runs = true;
                } else if !is_variable_name(&name) {
                    push(&mut pieces, '$');
                } else {
                    let length = name.len() + 2 * usize::from(braced.is_some());
                    pieces.push(Piece::Variable(name));
                    chars.nth(length - 1);
                }
            }
            (_, c) => push(&mut pieces, c),
        }
    }
    ((!runs).then_some(pieces), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let lookup = |name: &str| (name == "SET").then(|| "s t".to_owned());
        let found = split(text, true).into_iter().filter_map(Result::ok);
        let found: Vec<_> = found.map(|one| (one.name.clone(), one.value(lookup))).collect();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_text_is_split_as_bash_would_split_it() {
        check("A=b", &[("A", "b")]);
        check("A=b C=d", &[("A", "b"), ("C", "d")]);
        check("A=\"b c\" D='e f'", &[("A", "b c"), ("D", "e f")]);
        check("A= B=c", &[("A", ""), ("B", "c")]);
        check("A=b=c", &[("A", "b=c")]);
        check(r"A=b\ c", &[("A", "b c")]);
        check(r#"A="b\"c\n""#, &[("A", r#"b"c\n"#)]);
        check("A=b\"c\"'d'", &[("A", "bcd")]);
    }

    #[test]
    fn variables_are_filled_in_and_nothing_is_run() {
        check(
            "A=$SET B=${SET}x C='$SET' D=$UNSET E=$",
            &[("A", "s t"), ("B", "s tx"), ("C", "$SET"), ("D", ""), ("E", "$")],
        );
        check("A=$(id) B=`id` C=${SET:-x} D=e", &[("D", "e")]);
    }

    #[test]
    fn what_is_no_assignment_is_left_out() {
        check("1A=b C-D=e F=g", &[("F", "g")]);
        check("words only", &[]);
    }
}
