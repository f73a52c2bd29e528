//! Function URLs: one for a function, one for each of its aliases. Never serves such a URL, which is not part
//! of the control plane.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::{Account, Arguments};
use crate::checks;
use crate::constraints::Constraints;
use crate::document::strings;
use crate::function_name::{FunctionName, is_word};
use crate::refusal::Refusal;
use crate::{ids, moment};

impl Account {
    pub(crate) fn create_function_url_config(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, key) = self.addressed(arguments)?;
        checks::required(arguments.body, "AuthType", "authType")?;
        check(arguments.body)?;
        let region = self.settings.region.clone();
        let function = self.function(&name, arguments.now).map_err(|_| Refusal::NoSuchFunction)?;
        let arn = function.qualified(name.qualifier.as_deref());
        if function.urls.contains_key(&key) {
            return Err(Refusal::UrlExists { arn });
        }
        if function.check_qualifier(&key).is_err() {
            return Err(Refusal::NoSuchFunction);
        }
        let now = moment::created(arguments.now.wall);
        // A new address each time: the model says this of a URL that is deleted and created again.
        let id = &hex::encode(Sha256::digest(ids::unique()))[..32];
        let mut url = json!({
            "AuthType": arguments.body["AuthType"],
            "CreationTime": now,
            "FunctionArn": arn,
            "FunctionUrl": format!("https://{id}.lambda-url.{region}.on.aws/"),
            "InvokeMode": arguments.body["InvokeMode"].as_str().unwrap_or("BUFFERED"),
        });
        set_cors(&mut url, &arguments.body["Cors"]);
        // Of the four answers only this one has no LastModifiedTime (the model).
        let answer = url.clone();
        url["LastModifiedTime"] = json!(now);
        function.urls.insert(key, url);
        Ok(answer)
    }

    pub(crate) fn get_function_url_config(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, key) = self.addressed(arguments)?;
        let function = self.function(&name, arguments.now).map_err(|_| Refusal::NoSuchResource)?;
        function.urls.get(&key).cloned().ok_or(Refusal::NoSuchResource)
    }

    /// Absent members keep their value (measured on AWS: go-to-k/cdkd, pull request 1261). `Cors` replaces
    /// the current one as a whole, as other emulators do, and `{}` removes it (measured in the same pull
    /// request).
    pub(crate) fn update_function_url_config(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, key) = self.addressed(arguments)?;
        check(arguments.body)?;
        let function = self.function(&name, arguments.now).map_err(|_| Refusal::NoSuchFunction)?;
        function.check_qualifier(&key).map_err(|_| Refusal::NoSuchFunction)?;
        let url = function.urls.get_mut(&key).ok_or(Refusal::NoSuchResource)?;
        for member in ["AuthType", "InvokeMode"] {
            if !arguments.body[member].is_null() {
                url[member] = arguments.body[member].clone();
            }
        }
        set_cors(url, &arguments.body["Cors"]);
        url["LastModifiedTime"] = json!(moment::created(arguments.now.wall));
        Ok(url.clone())
    }

    pub(crate) fn delete_function_url_config(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let (name, key) = self.addressed(arguments)?;
        let function = self.function(&name, arguments.now).map_err(|_| Refusal::NoSuchResource)?;
        function.urls.remove(&key).map(|_| Value::Null).ok_or(Refusal::NoSuchResource)
    }

    /// Returns the function and the key of its URL. Fails if the qualifier is not a valid alias name.
    fn addressed(&self, arguments: &Arguments<'_>) -> Result<(FunctionName, String), Refusal> {
        let name = self.named(arguments)?;
        let Some(qualifier) = name.qualifier.clone() else {
            return Ok((name, "$LATEST".to_owned()));
        };
        if !is_word(&qualifier) || qualifier.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(checks::pattern(&qualifier, "qualifier", r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"));
        }
        Ok((name, qualifier))
    }
}

fn check(body: &Value) -> Result<(), Refusal> {
    let mut constraints = Constraints::default();
    constraints.one_of(&body["AuthType"], "authType", &["NONE", "AWS_IAM"]);
    constraints.one_of(&body["InvokeMode"], "invokeMode", &["RESPONSE_STREAM", "BUFFERED"]);
    let cors = &body["Cors"];
    constraints.range(&cors["MaxAge"], "cors.maxAge", 0, 86_400)?;
    for (list, member, most) in [
        ("AllowHeaders", "cors.allowHeaders", 100),
        ("AllowMethods", "cors.allowMethods", 6),
        ("AllowOrigins", "cors.allowOrigins", 100),
        ("ExposeHeaders", "cors.exposeHeaders", 100),
    ] {
        constraints.count(&cors[list], member, most);
    }
    constraints.finish()?;
    // That `{}` is accepted is measured, see above. That an update fails like a creation is a guess.
    if cors.as_object().is_some_and(|cors| !cors.is_empty()) && strings(&cors["AllowOrigins"]).is_empty() {
        return Err(Refusal::OriginsMissing);
    }
    Ok(())
}

/// Sets `Cors`. Changes nothing if the request has no `Cors`, and removes it if the request has an empty one.
/// Names of headers are stored in lower case (measured on AWS: go-to-k/cdk-real-drift, issue 874).
fn set_cors(url: &mut Value, cors: &Value) {
    let (Some(url), Some(members)) = (url.as_object_mut(), cors.as_object()) else {
        return;
    };
    if members.is_empty() {
        url.remove("Cors");
        return;
    }
    let mut cors = cors.clone();
    for list in ["AllowHeaders", "ExposeHeaders"] {
        let names: Value = strings(&cors[list]).into_iter().map(str::to_ascii_lowercase).collect();
        if !cors[list].is_null() {
            cors[list] = names;
        }
    }
    url.insert("Cors".to_owned(), cors);
}
