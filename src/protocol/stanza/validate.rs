//! Checks which keys of a stanza require or exclude each other, and which keys are unknown.
//! Whether a single value is valid is checked by the reader, not here.

use super::meanings::{Meaning, NOT_AN_OPTION, is_name_of_aws, meaning};
use super::options::{Options, all_keys};
use super::values::{PackageType, REFERENCE, SHARES};
use crate::protocol::error::{Code, WarningCode};
use crate::protocol::json;
use crate::protocol::name::is_name;
use crate::protocol::stanza_reader::StanzaReader;
use crate::protocol::structures::{Guard, MAX_BAKE};
use crate::protocol::suggest::suggest;

/// Keys that describe a package. They are refused with a finished archive.
pub(in crate::protocol) const PACKAGE_KEYS: [&str; 6] =
    ["zip", "include", "exclude", "symlinks", "dot_match", "s3_prefix"];

/// Keys that are refused with a container image, whatever their value.
#[rustfmt::skip]
pub(in crate::protocol) const FILE_KEYS: [&str; 11] = [
    "zip", "include", "exclude", "symlinks", "dot_match", "s3_bucket", "s3_object_storage_mode", "runtime",
    "runtime_management", "handler_name", "layers",
];

/// Refuses a stanza for another provider.
pub(super) fn provider(r: &mut StanzaReader<'_>, options: &Options) {
    if let Some(provider) =
        options.provider.as_deref().filter(|provider| !provider.eq_ignore_ascii_case("lambda"))
    {
        let message = format!("`provider` is `{}`; expected `lambda`", json::short(provider));
        let hint = "pass this stanza to the plugin of its provider";
        r.problem(Code::WrongProvider, "provider", message, hint);
    }
}

/// Checks the function's name and region, and that `module_name` has a `handler_name`.
pub(super) fn needed(r: &mut StanzaReader<'_>, options: &Options) {
    if options.function_name.is_none() && !r.has("function_name") {
        let message = "`function_name` is missing; expected the function's name or ARN";
        r.require("function_name", message);
    }
    let own = options.function_name.as_ref().and_then(|name| name.region());
    if let (Some(own), Some(region)) = (own, &options.region)
        && own != region.as_str()
    {
        let (region, own) = (region.as_str(), json::short(own));
        let message = format!("`region` is `{region}`, but the function's ARN is in `{own}`");
        let hint = "remove `region`, or use a function in the same region";
        r.problem(Code::WrongRegion, "region", message, hint);
    }
    if options.module_name.is_some() && !r.has("handler_name") {
        r.require("handler_name", "`module_name` requires `handler_name`");
    }
}

/// Checks the S3 keys. A package and an existing object exclude each other: to ignore one of them would
/// deploy something other than what the stanza says.
pub(super) fn bucket(r: &mut StanzaReader<'_>, options: &Options) {
    let has_bucket = r.has("s3_bucket") && options.s3_bucket.as_ref().is_none_or(|name| !name.is_empty());
    for (key, needed) in
        [("s3_prefix", "s3_bucket"), ("s3_key", "s3_bucket"), ("s3_object_version", "s3_key")]
    {
        let is_there = if needed == "s3_bucket" { has_bucket } else { r.has(needed) };
        if r.has(key) && !is_there {
            r.require(needed, format!("`{key}` requires `{needed}`"));
        }
    }
    if options.s3_object_storage_mode.as_deref() == Some(REFERENCE) && !has_bucket {
        let message = format!("`s3_object_storage_mode: {REFERENCE}` requires `s3_bucket`");
        r.require("s3_bucket", message);
    }
    for key in PACKAGE_KEYS {
        if r.has("s3_key") && r.has(key) {
            let message = format!("`s3_key` names a finished archive, but `{key}` describes a package");
            let hint = format!(
                "remove `{key}` to deploy that archive, or remove `s3_key` to package files and upload them"
            );
            r.problem(Code::BadValue, key, message, hint);
        }
    }
}

