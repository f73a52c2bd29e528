//! Reads what a guard watches from CloudWatch: the states of alarms, and how many invocations of a version
//! failed. Never judges them.

use std::time::SystemTime;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StateValue, StatusCode,
};

use super::client::Lambda;
use super::error::LambdaError;
use super::versions::Pages;
use crate::function::{CountedVersions, Counts, LiveAlarm};
use crate::protocol::event::AlarmState;
use crate::protocol::name::AlarmName;

const ALARMS: &str = "DescribeAlarms";
const METRICS: &str = "GetMetricData";

/// The metrics of Lambda that are read for each version, in the order of the fields of [`Counts`].
const NAMES: [&str; 2] = ["Invocations", "Errors"];

/// AWS accepts 500 queries in one call; an alias needs four.
const ALIASES_IN_CALL: usize = 125;

/// Period of the metrics in seconds, the shortest that Lambda writes.
const PERIOD: i32 = 60;

impl Lambda {
    /// Reads the alarms with these names, at most 100. One that does not exist is missing in the result.
    pub(crate) async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<LiveAlarm>, LambdaError> {
        self.attempts.reset();
        let names: Vec<String> = names.iter().map(|name| name.name().to_owned()).collect();
        let client = self.cloudwatch(ALARMS)?;
        let (mut alarms, mut pages) = (Vec::new(), Pages::default());
        while !pages.are_read {
            let call = client
                .describe_alarms()
                .set_alarm_names(Some(names.clone()))
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .max_records(100)
                .set_next_token(pages.marker());
            let output = self.read_call(ALARMS, call.send()).await?;
            if output.metric_alarms.is_none() && output.composite_alarms.is_none() {
                self.require_aws_request_id(ALARMS)?;
            }
            for alarm in output.metric_alarms() {
                let (name, arn) = (alarm.alarm_name(), alarm.alarm_arn());
                alarms.push(self.alarm(name, arn, alarm.state_value(), alarm.state_reason())?);
            }
            for alarm in output.composite_alarms() {
                let (name, arn) = (alarm.alarm_name(), alarm.alarm_arn());
                alarms.push(self.alarm(name, arn, alarm.state_value(), alarm.state_reason())?);
            }
            self.next_page(ALARMS, &mut pages, output.next_token())?;
        }
        Ok(alarms)
    }

    /// Counts the invocations of the new version and of the versions that it replaces, summed over the
    /// aliases.
    pub(crate) async fn count_invocations(
        &self,
        counted: CountedVersions<'_>,
    ) -> Result<[Counts; 2], LambdaError> {
        self.attempts.reset();
        let mut sums = [[0.0; NAMES.len()]; 2];
        let aliases: Vec<(&String, &String)> = counted.aliases.iter().collect();
        for aliases in aliases.chunks(ALIASES_IN_CALL) {
            let versions = aliases.iter().map(|(alias, old)| (*alias, [counted.version, old.as_str()]));
            let queries = versions.enumerate().flat_map(|(number, (alias, versions))| {
                alias_queries(number, counted.function, alias, versions)
            });
            self.add_metrics(queries.collect(), counted.since, counted.until, &mut sums).await?;
        }
        // A sum of counts is a whole number that is not negative.
        let counts = |[invocations, errors]: [f64; 2]| Counts {
            invocations: invocations.round() as u64,
            errors: errors.round() as u64,
        };
        Ok(sums.map(counts))
    }

    /// Adds the values of the metrics to `sums`: first those of the new version.
    async fn add_metrics(
        &self,
        queries: Vec<MetricDataQuery>,
        since: SystemTime,
        until: SystemTime,
        sums: &mut [[f64; NAMES.len()]; 2],
    ) -> Result<(), LambdaError> {
        let client = self.cloudwatch(METRICS)?;
        let mut pages = Pages::default();
        while !pages.are_read {
            let call = client
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(start_of_minute(since))
                .end_time(end_of_minute(until.max(since)))
                .set_next_token(pages.marker());
            let output = self.read_call(METRICS, call.send()).await?;
            let results = output.metric_data_results.as_ref();
            for result in results.ok_or_else(|| self.invalid_response(METRICS))? {
                let (version, metric) = place_of(result).ok_or_else(|| self.invalid_response(METRICS))?;
                sums[version][metric] += result.values().iter().sum::<f64>();
            }
            self.next_page(METRICS, &mut pages, output.next_token())?;
        }
        Ok(())
    }

