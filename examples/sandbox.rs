//! Serves the sandbox as a program of its own, so that a program in any language can be tried against it.
//!
//! ```text
//! cargo run --example sandbox -- --port 8080
//! ```
//!
//! The official clients need nothing but its base URL and the credentials that it prints:
//!
//! ```text
//! Python:   client = Client(account_sid, auth_token); client.api.base_url = "http://127.0.0.1:8080"
//! Node.js:  client = twilio(accountSid, authToken);   client.api.baseUrl = "http://127.0.0.1:8080"
//! ```

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use twilio_payments::sandbox::{Sandbox, Session};

const HELP: &str = "\
Serves Twilio's Payments API on loopback: no account, no telephone, nothing real is charged.

Usage: cargo run --example sandbox -- [--port PORT] [--seconds SECONDS] [--obliging]

The keypad of the caller is this program's standard input: what is typed there, the caller presses. Where it is
closed from the start, the caller answers by himself. Status callbacks go to http URLs on loopback only, signed with the auth token.

  --port PORT        port on 127.0.0.1 (default: a free one)
  --seconds SECONDS  stop after this time (default: run until interrupted)
  --obliging         the caller answers by himself, with good test values
  --help             show this text
";

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("sandbox: {error} (--help shows the options)");
            return ExitCode::from(2);
        }
    };
    match serve(&options) {
        // Whoever read the output has had enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

#[derive(Default)]
struct Options {
    port: u16,
    seconds: Option<u64>,
    obliging: bool,
}

impl Options {
    /// Nothing where help is wanted.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if matches!(name, "--help" | "-h") {
                return Ok(None);
            }
            if argument == "--obliging" {
                options.obliging = true;
                continue;
            }
            if !matches!(name, "--port" | "--seconds") {
                return Err(format!("unknown argument {argument:?}"));
            }
            let value = inline.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{name} {value:?} is not a number in its range");
            if name == "--port" {
                options.port = value.parse().map_err(|_| wrong())?;
            } else {
                options.seconds = Some(value.parse().map_err(|_| wrong())?);
            }
        }
        Ok(Some(options))
    }
}

fn serve(options: &Options) -> io::Result<()> {
    let sandbox = Sandbox::builder().port(options.port).start()?;
    let call = if options.obliging { sandbox.call().obliging() } else { sandbox.call() };
    let keypad = call.clone();
    // Ends with the program: reading from a terminal cannot be interrupted.
    thread::spawn(move || {
        let mut typed = false;
        for keys in io::stdin().lock().split(b'\n').map_while(Result::ok) {
            typed = true;
            keypad.press(&String::from_utf8_lossy(&keys));
        }
        if !typed {
            // There is no keypad: without this the caller could never answer.
            let _ = keypad.obliging();
        }
    });
    let (base, account, token) = (sandbox.base_url(), sandbox.account_sid(), sandbox.auth_token());
    let mut out = io::stdout();
    writeln!(
        out,
        "Base URL     {base}\n\
         Account SID  {account}\n\
         Auth token   {token}\n\
         Call SID     {call}\n\
         \n\
         Start a session:\n  \
         curl -u {account}:{token} -d IdempotencyKey=1 -d StatusCallback=http://127.0.0.1:9/ \\\n    \
         {base}/2010-04-01/Accounts/{account}/Calls/{call}/Payments.json\n\
         Ask for a piece, with the session's SID, and then type it here:\n  \
         curl -u {account}:{token} -d IdempotencyKey=2 -d StatusCallback=http://127.0.0.1:9/ \\\n    \
         -d Capture=payment-card-number {base}/2010-04-01/Accounts/{account}/Calls/{call}/Payments/PK….json\n",
        call = call.sid(),
    )?;
    let end = options.seconds.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let (mut told, mut transactions, mut callbacks) = (Vec::new(), 0, 0);
    loop {
        let sessions = sandbox.sessions();
        for (index, session) in sessions.iter().enumerate() {
            tell(&mut out, told.get(index), session)?;
        }
        for transaction in sandbox.transactions().iter().skip(transactions) {
            transactions += 1;
            match (transaction.amount, &transaction.currency) {
                (Some(amount), Some(currency)) => {
                    writeln!(out, "{}  charged {amount} {currency}", transaction.session_sid)?;
                }
                _ => writeln!(out, "{}  tokenized", transaction.session_sid)?,
            }
        }
        for callback in sandbox.all_callbacks().iter().skip(callbacks) {
            callbacks += 1;
            let say = |name| {
                callback.get(name).filter(|value| !value.is_empty()).map(|value| format!(" {name}={value}"))
            };
            let shown: String = ["Capture", "PartialResult", "ErrorType", "Required", "Result"]
                .into_iter()
                .filter_map(say)
                .collect();
            if callback.get("PartialResult") != Some("true") {
                writeln!(out, "{}  callback{shown}", callback.session())?;
            }
        }
        told = sessions;
        out.flush()?;
        let pause = Duration::from_millis(50);
        match end.map(|end| end.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return Ok(()),
            Some(left) => thread::sleep(left.min(pause)),
            None => thread::sleep(pause),
        }
    }
}

/// Says what happened to a session since it was last looked at.
fn tell(out: &mut impl Write, before: Option<&Session>, now: &Session) -> io::Result<()> {
    if before.is_none() {
        writeln!(out, "{}  started", now.sid)?;
    }
    for capture in now.captures.iter().skip(before.map_or(0, |before| before.captures.len())) {
        writeln!(out, "{}  asked for {capture}", now.sid)?;
    }
    if let Some(result) = now.result.as_ref().filter(|_| before.is_none_or(Session::is_open)) {
        writeln!(out, "{}  ended: {result}", now.sid)?;
    }
    Ok(())
}
