//! Faults: what can be made to go wrong between a program and the sandbox.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::refusals::Refusal;
use crate::server::{Reply, Request, Response};

/// One thing that goes wrong with one request.
///
/// What matters is whether the sandbox carried the request out before: if not, the program has to try again; if it
/// did, trying again must not do it twice. [`is_carried_out`](Self::is_carried_out) tells the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is closed without an answer, and the request is **not** carried out.
    DropBefore,
    /// The request is carried out, and the connection is closed without an answer.
    DropAfter,
    /// The connection is reset, and the request is **not** carried out.
    ResetBefore,
    /// The request is carried out, and the connection is reset.
    ResetAfter,
    /// The request is carried out, and the connection is closed in the midst of the answer's body.
    Truncate,
    /// The request is carried out, and bytes that are no HTTP come back.
    Garbage,
    /// The request is carried out at once, and its answer held back for this long.
    Delay(Duration),
    /// Status 429 with `Retry-After`, in whole seconds; the request is **not** carried out.
    TooManyRequests {
        /// How long the program is asked to wait. Fractions of a second are rounded up.
        retry_after: Duration,
    },
    /// Status 500 with the service's JSON; the request is **not** carried out.
    ServerError,
    /// The request is carried out, and then answered with status 500 and the service's JSON.
    ServerErrorAfter,
    /// Status 503 with an HTML page, as from a gateway in front; the request is **not** carried out.
    Unavailable,
}

impl Fault {
    /// Whether the sandbox carries the request out all the same.
    ///
    /// ```
    /// use twilio_payments::sandbox::Fault;
    ///
    /// assert!(!Fault::DropBefore.is_carried_out());
    /// assert!(Fault::DropAfter.is_carried_out());
    /// ```
    #[must_use]
    pub fn is_carried_out(self) -> bool {
        match self {
            Self::DropAfter
            | Self::ResetAfter
            | Self::Truncate
            | Self::Garbage
            | Self::Delay(_)
            | Self::ServerErrorAfter => true,
            Self::DropBefore
            | Self::ResetBefore
            | Self::TooManyRequests { .. }
            | Self::ServerError
            | Self::Unavailable => false,
        }
    }

    /// The reply in the place of `answer`, which is asked for only where the request is carried out.
    pub(super) fn reply(self, answer: impl FnOnce() -> Response, request_id: String) -> Reply {
        let answer = if self.is_carried_out() { answer() } else { Response::new(500, &b""[..]) };
        let with_id = |answer: Response| Reply::Response(answer.header("Twilio-Request-Id", request_id));
        match self {
            Self::DropBefore | Self::DropAfter => Reply::Close,
            Self::ResetBefore | Self::ResetAfter => Reply::Reset,
            Self::Truncate => {
                let (mut whole, mut head) = (Vec::new(), Vec::new());
                answer.write(&mut whole, None, false);
                answer.write(&mut head, None, true);
                whole.truncate(usize::midpoint(head.len(), whole.len()));
                Reply::Raw(whole)
            }
            Self::Garbage => Reply::Raw(b"\x16\x03\x03 \xff\xfe this is no HTTP\r\n\r\n".to_vec()),
            Self::Delay(delay) => Reply::Response(answer.after(delay)),
            Self::TooManyRequests { retry_after } => {
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                with_id(Refusal::too_many_requests().answer().header("Retry-After", seconds.to_string()))
            }
            Self::ServerError | Self::ServerErrorAfter => with_id(Refusal::server_error().answer()),
            Self::Unavailable => {
                let page =
                    &b"<html><head><title>503</title></head><body>Service Unavailable</body></html>\n"[..];
                Reply::Response(Response::new(503, page).header("Content-Type", "text/html"))
            }
        }
    }
}

/// Faults by chance, and yet the same in every run.
///
/// Whether a request is hit, and by what, depends on the seed, its idempotency key and how often that key was
/// sent before; not on the clock or on which thread was quicker. For a run to repeat itself, give the params
/// values keys of your own: minted keys differ each time.
///
/// ```
/// use twilio_payments::sandbox::{Fault, RandomFaults};
///
/// let seldom = RandomFaults::new(42, 0.05).kinds([Fault::DropAfter, Fault::ServerErrorAfter]);
/// let often = RandomFaults::new(42, 0.9).at_most_in_a_row(2);
/// # let _ = (seldom, often);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomFaults {
    seed: u64,
    rate: f64,
    kinds: Vec<Fault>,
    in_a_row: u32,
}

