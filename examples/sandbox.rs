//! Serves the sandbox as a program of its own, to test programs in any language against it.
//!
//! ```text
//! cargo run --example sandbox -- --port 8080
//! ```
//!
//! The official clients only need its base URL and the credentials that it prints:
//!
//! ```text
//! Python:   client = Client(account_sid, auth_token); client.api.base_url = "http://127.0.0.1:8080"
//! Node.js:  client = twilio(accountSid, authToken);   client.api.baseUrl = "http://127.0.0.1:8080"
//! ```

#[path = "common/mod.rs"]
mod common;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use common::{Failure, say, usage};
use twilio_payments::sandbox::{
    Call, Fault, FaultTarget, Faults, IdempotencyKeys, RecordedCallback, Sandbox, SandboxBuilder,
};

const HELP: &str = "\
Serves Twilio's Payments API on loopback. It needs no account and no telephone, and nothing real is charged.

Usage: cargo run --example sandbox -- [OPTIONS]

Status callbacks are signed with the auth token, and go only to http URLs on loopback. If standard input is closed
from the start, the caller answers by themselves. Otherwise it is the caller's keypad, and takes these lines:

  4242…          the caller presses these keys: digits, * and #
  h              the caller hangs up
  f FAULT        the next request fails
  f FAULT STEP   the next request of a step fails: create, capture, complete or cancel
  ?              shows these lines

FAULT is drop (the request is not carried out), lose (it is carried out, and its response is lost), 429, 500,
503 or slow (the response comes after 20 seconds).

  --port PORT        port on 127.0.0.1 (default: a free one)
  --call SID         the SID of the call (default: a new one); each further one makes another call
  --account SID      the SID of the account (default: a new one)
  --token TOKEN      the account's auth token (default: a new one)
  --seconds SECONDS  stop after this many seconds (default: run until interrupted)
  --fail FAULT       the first request fails
  --obliging         the caller answers by themselves, with good test values
  --ignore-keys      a repeated idempotency key is a new request
  --help             show this text
";

fn main() -> ExitCode {
    common::main("sandbox", HELP, |arguments| {
        match serve(Options::read(arguments.iter().cloned())?) {
            // Nobody reads the output any more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(Into::into),
        }
    })
}

/// Shows the log records of the sandbox: the requests that it refuses, and those that a fault hits.
struct Refusals;

impl log::Log for Refusals {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "twilio_payments::sandbox"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            say!("{}  {text}", if text.ends_with("as asked for") { "fault  " } else { "refused" });
        }
    }

    fn flush(&self) {}
}

struct Options {
    builder: SandboxBuilder,
    call_sids: Vec<String>,
    time: Option<Duration>,
    fault: Option<Fault>,
    obliging: bool,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            builder: Sandbox::builder(),
            call_sids: Vec::new(),
            time: None,
            fault: None,
            obliging: false,
        };
        while let Some(argument) = arguments.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let value = |arguments: &mut dyn Iterator<Item = String>| {
                inline
                    .clone()
                    .or_else(|| arguments.next())
                    .ok_or_else(|| usage(format!("{name} needs a value")))
            };
            let wrong = |_| usage(format!("{name} needs a number in its range"));
            let builder = options.builder.clone();
            match name {
                "--obliging" => options.obliging = true,
                "--ignore-keys" => options.builder = builder.idempotency_keys(IdempotencyKeys::Ignored),
                "--port" => {
                    options.builder = builder.port(value(&mut arguments)?.parse().map_err(wrong)?);
                }
                "--account" => options.builder = builder.account_sid(value(&mut arguments)?),
                "--token" => options.builder = builder.auth_token(value(&mut arguments)?),
                "--call" => options.call_sids.push(value(&mut arguments)?),
                "--fail" => options.fault = Some(fault(&value(&mut arguments)?).map_err(usage)?),
                "--seconds" => {
                    let seconds = value(&mut arguments)?.parse().map_err(wrong)?;
                    options.time = Some(Duration::from_secs(seconds));
                }
                _ => return Err(usage(format!("unknown argument {argument:?}"))),
            }
        }
        Ok(options)
    }
}

fn fault(name: &str) -> Result<Fault, String> {
    Ok(match name {
        "drop" => Fault::DropBefore,
        "lose" => Fault::DropAfter,
        "429" => Fault::TooManyRequests { retry_after: Duration::from_secs(1) },
        "500" => Fault::ServerError,
        "503" => Fault::Unavailable,
        "slow" => Fault::Delay(Duration::from_secs(20)),
        _ => return Err(format!("unknown fault {name:?}; expected drop, lose, 429, 500, 503 or slow")),
    })
}

