//! A process that makes one call over TLS and ends, like a script.

use std::process::Command;

use crate::common::measure::{Scale, rounds};
use crate::common::report::{Report, Row};
use crate::common::server::Server;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.table("A process that makes one call, wall time");
    let program = std::env::current_exe().expect("this program has a path");
    for server in [Server::plain(), Server::tls()] {
        let file = std::env::temp_dir().join(format!("twilio-payments-bench-{}.pem", std::process::id()));
        std::fs::write(&file, server.pem.as_deref().unwrap_or_default()).expect("a temporary file");
        let run = |who: &str, times: usize| {
            for _ in 0..times {
                let mut process = Command::new(&program);
                process.args(["alone", who, "1", &server.base_url()]).env("BENCH_PEM", &file);
                assert!(process.status().expect("this program starts").success());
            }
        };
        let address = server.address;
        let samples = rounds(
            scale,
            6,
            &mut [
                &mut |times| run("ours", times),
                &mut |times| run("plain", times),
                &mut |times| run("timeouts", times),
                // A process that makes no call.
                &mut |times| {
                    for _ in 0..times {
                        let mut process = Command::new(&program);
                        process.args(["alone", "raw", "0", &address.to_string()]);
                        assert!(process.status().expect("this program starts").success());
                    }
                },
            ],
        );
        let _ = std::fs::remove_file(&file);
        let millis = |index: usize| format!("{:.2} ms", samples.time(index) / 1e6);
        let name = if server.pem.is_some() { "TLS 1.3" } else { "plain HTTP" };
        let row = Row::new(name, millis(0))
            .plain(millis(1), samples.ratio(0, 1))
            .timeouts(millis(2), samples.ratio(0, 2));
        report.row(&if server.pem.is_some() { row.at_most_plain(1.05) } else { row });
        report.row(&Row::new(
            format!("{name}: a process that opens a connection and makes no call"),
            millis(3),
        ));
    }
}
