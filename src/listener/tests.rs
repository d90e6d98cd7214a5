//! The queue, without a server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use super::handler::CallbackHandler;
use super::public_url::PublicUrl;
use super::queue::{DeliveryId, Queue, Receipt, Registration};
use super::receiver::Receiver;
use super::warnings::Warnings;
use crate::callback::StatusCallback;
use crate::callback::signature::SignatureValidator;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Put { session: usize, token: Option<usize> },
    View(usize),
    EndView(usize),
    Take(Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3usize, prop::option::of(0..8usize)).prop_map(|(session, token)| Step::Put { session, token }),
        (0..3usize).prop_map(Step::View),
        (0..3usize).prop_map(Step::EndView),
        prop::option::of(0..3usize).prop_map(Step::Take),
    ]
}

fn sid(session: usize) -> String {
    format!("PK{session:032x}")
}

fn named(receipt: &Receipt) -> &'static str {
    match receipt {
        Receipt::Queued { .. } => "queued",
        Receipt::Registered(_) => "registered",
        Receipt::Repeated => "repeated",
        Receipt::NoRoom => "no room",
    }
}

fn callback(session: usize, number: usize) -> StatusCallback {
    StatusCallback::parse(format!("Sid={}&Number={number}", sid(session)).as_bytes()).unwrap()
}

fn put(queue: &Queue, session: usize, number: usize) -> Receipt {
    queue.put(&callback(session, number), &DeliveryId::new(None, number.to_string()))
}

fn number(callback: &StatusCallback) -> usize {
    callback.other("Number").unwrap().parse().unwrap()
}

/// A handler of one session, which fails on one number.
struct OfSession {
    session: usize,
    fails_on: usize,
    received: Mutex<Vec<usize>>,
    closed: AtomicUsize,
}

impl CallbackHandler for OfSession {
    fn is_for(&self, callback: &StatusCallback) -> bool {
        callback.sid == sid(self.session)
    }

    fn on_callback(&self, callback: &StatusCallback) -> Result<bool, String> {
        if number(callback) == self.fails_on {
            return Err("no".to_owned());
        }
        self.received.lock().unwrap().push(number(callback));
        Ok(true)
    }

