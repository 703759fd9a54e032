//! Batches of two sides in turn, and what is said of them.

use std::time::Instant;

/// The nanoseconds of one call, by batch: (bare, ours).
pub struct Batches(Vec<(f64, f64)>);

impl Batches {
    /// Runs both sides in turn, `count` times, each for `calls` calls.
    pub fn measure(count: usize, calls: usize, mut bare: impl FnMut(), mut ours: impl FnMut()) -> Self {
        let time = |side: &mut dyn FnMut()| {
            let start = Instant::now();
            (0..calls).for_each(|_| side());
            start.elapsed().as_nanos() as f64 / calls as f64
        };
        time(&mut bare);
        time(&mut ours);
        Self((0..count).map(|_| (time(&mut bare), time(&mut ours))).collect())
    }

    /// What two threads measured at the same time.
    pub fn join(all: impl IntoIterator<Item = Self>) -> Self {
        Self(all.into_iter().flat_map(|batches| batches.0).collect())
    }

    /// One line of the table; `calls` is how many API calls one measured step makes.
    pub fn report(&self, name: &str, calls: f64) {
        let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = self.0.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let bare = median(&|(bare, _)| bare / calls);
        let ours = median(&|(_, ours)| ours / calls);
        let ratio = median(&|(bare, ours)| ours / bare);
        let added = median(&|(bare, ours)| (ours - bare) / calls);
        println!("{name:<44} {bare:>10.1} {ours:>10.1} {ratio:>8.3} {added:>10.1}");
    }
}
