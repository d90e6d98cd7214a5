//! `cargo bench --bench network`: how many round trips a call waits for, over TLS 1.3 and with a delay of 40 ms in each
//! direction. It takes a minute.
//!
//! A relay on loopback makes the delay. It cannot show the effects of packet loss, congestion control or slow
//! connecting.

#[path = "../common/mod.rs"]
mod common;

mod relay;

use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use twilio_payments::{Credentials, PaymentsApi};

use common::clients::{Plain, params};
use common::facts;
use common::measure::median;
use common::report::{self, Report, Row};
use common::server::Server;

/// The delay in each direction.
const DELAY: Duration = Duration::from_millis(40);

/// The lifetimes of idle connections and the pauses between calls are divided by this.
const FASTER: u32 = 40;

/// How long an idle connection is kept by default.
const OURS_IDLE: Duration = Duration::from_secs(300);
const UREQ_IDLE: Duration = Duration::from_secs(15);

/// How often each figure is measured.
const ROUNDS: usize = 7;

/// A name with two addresses, of which the first is dead.
const NAME: &str = "two.addresses.test";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [mode, port, pem_file] if mode == "two-addresses" => return two_addresses(port, pem_file),
        // `cargo test --benches` has no time for this.
        _ if !args.iter().any(|arg| arg == "--bench") => return,
        _ => {}
    }
    let server = Server::tls_for(&["127.0.0.1", NAME]);
    let address = relay::start(server.address, DELAY);
    let (url, pem) = (format!("https://{address}"), server.pem.unwrap());
    let mut report = Report::default();
    report.table("Round trips that a call waits for (TLS 1.3, 80 ms each; in brackets the limit)");

    let first = time(|| ours(&url, &pem), ours_calls);
    let plains = time(|| plain(&url, &pem), plain_calls);
    report.row(&row("the first call (3.00)", first, plains).target("≤ 3.15", trips(first) <= 3.15));

    let connected = || {
        let api = ours(&url, &pem);
        api.connect(facts::CONNECT_TIMEOUT).unwrap();
        api
    };
    let ahead = time(connected, ours_calls);
    let what = "the first call after connecting ahead (1.00)";
    report.row(&row(what, ahead, None).target("≤ 1.15", trips(ahead) <= 1.15));

    for pause in [20, 40, 70, 240] {
        let wait = || thread::sleep(Duration::from_secs(pause) / FASTER);
        let ours_paused = || {
            let mut api = ours(&url, &pem);
            ours_calls(&mut api);
            wait();
            api
        };
        let plain_paused = || {
            let mut client = plain(&url, &pem);
            plain_calls(&mut client);
            wait();
            client
        };
        let (ours, plain) = (time(ours_paused, ours_calls), time(plain_paused, plain_calls));
        let what = format!("a call after a pause of {pause} s (1.00)");
        report.row(&row(&what, ours, plain).target("≤ 1.15", trips(ours) <= 1.15));
    }
    if let Some(dead) = in_two_addresses(address, &pem) {
        let limit = trips(Duration::from_millis(250).as_secs_f64()) + 3.0;
        let what = format!("the first call, if the name's first address is dead ({limit:.2})");
        let target = format!("≤ 0.35 s more than {:.2}", trips(first));
        report.row(&row(&what, dead, None).target(&target, dead - first <= 0.35));
    }
    report::publish("network", &report, &args);
}

fn ours(url: &str, pem: &str) -> PaymentsApi {
    let credentials = Credentials::auth_token(facts::ACCOUNT, facts::TOKEN).unwrap();
    let builder = PaymentsApi::builder(credentials).base_url(url).root_certificate(pem);
    builder.idle_lifetime(OURS_IDLE / FASTER).build().unwrap()
}

fn plain(url: &str, pem: &str) -> Plain {
    Plain::with_idle_age(url, pem, UREQ_IDLE / FASTER)
}

fn ours_calls(api: &mut PaymentsApi) {
    api.create_payments(facts::CALL, &params()).unwrap();
}

fn plain_calls(client: &mut Plain) {
    client.call();
}

/// The median time of a call by a client that was prepared for it, in seconds.
fn time<C>(mut prepare: impl FnMut() -> C, mut call: impl FnMut(&mut C)) -> f64 {
    let times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut client = prepare();
            let started = Instant::now();
            call(&mut client);
            started.elapsed().as_secs_f64()
        })
        .collect();
    median(&times)
}

fn trips(seconds: f64) -> f64 {
    seconds / (2 * DELAY).as_secs_f64()
}

fn row(what: &str, ours: f64, plain: impl Into<Option<f64>>) -> Row {
    let figure = |seconds: f64| format!("{:.2} ({:.0} ms)", trips(seconds), seconds * 1e3);
    let row = Row::new(what, figure(ours));
    match plain.into() {
        Some(plain) => row.plain(figure(plain), ours / plain),
        None => row,
    }
}

/// The time of a first call to a name with two addresses, of which the first is dead. `None` if this system does not
/// allow a process to have its own file of host names.
fn in_two_addresses(living: SocketAddr, pem: &str) -> Option<f64> {
    let folder = std::env::temp_dir();
    let hosts = folder.join(format!("twilio-payments-hosts-{}", std::process::id()));
    let pem_file = folder.join(format!("twilio-payments-network-{}.pem", std::process::id()));
    std::fs::write(&hosts, format!("::1 {NAME}\n127.0.0.1 {NAME}\n")).expect("a temporary file");
    std::fs::write(&pem_file, pem).expect("a temporary file");
    let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(&hosts)
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["two-addresses", &living.port().to_string()])
        .arg(&pem_file)
        .output();
    let _ = (std::fs::remove_file(&hosts), std::fs::remove_file(&pem_file));
    let figure = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok());
    if figure.is_none() {
        eprintln!("no mount namespace, or no IPv6: the row with a dead address is left out");
    }
    figure
}

/// Measures calls to the name on a port, and prints their time. Nothing accepts there on the first address.
fn two_addresses(port: &str, pem_file: &str) {
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port.parse().unwrap()));
    let dead = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    dead.bind(&address.into()).unwrap();
    dead.listen(0).unwrap();
    // This fills its queue.
    let _waiting = TcpStream::connect(address).unwrap();
    let (url, pem) = (format!("https://{NAME}:{port}"), std::fs::read_to_string(pem_file).unwrap());
    println!("{}", time(|| ours(&url, &pem), ours_calls));
}
