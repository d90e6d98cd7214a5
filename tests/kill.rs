//! A program that takes payments is killed at random moments and started again, until every order has ended: none
//! is charged twice, every ending is true, and nearly all are decided.
//!
//! There are two such programs. One goes on with the payments that it finds half done, and asks for callbacks to be
//! repeated: nearly all of its orders are paid. The other one gives them up, and is killed just when an order is
//! charged, so that nothing is left but what was stored before: its endings show whether that was the truth.
//!
//! This binary is both: the test, with the sandbox, and, started again by itself with `KILL_TEST` set, the program.
//! `KILLS` sets how often each of the two programs, the one that goes on and the one that gives up, is killed with each
//! of the two ways to treat repeated keys: four times `KILLS` in all. After 20 kills, 100 new orders begin.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use twilio_payments::sandbox::{IdempotencyKeys, RandomFaults, Sandbox};
use twilio_payments::{
    Amount, CallbackListener, CreatePaymentsParams, Credentials, GuidedPayment, PaymentEnding, PaymentFlow,
    PaymentsApi, RetryPolicy, SignatureValidator, StatusCallback,
};

const ORDERS: usize = 100;
const KILLS: usize = 20;
/// The longest that a round may take, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(300);

/// What the program does with the payments that it finds half done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restart {
    GoesOn,
    GivesUp,
}

impl Restart {
    /// How many payments the program takes at once.
    fn threads(self) -> usize {
        if self == Self::GoesOn { 8 } else { 3 }
    }

    /// The fragment of the `StatusCallback`: whether callbacks are repeated.
    fn fragment(self) -> &'static str {
        if self == Self::GoesOn { "rc=5&rp=all" } else { "rc=0" }
    }

    fn result_timeout(self) -> Duration {
        Duration::from_secs(if self == Self::GoesOn { 10 } else { 3 })
    }
}

fn call_sid(order: usize) -> String {
    format!("CA{order:032x}")
}

fn amount(order: usize) -> Amount {
    Amount::from_cents(1000 + order as u64).unwrap()
}

fn file(folder: &Path, order: usize) -> PathBuf {
    folder.join(format!("order-{order}.json"))
}

fn load(folder: &Path, order: usize) -> Option<PaymentFlow> {
    match fs::read(file(folder, order)) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("order {order}: {error}"),
    }
}

/// What the program's threads share.
struct Program {
    folder: PathBuf,
    /// The orders by the tags of their flows.
    orders: HashMap<String, usize>,
    /// The orders that a thread is busy with.
    active: Mutex<HashSet<usize>>,
    /// Held while a file is compared and replaced.
    writer: Mutex<()>,
}

impl Program {
    /// Replaces a stored flow, if it has the revision that this thread began with. A rename is enough against kills;
    /// a program that must survive the loss of power syncs the file and its folder too.
    fn store(&self, order: usize, flow: &PaymentFlow, base: &mut Option<u64>) -> Result<(), String> {
        let _only = self.writer.lock().unwrap();
        let stored = load(&self.folder, order).map(|flow| flow.revision());
        if stored != *base {
            return Err(format!("order {order} has revision {stored:?}, not {base:?}"));
        }
        let (path, new) = (file(&self.folder, order), self.folder.join(format!("order-{order}.new")));
        fs::write(&new, serde_json::to_vec(flow).unwrap()).map_err(|error| error.to_string())?;
        fs::rename(&new, &path).map_err(|error| error.to_string())?;
        *base = Some(flow.revision());
        Ok(())
    }

    /// Takes a callback of an order that no thread is busy with: after a restart, or after its ending.
    fn on_callback(&self, callback: &StatusCallback) -> Result<(), String> {
        let order = callback.tag().and_then(|tag| self.orders.get(tag));
        let Some(&order) = order.filter(|order| !self.active.lock().unwrap().contains(order)) else {
            return Ok(());
        };
        let Some(mut flow) = load(&self.folder, order) else { return Ok(()) };
        let mut base = Some(flow.revision());
        flow.on_callback(callback);
        self.store(order, &flow, &mut base)
    }
}

