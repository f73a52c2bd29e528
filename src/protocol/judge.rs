//! A stanza that was read in, what is wrong with its keys as a whole out.
//! Never looks into a single value; that is the reader's business.

use super::error::{Code, Problem, Warning, WarningCode};
use super::reader::Reader;
use super::stanza::Stanza;
use super::suggest::suggest;
use super::wire;

/// Another provider's stanza.
pub(super) fn provider(r: &mut Reader<'_>, stanza: &Stanza) {
    if let Some(provider) = stanza.provider.as_deref().filter(|provider| !provider.eq_ignore_ascii_case("lambda")) {
        r.problems.push(Problem {
            code: Code::WrongProvider,
            message: format!("`provider` is `{provider}`; this is dpl-lambda, for `lambda`"),
            at: Some("/provider".to_owned()),
            hint: Some("give this stanza to the plugin of its provider".to_owned()),
        });
    }
}

/// Keys that no stanza can be without, or not beside others.
pub(super) fn needed(r: &mut Reader<'_>, stanza: &Stanza) {
    if stanza.function_name.is_none() && !r.has("function_name") {
        r.problems.push(Problem {
            code: Code::MissingKey,
            message: "`function_name` is missing; give the function's name or ARN".to_owned(),
            at: Some("/function_name".to_owned()),
            hint: None,
        });
    }
    let own = stanza.function_name.as_ref().and_then(|name| name.region());
    if let (Some(own), Some(region)) = (own, &stanza.region)
        && own != region.as_str()
    {
        r.problems.push(Problem {
            code: Code::WrongRegion,
            message: format!("`region` is {}, and the function's ARN says {own}", region.as_str()),
            at: Some("/region".to_owned()),
            hint: Some("leave `region` out, or name the function of that region".to_owned()),
        });
    }
    if stanza.module_name.is_some() && !r.has("handler_name") {
        r.problems.push(Problem {
            code: Code::MissingKey,
            message: "`module_name` needs `handler_name` beside it".to_owned(),
            at: Some("/handler_name".to_owned()),
            hint: None,
        });
    }
}

/// A package and an object that is there already exclude one another: whichever was left out of account, something else
/// would be deployed than was asked for.
pub(super) fn bucket(r: &mut Reader<'_>, stanza: &Stanza) {
    for (key, needed) in [("s3_prefix", "s3_bucket"), ("s3_key", "s3_bucket"), ("s3_object_version", "s3_key")] {
        let is_empty = needed == "s3_bucket" && stanza.s3_bucket.as_ref().is_some_and(String::is_empty);
        if r.has(key) && (!r.has(needed) || is_empty) {
            r.problems.push(Problem {
                code: Code::MissingKey,
                message: format!("`{key}` needs `{needed}` beside it"),
                at: Some(format!("/{needed}")),
                hint: None,
            });
        }
    }
    for key in ["zip", "include", "exclude", "symlinks", "dot_match", "s3_prefix"] {
        if r.has("s3_key") && r.has(key) {
            let message = format!("`s3_key` names an object that is there already, and `{key}` speaks of a package");
            let hint = "leave `s3_key` out to send a package; its key follows from its content".to_owned();
            let at = Some(format!("/{key}"));
            r.problems.push(Problem { code: Code::BadValue, message, at, hint: Some(hint) });
        }
    }
}

/// Names that no alias can have, keys that need one, and shares of traffic that do not grow.
pub(super) fn release(r: &mut Reader<'_>, stanza: &Stanza) {
    for name in stanza.alias.iter().flatten().filter(|name| !is_alias_name(name)) {
        r.refuse("alias", format!("`alias` is `{name}`; give letters, digits, `-` and `_`, not digits alone"));
    }
    let has_alias = stanza.alias.as_ref().is_some_and(|names| !names.is_empty());
    for (key, needs, is_there) in [
        ("traffic", "alias", has_alias),
        ("provisioned_concurrency", "alias", has_alias),
        ("traffic_interval", "traffic", r.has("traffic")),
    ] {
        if r.has(key) && !is_there {
            r.problems.push(Problem {
                code: Code::MissingKey,
                message: format!("`{key}` needs `{needs}` beside it"),
                at: Some(format!("/{needs}")),
                hint: None,
            });
        }
    }
    if let Some(shares) = &stanza.traffic
        && (shares.iter().any(|share| !(1..=100).contains(share)) || shares.windows(2).any(|pair| pair[0] >= pair[1]))
    {
        let shown = shares.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        r.refuse("traffic", format!("`traffic` is `{shown}`; give percent that grow, such as 10, 50, 100"));
    }
    if stanza.keep_versions == Some(0) {
        r.refuse("keep_versions", "`keep_versions` is 0; give how many versions to keep, at least 1".to_owned());
    }
    let is_number = |version: &&String| version.parse::<u64>().is_ok_and(|number| number.to_string() == **version);
    if let Some(version) = stanza.version.as_ref().filter(|version| !is_number(version)) {
        r.refuse("version", format!("`version` is `{version}`; give the number of a published version, such as 7"));
    }
}

