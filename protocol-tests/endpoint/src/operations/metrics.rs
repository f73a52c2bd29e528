//! CloudWatch's metrics. Implements only sums of the metrics of a version that is called through an alias.

use serde_json::{Value, json};

use crate::account::{Account, Arguments};
use crate::constraints::Constraints;
use crate::refusal::Refusal;

/// The number of results in an answer. AWS gives more, but a caller must be able to read on.
const PAGE: usize = 4;

impl Account {
    /// A metric without data points has a result without values.
    pub(crate) fn get_metric_data(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let body = arguments.body;
        let mut constraints = Constraints::default();
        for member in ["MetricDataQueries", "StartTime", "EndTime"] {
            constraints.present(&body[member], &format!("{}{}", member[..1].to_lowercase(), &member[1..]));
        }
        constraints.count(&body["MetricDataQueries"], "metricDataQueries", 500);
        constraints.finish()?;
        let time = |member: &str| body[member].as_f64().unwrap_or_default();
        let (start, end) = (time("StartTime"), time("EndTime"));
        if start >= end {
            // Known from users' reports.
            return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
        }
        self.cloud_watch.see(&self.functions);
        let queries = body["MetricDataQueries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let results: Vec<Value> =
            queries.iter().map(|query| self.result(query, start, end)).collect::<Result<_, _>>()?;
        let (first, next) = super::token(body, results.len(), PAGE)?;
        let page: Vec<Value> = results.into_iter().skip(first).take(PAGE).collect();
        let mut answer = json!({"MetricDataResults": page, "Messages": []});
        if let Some(next) = next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }

    /// Returns MetricDataResult. The sum is split into two data points, the later one first, if there is
    /// time for two.
    fn result(&self, query: &Value, start: f64, end: f64) -> Result<Value, Refusal> {
        let (stat, metric) = (&query["MetricStat"], &query["MetricStat"]["Metric"]);
        let period = stat["Period"].as_f64().filter(|period| *period > 0.0);
        let is_known = stat["Stat"] == "Sum" && metric["Namespace"] == "AWS/Lambda";
        let Some(period) = period.filter(|_| is_known) else {
            return Err(invalid("the endpoint has only sums of AWS/Lambda"));
        };
        let dimension = |name: &str| {
            let mut dimensions = metric["Dimensions"].as_array().into_iter().flatten();
            let found = dimensions.find(|dimension| dimension["Name"] == name);
            found.and_then(|dimension| dimension["Value"].as_str())
        };
        let name = metric["MetricName"].as_str().unwrap_or_default();
        let function = dimension("FunctionName").unwrap_or_default();
        let sum = dimension("Resource")
            .filter(|resource| resource.split(':').next() == Some(function))
            .zip(dimension("ExecutedVersion"))
            .and_then(|(resource, version)| self.cloud_watch.sum(name, resource, version));
        let first = (start / period).floor() * period;
        let points: Vec<(f64, f64)> = match sum {
            None => Vec::new(),
            Some(sum) if first + period < end => {
                let later = (sum / 2.0).floor();
                vec![(first + period, later), (first, sum - later)]
            }
            Some(sum) => vec![(first, sum)],
        };
        let (timestamps, values): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        Ok(json!({
            "Id": query["Id"],
            "Label": name,
            "Timestamps": timestamps,
            "Values": values,
            "StatusCode": "Complete",
        }))
    }
}

fn invalid(reason: &str) -> Refusal {
    Refusal::InvalidQuery { reason: reason.to_owned() }
}
