//! Alternating rounds, and their medians.

use std::time::Instant;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) rounds: usize,
    /// Divides the number of calls of a round.
    pub(crate) less: usize,
}

impl Scale {
    /// The full measurement with `--bench`, which cargo passes to benches; otherwise just enough to see that it runs.
    pub(crate) fn of(args: &[String]) -> Self {
        if args.iter().any(|arg| arg == "--bench") {
            Self { rounds: 31, less: 1 }
        } else {
            Self { rounds: 1, less: 500 }
        }
    }

    /// The number of calls of a round.
    pub(crate) fn calls(self, usual: usize) -> usize {
        (usual / self.less).max(2)
    }
}

/// Something to measure: it makes this many calls.
pub(crate) type Contender<'a> = &'a mut dyn FnMut(usize);

/// The time of a call in each round, in nanoseconds, for each contender.
pub(crate) struct Samples(pub(crate) Vec<Vec<f64>>);

/// Runs all contenders in each round, so that a disturbance affects all of them. Each round begins with a different
/// one.
pub(crate) fn rounds(scale: Scale, usual_calls: usize, contenders: &mut [Contender<'_>]) -> Samples {
    let calls = scale.calls(usual_calls);
    let mut samples = vec![Vec::new(); contenders.len()];
    for contender in &mut *contenders {
        contender((calls / 10).max(1));
    }
    for round in 0..scale.rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let started = Instant::now();
            contenders[index](calls);
            samples[index].push(started.elapsed().as_secs_f64() * 1e9 / to_f64(calls));
        }
    }
    Samples(samples)
}

impl Samples {
    /// The median time of a call, in nanoseconds.
    pub(crate) fn time(&self, contender: usize) -> f64 {
        median(&self.0[contender])
    }

    /// The median of the rounds' ratios, which is steadier than the ratio of the medians.
    pub(crate) fn ratio(&self, of: usize, to: usize) -> f64 {
        let ratios: Vec<f64> = self.0[of].iter().zip(&self.0[to]).map(|(of, to)| of / to).collect();
        median(&ratios)
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[allow(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
pub(crate) fn to_f64(count: usize) -> f64 {
    count as f64
}
