//! The decisions of one history: drawn from a seed, or read from the tape of an earlier run.

use std::time::{Duration, Instant};

/// The source of decisions. Zero is always the calm choice, so a shorter tape with smaller numbers makes a simpler
/// history.
pub struct Choices {
    tape: Vec<u32>,
    next: usize,
    random: Option<u64>,
}

impl Choices {
    pub fn from_seed(seed: u64) -> Self {
        Self { tape: Vec::new(), next: 0, random: Some(seed) }
    }

    /// Decides as on the tape, and zero after its end.
    pub fn from_tape(tape: &[u32]) -> Self {
        Self { tape: tape.to_vec(), next: 0, random: None }
    }

    /// The decisions so far.
    pub fn into_tape(mut self) -> Vec<u32> {
        self.tape.truncate(self.next);
        self.tape
    }

    /// A number below `count`, which is not zero.
    pub fn below(&mut self, count: u32) -> u32 {
        let value = match &mut self.random {
            Some(state) => {
                let value = (u64::from(random(state)) * u64::from(count)) >> 32;
                let value = u32::try_from(value).unwrap();
                self.tape.push(value);
                value
            }
            None => self.tape.get(self.next).copied().unwrap_or(0) % count,
        };
        self.next += 1;
        value
    }

    /// True in this many of a thousand cases, but never after the end of a tape.
    pub fn chance(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.below(1000) >= 1000 - thousandths.min(1000)
    }

    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.index(values.len())]
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u32::try_from(length).unwrap())).unwrap()
    }
}

/// The upper half of `SplitMix64`.
fn random(state: &mut u64) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((value ^ (value >> 31)) >> 32).unwrap()
}

/// How long to search for a simpler history.
const PATIENCE: Duration = Duration::from_secs(15);

/// The simplest tape that still fails: leaves parts out and makes numbers smaller as long as the history fails.
pub fn shortest(mut tape: Vec<u32>, mut fails: impl FnMut(&[u32]) -> Option<Vec<u32>>) -> Vec<u32> {
    let started = Instant::now();
    loop {
        let before = tape.clone();
        let mut size = (tape.len() / 2).max(1);
        while size > 0 && started.elapsed() < PATIENCE {
            let mut at = 0;
            while at < tape.len() && started.elapsed() < PATIENCE {
                let end = (at + size).min(tape.len());
                let without = [&tape[..at], &tape[end..]].concat();
                let mut calm = tape.clone();
                calm[at..end].fill(0);
                if let Some(used) = fails(&without) {
                    tape = used;
                } else if calm != tape && fails(&calm).is_some() {
                    tape = calm;
                    at += size;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        for at in 0..tape.len() {
            let value = tape[at];
            for smaller in [1, value / 2, value.saturating_sub(1)] {
                if started.elapsed() >= PATIENCE || smaller >= tape[at] {
                    continue;
                }
                let mut simpler = tape.clone();
                simpler[at] = smaller;
                if fails(&simpler).is_some() {
                    tape = simpler;
                }
            }
        }
        while tape.last() == Some(&0) {
            tape.pop();
        }
        if tape == before || started.elapsed() >= PATIENCE {
            return tape;
        }
    }
}
