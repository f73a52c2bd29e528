//! Finds the jobs of a `.travis.yml`, and the conditions under which Travis CI makes each of them.
//! Never evaluates a condition.
//!
//! Source: the matrix expansion of travis-yml (`matrix.rb`, `configs/stages.rb`). Each key of the file with
//! several values multiplies the jobs; those of `jobs.include` are added, or replace a single one.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::protocol::json::Node;
use crate::standalone::variables::{self, Assignment, FileEnv};
use crate::standalone::yaml::{Pairs, SourceMap, Tree, YamlError};
use crate::travis_if::Variable;

/// Maximum number of jobs of a build on Travis CI.
const MAX_JOBS: usize = 200;

/// Keys for the version of a runtime, and the variable that Travis CI sets to it.
const RUNTIMES: [(&str, &str); 16] = [
    ("node_js", "TRAVIS_NODE_VERSION"),
    ("node", "TRAVIS_NODE_VERSION"),
    ("rvm", "TRAVIS_RUBY_VERSION"),
    ("ruby", "TRAVIS_RUBY_VERSION"),
    ("python", "TRAVIS_PYTHON_VERSION"),
    ("php", "TRAVIS_PHP_VERSION"),
    ("perl", "TRAVIS_PERL_VERSION"),
    ("jdk", "TRAVIS_JDK_VERSION"),
    ("go", "TRAVIS_GO_VERSION"),
    ("scala", "TRAVIS_SCALA_VERSION"),
    ("rust", "TRAVIS_RUST_VERSION"),
    ("elixir", "TRAVIS_ELIXIR_VERSION"),
    ("dart", "TRAVIS_DART_VERSION"),
    ("julia", "TRAVIS_JULIA_VERSION"),
    ("haxe", "TRAVIS_HAXE_VERSION"),
    ("r", "TRAVIS_R_VERSION"),
];

/// Other keys whose values multiply the jobs, without a variable for conditions.
const OTHER_AXES: [&str; 6] = ["arch", "compiler", "gemfile", "otp_release", "ghc", "osx_image"];

/// Keys of a job that `if` can compare.
const ATTRIBUTES: [(&str, Variable); 5] = [
    ("os", Variable::Os),
    ("dist", Variable::Dist),
    ("group", Variable::Group),
    ("language", Variable::Language),
    ("sudo", Variable::Sudo),
];

/// Keys with commands of the user. Of their values, these do nothing.
const COMMANDS: [&str; 3] = ["before_deploy", "script", "after_deploy"];
const NO_COMMANDS: [&str; 3] = ["skip", "true", ":"];

/// A job that deploys a stanza.
#[derive(Clone, Debug, Default)]
pub(crate) struct TravisJob {
    /// What distinguishes it from other jobs, for messages: "`one` (FN=alpha)".
    pub title: String,
    /// The variables that distinguish it from other jobs.
    pub own: Vec<Assignment>,
    /// All variables that the file sets for it: versions of runtimes, and `env`.
    pub variables: Vec<Assignment>,
    /// Values for conditions, such as its `os`.
    pub attributes: BTreeMap<Variable, String>,
    /// Travis CI makes the job only if all of them are met.
    pub conditions: Vec<JobCondition>,
    /// Keys with commands that the standalone mode does not run, each with its line.
    pub commands: Vec<(&'static str, usize)>,
    /// Messages for the user, such as about encrypted variables.
    pub notes: Vec<String>,
}

impl TravisJob {
    /// The assignments to each variable. The last one counts, and can refer to the earlier ones.
    pub(super) fn assignments(&self) -> HashMap<&str, Vec<&Assignment>> {
        let mut assignments: HashMap<&str, Vec<&Assignment>> = HashMap::new();
        for variable in &self.variables {
            assignments.entry(&variable.name).or_default().push(variable);
        }
        assignments
    }
}

/// A condition under which Travis CI makes a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobCondition {
    /// What it is, for messages: "the `if` of the job".
    pub what: String,
    pub line: usize,
    pub test: JobTest,
}

/// The test of a [`JobCondition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobTest {
    /// A text in the condition language.
    If(String),
    /// The branch is one of these. Text between slashes is a regular expression.
    Only(Vec<String>),
    /// The branch is none of these.
    Except(Vec<String>),
    /// The file has no such job.
    Never,
    /// A condition that cannot be evaluated here.
    NotEvaluated,
}

/// The jobs of a file.
#[derive(Default)]
pub(super) struct Jobs {
    /// Those that deploy the stanzas of the top level.
    pub(super) shared: Vec<TravisJob>,
    /// Those with a `deploy` of their own, and its value.
    pub(super) own: Vec<(Rc<Tree>, TravisJob)>,
}