impl RandomFaults {
    /// Hits a request with the probability `rate`, from 0 for never to 1 for as often as
    /// [`at_most_in_a_row`](Self::at_most_in_a_row) allows.
    #[must_use]
    pub fn new(seed: u64, rate: f64) -> Self {
        let kinds = vec![
            Fault::DropBefore,
            Fault::DropAfter,
            Fault::ResetBefore,
            Fault::ResetAfter,
            Fault::Truncate,
            Fault::Garbage,
            Fault::Delay(Duration::from_millis(20)),
            Fault::TooManyRequests { retry_after: Duration::ZERO },
            Fault::ServerError,
            Fault::ServerErrorAfter,
            Fault::Unavailable,
        ];
        Self { seed, rate, kinds, in_a_row: 5 }
    }

    /// The faults to choose from, each as likely as the others. Default: every kind, with a delay of 20 ms
    /// and a `Retry-After` of 0. Where there is none, nothing is hit.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = Fault>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// How many requests with one idempotency key are hit one after another; the next one then is spared. So a
    /// program that tries more often than this always gets through. Default: 5.
    #[must_use]
    pub fn at_most_in_a_row(mut self, faults: u32) -> Self {
        self.in_a_row = faults;
        self
    }

    /// What hits the `attempt`-th request with a key.
    fn choose(&self, key: &str, attempt: u64) -> Option<Fault> {
        let hash = key.bytes().fold(mixed(self.seed), |hash, byte| mixed(hash ^ u64::from(byte)));
        let chance = mixed(hash ^ attempt);
        #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let hit = ((chance >> 11) as f64) < self.rate * (1_u64 << 53) as f64;
        let count = u64::try_from(self.kinds.len()).ok().filter(|_| hit)?;
        let index = mixed(chance).checked_rem(count)?;
        self.kinds.get(usize::try_from(index).ok()?).copied()
    }
}

/// Spreads a number over all 64 bits (the finalizer of `SplitMix64`).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Makes things go wrong: see [`Sandbox::faults`](super::Sandbox::faults).
///
/// A handle; clones act on the same sandbox. Faults strike whatever request comes, good or bad. Those that wait
/// in the list go first; while there are none, those by chance.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    waiting: VecDeque<Fault>,
    random: Option<RandomFaults>,
    tries: HashMap<String, Tries>,
    injected: usize,
}

/// How often a key was sent, and how many of the last of these were hit.
#[derive(Default)]
struct Tries {
    sent: u64,
    in_a_row: u32,
}

impl Faults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hits one request: the next, or the next after those that [`list`](Self::list) or this has put there.
    pub fn once(&self, fault: Fault) {
        self.list([fault]);
    }

    /// Hits the next requests, one after another.
    pub fn list(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan().waiting.extend(faults);
    }

    /// Hits requests by chance from now on, in the place of an earlier plan.
    pub fn at_random(&self, faults: RandomFaults) {
        let mut plan = self.plan();
        plan.random = Some(faults);
        plan.tries.clear();
    }

    /// Ends all faults, those that wait and those by chance.
    pub fn clear(&self) {
        let mut plan = self.plan();
        *plan = Plan { injected: plan.injected, ..Plan::default() };
    }

    /// How many requests were hit so far.
    #[must_use]
    pub fn injected(&self) -> usize {
        self.plan().injected
    }

    /// How many faults of the list have not struck yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.plan().waiting.len()
    }

    /// What hits this request.
    pub(super) fn next(&self, request: &Request) -> Option<Fault> {
        self.plan().next(|| {
            let mut fields = form_urlencoded::parse(request.body());
            let key = fields.find(|(name, _)| name == "IdempotencyKey");
            key.map(|(_, key)| key.into_owned()).unwrap_or_default()
        })
    }
}

