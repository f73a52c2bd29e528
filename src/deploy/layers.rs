//! Finds the versions of the layers that a stanza names or builds. Never publishes one; the plan does.

use super::aws::Aws;
use crate::code_source::Code;
use crate::function::{DesiredFunction, LayerVersion, LiveFunction};
use crate::protocol::error::ErrorReport;
use crate::protocol::layer::Layer;
use crate::protocol::name::FunctionName;

/// Adds the layers to the settings of the desired function. Looks up the versions of those that the stanza
/// names without an ARN, and reads the live versions of those that it builds.
pub(super) fn read_layers(
    aws: &Aws<'_>,
    desired: &mut DesiredFunction,
    code: &mut Code,
    live: Option<&LiveFunction>,
) -> Result<(), ErrorReport> {
    let Some(layers) = desired.layers.clone() else { return Ok(()) };
    let name = aws.context.name;
    let mut versions = Vec::with_capacity(layers.len());
    for layer in layers {
        match layer {
            Layer::Version(arn) => versions.push(LayerVersion::Arn(arn)),
            Layer::Named(named) => {
                let layer = layer_of_function(&named.layer, name, live);
                let arn = aws.call(aws.lambda.layer_version_arn(&layer, named.version))?;
                versions.push(LayerVersion::Arn(arn));
            }
            Layer::Built(content) => {
                for built in code.layers.iter_mut().filter(|built| built.content.name == content.name) {
                    built.layer = layer_of_function(&content.name, name, live);
                    aws.call(aws.lambda.read_layer(built))?;
                    versions.push(built.version());
                }
            }
        }
    }
    desired.set_layers(versions);
    Ok(())
}

/// The layer of this name in the account of the function, as AWS takes it. A name alone is a layer of the
/// caller, so the account is added if the stanza names the function with one.
fn layer_of_function(layer: &str, name: &FunctionName, live: Option<&LiveFunction>) -> String {
    let arn = live.map_or(name.as_str(), |live| live.arn.as_str());
    let names_account = name.as_str() != name.name() && !layer.starts_with("arn:");
    match arn.split_once(":function:") {
        Some((account, _)) if names_account && account.starts_with("arn:") => {
            format!("{account}:layer:{layer}")
        }
        Some(_) | None => layer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_in_the_account_of_the_function() {
        let arn = "arn:aws:lambda:eu-west-1:210987654321:function:f";
        let partial = "210987654321:function:f";
        let live = LiveFunction { arn: arn.to_owned(), ..LiveFunction::default() };
        let qualified = "arn:aws:lambda:eu-west-1:210987654321:layer:deps";
        let other = "arn:aws:lambda:eu-west-1:123456789012:layer:deps";
        for (name, live, layer, expected) in [
            ("f", Some(&live), "deps", "deps"),
            (arn, Some(&live), "deps", qualified),
            (arn, None, "deps", qualified),
            (partial, Some(&live), "deps", qualified),
            (partial, None, "deps", "deps"),
            (arn, Some(&live), other, other),
        ] {
            let name = FunctionName::parse(name).expect("a name");
            assert_eq!(layer_of_function(layer, &name, live), expected, "{name:?}");
        }
    }
}