fn serve(options: Options) -> io::Result<()> {
    log::set_logger(&Refusals).map_err(|error| io::Error::other(error.to_string()))?;
    log::set_max_level(log::LevelFilter::Info);
    let sandbox = options.builder.start()?;
    let named = options.call_sids.iter().map(|sid| sandbox.call_with_sid(sid).map_err(io::Error::other));
    let mut calls = named.collect::<Result<Vec<_>, _>>()?;
    if calls.is_empty() {
        calls.push(sandbox.call());
    }
    if options.obliging {
        calls = calls.into_iter().map(Call::obliging).collect();
    }
    options.fault.into_iter().for_each(|fault| sandbox.faults().once(fault));
    introduce(&sandbox, &calls, options.obliging)?;
    let faults = sandbox.faults();
    // Ends with the program: reading from a terminal cannot be interrupted.
    thread::spawn(move || work_the_keypad(&calls, &faults));
    let end = options.time.and_then(|time| Instant::now().checked_add(time));
    let mut seen = 0;
    loop {
        let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(());
        }
        for callback in sandbox.next_callbacks(&mut seen, left.min(Duration::from_secs(3600))) {
            report(&sandbox, &callback)?;
        }
    }
}

fn introduce(sandbox: &Sandbox, calls: &[Call], obliging: bool) -> io::Result<()> {
    let (base, account, token) = (sandbox.base_url(), sandbox.account_sid(), sandbox.auth_token());
    writeln!(
        io::stdout(),
        "Base URL        {base}\n\
         Account SID     {account}\n\
         Auth token      {token}\n\
         API key SID     {key}\n\
         API key secret  {secret}\n\
         Bearer token    {bearer}\n\
         Call SID        {call}\n\
         \n\
         Start a session:\n  \
         curl -u {account}:{token} -d IdempotencyKey=1 -d StatusCallback=http://127.0.0.1:9/ \\\n    \
         {base}/2010-04-01/Accounts/{account}/Calls/{call}/Payments.json\n\
         Ask for a card number, with the session's SID, and then type it here:\n  \
         curl -u {account}:{token} -d IdempotencyKey=2 -d StatusCallback=http://127.0.0.1:9/ \\\n    \
         -d Capture=payment-card-number {base}/2010-04-01/Accounts/{account}/Calls/{call}/Payments/PK….json\n\
         \n\
         {keypad}\n",
        key = sandbox.api_key_sid(),
        secret = sandbox.api_key_secret(),
        bearer = sandbox.access_token(),
        call = calls[0].sid(),
        keypad = if obliging {
            "The callers answer by themselves. Type ? to see what can be typed."
        } else {
            "Type the keys of the first call's caller here, or ? to see what else can be typed."
        },
    )
}

/// Presses the keys that are typed, and carries out commands.
fn work_the_keypad(calls: &[Call], faults: &Faults) {
    let mut typed = false;
    for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        typed = true;
        say!("{}", carry_out(&String::from_utf8_lossy(&line), &calls[0], faults));
    }
    if !typed {
        // Without a keypad, the callers could never answer.
        for call in calls {
            let _ = call.clone().obliging();
        }
    }
}

/// Carries out one line, and returns what to print.
fn carry_out(line: &str, call: &Call, faults: &Faults) -> String {
    let is_key = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | ' ' | '-');
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        ["h"] => {
            call.hang_up();
            "the call has ended".to_owned()
        }
        ["f", name] => fault(name).map_or_else(
            |error| error,
            |fault| {
                faults.once(fault);
                "the next request fails".to_owned()
            },
        ),
        ["f", name, step] => match (fault(name), target(step)) {
            (Err(error), _) => error,
            (_, None) => format!("unknown step {step:?}; expected create, capture, complete or cancel"),
            (Ok(fault), Some(target)) => {
                faults.aim(target, fault);
                format!("the next {step} fails")
            }
        },
        [_, ..] if line.trim().chars().all(is_key) && call.asking().is_none() => {
            "the caller is not being asked for anything".to_owned()
        }
        [_, ..] if line.trim().chars().all(is_key) => {
            call.press(line);
            "pressed".to_owned()
        }
        ["?"] => {
            HELP.lines().skip_while(|line| !line.starts_with("  4242")).take(8).collect::<Vec<_>>().join("\n")
        }
        _ => format!("neither keys nor a command: {:?} (? shows what can be typed)", line.trim()),
    }
}

fn target(step: &str) -> Option<FaultTarget> {
    Some(match step {
        "create" => FaultTarget::Create,
        "capture" => FaultTarget::Capture(1),
        "complete" => FaultTarget::Complete,
        "cancel" => FaultTarget::Cancel,
        _ => return None,
    })
}

/// Prints a callback, and what was charged if it is the last one.
fn report(sandbox: &Sandbox, callback: &RecordedCallback) -> io::Result<()> {
    let mut out = io::stdout();
    if callback.get("PartialResult") != Some("true") {
        let shown = |name| callback.get(name).filter(|value| !value.is_empty()).map(|value| (name, value));
        write!(out, "{}  callback", callback.session_sid)?;
        for (name, value) in
            ["Capture", "PartialResult", "ErrorType", "Required", "Result", "PayErrorCode", "PaymentError"]
                .into_iter()
                .filter_map(shown)
        {
            write!(out, " {name}={value}")?;
        }
        writeln!(out)?;
    }
    let ended = callback.get("Result").and_then(|_| sandbox.session(&callback.session_sid));
    if let Some(transaction) = ended.and_then(|session| session.transaction) {
        match (transaction.amount, &transaction.currency) {
            (Some(amount), Some(currency)) => {
                writeln!(out, "{}  charged {amount} {currency}", transaction.session_sid)?;
            }
            _ => writeln!(out, "{}  tokenized", transaction.session_sid)?,
        }
    }
    out.flush()
}
