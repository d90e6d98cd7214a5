//! `cargo bench --bench weight`: the crates, the clean build and the size of the smallest program with this
//! crate and with plain ureq, and the time that the two programs take for their one call.
//!
//! It builds each program three times, so it takes a few minutes.

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use common::measure::{Scale, median, rounds, to_f64};
use common::report::{self, Report, Row};
use common::server::Server;

const BUILDS: usize = 3;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` has no time for this.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let programs = [Program::ours(), Program::plain()];
    let mut report = Report::default();
    report.table("The smallest program, release build");
    let crates = programs.each_ref().map(Program::crates);
    report.row(
        &Row::new("crates in its tree", crates[0].to_string())
            .plain(crates[1].to_string(), to_f64(crates[0]) / to_f64(crates[1]))
            .target("≤ 34", crates[0] <= 34),
    );
    let mut times = [(); 2].map(|()| Vec::new());
    let mut work = [(); 2].map(|()| Vec::new());
    for round in 0..BUILDS {
        for turn in 0..2 {
            let index = (round + turn) % 2;
            let (seconds, cpu) = programs[index].build();
            eprintln!("built {} in {seconds:.1} s ({cpu:.1} s of processor time)", programs[index].name);
            times[index].push(seconds);
            work[index].push(cpu);
        }
    }
    let by_pairs = |all: &[Vec<f64>; 2]| {
        let ratios: Vec<f64> = all[0].iter().zip(&all[1]).map(|(ours, plain)| ours / plain).collect();
        median(&ratios)
    };
    let row = |what: &str, all: &[Vec<f64>; 2]| {
        let [ours, plain] = all.each_ref().map(|all| format!("{:.1} s", median(all)));
        Row::new(what, ours).plain(plain, by_pairs(all))
    };
    report.row(&row("clean build, wall time", &times).at_most_plain(0.95));
    report.row(&row("clean build, processor time", &work));
    let [ours, plain] =
        programs.each_ref().map(|program| fs::metadata(program.binary()).expect("it was built").len());
    let mebibytes = |bytes: u64| f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1_048_576.0;
    report.row(
        &Row::new("stripped size", format!("{:.2} MiB", mebibytes(ours)))
            .plain(format!("{:.2} MiB", mebibytes(plain)), mebibytes(ours) / mebibytes(plain))
            .at_most_plain(0.95),
    );
    run(&mut report, &programs, Scale::of(&args));
    report::publish("weight", &report, &args);
}

/// Measures each program from start to end, with its one call.
fn run(report: &mut Report, programs: &[Program; 2], scale: Scale) {
    let server = Server::plain();
    let run = |program: &Program, times: usize| {
        for _ in 0..times {
            let mut process = Command::new(program.binary());
            let status = process.arg(server.base_url()).stdout(Stdio::null()).status();
            assert!(status.expect("it was built").success(), "{} failed", program.name);
        }
    };
    let samples =
        rounds(scale, 8, &mut [&mut |times| run(&programs[0], times), &mut |times| run(&programs[1], times)]);
    let millis = |index: usize| format!("{:.2} ms", samples.time(index) / 1e6);
    let what = "its one call over plain HTTP, the whole process";
    report.row(&Row::new(what, millis(0)).plain(millis(1), samples.ratio(0, 1)));
}

/// A package in the build folder.
struct Program {
    name: &'static str,
    folder: PathBuf,
}

impl Program {
    fn ours() -> Self {
        let dependencies = format!("twilio-payments = {{ path = {:?} }}\n", env!("CARGO_MANIFEST_DIR"));
        Self::write("ours", &dependencies, include_str!("programs/ours.rs"))
    }

    /// Makes a package with the default features of its dependencies.
    fn plain() -> Self {
        let dependencies =
            "ureq = \"3.5\"\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n";
        Self::write("plain", dependencies, include_str!("programs/plain.rs"))
    }

    fn write(name: &'static str, dependencies: &str, source: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("weight").join(name);
        fs::create_dir_all(folder.join("src")).expect("the build folder is writable");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
             [dependencies]\n{dependencies}\n[profile.release]\nstrip = true\n\n[workspace]\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("the build folder is writable");
        fs::write(folder.join("src/main.rs"), source).expect("the build folder is writable");
        // Both use the same versions.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
        let _ = fs::copy(lock, folder.join("Cargo.lock"));
        let program = Self { name, folder };
        assert!(program.cargo(&["fetch"]).status().expect("cargo starts").success(), "cargo fetch failed");
        program
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
        command
    }

    /// The number of crates in its tree, not counting itself.
    fn crates(&self) -> usize {
        let output =
            self.cargo(&["tree", "--edges", "normal", "--prefix", "none"]).output().expect("cargo starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let crates: BTreeSet<_> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        crates.len() - 1
    }

    /// Makes a clean build, and returns wall time and processor time in seconds.
    fn build(&self) -> (f64, f64) {
        let _ = fs::remove_dir_all(self.folder.join("target"));
        let (started, before) = (Instant::now(), children_seconds());
        let status =
            self.cargo(&["build", "--release", "--offline", "--quiet"]).status().expect("cargo starts");
        assert!(status.success(), "{} does not build", self.name);
        (started.elapsed().as_secs_f64(), children_seconds() - before)
    }

    fn binary(&self) -> PathBuf {
        self.folder.join("target/release").join(format!("{}{}", self.name, std::env::consts::EXE_SUFFIX))
    }
}

/// The processor time of the processes that this one has waited for; zero if there is no `/proc`.
fn children_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in parentheses; cutime and cstime, in hundredths.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
