//! The keys of `on`, for schemas and editors. Reads none of them: the conditions do that.

use schemars::json_schema;
use serde_json::json;

use super::keys::structure;
use super::schema_types::{Branches, Flag, Text, schema_types};

schema_types! {
    /// A map of conditions, or a branch.
    Conditions => |generator| json_schema!({
        "anyOf": [{"type": "string", "minLength": 1}, generator.subschema_for::<On>(), {"enum": [false]}],
    });

    /// A bash expression, or a list of expressions. The entries of a nested list count as its own.
    Expressions => |_| json_schema!({"type": ["string", "number", "boolean", "array"]});
}

// No defaults: an editor that inserts `on` would also insert each key that has one.
structure! {
    /// Conditions under which Travis CI deploys. All of them must be met.
    pub(super) struct On in "on." read elsewhere {
        /// Repository, as `owner/name`. Builds of forks are then skipped. Default: any repository.
        repo as Option<Text>, "Repository".example("owner/name");
        /// Branch or list of branches; one of them must match. Bash patterns such as `release/*` are
        /// possible. Default: `master`.
        branch as Option<Branches>, "Branch".examples(json!(["main", ["main", "release/*"]]));
        /// Whether to deploy from all branches. Default: false.
        all_branches as Option<Flag>, "All branches".example(true);
        /// `true`: deploy only tags, and do not check `branch`. `false`: do not deploy tags. Default: tags
        /// are not checked; for a tag, `branch` must match its name.
        tags as Option<Flag>, "Tags".example(true);
        /// Bash expression, written without `[[ ]]`, such as `$NIGHTLY = true`. Write spaces around `=`. If
        /// there is a list of expressions, all must be true. Default: none.
        condition as Option<Expressions>, "Bash condition".single().example("$NIGHTLY = true");
        /// Dart version that the job must have, such as `'3.5'`. It must equal the job's
        /// `TRAVIS_DART_VERSION`. Default: any.
        dart as Option<Text>, "Dart".example("3.5");
        /// Elixir version that the job must have, such as `'1.17'`. It must equal the job's
        /// `TRAVIS_ELIXIR_VERSION`. Default: any.
        elixir as Option<Text>, "Elixir".example("1.17");
        /// Elm version that the job must have, such as `'0.19'`. It must equal the job's
        /// `TRAVIS_ELM_VERSION`. Default: any.
        elm as Option<Text>, "Elm".example("0.19");
        /// Go version that the job must have, such as `'1.23'`. It must equal the job's `TRAVIS_GO_VERSION`.
        /// Default: any.
        go as Option<Text>, "Go".example("1.23");
        /// Haxe version that the job must have, such as `'4.3'`. It must equal the job's
        /// `TRAVIS_HAXE_VERSION`. Default: any.
        haxe as Option<Text>, "Haxe".example("4.3");
        /// JDK that the job must have, such as `openjdk21`. It must equal the job's `TRAVIS_JDK_VERSION`.
        /// Default: any.
        jdk as Option<Text>, "JDK".example("openjdk21");
        /// Julia version that the job must have, such as `'1.11'`. It must equal the job's
        /// `TRAVIS_JULIA_VERSION`. Default: any.
        julia as Option<Text>, "Julia".example("1.11");
        /// Node.js version that the job must have, such as `'22'`. It must equal the job's
        /// `TRAVIS_NODE_VERSION`. Default: any.
        node as Option<Text>, "Node.js".example("22");
        /// Same as `node`.
        node_js as Option<Text>, "Node.js".example("22");
        /// Perl version that the job must have, such as `'5.40'`. It must equal the job's
        /// `TRAVIS_PERL_VERSION`. Default: any.
        perl as Option<Text>, "Perl".example("5.40");
        /// PHP version that the job must have, such as `'8.3'`. It must equal the job's `TRAVIS_PHP_VERSION`.
        /// Default: any.
        php as Option<Text>, "PHP".example("8.3");
        /// Python version that the job must have, such as `'3.13'`. It must equal the job's
        /// `TRAVIS_PYTHON_VERSION`. Default: any.
        python as Option<Text>, "Python".example("3.13");
        /// R version that the job must have, such as `'4.4'`. It must equal the job's `TRAVIS_R_VERSION`.
        /// Default: any.
        r as Option<Text>, "R".example("4.4");
        /// Ruby version that the job must have, such as `'3.4'`. It must equal the job's
        /// `TRAVIS_RUBY_VERSION`. Default: any.
        ruby as Option<Text>, "Ruby".example("3.4");
        /// Same as `ruby`.
        rvm as Option<Text>, "Ruby".example("3.4");
        /// Rust version that the job must have, such as `stable`. It must equal the job's
        /// `TRAVIS_RUST_VERSION`. Default: any.
        rust as Option<Text>, "Rust".example("stable");
        /// Scala version that the job must have, such as `'3.5'`. It must equal the job's
        /// `TRAVIS_SCALA_VERSION`. Default: any.
        scala as Option<Text>, "Scala".example("3.5");
        /// Smalltalk version that the job must have, such as `Squeak-6.0`. It must equal the job's
        /// `TRAVIS_SMALLTALK_VERSION`. Default: any.
        smalltalk as Option<Text>, "Smalltalk".example("Squeak-6.0");
    }
}
