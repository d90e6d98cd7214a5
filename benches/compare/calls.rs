//! The time of a call on a kept connection, client and server on one core.

use crate::common::clients::{Ours, Plain, Raw};
use crate::common::measure::{Samples, Scale, rounds};
use crate::common::report::{Report, Row};
use crate::common::server::Server;

const CALLS: usize = 1000;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.table("Time per call (one core shared with the server, kept connection)");
    for server in [Server::plain(), Server::tls()] {
        let (name, by_plain, by_timeouts) = match server.pem {
            None => ("plain HTTP", 0.65, 0.60),
            Some(_) => ("TLS 1.3", 1.00, 0.75),
        };
        let samples = run(&server, scale);
        let micros = |contender: usize| format!("{:.1} µs", samples.time(contender) / 1000.0);
        let call = Row::new(format!("{name}: a call"), micros(1))
            .plain(micros(2), samples.ratio(1, 2))
            .timeouts(micros(3), samples.ratio(1, 3))
            .at_most_plain(by_plain)
            .at_most_timeouts(by_timeouts);
        report.row(&call);
        let bare = Row::new(format!("{name}: bare socket, request made before"), micros(0));
        report.row(&bare.plain(micros(2), samples.ratio(0, 2)));
    }
}

/// Bare socket, ours, plain, plain with timeouts.
fn run(server: &Server, scale: Scale) -> Samples {
    let (base, pem) = (server.base_url(), server.pem.as_deref());
    let mut floor: Box<dyn FnMut()> = match pem {
        None => {
            let mut raw = Raw::new(server.address);
            Box::new(move || raw.call())
        }
        Some(pem) => {
            let mut raw = Raw::tls(server.address, pem);
            Box::new(move || raw.call())
        }
    };
    let ours = Ours::new(&base, pem);
    let mut plain = Plain::new(&base, pem, false);
    let mut timeouts = Plain::new(&base, pem, true);
    rounds(
        scale,
        CALLS,
        &mut [
            &mut |calls| (0..calls).for_each(|_| floor()),
            &mut |calls| (0..calls).for_each(|_| drop(ours.call())),
            &mut |calls| (0..calls).for_each(|_| drop(plain.call())),
            &mut |calls| (0..calls).for_each(|_| drop(timeouts.call())),
        ],
    )
}
