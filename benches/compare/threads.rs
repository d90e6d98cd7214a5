//! One client shared by many threads, beside as many clients.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::common::clients::{Ours, Plain};
use crate::common::measure::{Scale, median, to_f64};
use crate::common::report::Report;
use crate::common::server::Server;

/// How many calls all threads make together in a round.
const CALLS: usize = 3200;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.table_of(
        "Threads (all cores, plain HTTP): calls per second",
        &[
            "threads",
            "one client of ours",
            "as many of ours",
            "as many of plain ureq",
            "shared ÷ as many of ours",
            "shared ÷ as many plain",
            "new connections after warm-up: ours",
            "plain ureq, one agent",
            "target",
            "met",
        ],
    );
    for count in [1, 2, 8, 32, 64] {
        run(report, scale, count);
    }
}

fn run(report: &mut Report, scale: Scale, count: usize) {
    let server = Server::plain();
    let base = server.base_url();
    let one = Ours::new(&base, None);
    let mut shared = vec![one; count];
    let mut many: Vec<Ours> = (0..count).map(|_| Ours::new(&base, None)).collect();
    let mut plain: Vec<Plain> = (0..count).map(|_| Plain::new(&base, None, false)).collect();
    let mut plain_shared = vec![Plain::new(&base, None, false); count];
    let calls = (scale.calls(CALLS) / count).max(1);

    // All threads at once, so that each has a connection.
    let warm_up = || server.seen.gather(count);
    warm_up();
    time(&mut shared, 1, |client| drop(client.call()));
    warm_up();
    time(&mut many, 1, |client| drop(client.call()));
    warm_up();
    time(&mut plain, 1, |client| drop(client.call()));
    warm_up();
    time(&mut plain_shared, 1, |client| drop(client.call()));

    let before = server.connections();
    let mut seconds = vec![Vec::new(); 3];
    for round in 0..scale.rounds {
        for turn in 0..3 {
            let index = (round + turn) % 3;
            seconds[index].push(match index {
                0 => time(&mut shared, calls, |client| drop(client.call())),
                1 => time(&mut many, calls, |client| drop(client.call())),
                _ => time(&mut plain, calls, |client| drop(client.call())),
            });
        }
    }
    let new = server.connections() - before;
    let before = server.connections();
    time(&mut plain_shared, calls, |client| drop(client.call()));
    let plain_new = server.connections() - before;

    let rate = |index: usize| format!("{:.0}", to_f64(calls * count) / median(&seconds[index]));
    let ratio = |index: usize| {
        let ratios: Vec<f64> =
            seconds[index].iter().zip(&seconds[0]).map(|(other, shared)| other / shared).collect();
        median(&ratios)
    };
    // With more threads than processors, what the shared client's threads wait for each other would show.
    let least = if count < 32 { 0.95 } else { 0.98 };
    let met = ratio(1) >= least && new == 0;
    report.cells(vec![
        count.to_string(),
        rate(0),
        rate(1),
        rate(2),
        format!("{:.3}", ratio(1)),
        format!("{:.3}", ratio(2)),
        new.to_string(),
        format!("{plain_new} in {} calls", calls * count),
        format!("≥ {least} × as many of ours, none new"),
        if met { "yes" } else { "no" }.to_owned(),
    ]);
}

/// The seconds that all clients need, each in its thread, for this many calls each.
fn time<C: Send>(clients: &mut [C], calls: usize, call: impl Fn(&mut C) + Sync) -> f64 {
    let (start, end) = (Barrier::new(clients.len() + 1), Barrier::new(clients.len() + 1));
    thread::scope(|scope| {
        for client in clients {
            let (start, end, call) = (&start, &end, &call);
            scope.spawn(move || {
                start.wait();
                (0..calls).for_each(|_| call(client));
                end.wait();
            });
        }
        start.wait();
        let started = Instant::now();
        end.wait();
        started.elapsed().as_secs_f64()
    })
}