impl Plan {
    fn next(&mut self, key: impl FnOnce() -> String) -> Option<Fault> {
        let fault = match (self.waiting.pop_front(), &self.random) {
            (Some(fault), _) => Some(fault),
            (None, None) => None,
            (None, Some(random)) => {
                let key = key();
                let tries = self.tries.entry(key.clone()).or_default();
                let fault = random.choose(&key, tries.sent).filter(|_| tries.in_a_row < random.in_a_row);
                tries.sent += 1;
                tries.in_a_row = if fault.is_some() { tries.in_a_row + 1 } else { 0 };
                fault
            }
        };
        self.injected += usize::from(fault.is_some());
        fault
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan();
        f.debug_struct("Faults")
            .field("waiting", &plan.waiting)
            .field("random", &plan.random)
            .field("injected", &plan.injected)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hits `keys` keys that are sent `times` each, key after key or in turn.
    fn struck(random: &RandomFaults, keys: usize, times: usize, in_turn: bool) -> Vec<Vec<Option<Fault>>> {
        let mut plan = Plan { random: Some(random.clone()), ..Plan::default() };
        let mut all = vec![Vec::new(); keys];
        for n in 0..keys * times {
            let key = if in_turn { n % keys } else { n / times };
            all[key].push(plan.next(|| format!("key-{key}")));
        }
        let hits = all.iter().flatten().flatten().count();
        assert_eq!(plan.injected, hits);
        all
    }

    #[test]
    fn chance_does_not_depend_on_the_order_of_keys() {
        let random = RandomFaults::new(7, 0.4);
        let faults = struck(&random, 50, 30, true);
        assert_eq!(faults, struck(&random, 50, 30, false));
        assert_ne!(faults, struck(&RandomFaults::new(8, 0.4), 50, 30, true));
        assert_ne!(faults[0], faults[1]);
    }

    fn ratio(part: usize, whole: usize) -> f64 {
        f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
    }

    #[test]
    fn the_rate_is_kept_and_every_kind_occurs() {
        for rate in [0.05, 0.3, 0.5] {
            let random = RandomFaults::new(1, rate).at_most_in_a_row(u32::MAX);
            let faults = struck(&random, 2_000, 10, true).concat();
            let hits: Vec<_> = faults.iter().flatten().collect();
            let share = ratio(hits.len(), faults.len());
            assert!((share - rate).abs() < 0.02, "{share} instead of {rate}");
            for kind in &random.kinds {
                let share = ratio(hits.iter().filter(|hit| **hit == kind).count(), hits.len());
                assert!((share - 1.0 / 11.0).abs() < 0.03, "{kind:?}: {share}");
            }
        }
        assert!(struck(&RandomFaults::new(1, 0.0), 10, 100, true).concat().iter().all(Option::is_none));
        assert!(struck(&RandomFaults::new(1, f64::NAN), 10, 100, true).concat().iter().all(Option::is_none));
        assert!(
            struck(&RandomFaults::new(1, 1.0).kinds([]), 10, 9, true).concat().iter().all(Option::is_none)
        );
    }

    #[test]
    fn a_key_is_spared_after_so_many_in_a_row() {
        for most in [0, 1, 5] {
            let random = RandomFaults::new(3, 1.0).at_most_in_a_row(u32::try_from(most).unwrap());
            for faults in struck(&random, 20, 24, true) {
                for (n, fault) in faults.iter().enumerate() {
                    assert_eq!(fault.is_none(), (n + 1) % (most + 1) == 0, "{n} of {most}");
                }
            }
        }
    }

    #[test]
    fn the_list_goes_first() {
        let faults = Faults::default();
        faults.at_random(RandomFaults::new(1, 1.0).kinds([Fault::Garbage]));
        faults.once(Fault::DropAfter);
        faults.list([Fault::Truncate, Fault::ServerError]);
        assert_eq!(faults.waiting(), 3);
        let next = || faults.plan().next(String::new);
        assert_eq!(
            [next(), next(), next(), next()],
            [Fault::DropAfter, Fault::Truncate, Fault::ServerError, Fault::Garbage].map(Some)
        );
        faults.once(Fault::DropAfter);
        faults.clear();
        assert_eq!(faults.plan().next(String::new), None);
        assert_eq!((faults.injected(), faults.waiting()), (4, 0));
    }
}
