//! The queue on its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::{Delivery, Queue, Receipt, deadline};
use crate::callback::StatusCallback;
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

proptest! {
    /// Whatever views begin and end, each callback that is taken is handed over once, and those of a
    /// session to its views while there are any.
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
                    let fate = queue.put(callback, token.map(|token| Token::new(&token.to_string())).as_ref());
                    let expected = match token {
                        Some(token) if tokens.contains(&token) => Fate::TakenBefore,
                        _ if waiting.len() == CAPACITY => Fate::NoRoom,
                        _ => Fate::Taken,
                    };
                    prop_assert_eq!(fate, expected);
                    if fate == Fate::Taken {
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
                    let taken = queue.take(from.map(sid).as_deref(), deadline(Duration::ZERO)).ok();
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
                    // In the order of arrival, whatever views came and went.
                    prop_assert!(!waiting.iter().any(|(other, n)| ours(*other) && *n < number));
                }
            }
            prop_assert_eq!(queue.held(), waiting.len());
        }
    }
}