/// AWS: `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, at most 128 characters.
fn is_alias_name(name: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=128).contains(&name.len()) && name.chars().all(is_fit) && !name.chars().all(|c| c.is_ascii_digit())
}

/// One identity, and all that belongs to it.
pub(super) fn identity(r: &mut Reader<'_>, stanza: &Stanza) {
    if stanza.profile.is_some() && (stanza.access_key_id.is_some() || stanza.secret_access_key.is_some()) {
        r.refuse("profile", "the stanza names keys and a `profile`, which are two identities; keep one".to_owned());
    }
    for key in ["external_id", "role_session_name", "web_identity_token_env"] {
        if r.has(key) && stanza.role_to_assume.is_none() {
            r.problems.push(Problem {
                code: Code::MissingKey,
                message: format!("`{key}` needs `role_to_assume` beside it"),
                at: Some("/role_to_assume".to_owned()),
                hint: None,
            });
        }
    }
    if r.has("web_identity_token_env") && (stanza.access_key_id.is_some() || stanza.profile.is_some()) {
        let message = "the stanza names a token beside keys or a `profile`, which are two identities; keep one";
        r.refuse("web_identity_token_env", message.to_owned());
    }
    if r.has("web_identity_token_env") && r.has("external_id") {
        r.refuse("external_id", "a token is exchanged without `external_id`; leave one of the two out".to_owned());
    }
}

/// An image brings its handler, its runtime and its files; whichever was left out of account, something else would be
/// deployed than was asked for.
pub(super) fn image(r: &mut Reader<'_>, stanza: &Stanza) {
    let is_zip = stanza.package_type.as_deref() == Some("Zip");
    let is_image = r.has("image_uri") || stanza.package_type.as_deref() == Some("Image");
    if !is_image && r.has("image_config") {
        r.problems.push(Problem {
            code: Code::MissingKey,
            message: "`image_config` needs `image_uri` beside it, or `package_type: Image` to keep the live image"
                .to_owned(),
            at: Some("/image_uri".to_owned()),
            hint: None,
        });
    }
    if !is_image {
        return;
    }
    let of_files =
        ["zip", "include", "exclude", "symlinks", "dot_match", "s3_bucket", "runtime", "handler_name", "layers"];
    let is_signed = stanza.code_signing_config_arn.as_ref().is_some_and(|arn| !arn.is_empty());
    let signing = is_signed.then_some("code_signing_config_arn");
    let out_of_place: Vec<&str> = of_files.into_iter().filter(|key| r.has(key)).chain(signing).collect();
    for key in out_of_place.into_iter().chain(is_zip.then_some("package_type")) {
        let message = format!("the stanza speaks of a container image, and `{key}` of packaged files");
        let hint = "an image brings its own files, runtime and handler; `image_config.command` names another handler";
        let at = Some(format!("/{key}"));
        r.problems.push(Problem { code: Code::BadValue, message, at, hint: Some(hint.to_owned()) });
    }
}

/// What to say of keys that nobody reads: not built, or not known. Those inside structures are warned about already.
pub(super) fn untaken(r: &mut Reader<'_>, strict: bool) {
    if strict {
        let (unknown, others) =
            std::mem::take(&mut r.warnings).into_iter().partition(|warning| warning.code == WarningCode::UnknownKey);
        let unknown: Vec<Warning> = unknown;
        r.warnings = others;
        r.problems.extend(unknown.into_iter().map(Warning::into_unknown_key));
    }
    for key in r.untaken().collect::<Vec<_>>() {
        let message = format!("`{}` is no option of a lambda stanza", wire::short(key));
        let hint = match suggest(key, super::schema::stanza_keys().iter().map(String::as_str)) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "remove it".to_owned(),
        };
        if strict {
            let at = Some(wire::pointer("", key));
            r.problems.push(Problem { code: Code::UnknownKey, message, at, hint: Some(hint) });
        } else {
            r.warn(WarningCode::UnknownKey, key, format!("{message}, it is ignored"), hint);
        }
    }
}
