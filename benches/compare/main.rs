//! `cargo bench`: our client and plain ureq, in alternating rounds.
//!
//! `cargo bench -- --save` also writes the tables into `benches/README.md` and draws the plot again.
//! `cargo bench -- calls threads` only measures these parts. The parts are calls, parts, threads, process and memory.

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod memory;
mod parts;
mod plot;
mod process;
mod threads;

use std::process::{Command, Stdio};

use common::measure::Scale;
use common::report::{self, Report};

#[global_allocator]
static ALLOCATOR: common::alloc::Counting = common::alloc::Counting;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let scale = Scale::of(&args);
    match args.first().map(String::as_str) {
        Some("alone") => common::clients::run_alone(&args[1..]),
        Some("pinned") => {
            let mut report = Report::default();
            if wanted(&args[1..], "calls") {
                calls::measure(&mut report, scale);
            }
            if wanted(&args[1..], "parts") {
                parts::measure(&mut report, scale);
            }
            print!("{}", report.lines());
        }
        _ => {
            let mut report = Report::default();
            if wanted(&args, "calls") || wanted(&args, "parts") {
                report.absorb(&on_one_core(&args));
            }
            if wanted(&args, "threads") {
                threads::measure(&mut report, scale);
            }
            if wanted(&args, "process") {
                process::measure(&mut report, scale);
            }
            if wanted(&args, "memory") {
                memory::measure(&mut report);
            }
            report::publish("compare", &report, &args);
            if args.iter().any(|arg| arg == "--save") {
                plot::draw(&report);
            }
        }
    }
}

/// Whether to measure a part. All parts are measured if none is named or the results are saved.
fn wanted(args: &[String], part: &str) -> bool {
    let mut named = args.iter().filter(|arg| !arg.starts_with("--")).peekable();
    named.peek().is_none() || named.any(|name| name == part) || args.iter().any(|arg| arg == "--save")
}

/// Runs this program again on one core, which client and server then share. This is steadier than two cores, and every
/// microsecond of work shows in the time of a call.
fn on_one_core(args: &[String]) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let run = |mut command: Command| {
        let output = command.arg("pinned").args(args).stderr(Stdio::inherit()).output();
        output.ok().filter(|output| output.status.success())
    };
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &last_core()]).arg(&program);
    let output = run(pinned).or_else(|| {
        eprintln!("taskset is not there: the times below are not of one core, and vary more");
        run(Command::new(&program))
    });
    String::from_utf8_lossy(&output.expect("the measuring process ends well").stdout).into_owned()
}

/// The last core that this process may use.
fn last_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or("0");
    list.rsplit([',', '-']).next().unwrap_or("0").trim().to_owned()
}