impl Jobs {
    pub(super) fn read(file: &Pairs, notes: &mut Vec<String>) -> Result<Jobs, YamlError> {
        let mut jobs = Jobs::default();
        notes.extend(misplaced_conditions(file));
        if let Some((_, line)) = file.last("import") {
            let effect = "so their conditions and variables have no effect here";
            notes.push(format!("line {line}: the files of `import` are not read, {effect}"));
        }
        let mut top = TopLevel::read(file, notes)?;
        let (include, exclude) = include(file, notes)?;
        let rows = top.rows()?;
        // A single job that follows from keys with single values is replaced by those of `jobs.include`.
        if include.is_empty() || rows.len() > 1 {
            jobs.shared = rows.into_iter().map(|row| top.expanded(row, exclude.as_ref())).collect();
        }
        let mut count: usize = jobs.shared.iter().map(|job| job.variables.len()).sum();
        for tree in include {
            let Some(pairs) = tree.pairs(notes)? else { continue };
            notes.extend(misplaced_conditions(&pairs));
            let job = top.included(&pairs, tree.place().line, notes)?;
            count += job.variables.len();
            variables::check_number(count)?;
            let own = pairs.get("deploy")?.filter(|deploy| !is_null(deploy));
            match own {
                Some(deploy) => jobs.own.push((deploy.clone(), job)),
                None if jobs.shared.len() < MAX_JOBS => jobs.shared.push(job),
                None => {}
            }
        }
        if let (true, Some((_, line))) = (jobs.shared.is_empty(), file.last("deploy")) {
            let mut job = top.base.clone();
            let what = "a job without a `deploy` of its own".to_owned();
            job.conditions.push(JobCondition { what, line, test: JobTest::Never });
            jobs.shared.push(job);
        }
        Ok(jobs)
    }
}

/// A note about conditions beside `deploy`.
fn misplaced_conditions(pairs: &Pairs) -> Option<String> {
    let (_, line) = pairs.last("on").filter(|_| pairs.last("deploy").is_some())?;
    let what = "`on` is beside `deploy`, where Travis CI ignores it";
    Some(format!("line {line}: {what}; indent it under `deploy`"))
}

/// A combination of values of the keys that multiply the jobs.
#[derive(Clone, Default)]
struct Row {
    /// Only values of keys that have several.
    titles: Vec<String>,
    own: Vec<Assignment>,
    variables: Vec<Assignment>,
    os: Option<String>,
}

/// What the top level says about all jobs.
struct TopLevel<'a> {
    file: &'a Pairs,
    env: FileEnv,
    /// Whether conditions have version 0 of the language, which is not known here.
    is_v0: bool,
    /// What all jobs have in common.
    base: TravisJob,
    stages: Vec<Stage>,
    /// The stage of a job of `jobs.include` without `stage`: that of the job before it.
    stage: String,
}

struct Stage {
    name: String,
    condition: Option<JobCondition>,
}

impl<'a> TopLevel<'a> {
    fn read(file: &'a Pairs, notes: &mut Vec<String>) -> Result<Self, YamlError> {
        let mut base = TravisJob::default();
        let env = match file.get("env")? {
            Some(env) => FileEnv::read(env, &mut base.notes, notes)?,
            None => FileEnv::default(),
        };
        base.attributes.insert(Variable::Os, "linux".to_owned());
        set_attributes(&mut base, file)?;
        base.commands = commands(file, &[]);
        let is_v0 = text(file, "conditions")?.is_some_and(|version| version == "v0");
        base.conditions.extend(branches(file, notes)?);
        base.conditions.extend(condition(file, "the `if` of the file", is_v0)?);
        let mut stages = Vec::new();
        for stage in file.last("stages").into_iter().flat_map(|(stages, _)| stages.entries()) {
            if let Some(pairs) = stage.pairs(notes)? {
                let name = text(&pairs, "name")?.unwrap_or_default();
                let condition = condition(&pairs, &format!("the `if` of the stage `{name}`"), is_v0)?;
                stages.push(Stage { name, condition });
            }
        }
        Ok(TopLevel { file, env, is_v0, base, stages, stage: "test".to_owned() })
    }

    /// The condition of a stage. Travis CI compares names of stages without their case.
    fn stage_condition(&self, name: &str) -> Option<JobCondition> {
        let stage = self.stages.iter().find(|stage| stage.name.eq_ignore_ascii_case(name));
        stage.and_then(|stage| stage.condition.clone())
    }

