//! The figures as tables: on the terminal, and in the README of the benches.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// One row of a table: what was measured, each client's figure, the ratios, and the target.
#[derive(Clone, Default)]
pub(crate) struct Row {
    what: String,
    ours: String,
    plain: String,
    timeouts: String,
    by_plain: Option<f64>,
    by_timeouts: Option<f64>,
    target: String,
    missed: bool,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self { what: what.into(), ours: ours.into(), ..Self::default() }
    }

    /// Sets the plain client's figure and the ratio to it.
    pub(crate) fn plain(mut self, figure: impl Into<String>, ratio: impl Into<Option<f64>>) -> Self {
        self.plain = figure.into();
        self.by_plain = ratio.into();
        self
    }

    /// Sets the figure of the plain client with timeouts and the ratio to it.
    pub(crate) fn timeouts(mut self, figure: impl Into<String>, ratio: impl Into<Option<f64>>) -> Self {
        self.timeouts = figure.into();
        self.by_timeouts = ratio.into();
        self
    }

    /// Sets the target, and whether it is met.
    pub(crate) fn target(mut self, text: &str, met: bool) -> Self {
        if !self.target.is_empty() {
            self.target.push_str(", ");
        }
        self.target.push_str(text);
        self.missed |= !met;
        self
    }

    /// Sets the largest allowed ratio to the plain client.
    pub(crate) fn at_most_plain(self, most: f64) -> Self {
        let met = self.by_plain.is_some_and(|ratio| ratio <= most);
        self.target(&format!("≤ {most:.2} × plain"), met)
    }

    /// Sets the largest allowed ratio to the plain client with timeouts.
    pub(crate) fn at_most_timeouts(self, most: f64) -> Self {
        let met = self.by_timeouts.is_some_and(|ratio| ratio <= most);
        self.target(&format!("≤ {most:.2} × with timeouts"), met)
    }

    fn cells(&self) -> Vec<String> {
        let ratio = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.3}"));
        let met = match (self.target.is_empty(), self.missed) {
            (true, _) => "",
            (false, false) => "yes",
            (false, true) => "no",
        };
        let by = [ratio(self.by_plain), ratio(self.by_timeouts)];
        [&self.what, &self.ours, &self.plain, &self.timeouts, &by[0], &by[1], &self.target, met]
            .map(ToString::to_string)
            .to_vec()
    }
}

const HEAD: [&str; 8] = [
    "what",
    "ours",
    "plain ureq",
    "plain ureq with timeouts",
    "ours ÷ plain",
    "ours ÷ with timeouts",
    "target",
    "met",
];

/// The tables of one bench.
#[derive(Default)]
pub(crate) struct Report {
    tables: Vec<Table>,
}

struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Report {
    /// Begins a table of [`Row`]s.
    pub(crate) fn table(&mut self, title: &str) {
        self.table_of(title, &HEAD);
    }

    /// Begins a table with these columns.
    pub(crate) fn table_of(&mut self, title: &str, head: &[&str]) {
        let head = head.iter().map(ToString::to_string).collect();
        self.tables.push(Table { title: title.to_owned(), head, rows: Vec::new() });
        eprintln!("measuring: {title}");
    }

    pub(crate) fn row(&mut self, row: &Row) {
        self.cells(row.cells());
    }

    pub(crate) fn cells(&mut self, cells: Vec<String>) {
        self.tables.last_mut().expect("a table was begun").rows.push(cells);
    }

    /// Returns the tables as Markdown with aligned columns. Empty columns are left out.
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        for table in &self.tables {
            let _ = write!(out, "\n### {}\n\n", table.title);
            let columns = || 0..table.head.len();
            let widths: Vec<usize> = columns()
                .map(|column| {
                    let cells = table.rows.iter().map(|row| row[column].chars().count());
                    match cells.max() {
                        None | Some(0) => 0,
                        Some(width) => width.max(table.head[column].chars().count()),
                    }
                })
                .collect();
            let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            for line in [&table.head, &rule].into_iter().chain(&table.rows) {
                for column in columns().filter(|&column| widths[column] > 0) {
                    let _ = write!(out, "| {:<1$} ", line[column], widths[column]);
                }
                out.push_str("|\n");
            }
        }
        out
    }

    /// Returns the tables as lines that [`absorb`](Self::absorb) reads in another process.
    pub(crate) fn lines(&self) -> String {
        let mut out = String::new();
        for table in &self.tables {
            let _ = writeln!(out, "T\t{}\t{}", table.title, table.head.join("\t"));
            for row in &table.rows {
                let _ = writeln!(out, "R\t{}", row.join("\t"));
            }
        }
        out
    }

    /// The number that a cell begins with.
    pub(crate) fn figure(&self, what: &str, column: &str) -> Option<f64> {
        self.tables.iter().find_map(|table| {
            let column = table.head.iter().position(|head| head == column)?;
            let row = table.rows.iter().find(|row| row[0] == what)?;
            row[column].split(' ').next()?.parse().ok()
        })
    }

    /// Adds the results of another process.
    pub(crate) fn absorb(&mut self, lines: &str) {
        for line in lines.lines() {
            let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            match (cells[0].as_str(), &cells[1..]) {
                ("T", [title, head @ ..]) => {
                    self.tables.push(Table { title: title.clone(), head: head.to_vec(), rows: Vec::new() });
                }
                ("R", row) => self.cells(row.to_vec()),
                _ => {}
            }
        }
    }
}

/// Prints a report, and writes it into the README if `--save` is among the arguments.
pub(crate) fn publish(name: &str, report: &Report, args: &[String]) {
    let text = format!("{}\n{}", surroundings(), report.markdown());
    println!("{text}");
    if args.iter().any(|arg| arg == "--save") {
        let file = folder().join("README.md");
        let old = std::fs::read_to_string(&file).expect("the README is there");
        let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
        let (before, rest) = old.split_once(&begin).expect("the README has the mark");
        let (_, after) = rest.split_once(&end).expect("the README has the other mark");
        std::fs::write(&file, format!("{before}{begin}\n{text}\n{end}{after}"))
            .expect("the README is writable");
        eprintln!("saved in {}", file.display());
    }
}

/// Where the README and the plot are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches")
}

/// The date, the machine and the versions of a measurement.
fn surroundings() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpu = cpu.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let lock = read(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
    let version = |name: &str| {
        let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, rest)| rest);
        let version = entry.and_then(|rest| rest.split('"').next()).unwrap_or("?");
        format!("{name} {version}")
    };
    let versions = ["ureq", "rustls", "serde_json"].map(version).join(", ");
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or(String::new(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let system = read("/proc/sys/kernel/osrelease");
    format!("{}; {cores} × {cpu}; {} {}; {rustc}; {versions}.", today(), std::env::consts::OS, system.trim())
}

/// Today's date (UTC), as `2026-11-22`.
fn today() -> String {
    let mut days = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
