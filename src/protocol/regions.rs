//! Lists the regions of AWS, and warns about a function's region that is none, and about values that are in
//! another region. Never refuses a region, because AWS adds regions at any time.

use super::error::Warning;
use super::json::{quoted, short};
use super::layer::Layer;
use super::limits::out_of_range;
use super::name::Region;
use super::stanza::Options;
use super::suggest::suggest;

/// Public regions with their names: AWS, AWS in China and AWS GovCloud.
/// Source: botocore 1.43.106, `data/partitions.json`, partitions `aws`, `aws-cn` and `aws-us-gov`.
pub const REGIONS: &[(&str, &str)] = &[
    ("af-south-1", "Africa (Cape Town)"),
    ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-east-2", "Asia Pacific (Taipei)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-south-2", "Asia Pacific (Hyderabad)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-southeast-3", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)"),
    ("ap-southeast-5", "Asia Pacific (Malaysia)"),
    ("ap-southeast-6", "Asia Pacific (New Zealand)"),
    ("ap-southeast-7", "Asia Pacific (Thailand)"),
    ("ca-central-1", "Canada (Central)"),
    ("ca-west-1", "Canada West (Calgary)"),
    ("eu-central-1", "Europe (Frankfurt)"),
    ("eu-central-2", "Europe (Zurich)"),
    ("eu-north-1", "Europe (Stockholm)"),
    ("eu-south-1", "Europe (Milan)"),
    ("eu-south-2", "Europe (Spain)"),
    ("eu-west-1", "Europe (Ireland)"),
    ("eu-west-2", "Europe (London)"),
    ("eu-west-3", "Europe (Paris)"),
    ("il-central-1", "Israel (Tel Aviv)"),
    ("me-central-1", "Middle East (UAE)"),
    ("me-south-1", "Middle East (Bahrain)"),
    ("mx-central-1", "Mexico (Central)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
    ("cn-north-1", "China (Beijing)"),
    ("cn-northwest-1", "China (Ningxia)"),
    ("us-gov-east-1", "AWS GovCloud (US-East)"),
    ("us-gov-west-1", "AWS GovCloud (US-West)"),
];

/// Beginnings of regions that are not public, such as `us-iso-east-1`.
/// Source: botocore 1.43.106, `data/partitions.json`, the other partitions.
const NOT_PUBLIC: [&str; 3] = ["us-iso", "eu-iso", "eusc-"];

/// Warnings about the region of a function, and about values of its stanza that must be in the same region.
pub fn warnings(region: &Region, options: &Options) -> Vec<Warning> {
    let image = options.image_uri.as_deref();
    let image = image.into_iter().filter_map(|uri| Some(("image_uri", uri, region_of_image(uri)?)));
    let layers = options.layers.iter().flatten().filter_map(Layer::name_or_arn).map(|arn| ("layers", arn));
    let signing = options.code_signing_config_arn.as_deref().map(|arn| ("code_signing_config_arn", arn));
    let arns = layers.chain(signing).filter_map(|(key, arn)| Some((key, arn, region_of_arn(arn)?)));
    let elsewhere = image.chain(arns).filter(|(.., its)| *its != region.as_str());
    let elsewhere = elsewhere.map(|(key, value, its)| {
        let message = format!(
            "{} in `{key}` is in the region `{}`, but the function is in `{}`",
            quoted(value),
            short(its),
            region.as_str()
        );
        out_of_range(message)
            .hint(format!("set `{key}` to one in the function's region"))
            .at(format!("/{key}"))
    });
    about(region.as_str()).into_iter().chain(elsewhere).collect()
}

/// The warning about a region that is an availability zone or unknown. `None`: the region is known.
fn about(region: &str) -> Option<Warning> {
    let is_known = REGIONS.iter().any(|(name, _)| *name == region)
        || NOT_PUBLIC.iter().any(|beginning| region.starts_with(beginning));
    if is_known {
        return None;
    }
    let (message, hint) = match region_of_zone(region) {
        Some(of) => (
            format!("the region is `{region}`, which is an availability zone of the region `{of}`"),
            format!("write `{of}`"),
        ),
        None => (
            format!(
                "the region `{region}` is unknown to this version of dpl-lambda; AWS decides whether it \
                 exists"
            ),
            match suggest(region, REGIONS.iter().map(|(name, _)| *name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "look up the regions in AWS's documentation".to_owned(),
            },
        ),
    };
    Some(out_of_range(message).hint(hint).at("/region"))
}

/// The region of an availability zone, such as `us-east-1a`, or of a local zone, such as `us-west-2-lax-1a`.
fn region_of_zone(zone: &str) -> Option<&'static str> {
    let is_of = |region: &&str| {
        zone.strip_prefix(*region).is_some_and(|rest| {
            rest.starts_with('-') || (rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_lowercase()))
        })
    };
    REGIONS.iter().map(|(region, _)| *region).find(is_of)
}

/// The region of an image in ECR. `None`: the image is not in ECR.
fn region_of_image(uri: &str) -> Option<&str> {
    let host = uri.split('/').next().unwrap_or_default();
    match host.split('.').collect::<Vec<_>>().as_slice() {
        [_, "dkr", "ecr" | "ecr-fips", region, ..] | [_, "dkr-ecr", region, ..] => Some(*region),
        _ => None,
    }
}

/// The region in an ARN. `None`: it has none.
fn region_of_arn(arn: &str) -> Option<&str> {
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::stanza::Stanza;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(region: &str, stanza: Value, expected: &[(&str, &str)]) {
        let region = Region::parse(region).expect("a region");
        let warnings = warnings(&region, &Stanza::of_json(stanza));
        let found: Vec<_> =
            warnings.iter().map(|one| (one.at.as_deref().unwrap(), one.hint.as_deref().unwrap())).collect();
        assert_eq!(found, expected, "{warnings:?}");
    }

    #[test]
    fn a_zone_has_its_region_and_a_misspelt_region_the_nearest_one() {
        for (region, hint) in [
            ("us-east-1a", "write `us-east-1`"),
            ("ap-northeast-2c", "write `ap-northeast-2`"),
            ("us-west-2-lax-1a", "write `us-west-2`"),
            ("us-est-1", "did you mean `us-east-1`?"),
            ("eu-central1", "did you mean `eu-central-1`?"),
            ("us-east", "did you mean `us-east-1`?"),
            ("zzz", "look up the regions in AWS's documentation"),
        ] {
            check(region, json!({}), &[("/region", hint)]);
        }
        for region in ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1"] {
            check(region, json!({}), &[]);
        }
    }

    #[test]
    fn what_is_in_another_region_than_the_function_is_pointed_at() {
        let host = |region: &str| format!("123456789012.dkr.ecr.{region}.amazonaws.com");
        let image = |region: &str| json!({"image_uri": format!("{}/team/app:7", host(region))});
        check("us-east-1", image("us-east-1"), &[]);
        check(
            "us-east-1",
            image("eu-west-1"),
            &[("/image_uri", "set `image_uri` to one in the function's region")],
        );
        let layer = |region: &str| format!("arn:aws:lambda:{region}:123456789012:layer:tools:3");
        check("us-east-1", json!({"layers": [layer("us-east-1"), "arn:aws:lambda:::awslayer:x"]}), &[]);
        check(
            "us-east-1",
            json!({"layers": [layer("us-east-1"), layer("eu-west-1")]}),
            &[("/layers", "set `layers` to one in the function's region")],
        );
    }
}