    /// The jobs that the keys of the top level make.
    fn rows(&self) -> Result<Vec<Row>, YamlError> {
        let mut rows = vec![Row::default()];
        for (key, variable) in RUNTIMES {
            let value = |version: String| Row {
                titles: vec![format!("{key} {version}")],
                own: vec![Assignment::plain(variable, &version)],
                variables: vec![Assignment::plain(variable, &version)],
                os: None,
            };
            rows = multiplied(rows, texts(self.file, key)?.into_iter().map(value).collect())?;
        }
        let job = |variables: &Vec<Assignment>| Row {
            titles: variables.iter().map(ToString::to_string).collect(),
            own: variables.clone(),
            variables: self.env.global.iter().chain(variables).cloned().collect(),
            os: None,
        };
        variables::check_number(self.env.global.len() * self.env.jobs.len().min(MAX_JOBS))?;
        let jobs: Vec<Row> = self.env.jobs.iter().take(MAX_JOBS).map(job).collect();
        let no_jobs = Row { variables: self.env.global.clone(), ..Row::default() };
        rows = multiplied(rows, if jobs.is_empty() { vec![no_jobs] } else { jobs })?;
        for key in OTHER_AXES.into_iter().chain(["os"]) {
            let value = |text: String| Row {
                titles: vec![format!("{key} {text}")],
                os: (key == "os").then_some(text),
                ..Row::default()
            };
            rows = multiplied(rows, texts(self.file, key)?.into_iter().map(value).collect())?;
        }
        Ok(rows)
    }

    /// The job of a row.
    fn expanded(&self, row: Row, exclude: Option<&JobCondition>) -> TravisJob {
        let mut job = TravisJob { own: row.own, variables: row.variables, ..self.base.clone() };
        job.title = if row.titles.is_empty() { "the job".to_owned() } else { row.titles.join(" ") };
        job.attributes.extend(row.os.map(|os| (Variable::Os, os)));
        job.conditions.extend(self.stage_condition("test"));
        job.conditions.extend(exclude.cloned());
        job
    }

    /// A job of `jobs.include`. It inherits the first value of each key of the top level.
    fn included(
        &mut self,
        pairs: &Pairs,
        line: usize,
        notes: &mut Vec<String>,
    ) -> Result<TravisJob, YamlError> {
        let mut job = self.base.clone();
        for (key, variable) in RUNTIMES {
            let first = text(self.file, key)?;
            job.variables.extend(first.map(|version| Assignment::plain(variable, &version)));
        }
        job.variables.extend(self.env.global.iter().cloned());
        for (key, variable) in RUNTIMES {
            let version = text(pairs, key)?;
            job.own.extend(version.map(|version| Assignment::plain(variable, &version)));
        }
        match pairs.get("env")? {
            Some(env) => job.own.extend(variables::of_job(env, &mut job.notes, notes)?),
            None => job.variables.extend(self.env.jobs.first().into_iter().flatten().cloned()),
        }
        job.variables.extend(job.own.iter().cloned());
        set_attributes(&mut job, pairs)?;
        job.commands = commands(pairs, &self.base.commands);
        if let Some(stage) = text(pairs, "stage")? {
            self.stage = stage;
        }
        job.conditions.extend(self.stage_condition(&self.stage));
        job.conditions.extend(condition(pairs, "the `if` of the job", self.is_v0)?);
        let name = text(pairs, "name")?.map_or(format!("the job in line {line}"), |name| format!("`{name}`"));
        let own: Vec<String> = job.own.iter().map(ToString::to_string).collect();
        job.title = if own.is_empty() { name } else { format!("{name} ({})", own.join(" ")) };
        Ok(job)
    }
}

/// Combines rows with the values of a key. A single value distinguishes no job from another.
fn multiplied(rows: Vec<Row>, mut values: Vec<Row>) -> Result<Vec<Row>, YamlError> {
    match values.as_mut_slice() {
        [] => return Ok(rows),
        [one] => {
            one.titles.clear();
            one.own.clear();
        }
        _ => {}
    }
    let combined = |(row, value): (&Row, &Row)| Row {
        titles: [row.titles.as_slice(), value.titles.as_slice()].concat(),
        own: [row.own.as_slice(), value.own.as_slice()].concat(),
        variables: [row.variables.as_slice(), value.variables.as_slice()].concat(),
        os: value.os.clone().or_else(|| row.os.clone()),
    };
    let pairs = rows.iter().flat_map(|row| values.iter().map(move |value| (row, value))).take(MAX_JOBS);
    variables::check_number(
        pairs.clone().map(|(row, value)| row.variables.len() + value.variables.len()).sum(),
    )?;
    Ok(pairs.map(combined).collect())
}

