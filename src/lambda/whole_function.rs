//! Reads everything about a live function that a stanza can describe. A read that AWS denies is no failure,
//! because the rest of the function can still be described.

use super::bypass::permitted;
use super::client::Lambda;
use super::error::LambdaError;
use super::live_state::ExtraReads;
use super::versions::VersionReads;
use crate::function::LiveFunction;
use crate::protocol::name::FunctionName;

impl Lambda {
    /// Adds to `live` what GetFunction does not return: settings that have calls of their own, the URL and
    /// the asynchronous invocations of `alias` or of the function itself, all aliases, the version and the
    /// provisioned concurrency of `alias`, and the scaling of its version or of `$LATEST.PUBLISHED`. Returns
    /// the operations that AWS denied.
    pub(crate) async fn read_whole(
        &self,
        name: &FunctionName,
        live: &mut LiveFunction,
        alias: Option<&str>,
    ) -> Result<Vec<&'static str>, LambdaError> {
        let mut denied = Vec::new();
        for extras in ExtraReads::each(alias) {
            match self.read_extras(name, live, extras).await {
                // Emulators answer that a function without code signing has no such configuration, and do not
                // have all operations.
                Err(LambdaError::Gone) => {}
                Err(LambdaError::Call(error)) if error.http_status == Some(404) => {}
                read => {
                    permitted(read, &mut denied)?;
                }
            }
        }
        let reads = VersionReads {
            aliases: alias.into_iter().map(str::to_owned).collect(),
            all_aliases: true,
            versions: false,
            provisioned: alias.is_some(),
        };
        permitted(self.read_release(name, live, &reads).await, &mut denied)?;
        let mut versions = live.aliases.iter().map(|it| (Some(it.name.as_str()), &it.version));
        let version = match alias {
            Some(_) => versions.find(|(name, _)| *name == alias).map(|(_, version)| version.clone()),
            None => live.latest_published.as_ref().map(|version| version.number.clone()),
        };
        if let Some(version) = version.filter(|version| live.is_managed && version != "$LATEST") {
            let read = self.scaling(name, &version).await.map(|scaling| live.scaling = scaling);
            permitted(read, &mut denied)?;
        }
        Ok(denied)
    }
}
