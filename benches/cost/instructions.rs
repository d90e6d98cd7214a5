//! Instructions of a call, in all and by the crate that they are in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::report::{Report, Row};
use crate::{FEW, MANY, Service};

/// How this crate is named beside the others.
const OURS: &str = "this crate";

/// The loop around an attempt.
const LOOP: [&str; 2] = ["client/attempts.rs", "client/retry.rs"];

pub(crate) fn measure(report: &mut Report, service: &Service) {
    for file in LOOP {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
        assert!(path.is_file(), "src/{file} has moved: name its new place in LOOP");
    }
    report.table("Instructions per call (callgrind)");
    let mut ours_by_file = BTreeMap::new();
    for (name, url) in [("plain HTTP", &service.plain), ("TLS 1.3", &service.tls)] {
        let ours = per_call(service, "ours", url);
        let [plain, timeouts] = ["plain", "timeouts"].map(|who| per_call(service, who, url));
        let totals = [&ours, &plain, &timeouts].map(|files| files.values().sum::<f64>());
        let row = Row::new(name, format!("{:.0}", totals[0]))
            .plain(format!("{:.0}", totals[1]), totals[0] / totals[1])
            .timeouts(format!("{:.0}", totals[2]), totals[0] / totals[2]);
        if name == "plain HTTP" {
            let bare: f64 = per_call(service, "raw", url).values().sum();
            report.row(&row.at_most_plain(0.70));
            report.row(&Row::new("plain HTTP: bare socket, request made before", format!("{bare:.0}")));
            let in_loop: f64 = LOOP.iter().filter_map(|file| ours.get(&format!("{OURS}: {file}"))).sum();
            // Without debug information, or with the sources in another place, nothing would be ours.
            assert!(in_loop > 0.0, "no instruction is attributed to {LOOP:?}, but to {:?}", ours.keys());
            let share = in_loop / totals[0];
            let figure = format!("{in_loop:.0}, {:.2} %", share * 100.0);
            let what = format!("… of ours in {}: the loop around an attempt", LOOP.join(" and "));
            report.row(&Row::new(what, figure).target("≤ 0.5 %", share <= 0.005));
            ours_by_file = ours;
            by_crate(report, &ours_by_file, &plain);
            report.table("Instructions per call over TLS (callgrind)");
        } else {
            report.row(&row);
        }
    }
    let mut own: Vec<_> = ours_by_file.iter().filter(|(file, _)| file.starts_with(OURS)).collect();
    own.sort_by(|a, b| b.1.total_cmp(a.1));
    let own: Vec<String> = own
        .iter()
        .filter(|(_, count)| **count >= 100.0)
        .map(|(file, count)| format!("{} {count:.0}", file.trim_start_matches(OURS).trim_start_matches(": ")))
        .collect();
    report.row(&Row::new("this crate's own, by file (plain HTTP)", own.join(", ")));
}

/// A table of where the two clients spend their instructions.
fn by_crate(report: &mut Report, ours: &BTreeMap<String, f64>, plain: &BTreeMap<String, f64>) {
    report.table("… by the crate whose source they are from (plain HTTP)");
    let sums = |files: &BTreeMap<String, f64>| {
        let mut sums = BTreeMap::new();
        for (file, count) in files {
            let name = file.split(": ").next().unwrap_or_default().to_owned();
            *sums.entry(name).or_insert(0.0) += count;
        }
        sums
    };
    let (ours, plain) = (sums(ours), sums(plain));
    let mut names: Vec<&String> = ours.keys().chain(plain.keys()).collect();
    names.sort();
    names.dedup();
    let count = |sums: &BTreeMap<String, f64>, name: &str| sums.get(name).copied().unwrap_or(0.0);
    names.sort_by(|a, b| count(&ours, b).total_cmp(&count(&ours, a)));
    for name in names {
        let (ours, plain) = (count(&ours, name), count(&plain, name));
        if ours >= 50.0 || plain >= 50.0 {
            report.row(&Row::new(name.as_str(), format!("{ours:.0}")).plain(format!("{plain:.0}"), None));
        }
    }
}

/// The instructions of one call by source file, which is named after its crate.
fn per_call(service: &Service, who: &str, url: &str) -> BTreeMap<String, f64> {
    eprintln!("callgrind: {who}, {url}");
    let many = run(service, who, MANY, url);
    let few = run(service, who, FEW, url);
    let each = |count: u64, less: u64| (to_f64(count) - to_f64(less)) / f64::from(MANY - FEW);
    let files: std::collections::BTreeSet<&String> = many.keys().chain(few.keys()).collect();
    let count = |files: &BTreeMap<String, u64>, file: &str| files.get(file).copied().unwrap_or(0);
    files.into_iter().map(|file| (file.clone(), each(count(&many, file), count(&few, file)))).collect()
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

fn run(service: &Service, who: &str, calls: u32, url: &str) -> BTreeMap<String, u64> {
    let file = std::env::temp_dir().join(format!("twilio-payments-callgrind-{}.out", std::process::id()));
    let option = format!("--callgrind-out-file={}", file.display());
    let options = ["--tool=callgrind", "--quiet", "--compress-strings=no", "--compress-pos=no", &option];
    let status = service.client("valgrind", &options, who, calls, url).status().expect("valgrind starts");
    assert!(status.success(), "valgrind failed for {who}");
    let text = std::fs::read_to_string(&file).expect("callgrind wrote its file");
    let _ = std::fs::remove_file(&file);
    by_file(&text)
}

/// Sums the own cost of every line by its source file; what has none is named after its object.
fn by_file(text: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let (mut object, mut file, mut after_calls) = (String::new(), String::new(), false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("ob=") {
            name.clone_into(&mut object);
        } else if let Some(name) = ["fl=", "fi=", "fe="].iter().find_map(|mark| line.strip_prefix(mark)) {
            name.clone_into(&mut file);
        } else if line.starts_with("calls=") {
            // The next line has what was called, not what is here.
            after_calls = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit()) {
            let cost = line.split_once(' ').and_then(|(_, cost)| cost.trim().parse::<u64>().ok());
            if !std::mem::take(&mut after_calls) {
                *sums.entry(owner(&file, &object)).or_insert(0) += cost.unwrap_or(0);
            }
        }
    }
    sums
}

/// The crate that a source file belongs to, and for this one the file.
fn owner(file: &str, object: &str) -> String {
    let name = |path: &str| {
        Path::new(path).file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
    };
    let parts: Vec<&str> = file.split('/').collect();
    if let Some(registry) = parts.iter().position(|part| *part == "registry") {
        let folder = parts.get(registry + 3).copied().unwrap_or_default();
        let end = folder.rfind('-').unwrap_or(folder.len());
        return folder[..end].to_owned();
    }
    if file.contains("/benches/") || file.starts_with("benches/") {
        return "the bench itself".to_owned();
    }
    let here = file.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/")).unwrap_or(file);
    if let Some(file) = here.strip_prefix("src/") {
        return format!("{OURS}: {file}");
    }
    if file.contains("/library/") || file.starts_with("library/") {
        return "Rust's standard library".to_owned();
    }
    if file.contains("hashbrown") {
        return "Rust's standard library".to_owned();
    }
    match name(object) {
        object if object.starts_with("libc") || object.starts_with("ld-") => "libc".to_owned(),
        _ => "other".to_owned(),
    }
}