    fn cloudwatch(&self, operation: &'static str) -> Result<&Client, LambdaError> {
        // `connect` builds the client if the stanza has `guard`.
        self.cloudwatch.as_ref().ok_or_else(|| self.invalid_response(operation))
    }

    fn alarm(
        &self,
        name: Option<&str>,
        arn: Option<&str>,
        state: Option<&StateValue>,
        reason: Option<&str>,
    ) -> Result<LiveAlarm, LambdaError> {
        let state = match state {
            Some(StateValue::Ok) => AlarmState::Ok,
            Some(StateValue::Alarm) => AlarmState::Alarm,
            Some(StateValue::InsufficientData) => AlarmState::InsufficientData,
            _ => return Err(self.invalid_response(ALARMS)),
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(LiveAlarm { name: text(name), arn: text(arn), state, reason: text(reason) })
    }
}

/// The queries for one alias: each metric of its two versions. An id names the place in the sums:
/// `a0v1m0` is the first metric of the second version of the first alias.
fn alias_queries(number: usize, function: &str, alias: &str, versions: [&str; 2]) -> Vec<MetricDataQuery> {
    let resource = format!("{function}:{alias}");
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let query = |version: usize, metric: usize| {
        let read = Metric::builder()
            .namespace("AWS/Lambda")
            .metric_name(NAMES[metric])
            .dimensions(dimension("FunctionName", function))
            .dimensions(dimension("Resource", &resource))
            .dimensions(dimension("ExecutedVersion", versions[version]));
        let stat = MetricStat::builder().metric(read.build()).period(PERIOD).stat("Sum").build();
        MetricDataQuery::builder().id(format!("a{number}v{version}m{metric}")).metric_stat(stat).build()
    };
    (0..versions.len())
        .flat_map(|version| (0..NAMES.len()).map(move |metric| (version, metric)))
        .map(|(version, metric)| query(version, metric))
        .collect()
}

/// The place of a result in the sums. `None`: the result is of no query, or its values are not to be trusted.
fn place_of(result: &MetricDataResult) -> Option<(usize, usize)> {
    let is_usable =
        matches!(result.status_code(), None | Some(StatusCode::Complete | StatusCode::PartialData));
    let (_, place) = result.id().filter(|_| is_usable)?.split_once('v')?;
    let (version, metric) = place.split_once('m')?;
    let place = (version.parse::<usize>().ok()?, metric.parse::<usize>().ok()?);
    (place.0 < 2 && place.1 < NAMES.len()).then_some(place)
}

/// CloudWatch keeps a value for each whole minute.
fn start_of_minute(time: SystemTime) -> DateTime {
    let seconds = DateTime::from(time).secs();
    DateTime::from_secs(seconds - seconds.rem_euclid(i64::from(PERIOD)))
}

/// The whole minute after `time`. CloudWatch refuses an end that is not after the start, and a check may
/// begin together with a minute.
fn end_of_minute(time: SystemTime) -> DateTime {
    DateTime::from_secs(start_of_minute(time).secs() + i64::from(PERIOD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_query_has_its_place_in_the_sums() {
        let queries = alias_queries(3, "f", "live", ["8", "7"]);
        let shown: Vec<(Vec<&str>, &str)> = queries
            .iter()
            .map(|query| {
                let metric = query.metric_stat().and_then(MetricStat::metric).expect("a metric");
                let values = metric.dimensions().iter().filter_map(Dimension::value).collect();
                (values, metric.metric_name().expect("a name"))
            })
            .collect();
        let of = |version| vec!["f", "f:live", version];
        assert_eq!(
            shown,
            [(of("8"), "Invocations"), (of("8"), "Errors"), (of("7"), "Invocations"), (of("7"), "Errors")]
        );
        let result = |id: &str, status: StatusCode| {
            place_of(&MetricDataResult::builder().id(id).status_code(status).build())
        };
        let places = queries.iter().map(|query| result(query.id().expect("an id"), StatusCode::Complete));
        assert_eq!(places.collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0), (1, 1)].map(Some));
        assert_eq!(result("a0v0m0", StatusCode::InternalError), None);
        assert_eq!(result("a0v2m0", StatusCode::Complete), None);
    }

    #[test]
    fn metrics_begin_and_end_with_a_whole_minute() {
        for milliseconds in [120_000, 125_500, 179_999] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            let minute = (start_of_minute(time), end_of_minute(time));
            assert_eq!(minute, (DateTime::from_secs(120), DateTime::from_secs(180)), "{milliseconds}");
        }
    }
}
