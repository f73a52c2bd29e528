//! The entries of `layers`: a layer version by its ARN, a layer by its name, or a layer that the deployment
//! builds. Never looks up whether a layer exists.

use std::collections::BTreeSet;

use schemars::json_schema;
use serde_json::json;

use super::json::quoted;
use super::keys::structure;
use super::name::{is_account, is_name};
use super::schema_types::{Text, TextList, WholeNumber, schema_types};
use super::stanza_reader::StanzaReader;

/// An entry of `layers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A layer version by its ARN. Also every other text that names no layer, because AWS decides about it.
    Version(String),
    /// A version of a layer that exists.
    Named(NamedLayer),
    /// A layer that the deployment builds.
    Built(Box<LayerContent>),
}

/// A version of a layer, by the name of the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLayer {
    /// Name or ARN of the layer, without a version.
    pub layer: String,
    /// Number of the version. `None`: the latest one.
    pub version: Option<i64>,
}

impl Layer {
    /// Reads `deps`, `deps:latest`, `deps:7`, the ARN of a layer with or without `:latest`, and the ARN of a
    /// layer version.
    pub fn parse(text: &str) -> Self {
        let (layer, version) = match text.rsplit_once(':') {
            Some((layer, "latest")) => (layer, None),
            Some((layer, number)) if is_name(layer) => match version_number(number) {
                Some(number) => (layer, Some(number)),
                None => return Layer::Version(text.to_owned()),
            },
            Some(_) | None => (text, None),
        };
        if is_name(layer) || is_layer_arn(layer) {
            Layer::Named(NamedLayer { layer: layer.to_owned(), version })
        } else {
            Layer::Version(text.to_owned())
        }
    }

    /// The text that names the layer. `None`: the deployment builds it.
    pub fn name_or_arn(&self) -> Option<&str> {
        match self {
            Layer::Version(text) => Some(text),
            Layer::Named(named) => Some(&named.layer),
            Layer::Built(_) => None,
        }
    }

    /// What the stanza says of a layer that the deployment builds. `None`: the layer exists already.
    pub fn content(&self) -> Option<&LayerContent> {
        match self {
            Layer::Built(content) => Some(content),
            Layer::Version(_) | Layer::Named(_) => None,
        }
    }
}

/// A positive number in digits.
fn version_number(text: &str) -> Option<i64> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| are_digits && *number > 0)
}

/// Whether a text is the ARN of a layer, without a version.
fn is_layer_arn(text: &str) -> bool {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, "lambda", region, account, "layer", name] => {
            let is_word = |text: &str| is_name(text) && !text.contains('_');
            is_word(partition) && is_word(region) && is_account(account) && is_name(name)
        }
        _ => false,
    }
}

/// Pattern of the name of a layer, for editors.
const LAYER_NAME: &str = "^[A-Za-z0-9_-]+$";

structure! {
    /// A layer that the deployment builds. A version is published if its content differs from that of the
    /// latest one.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct LayerContent in "layers." {
        /// Name of the layer, in the account and region of the function, such as `deps`. Required.
        pub name: String as Text = layer_name(),
            "Layer name".pattern(LAYER_NAME, "Expected letters, digits, `-` and `_`.").example("deps")
                => "LayerName" of PublishLayerVersion;
        /// What to package, as a path in the build directory, such as `layer`: a directory, a single file, or
        /// a finished `.zip` archive. The contents of a directory are in `/opt` of the function. Required.
        pub zip: String as Text = required("a path in the build directory, such as `layer`"),
            "Content of the layer".example("layer") => "Content.ZipFile" of PublishLayerVersion;
        /// Number of versions of the layer to keep, newest first, at least 1, such as 3. Older versions are
        /// deleted after the deployment, except those that a version of this function uses. Other functions
        /// are not looked at: one that uses a deleted version keeps working, but cannot be given that version
        /// again. Default: all versions.
        pub keep_versions: Option<i32> as Option<WholeNumber> = layer_versions_to_keep(),
            "Layer versions to keep".at_least(1).example(3);
        /// Runtimes with which the layer works, such as `nodejs22.x`, for the console of AWS. Default: none.
        pub compatible_runtimes: Option<Vec<String>> as Option<TextList> = texts(),
            "Compatible runtimes".example(["nodejs22.x"]) => "CompatibleRuntimes" of PublishLayerVersion;
        /// Description of each version that is published, such as `Dependencies`. Default: none.
        pub description: Option<String> as Option<Text> = text(),
            "Description of the layer".example("Dependencies") => "Description" of PublishLayerVersion;
        /// License of the layer, such as `MIT`. Default: none.
        pub license: Option<String> as Option<Text> = text(),
            "License of the layer".example("MIT") => "LicenseInfo" of PublishLayerVersion;
    }
}

