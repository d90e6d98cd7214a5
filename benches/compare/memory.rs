//! The allocations of a call, the memory of an idle client, and the cost of a call on the wire.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::Ordering::SeqCst;

use twilio_payments::Payments;

use crate::common::alloc::{self, Count};
use crate::common::clients::{Ours, Plain, Resource, params};
use crate::common::facts::BODY;
use crate::common::measure::to_f64;
use crate::common::report::{Report, Row};
use crate::common::server::Server;

const CALLS: u32 = 100;

pub(crate) fn measure(report: &mut Report) {
    allocations(report);
    idle(report);
    wire(report);
}

/// The allocations of a call after a warm-up, in all threads except the server's.
fn allocations(report: &mut Report) {
    report.table("Allocations per call (with reallocations), kept connection");
    for server in [Server::plain(), Server::tls()] {
        let (base, pem) = (server.base_url(), server.pem.as_deref());
        let ours = Ours::new(&base, pem);
        let mut plain = Plain::new(&base, pem, false);
        let mut timeouts = Plain::new(&base, pem, true);
        let made = params();
        let counts = [
            per_call(&mut || drop(ours.send(&made))),
            per_call(&mut || drop(plain.call())),
            per_call(&mut || drop(timeouts.call())),
        ];
        let [ours_total, plain_total, timeouts_total] = counts.map(Each::total);
        let name = if pem.is_some() { "TLS 1.3" } else { "plain HTTP" };
        let row = Row::new(format!("{name}: a call with a params value"), counts[0].text())
            .plain(counts[1].text(), ours_total / plain_total)
            .timeouts(counts[2].text(), ours_total / timeouts_total);
        report.row(&if pem.is_none() { row.target("≤ 50", ours_total <= 50.0) } else { row });
        if pem.is_none() {
            let owners = owners(&ours);
            let of = |name: &str| owners.get(name).copied().unwrap_or(0);
            report.row(&Row::new("… of these in ureq", of("ureq").to_string()));
            report.row(&Row::new(
                "… of these in serde_json, with the result's strings",
                of("serde_json").to_string(),
            ));
            report
                .row(&Row::new("… of these our own", of("ours").to_string()).target("≤ 6", of("ours") <= 6));
        }
    }
    report.row(&Row::new(
        "making the params value, with its key",
        per_call(&mut || drop(black_box(params()))).text(),
    ));
    let decode = per_call(&mut || drop(black_box(Payments::from_json(BODY.as_bytes()))));
    let derived = per_call(&mut || drop(black_box(serde_json::from_slice::<Resource>(BODY.as_bytes()))));
    let row = Row::new("decoding the response (plain: a derived struct)", decode.text());
    report.row(&row.plain(derived.text(), decode.total() / derived.total()));
}

/// Averages over the calls.
#[derive(Clone, Copy)]
struct Each {
    allocations: f64,
    reallocations: f64,
    bytes: f64,
}

impl Each {
    fn total(self) -> f64 {
        self.allocations + self.reallocations
    }

    fn text(self) -> String {
        format!(
            "{:.1} ({:.1} + {:.1}), {:.0} bytes",
            self.total(),
            self.allocations,
            self.reallocations,
            self.bytes
        )
    }
}

fn per_call(call: &mut dyn FnMut()) -> Each {
    (0..10).for_each(|_| call());
    let Count { allocations, reallocations, bytes, .. } = alloc::count(|| (0..CALLS).for_each(|_| call()));
    let each = |count: u64| to_f64(usize::try_from(count).unwrap_or(usize::MAX)) / f64::from(CALLS);
    Each { allocations: each(allocations), reallocations: each(reallocations), bytes: each(bytes) }
}

/// The crate that makes the allocations of our calls: ureq if it is on the stack, else `serde_json` if that is, else
/// this crate.
fn owners(client: &Ours) -> BTreeMap<&'static str, usize> {
    let made = params();
    let mut response = None;
    let traces = alloc::traces(|| response = Some(client.send(&made)));
    drop(response);
    let mut owners = BTreeMap::new();
    for trace in &traces {
        let on_stack =
            |name: &str| trace.contains(&format!(" {name}::")) || trace.contains(&format!("<{name}::"));
        let owner = if on_stack("ureq") || on_stack("ureq_proto") {
            "ureq"
        } else if on_stack("serde_json") {
            "serde_json"
        } else {
            if std::env::var_os("BENCH_TRACES").is_some() {
                eprintln!("our own allocation:\n{trace}");
            }
            "ours"
        };
        *owners.entry(owner).or_insert(0) += 1;
    }
    owners
}

/// The heap that a client with one idle connection holds.
fn idle(report: &mut Report) {
    report.table("Memory that an idle client with one connection holds");
    let kib = |bytes: i64| format!("{:.1} KiB", to_f64(usize::try_from(bytes).unwrap_or(0)) / 1024.0);
    for server in [Server::plain(), Server::tls()] {
        let (base, pem) = (server.base_url(), server.pem.as_deref());
        let held = |make: &dyn Fn() -> Box<dyn std::any::Any>| {
            // Some things exist once per process, however many clients it has, and are already allocated.
            drop(make());
            let mut client = None;
            let live = alloc::count(|| client = Some(make())).live;
            drop(client);
            live
        };
        let ours = |calls: usize| {
            held(&|| {
                let client = Ours::new(&base, pem);
                (0..calls).for_each(|_| drop(client.call()));
                Box::new(client)
            })
        };
        let plain = |calls: usize| {
            held(&|| {
                let mut client = Plain::new(&base, pem, false);
                (0..calls).for_each(|_| drop(client.call()));
                Box::new(client)
            })
        };
        let (ours, ours_alone, plain, plain_alone) = (ours(2), ours(0), plain(2), plain(0));
        let ratio = to_f64(usize::try_from(ours).unwrap_or(0)) / to_f64(usize::try_from(plain).unwrap_or(1));
        let name = if pem.is_some() { "TLS 1.3" } else { "plain HTTP" };
        report.row(&Row::new(name, kib(ours)).plain(kib(plain), ratio).at_most_plain(1.0));
        let each = Row::new(format!("{name}: … of this for the connection"), kib(ours - ours_alone));
        report.row(&each.plain(kib(plain - plain_alone), None));
    }
}

/// Connections and TLS records.
fn wire(report: &mut Report) {
    report.table("On the wire, for 100 calls on a kept connection");
    let server = Server::tls();
    let (base, pem) = (server.base_url(), server.pem.as_deref());
    let seen = |call: &mut dyn FnMut()| {
        call();
        let now = || (server.connections(), server.seen.records.load(SeqCst));
        let before = now();
        (0..CALLS).for_each(|_| call());
        let after = now();
        (after.0 - before.0, after.1 - before.1)
    };
    let ours = Ours::new(&base, pem);
    let mut plain = Plain::new(&base, pem, false);
    let (our_connections, our_records) = seen(&mut || drop(ours.call()));
    let (plain_connections, plain_records) = seen(&mut || drop(plain.call()));
    report.row(
        &Row::new("new connections", our_connections.to_string())
            .plain(plain_connections.to_string(), None)
            .target("none", our_connections == 0),
    );
    report.row(
        &Row::new("TLS records sent", our_records.to_string())
            .plain(plain_records.to_string(), None)
            .target("1 per call", our_records == 100),
    );
}
