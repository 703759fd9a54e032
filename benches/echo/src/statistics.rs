//! Latencies, medians and how far values spread.

use std::time::Duration;

/// Every latency of a run.
#[derive(Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Counts one, of up to four seconds.
    pub fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
    }

    /// The latency that this share of all is below, in microseconds; none if there is none.
    pub fn quantile(&mut self, share: f64) -> Option<f64> {
        let at = ((self.0.len() as f64 * share) as usize).min(self.0.len().checked_sub(1)?);
        let (_, found, _) = self.0.select_nth_unstable(at);
        Some(f64::from(*found) / 1000.0)
    }
}

/// The middle of some values, and the quarter on either side.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    /// None of no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        (!values.is_empty()).then(|| Self { low: at(0.25), median: at(0.5), high: at(0.75) })
    }
}
