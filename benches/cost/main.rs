//! `cargo bench --bench cost`: instructions (valgrind's callgrind) and system calls (strace) of a call.
//!
//! Each figure is the difference between 1200 and 200 calls, divided by 1000, so that start and end of the process do
//! not count. The server is another process and does not count either.

#[path = "../common/mod.rs"]
mod common;

mod instructions;
mod system_calls;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use common::report::{self, Report};
use common::server::Server;

/// The two runs.
const FEW: u32 = 200;
const MANY: u32 = 1200;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("alone") => common::clients::run_alone(&args[1..]),
        Some("serve") => serve(),
        // `cargo test --benches` has no time for this.
        _ if !args.iter().any(|arg| arg == "--bench") => {}
        _ => {
            let service = Service::start();
            let mut report = Report::default();
            if is_there("valgrind") {
                instructions::measure(&mut report, &service);
            }
            if is_there("strace") {
                system_calls::measure(&mut report, &service);
            }
            report::publish("cost", &report, &args);
        }
    }
}

fn is_there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        eprintln!("{tool} is not installed: what it measures is left out");
    }
    there
}

/// Serves until the standard input ends.
fn serve() {
    let (plain, tls) = (Server::plain(), Server::tls());
    // The PEM ends with a new line, so an empty line is the last one, and nothing is read after it.
    println!("{}\n{}\n{}", plain.base_url(), tls.base_url(), tls.pem.unwrap_or_default());
    let _ = std::io::stdin().read(&mut [0]);
}

/// The server's process.
struct Service {
    process: Child,
    plain: String,
    tls: String,
    pem_file: std::path::PathBuf,
}

impl Service {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut process = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let output = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines().map(|line| line.expect("it is text"));
        let plain = lines.next().expect("the first address");
        let tls = lines.next().expect("the second address");
        let pem: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let pem_file = std::env::temp_dir().join(format!("twilio-payments-cost-{}.pem", std::process::id()));
        std::fs::write(&pem_file, pem.join("\n")).expect("a temporary file");
        Self { process, plain, tls, pem_file }
    }

    /// A command that runs a client under a tool.
    fn client(&self, tool: &str, options: &[&str], who: &str, calls: u32, base_url: &str) -> Command {
        let mut command = Command::new(tool);
        command
            .args(options)
            .arg(std::env::current_exe().expect("this program has a path"))
            .args(["alone", who, &calls.to_string(), base_url])
            .env("BENCH_PEM", &self.pem_file)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.pem_file);
    }
}