/// The program: takes the payments of all orders that have not ended.
#[test]
fn program() {
    let Ok(setup) = std::env::var("KILL_TEST") else { return };
    let [folder, port, base_url, account_sid, auth_token, restart] =
        setup.split('|').collect::<Vec<_>>().try_into().expect("six values");
    let restart = if restart == "GivesUp" { Restart::GivesUp } else { Restart::GoesOn };
    let credentials = Credentials::auth_token(account_sid, auth_token).unwrap();
    let (brief, long) = (Duration::from_millis(1), Duration::from_millis(5));
    let policy = RetryPolicy::new().base_delay(brief).max_delay(long);
    let api = PaymentsApi::builder(credentials).base_url(base_url).retry_policy(policy).build().unwrap();
    let url = format!("http://127.0.0.1:{port}/status#{}", restart.fragment());
    let new = |order: usize| {
        let params = CreatePaymentsParams::new(&url).idempotency_key(format!("order-{order}"));
        let flow = PaymentFlow::new(call_sid(order), params.charge_amount(amount(order)))?;
        flow.capture_timeout(Duration::from_secs(10))?.result_timeout(restart.result_timeout())
    };
    let program = Arc::new(Program {
        folder: PathBuf::from(folder),
        orders: (0..ORDERS).map(|order| (new(order).unwrap().tag(), order)).collect(),
        active: Mutex::default(),
        writer: Mutex::default(),
    });
    let handler = Arc::clone(&program);
    let listener = CallbackListener::builder(SignatureValidator::new(auth_token).unwrap())
        .public_url(format!("http://127.0.0.1:{port}/status"))
        .on_callback(move |callback| handler.on_callback(callback))
        .bind((Ipv4Addr::LOCALHOST, port.parse().unwrap()))
        .unwrap();

    let take = |order: usize| {
        program.active.lock().unwrap().insert(order);
        for attempt in 0..100 {
            let stored = load(&program.folder, order);
            let mut base = stored.as_ref().map(PaymentFlow::revision);
            let half_done = attempt == 0 && stored.is_some();
            let mut flow = stored.unwrap_or_else(|| new(order).unwrap());
            if half_done && restart == Restart::GivesUp {
                flow.cancel();
            }
            let store = Arc::clone(&program);
            let payment = GuidedPayment::new(&api, &listener, flow)
                .store(move |flow: &PaymentFlow| store.store(order, flow, &mut base));
            match payment.run() {
                Ok(_) => break,
                Err(conflict) => eprintln!("again: {conflict}"),
            }
            thread::sleep(Duration::from_millis(10));
        }
        program.active.lock().unwrap().remove(&order);
    };
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..restart.threads() {
            scope.spawn(|| {
                loop {
                    let order = next.fetch_add(1, Ordering::Relaxed);
                    if order >= ORDERS {
                        return;
                    }
                    take(order);
                }
            });
        }
    });
    // What arrived between the end of a payment and the handler's turn.
    while let Ok(Some(callback)) = listener.try_recv() {
        program.on_callback(&callback).unwrap();
    }
}

/// Numbers that look random (`SplitMix64`).
struct Random(u64);

impl Random {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % (most + 1)
    }
}

/// A free port that the system does not assign to programs that ask for any port, and that no other round of this test
/// has.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// How a hundred orders ended.
#[derive(Debug, Default)]
struct Endings {
    orders: usize,
    kills: usize,
    paid: usize,
    not_paid: usize,
    unknown: usize,
    /// Unknown ones that were charged.
    unknown_and_charged: usize,
    requests: usize,
    faults: usize,
}

struct Round {
    sandbox: Sandbox,
    folder: PathBuf,
    setup: String,
    random: Random,
    restart: Restart,
}

impl Round {
    fn new(keys: IdempotencyKeys, restart: Restart, seed: u64) -> Self {
        let sandbox = Sandbox::builder().idempotency_keys(keys).start().unwrap();
        sandbox.faults().at_random(RandomFaults::new(seed, 0.1));
        for order in 0..ORDERS {
            drop(sandbox.call_with_sid(&call_sid(order)).unwrap().obliging());
        }
        let random = Random(seed);
        let port = free_port();
        let name = format!("twilio-payments-kill-{}-{keys:?}-{restart:?}-{seed}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let setup = [
            folder.to_str().unwrap(),
            &port.to_string(),
            sandbox.base_url(),
            sandbox.account_sid(),
            sandbox.auth_token(),
            &format!("{restart:?}"),
        ]
        .join("|");
        Self { sandbox, folder, setup, random, restart }
    }

