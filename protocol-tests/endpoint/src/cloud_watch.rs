//! Holds CloudWatch's alarms and the metrics of versions, which follow from the weights of the aliases.

use std::collections::BTreeMap;

use crate::alarm::Alarm;
use crate::function::Function;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// The state of CloudWatch.
pub(crate) struct CloudWatch {
    /// Alarms by name.
    pub(crate) alarms: BTreeMap<String, Alarm>,
    /// Metrics by version.
    metrics: BTreeMap<String, Metrics>,
    /// The largest share of the traffic that a version has had, by `FUNCTION:ALIAS` and version. Data points
    /// stay when the traffic goes.
    shares: BTreeMap<(String, String), f64>,
}

impl CloudWatch {
    pub(crate) fn new(settings: &Settings) -> CloudWatch {
        let mut cloud_watch =
            CloudWatch { alarms: BTreeMap::new(), metrics: BTreeMap::new(), shares: BTreeMap::new() };
        settings.alarms.iter().for_each(|alarm| cloud_watch.set_alarm(alarm.clone()));
        settings.metrics.iter().for_each(|metrics| cloud_watch.set_metrics(metrics.clone()));
        cloud_watch
    }

    pub(crate) fn set_alarm(&mut self, alarm: Alarm) {
        self.alarms.insert(alarm.name.clone(), alarm);
    }

    pub(crate) fn set_metrics(&mut self, metrics: Metrics) {
        self.metrics.insert(metrics.version.clone(), metrics);
    }

    /// Records the shares that the aliases give to their versions now.
    pub(crate) fn see(&mut self, functions: &BTreeMap<String, Function>) {
        let of = |(name, function): (&String, &Function)| {
            let aliases = function.aliases.iter();
            aliases.map(|(alias, held)| (format!("{name}:{alias}"), held.shares())).collect::<Vec<_>>()
        };
        for (resource, shares) in functions.iter().flat_map(of) {
            for (version, share) in shares {
                let seen = self.shares.entry((resource.clone(), version)).or_default();
                *seen = seen.max(share);
            }
        }
    }

    /// Returns the sum of a metric of a version that is called through an alias. `None`: there are no data
    /// points.
    pub(crate) fn sum(&self, metric: &str, resource: &str, version: &str) -> Option<f64> {
        let share = self.shares.get(&(resource.to_owned(), version.to_owned()))?;
        let metrics = self.metrics.get(version)?;
        let part = |whole: u32| (f64::from(whole) * share).round();
        let invocations = Some(part(metrics.invocations)).filter(|sum| *sum > 0.0)?;
        match metric {
            "Invocations" => Some(invocations),
            "Errors" => Some(part(metrics.errors)),
            _ => None,
        }
    }
}
