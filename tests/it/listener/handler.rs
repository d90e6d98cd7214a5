//! A handler stores a callback before it is answered.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use twilio_payments::CallbackListener;

use crate::support::callbacks::*;
use crate::support::records::logged_about;

/// A listener with a handler that fails while `fails` is set, and notes what it stores.
fn storing(fails: &Arc<AtomicBool>) -> (CallbackListener, Arc<Mutex<Vec<usize>>>) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let (fails, journal) = (Arc::clone(fails), Arc::clone(&stored));
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .capacity(2)
        .on_callback(move |callback| {
            if fails.load(Ordering::SeqCst) {
                assert!(number(callback) != 13, "asked for by the test");
                return Err("the disk is\nfull");
            }
            journal.lock().unwrap().push(number(callback));
            Ok(())
        })
        .bind("127.0.0.1:0")
        .unwrap();
    (listener, stored)
}

#[test]
fn a_callback_is_answered_after_the_handler_has_stored_it() {
    let fails = Arc::new(AtomicBool::new(true));
    let (listener, stored) = storing(&fails);
    let ((), lines) = logged_about(&[&sid(0x0010_9001)], || {
        assert_eq!(send(&listener, &with_token("t", &body(0x0010_9001, 12))), 500);
        assert_eq!(send(&listener, &with_token("t", &body(0x0010_9001, 13))), 500, "a panic");
    });
    let failed =
        format!("WARN twilio_payments::listener callback of {}: the handler failed: ", sid(0x0010_9001));
    assert!(lines.contains(&format!("{failed}the disk is\\nfull")), "{lines:?}");
    assert!(lines.contains(&format!("{failed}it panicked")), "{lines:?}");
    assert!(listener.try_recv().unwrap().is_none(), "nobody else receives it");
    assert!(stored.lock().unwrap().is_empty());

    // It is delivered again, and stored once.
    fails.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(send(&listener, &with_token("t", &body(0x0010_9001, 12))), 204);
    }
    assert_eq!(*stored.lock().unwrap(), [12]);
    assert_eq!(number(&listener.recv_timeout(LONG).unwrap()), 12);
    assert!(listener.try_recv().unwrap().is_none());

    // Stored callbacks need no reader: only the latest ones are kept.
    for number in 20..30 {
        assert_eq!(send(&listener, &signed(&body(1, number))), 204);
    }
    assert_eq!(stored.lock().unwrap()[1..], (20..30).collect::<Vec<_>>());
    let rest = std::iter::from_fn(|| listener.try_recv().unwrap()).map(|callback| number(&callback));
    assert_eq!(rest.collect::<Vec<_>>(), [28, 29]);
    assert_eq!(listener.discarded(), 8);
}

#[test]
fn a_connection_in_a_handler_is_not_closed_to_make_room() {
    let (entered, entries) = mpsc::sync_channel(2);
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .connections(2)
        .on_callback(move |callback| -> Result<(), mpsc::RecvTimeoutError> {
            if number(callback) == 1 {
                entered.send(()).unwrap();
                released.lock().unwrap().recv_timeout(LONG)?;
            }
            Ok(())
        })
        .bind("127.0.0.1:0")
        .unwrap();
    let mut busy = connect(listener.local_addr());
    busy.write_all(signed(&body(1, 1)).as_bytes()).unwrap();
    entries.recv_timeout(LONG).unwrap();
    // More idle connections than are allowed, and then a good one.
    let _idle: Vec<_> = (0..5).map(|_| connect(listener.local_addr())).collect();
    assert_eq!(send(&listener, &signed(&body(1, 2))), 204);
    release.send(()).unwrap();
    assert_eq!(status(&head(&mut busy).unwrap()), 204);
}

#[test]
fn shutting_down_lets_a_handler_finish() {
    let (entered, entries) = mpsc::sync_channel(1);
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .on_callback(move |_| -> Result<(), &str> {
            entered.send(()).unwrap();
            thread::sleep(Duration::from_millis(100));
            Ok(())
        })
        .bind("127.0.0.1:0")
        .unwrap();
    let mut stream = connect(listener.local_addr());
    stream.write_all(signed(&body(1, 1)).as_bytes()).unwrap();
    entries.recv_timeout(LONG).unwrap();
    listener.shutdown();
    // It was stored, so the service need not send it again.
    assert_eq!(status(&head(&mut stream).unwrap()), 204);
}