/// Checks alias names, keys that require an alias, `traffic`, `keep_versions`, `version` and `release`.
pub(super) fn release(r: &mut StanzaReader<'_>, options: &Options) {
    for name in options.alias.iter().flatten().filter(|name| !is_alias_name(name)) {
        let right = "expected letters, digits, `-` and `_`, and not only digits";
        r.refuse("alias", format!("`alias` is `{}`; {right}", json::short(name)));
    }
    let has_alias = r.has("alias") && options.alias.as_ref().is_none_or(|names| !names.is_empty());
    for (key, needs, is_there) in [
        ("traffic", "alias", has_alias),
        ("guard", "alias", has_alias),
        ("provisioned_concurrency", "alias", has_alias),
        ("alias_description", "alias", has_alias),
        ("follow_alias", "alias", has_alias),
        ("codedeploy", "alias", has_alias),
        ("traffic_interval", "traffic", r.has("traffic")),
    ] {
        if r.has(key) && !is_there {
            r.require(needs, format!("`{key}` requires `{needs}`"));
        }
    }
    if r.has("publish_to") && has_alias {
        let message = "`publish_to` and `alias` exclude each other: an alias points at a numbered version";
        r.refuse("publish_to", message);
    }
    codedeploy(r, options);
    if let Some(shares) = &options.traffic
        && (shares.iter().any(|share| !SHARES.contains(share))
            || shares.windows(2).any(|pair| pair[0] >= pair[1]))
    {
        let shown = json::short(&shares.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        let right = "expected ascending percentages, 1 to 100, such as 10, 50, 100";
        r.refuse("traffic", format!("`traffic` is `{shown}`; {right}"));
    }
    if options.keep_versions == Some(0) {
        let message = "`keep_versions` is 0; expected the number of versions to keep, at least 1";
        r.refuse("keep_versions", message);
    }
    let is_number =
        |version: &&String| version.parse::<u64>().is_ok_and(|number| number.to_string() == **version);
    if let Some(version) = options.version.as_ref().filter(|version| !is_number(version)) {
        let right = "expected the number of a published version, such as 7";
        r.refuse("version", format!("`version` is `{}`; {right}", json::short(version)));
    }
    if let Some(name) = options.release.as_ref().filter(|name| !is_release_name(name)) {
        let right = "expected 1 to 64 letters, digits, `.`, `_` and `-`";
        r.refuse("release", format!("`release` is `{}`; {right}", json::short(name)));
    }
}

/// Checks for how long `guard` watches, and that this program can watch.
pub(super) fn guard(r: &mut StanzaReader<'_>, options: &Options) {
    if cfg!(not(feature = "cloudwatch")) && r.has("guard") {
        let message = "this program was built without the feature `cloudwatch`, which `guard` needs";
        r.refuse("guard", message);
    }
    let Some(Guard { errors, bake: Some(bake), .. }) = &options.guard else { return };
    let (least, why) = match errors {
        // A metric is minutes late.
        Some(_) => (120, ", because `errors` counts whole minutes"),
        None => (1, ""),
    };
    let most = u64::from(MAX_BAKE.unsigned_abs());
    if !(least..=most).contains(&bake.as_secs()) {
        let message = format!("`guard.bake` is {}; expected {least} to {most} seconds{why}", bake.as_secs());
        r.refuse_at("/guard/bake".to_owned(), message);
    }
}

/// Checks that this program can use CodeDeploy, that the stanza has one alias, and that nothing else shifts
/// or guards its traffic.
fn codedeploy(r: &mut StanzaReader<'_>, options: &Options) {
    if !r.has("codedeploy") {
        return;
    }
    if !cfg!(feature = "codedeploy") {
        let message = "this program was built without the feature `codedeploy`, which `codedeploy` needs";
        r.refuse("codedeploy", message);
    }
    let aliases = options.alias.as_ref().map_or(0, Vec::len);
    if aliases > 1 {
        let right = "but `codedeploy` moves one alias; expected one name";
        r.refuse("alias", format!("`alias` has {aliases} names, {right}"));
    }
    if r.has("traffic") {
        let message = "`codedeploy` and `traffic` both shift the alias's traffic; keep one";
        r.refuse("traffic", message);
    }
    if r.has("release") {
        let message = "`release` and `codedeploy` exclude each other: CodeDeploy moves its alias on its own";
        r.refuse("release", message);
    }
    if r.has("guard") {
        let (application, group) = options.codedeploy.as_ref().map_or(("NAME", "GROUP"), |codedeploy| {
            (codedeploy.application.as_str(), codedeploy.deployment_group.as_str())
        });
        let hint = format!(
            "remove `guard`, and add the alarms to the deployment group: `aws deploy update-deployment-group \
             --application-name {} --current-deployment-group-name {} --alarm-configuration \
             enabled=true,alarms=[{{name=ALARM}}]`",
            json::short(application),
            json::short(group)
        );
        let message = "`guard` does not apply with `codedeploy`: CodeDeploy watches alarms itself";
        r.problem(Code::BadValue, "guard", message, hint);
    }
}

/// The rule of AWS: `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, at most 128 characters.
fn is_alias_name(name: &str) -> bool {
    is_name(name) && name.len() <= 128 && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_release_name(name: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(is_fit)
}

/// Checks that the stanza names at most one identity, and all keys that this identity requires.
pub(super) fn identity(r: &mut StanzaReader<'_>, options: &Options) {
    if options.profile.is_some() && (options.access_key_id.is_some() || options.secret_access_key.is_some()) {
        r.refuse("profile", "access keys and `profile` are two identities; keep one");
    }
    for key in ["external_id", "role_session_name", "web_identity_token_env"] {
        if r.has(key) && options.role_to_assume.is_none() {
            r.require("role_to_assume", format!("`{key}` requires `role_to_assume`"));
        }
    }
    if r.has("web_identity_token_env") && (options.access_key_id.is_some() || options.profile.is_some()) {
        let message = "`web_identity_token_env` and access keys or `profile` are two identities; keep one";
        r.refuse("web_identity_token_env", message);
    }
    if r.has("web_identity_token_env") && r.has("external_id") {
        let message = "`web_identity_token_env` and `external_id` exclude each other; keep one";
        r.refuse("external_id", message);
    }
}

/// Checks the keys for container images. An image has its own handler, runtime and files: to ignore either
/// the image or the other keys would deploy something other than what the stanza says.
pub(super) fn image(r: &mut StanzaReader<'_>, options: &Options) {
    let is_zip = options.package_type == Some(PackageType::Zip);
    let is_image = r.has("image_uri") || options.package_type == Some(PackageType::Image);
    if !is_image && r.has("image_config") {
        let message = "`image_config` requires `image_uri`, or `package_type: Image` to keep the live image";
        r.require("image_uri", message);
    }
    if !is_image {
        return;
    }
    let is_signed = options.code_signing_config_arn.as_ref().is_some_and(|arn| !arn.is_empty());
    let signing = is_signed.then_some("code_signing_config_arn");
    let out_of_place: Vec<&str> = FILE_KEYS.into_iter().filter(|key| r.has(key)).chain(signing).collect();
    for key in out_of_place.into_iter().chain(is_zip.then_some("package_type")) {
        let message =
            format!("the stanza describes a container image, but `{key}` applies to packaged files");
        let hint = format!(
            "remove `{key}`: an image has its own files, runtime and handler; \
             `image_config.command` sets another handler"
        );
        r.problem(Code::BadValue, key, message, hint);
    }
}

/// Warns about unknown keys, or refuses them if `strict`. Refuses AWS's names of options in any case. For
/// unknown keys inside structures there is already a warning, or a problem.
pub(super) fn unread_keys(r: &mut StanzaReader<'_>, strict: bool) {
    if strict {
        r.refuse_unknown_keys("");
    }
    let mut known: Vec<&str> = all_keys().collect();
    known.sort_unstable();
    for (index, (key, node)) in r.unread_keys().collect::<Vec<_>>().into_iter().enumerate() {
        let meaning = meaning(key, node);
        if let Some(meant @ Meaning::Options(_)) = meaning.as_ref().filter(|_| is_name_of_aws(key)) {
            let message = format!("AWS's {} is {} in a stanza", json::quoted(key), meant.names());
            r.problem(Code::UnknownKey, key, message, format!("write {}", meant.names()));
            continue;
        }
        let what = meaning.as_ref().map_or(NOT_AN_OPTION, Meaning::what);
        let message = format!("{} {what}", json::quoted(key));
        // A comparison takes time, and nobody misspells hundreds of keys.
        let known = known.iter().copied().filter(|_| index < 100);
        let hint = match (meaning, suggest(key, known)) {
            (Some(meaning), _) => meaning.hint(),
            (None, Some(known)) => format!("did you mean `{known}`?"),
            (None, None) => "remove it".to_owned(),
        };
        if strict {
            r.problem(Code::UnknownKey, key, message, hint);
        } else {
            r.warn(WarningCode::UnknownKey, key, format!("{message}; it is ignored"), hint);
        }
    }
}