    fn on_close(&self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

fn of_session(session: usize, fails_on: usize) -> Arc<OfSession> {
    Arc::new(OfSession { session, fails_on, received: Mutex::default(), closed: AtomicUsize::new(0) })
}

fn rest(queue: &Queue) -> Vec<usize> {
    std::iter::from_fn(|| queue.try_take(None).unwrap()).map(|callback| number(&callback)).collect()
}

#[test]
fn a_registered_handler_receives_earlier_and_later_callbacks() {
    let queue = Arc::new(Queue::new(100, Duration::MAX, false));
    for (session, number) in [(1, 1), (2, 2), (1, 3)] {
        assert_eq!(named(&put(&queue, session, number)), "queued");
    }
    let first = of_session(1, 0);
    let handler: Arc<dyn CallbackHandler> = Arc::clone(&first) as _;
    let registration = queue.register(&handler).unwrap();
    assert_eq!((first.received.lock().unwrap().clone(), queue.held()), (vec![1, 3], 1));
    assert_eq!(named(&put(&queue, 1, 4)), "registered");
    assert_eq!(named(&put(&queue, 2, 5)), "queued");
    drop(registration);
    assert_eq!(named(&put(&queue, 1, 6)), "queued");
    assert_eq!(rest(&queue), [2, 5, 6]);

    // It is notified of the listener's end once, even if it registers late.
    let registration = queue.register(&handler).unwrap();
    queue.close();
    queue.close();
    assert_eq!(first.closed.load(Ordering::SeqCst), 1);
    assert_eq!(named(&put(&queue, 1, 7)), "registered");
    drop(registration);
    drop(queue.register(&handler).unwrap());
    assert_eq!(first.closed.load(Ordering::SeqCst), 2);
}

#[test]
fn a_callback_that_a_new_handler_cannot_store_is_not_lost() {
    let queue = Arc::new(Queue::new(100, Duration::MAX, false));
    for number in 1..6 {
        put(&queue, number % 2, number);
    }
    let first = of_session(1, 3);
    let handler: Arc<dyn CallbackHandler> = Arc::clone(&first) as _;
    assert_eq!(queue.register(&handler).err().unwrap(), "no");
    assert_eq!((first.received.lock().unwrap().clone(), queue.held()), (vec![1], 4));
    assert_eq!(named(&put(&queue, 1, 6)), "queued");
    assert_eq!(rest(&queue), [2, 3, 4, 5, 6]);
}

#[test]
fn callbacks_that_are_unread_for_long_make_room() {
    let queue = Queue::new(2, Duration::from_millis(20), false);
    queue.view(&sid(1));
    assert_eq!(named(&put(&queue, 1, 1)), "queued");
    assert_eq!(named(&put(&queue, 2, 2)), "queued");
    std::thread::sleep(Duration::from_millis(30));
    assert!(matches!(put(&queue, 3, 3), Receipt::Queued { discarded: true }));
    assert_eq!((rest(&queue), queue.discarded(), queue.held()), (vec![2, 3], 1, 0));
}

proptest! {
    /// Whatever views begin and end, each accepted callback is received once, and by the views of its session while
    /// there are any.
    #[test]
    fn each_is_handed_over_once(steps in prop::collection::vec(step(), 0..60)) {
        const CAPACITY: usize = 5;
        let queue = Queue::new(CAPACITY, Duration::MAX, false);
        let (mut views, mut tokens) = ([0; 3], Vec::new());
        let (mut waiting, mut next) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Put { session, token } => {
                    let body = format!("Sid={}&Number={next}", sid(session));
                    let callback = StatusCallback::parse(body.as_bytes()).unwrap();
                    // One signature for each token, so that the token alone identifies a repeat.
                    let signature = token.map_or(format!("none-{next}"), |token| token.to_string());
                    let token_text = token.map(|token| token.to_string());
                    let receipt = queue.put(&callback, &DeliveryId::new(token_text.as_deref(), signature));
                    let expected = match token {
                        Some(token) if tokens.contains(&token) => "repeated",
                        _ if waiting.len() == CAPACITY => "no room",
                        _ => "queued",
                    };
                    prop_assert_eq!(named(&receipt), expected);
                    if expected == "queued" {
                        tokens.extend(token);
                        waiting.push((session, next));
                    }
                    next += 1;
                }
                Step::View(session) => {
                    queue.view(&sid(session));
                    views[session] += 1;
                }
                Step::EndView(session) if views[session] > 0 => {
                    queue.end_view(&sid(session));
                    views[session] -= 1;
                }
                Step::Take(Some(session)) if views[session] == 0 => {}
                Step::EndView(_) => {}
                Step::Take(from) => {
                    let taken = queue.try_take(from.map(sid).as_deref()).unwrap();
                    let ours = |session: usize| from.map_or(views[session] == 0, |from| from == session);
                    let Some(taken) = taken else {
                        prop_assert!(!waiting.iter().any(|(session, _)| ours(*session)));
                        continue;
                    };
                    let number = taken.other("Number").unwrap().parse::<usize>().unwrap();
                    let place = waiting.iter().position(|(_, waiting)| *waiting == number);
                    prop_assert!(place.is_some(), "{} was handed over before", number);
                    let (session, _) = waiting.remove(place.unwrap());
                    prop_assert!(ours(session));
                    prop_assert_eq!(taken.sid, sid(session));
                    // In the order of arrival, whatever views began and ended.
                    prop_assert!(!waiting.iter().any(|(other, n)| ours(*other) && *n < number));
                }
            }
            prop_assert_eq!(queue.held(), waiting.len());
        }
    }
}

/// A handler whose registration ends after the queue has found it, and before it receives the callback.
#[derive(Default)]
struct Ending(Mutex<Option<Registration>>);

impl CallbackHandler for Ending {
    fn is_for(&self, _: &StatusCallback) -> bool {
        true
    }

    fn on_callback(&self, _: &StatusCallback) -> Result<bool, String> {
        drop(self.0.lock().unwrap().take());
        Ok(false)
    }

    fn on_close(&self) {}
}

#[test]
fn a_callback_that_arrives_as_its_handler_ends_is_not_lost() {
    let queue = Arc::new(Queue::new(8, Duration::from_secs(600), false));
    let url = PublicUrl::new("https://pay.example.com/".to_owned()).unwrap();
    let validator = RwLock::new(SignatureValidator::new("token").unwrap());
    let (queue_of_receiver, warnings) = (Arc::clone(&queue), Warnings::default());
    let receiver = Receiver { queue: queue_of_receiver, url, on_callback: None, validator, warnings };
    let ending = Arc::new(Ending::default());
    let handler: Arc<dyn CallbackHandler> = Arc::clone(&ending) as Arc<dyn CallbackHandler>;
    *ending.0.lock().unwrap() = Some(queue.register(&handler).unwrap());
    let delivery = DeliveryId::new(Some("token"), "signature".to_owned());
    assert_eq!(receiver.put(&callback(1, 7), &delivery), (204, "queued"));
    assert_eq!(rest(&queue), [7]);
    // It was received once.
    assert_eq!(receiver.put(&callback(1, 7), &delivery), (204, "repeated"));
}