schema_types! {
    /// A list of layers, or a single one.
    Layers: Names => |generator| {
        let text = json!({"type": ["string", "number", "boolean"]});
        let built = json!(generator.subschema_for::<LayerContent>());
        let entry = json!({"anyOf": [text.clone(), built.clone(), {"type": "null"}]});
        json_schema!({"anyOf": [text, built, {"type": "array", "items": entry}]})
    };
}

impl StanzaReader<'_> {
    /// Reads layers: texts, and maps of layers to build. A single one means a list with one entry, an empty
    /// string an empty list. `None` also if an entry is refused.
    pub(super) fn layers(&mut self, key: &'static str) -> Option<Vec<Layer>> {
        let layers = self.texts_or_structures(
            key,
            |text| Layer::parse(&text),
            |r| Layer::Built(Box::new(LayerContent::read(r))),
        )?;
        let mut names = BTreeSet::new();
        for content in layers.iter().filter_map(Layer::content).filter(|content| !content.name.is_empty()) {
            if !names.insert(content.name.clone()) {
                let name = quoted(&content.name);
                self.refuse(key, format!("`{key}` builds {name} twice; expected one entry for each layer"));
            } else if layers.iter().any(|layer| layer.name_or_arn() == Some(content.name.as_str())) {
                let name = quoted(&content.name);
                let right = "expected one entry for each layer: AWS accepts one version of it";
                self.refuse(key, format!("`{key}` builds {name} and names it, too; {right}"));
            }
        }
        Some(layers)
    }

    /// Reads the name of a layer to build.
    fn layer_name(&mut self, key: &'static str) -> String {
        let name = self.required(key, "the name of the layer, such as `deps`");
        if !name.is_empty() && !is_name(&name) {
            let (key_name, shown) = (self.name_of(key), quoted(&name));
            self.refuse(key, format!("`{key_name}` is {shown}; expected letters, digits, `-` and `_`"));
        }
        name
    }

    fn layer_versions_to_keep(&mut self, key: &'static str) -> Option<i32> {
        let number = self.whole_number(key, "")?;
        if number == 0 {
            return self.unexpected(key, "0", "expected the number of versions to keep, at least 1");
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::Map;
    use crate::protocol::stanza;

    #[test]
    fn a_layer_that_is_built_has_one_entry() {
        let built = json!({"name": "deps", "zip": "layer"});
        for (layers, words) in [
            (json!([built, built]), "builds `deps` twice"),
            (json!([built, "deps:3"]), "builds `deps` and names it, too"),
            (json!(["deps", built]), "builds `deps` and names it, too"),
        ] {
            let stanza = json!({"function_name": "f", "layers": layers}).to_string();
            let read = stanza::read(&Map::of_json(&stanza));
            let [problem] = read.problems() else { panic!("{:?}", read.problems()) };
            assert!(problem.message.contains(words), "{}", problem.message);
        }
    }

    #[test]
    fn a_layer_is_named_with_or_without_a_version() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:layer:deps";
        let latest = format!("{arn}:latest");
        for (text, layer, version) in [
            ("deps", "deps", None),
            ("deps:latest", "deps", None),
            ("deps:7", "deps", Some(7)),
            ("my_deps-1:12", "my_deps-1", Some(12)),
            ("7", "7", None),
            (arn, arn, None),
            (&latest, arn, None),
        ] {
            let named = NamedLayer { layer: layer.to_owned(), version };
            assert_eq!(Layer::parse(text), Layer::Named(named), "{text}");
        }
    }

    #[test]
    fn every_other_text_is_left_to_aws() {
        let version = "arn:aws:lambda:us-east-1:123456789012:layer:deps:7";
        for text in [
            "",
            version,
            "arn:aws:lambda:::awslayer:x",
            "arn:aws:lambda:us-east-1:$ACCOUNT:layer:deps",
            "arn:aws:lambda:us-east-1:123456789012:layer:?",
            "arn:x",
            "arn:aws:lambda:us-east-1:123456789012:function:deps",
            "deps:0",
            "deps:+7",
            "deps:next",
            "deps:",
            ":latest",
            "a b",
            "a, b",
        ] {
            assert_eq!(Layer::parse(text), Layer::Version(text.to_owned()), "{text}");
        }
    }
}