/// The jobs of `jobs.include`, and whether `jobs.exclude` may remove some of the others. `matrix` is an old
/// name of `jobs`.
fn include(
    file: &Pairs,
    notes: &mut Vec<String>,
) -> Result<(Vec<Rc<Tree>>, Option<JobCondition>), YamlError> {
    let (mut found, mut exclude) = (Vec::new(), None);
    for key in ["jobs", "matrix"] {
        let Some(jobs) = file.get(key)? else { continue };
        let Some(pairs) = jobs.pairs(notes)? else {
            found.extend(jobs.items().into_iter().flatten().cloned());
            continue;
        };
        found.extend(pairs.get("include")?.into_iter().flat_map(Tree::entries));
        let list = pairs.last("exclude");
        if let Some((_, line)) = list.filter(|(tree, _)| tree.entries().iter().any(|entry| !is_null(entry))) {
            let what = format!("the condition that `{key}.exclude` keeps the job");
            exclude = Some(JobCondition { what, line, test: JobTest::NotEvaluated });
        }
    }
    Ok((found, exclude))
}

/// The `if` of a map.
fn condition(pairs: &Pairs, what: &str, is_v0: bool) -> Result<Option<JobCondition>, YamlError> {
    let Some((_, line)) = pairs.last("if").filter(|(tree, _)| !is_null(tree)) else { return Ok(None) };
    let what = if is_v0 { format!("{what}, in version 0 of the language,") } else { what.to_owned() };
    let test = text(pairs, "if")?.filter(|_| !is_v0).map_or(JobTest::NotEvaluated, JobTest::If);
    Ok(Some(JobCondition { what, line, test }))
}

/// The condition of `branches`, or of its other name `branch`. A list of branches means `only`, `exclude` is
/// another name of `except`, and `only` has precedence.
fn branches(file: &Pairs, notes: &mut Vec<String>) -> Result<Option<JobCondition>, YamlError> {
    let named = ["branches", "branch"].into_iter().find_map(|key| Some((key, file.last(key)?)));
    let Some((name, (tree, line))) = named else { return Ok(None) };
    for entry in tree.entries() {
        let Some(pairs) = entry.pairs(notes)? else { continue };
        for key in ["only", "except", "exclude"] {
            let list = texts(&pairs, key)?;
            if let (false, Some((_, line))) = (list.is_empty(), pairs.last(key)) {
                let test = if key == "only" { JobTest::Only(list) } else { JobTest::Except(list) };
                return Ok(Some(JobCondition { what: format!("`{name}.{key}`"), line, test }));
            }
        }
    }
    let only = Some(scalars(tree)?).filter(|only| !only.is_empty());
    Ok(only.map(|only| JobCondition { what: format!("`{name}`"), line, test: JobTest::Only(only) }))
}

fn set_attributes(job: &mut TravisJob, pairs: &Pairs) -> Result<(), YamlError> {
    for (key, variable) in ATTRIBUTES {
        job.attributes.extend(text(pairs, key)?.map(|value| (variable, value)));
    }
    Ok(())
}

/// The keys with commands, which a job inherits unless it has them itself.
fn commands(pairs: &Pairs, inherited: &[(&'static str, usize)]) -> Vec<(&'static str, usize)> {
    let mut found: Vec<(&'static str, usize)> = Vec::new();
    for key in COMMANDS {
        match pairs.last(key) {
            Some((tree, line)) => {
                let does_something = |text: &String| !NO_COMMANDS.contains(&text.trim());
                let is_needed = scalars(tree).is_ok_and(|texts| texts.iter().any(does_something));
                found.extend(is_needed.then_some((key, line)));
            }
            None => found.extend(inherited.iter().find(|(name, _)| *name == key)),
        }
    }
    found
}

/// The text of a value. `None`: it is no scalar, or null.
fn scalar(tree: &Tree) -> Result<Option<String>, YamlError> {
    if tree.is_scalar() { Ok(tree.read("", &mut SourceMap::default())?.scalar()) } else { Ok(None) }
}

fn is_null(tree: &Tree) -> bool {
    tree.is_scalar() && tree.read("", &mut SourceMap::default()).is_ok_and(|node| node == Node::Null)
}

/// The texts of a value, or of the items of a list.
fn scalars(tree: &Rc<Tree>) -> Result<Vec<String>, YamlError> {
    tree.entries().iter().filter_map(|entry| scalar(entry).transpose()).collect()
}

fn texts(pairs: &Pairs, key: &str) -> Result<Vec<String>, YamlError> {
    pairs.last(key).map_or_else(|| Ok(Vec::new()), |(tree, _)| scalars(tree))
}

/// The text of a value. Of a list, Travis CI reads the first item.
fn text(pairs: &Pairs, key: &str) -> Result<Option<String>, YamlError> {
    Ok(texts(pairs, key)?.into_iter().next())
}
