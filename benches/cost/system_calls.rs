//! System calls of a call, and among them look-ups, threads and sends.

use std::collections::BTreeMap;

use crate::common::report::{Report, Row};
use crate::{FEW, MANY, Service};

pub(crate) fn measure(report: &mut Report, service: &Service) {
    report.table("System calls per call (strace)");
    for (name, url) in [("plain HTTP", &service.plain), ("TLS 1.3", &service.tls)] {
        let counts = ["ours", "plain", "timeouts"].map(|who| per_call(service, who, url));
        let totals = [0, 1, 2].map(|index: usize| counts[index].values().sum::<f64>());
        let row = Row::new(name, format!("{:.2}", totals[0]))
            .plain(format!("{:.2}", totals[1]), totals[0] / totals[1])
            .timeouts(format!("{:.2}", totals[2]), totals[0] / totals[2]);
        report.row(&row.target("≤ 6", totals[0] <= 6.0));
        let list = |index: usize| {
            let list = counts[index].iter().filter(|(_, count)| **count >= 0.05);
            list.map(|(name, count)| format!("{count:.0} {name}")).collect::<Vec<_>>().join(", ")
        };
        report.row(&Row::new(format!("{name}: which"), list(0)).plain(list(1), None).timeouts(list(2), None));
        let sends = |index: usize| {
            ["write", "writev", "sendto", "sendmsg"]
                .iter()
                .filter_map(|name| counts[index].get(*name))
                .sum::<f64>()
        };
        report.row(
            &Row::new(format!("{name}: sends, so packets of a request"), format!("{:.2}", sends(0)))
                .plain(format!("{:.2}", sends(1)), None)
                .timeouts(format!("{:.2}", sends(2)), None)
                .target("1", (sends(0) - 1.0).abs() < 0.005),
        );
    }
    let url = service.plain.replace("127.0.0.1", "localhost");
    let opened = ["ours", "plain", "timeouts"].map(|who| lookups(service, who, &url));
    let figure = |index: usize| format!("{:.2}", opened[index]);
    report.row(
        &Row::new("look-ups of the name (opens of /etc/hosts)", figure(0))
            .plain(figure(1), None)
            .timeouts(figure(2), None)
            .target("none", opened[0].abs() < 0.005),
    );
    let threads = ["ours", "plain", "timeouts"].map(|who| {
        let counts = per_call(service, who, &url);
        // The sum of nothing is a negative zero.
        ["clone", "clone3"].iter().filter_map(|name| counts.get(*name)).sum::<f64>() + 0.0
    });
    let figure = |index: usize| format!("{:.2}", threads[index]);
    report.row(
        &Row::new("threads started", figure(0))
            .plain(figure(1), None)
            .timeouts(figure(2), None)
            .target("none", threads[0].abs() < 0.005),
    );
}

/// The system calls of one call, by name.
fn per_call(service: &Service, who: &str, url: &str) -> BTreeMap<String, f64> {
    eprintln!("strace: {who}, {url}");
    let many = summary(&traced(service, &["-c"], who, MANY, url));
    let few = summary(&traced(service, &["-c"], who, FEW, url));
    let count =
        |counts: &BTreeMap<String, i32>, name: &str| f64::from(counts.get(name).copied().unwrap_or(0));
    let names = many.keys().chain(few.keys());
    names
        .map(|name| (name.clone(), (count(&many, name) - count(&few, name)) / f64::from(MANY - FEW)))
        .collect()
}

fn lookups(service: &Service, who: &str, url: &str) -> f64 {
    let opens = |calls| {
        let text = traced(service, &["-e", "trace=open,openat"], who, calls, url);
        i32::try_from(text.lines().filter(|line| line.contains("\"/etc/hosts\"")).count()).unwrap_or(i32::MAX)
    };
    f64::from(opens(MANY) - opens(FEW)) / f64::from(MANY - FEW)
}

fn traced(service: &Service, options: &[&str], who: &str, calls: u32, url: &str) -> String {
    let file = std::env::temp_dir().join(format!("twilio-payments-strace-{}.out", std::process::id()));
    let path = file.display().to_string();
    let options = [&["-f", "-o", &path], options].concat();
    let status = service.client("strace", &options, who, calls, url).status().expect("strace starts");
    assert!(status.success(), "strace failed for {who}");
    let text = std::fs::read_to_string(&file).expect("strace wrote its file");
    let _ = std::fs::remove_file(&file);
    text
}

/// The counts in strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn summary(text: &str) -> BTreeMap<String, i32> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        if let [_, _, _, calls, .., name] = columns[..] {
            if let (Ok(calls), true) = (calls.parse(), name != "total") {
                counts.insert(name.to_owned(), calls);
            }
        }
    }
    counts
}