    fn start(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture"])
            .env("KILL_TEST", &self.setup)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Waits for the moment at which the program is killed.
    fn wait(&mut self) {
        // In events, so that it does not depend on the machine's speed; sometimes a program that is waiting is hit.
        let patience = Duration::from_millis(300 + self.random.up_to(1_500));
        let started = Instant::now();
        let (count, most): (fn(&Sandbox) -> usize, u64) = match self.restart {
            Restart::GoesOn => (Sandbox::request_count, 40),
            Restart::GivesUp => (Sandbox::transaction_count, 1),
        };
        let least = usize::from(self.restart == Restart::GivesUp);
        let until = count(&self.sandbox) + least + usize::try_from(self.random.up_to(most)).unwrap();
        while count(&self.sandbox) < until && started.elapsed() < patience {
            // Not as often as it could: the sandbox, in the same process, needs the time.
            thread::sleep(Duration::from_micros(500 + self.random.up_to(500)));
        }
        if self.restart == Restart::GoesOn {
            thread::sleep(Duration::from_micros(self.random.up_to(10_000)));
        }
    }

    /// Kills the program. Returns whether it was alive until then.
    fn kill(&mut self) -> bool {
        let mut child = self.start();
        self.wait();
        let ended = child.try_wait().unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        assert!(
            ended.is_none_or(|status| status.success()),
            "the program failed: see {}",
            self.folder.display()
        );
        ended.is_none()
    }

    /// Lets the program run until all orders have ended.
    fn finish(&self) {
        let mut child = self.start();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > LIMIT {
                let _ = child.kill();
                panic!("the orders do not end: see {}", self.folder.display());
            }
            thread::sleep(Duration::from_millis(10));
        };
        assert!(status.success(), "the program failed: see {}", self.folder.display());
    }

    /// Compares what the stored flows say with what the sandbox did.
    #[track_caller]
    fn check(&self, endings: &mut Endings) {
        let calls: HashMap<String, String> =
            self.sandbox.sessions().into_iter().map(|session| (session.sid, session.call_sid)).collect();
        let mut charged_calls: HashMap<&str, Vec<Option<Amount>>> = HashMap::new();
        let transactions = self.sandbox.transactions();
        for made in &transactions {
            charged_calls.entry(&calls[&made.session_sid]).or_default().push(made.amount);
        }
        for order in 0..ORDERS {
            let call = call_sid(order);
            let ending = load(&self.folder, order).and_then(|flow| flow.ending()).expect("an ending");
            let charges = charged_calls.get(call.as_str()).map_or(&[][..], Vec::as_slice);
            assert!(charges.len() <= 1, "order {order} was charged {} times", charges.len());
            match &ending.payment {
                PaymentEnding::Paid { confirmation_code, .. } => {
                    assert_eq!(charges, [Some(amount(order))], "order {order}: {ending:?}");
                    assert!(confirmation_code.is_some());
                    endings.paid += 1;
                }
                PaymentEnding::NotPaid(_) => {
                    assert_eq!(charges, [], "order {order}: {ending:?}");
                    endings.not_paid += 1;
                }
                PaymentEnding::Unknown { .. } => {
                    endings.unknown += 1;
                    endings.unknown_and_charged += charges.len();
                }
                other => panic!("order {order}: nobody declined it: {other:?}"),
            }
        }
        endings.orders += ORDERS;
        endings.requests += self.sandbox.request_count();
        endings.faults += self.sandbox.faults().injected();
    }
}

/// Kills the program this many times, with one way of treating repeated keys.
#[track_caller]
fn killed(keys: IdempotencyKeys, restart: Restart) {
    if std::env::var_os("KILL_TEST").is_some() {
        return;
    }
    let wanted = std::env::var("KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let started = Instant::now();
    let mut endings = Endings::default();
    for seed in 1.. {
        let mut round = Round::new(keys, restart, seed);
        let kills = KILLS.min(wanted - endings.kills);
        let mut done = 0;
        while done < kills && round.kill() {
            done += 1;
        }
        assert!(done * 2 > kills, "the orders ended before the program was killed often: {done}");
        round.finish();
        round.check(&mut endings);
        fs::remove_dir_all(&round.folder).unwrap();
        endings.kills += done;
        println!("{keys:?}, {restart:?}: {endings:?}, {:?}", started.elapsed());
        if endings.kills >= wanted {
            break;
        }
    }
    let decided = restart == Restart::GivesUp || endings.unknown * 20 <= endings.orders;
    assert!(decided, "too many are not decided: {endings:?}");
}

#[test]
fn a_program_that_goes_on_charges_nobody_twice_if_keys_are_replayed() {
    killed(IdempotencyKeys::Replayed, Restart::GoesOn);
}

#[test]
fn a_program_that_goes_on_charges_nobody_twice_if_keys_are_ignored() {
    killed(IdempotencyKeys::Ignored, Restart::GoesOn);
}

#[test]
fn a_program_that_gives_up_says_nothing_false_if_keys_are_replayed() {
    killed(IdempotencyKeys::Replayed, Restart::GivesUp);
}

#[test]
fn a_program_that_gives_up_says_nothing_false_if_keys_are_ignored() {
    killed(IdempotencyKeys::Ignored, Restart::GivesUp);
}
