//! Measuring: interleaved rounds, so that whatever else the machine does happens to all alike.

use std::time::{Duration, Instant};

use serde::Serialize;
use upload_grant_bench::signing::Operation;

/// A batch lasts about so long: far above the clock's grain, far below the machine's changes of mind.
const BATCH: Duration = Duration::from_micros(100);

/// What the rounds came to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figure {
    /// The middle.
    pub median: f64,
    /// One round in twenty was as low or lower.
    pub p5: f64,
}

impl Figure {
    pub fn of(samples: &[f64]) -> Self {
        Self { median: quantile(samples, 0.5), p5: quantile(samples, 0.05) }
    }
}

/// The sample at `share` of the way from the least to the most.
pub fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The middle of the rounds' own ratios: each compares neighbours in time.
pub fn ratio(over: &[f64], under: &[f64]) -> f64 {
    let ratios: Vec<f64> = over.iter().zip(under).map(|(over, under)| over / under).collect();
    quantile(&ratios, 0.5)
}

/// An operation with the size of its batch.
pub struct Batch {
    pub operation: Operation,
    times: u32,
}

impl Batch {
    /// Finds how often the operation fits into a batch.
    pub fn of(operation: Operation) -> Self {
        let mut batch = Self { operation, times: 1 };
        while batch.spend() < BATCH && batch.times < 1 << 20 {
            batch.times *= 2;
        }
        batch
    }

    /// Nanoseconds of one operation.
    pub fn nanoseconds(&mut self) -> f64 {
        self.spend().as_secs_f64() * 1e9 / f64::from(self.times)
    }

    fn spend(&mut self) -> Duration {
        let started = Instant::now();
        for _ in 0..self.times {
            std::hint::black_box((self.operation.run)());
        }
        started.elapsed()
    }
}

/// Nanoseconds of each operation in each round.
pub fn interleaved(batches: &mut [Batch], rounds: usize) -> Vec<Vec<f64>> {
    let mut samples = vec![Vec::with_capacity(rounds); batches.len()];
    for _ in 0..rounds {
        for (batch, samples) in batches.iter_mut().zip(&mut samples) {
            samples.push(batch.nanoseconds());
        }
    }
    samples
}
