//! The command line.

use std::net::SocketAddr;

use twilio_payments::{Amount, CreatePaymentsParams};

pub(crate) const HELP: &str = "\
Takes one card payment over a live phone call.

Usage: cargo run --example take_payment                                     in the sandbox
       cargo run --example take_payment -- [OPTIONS] CALL_SID CALLBACK_URL  with the real service

Without TWILIO_ACCOUNT_SID in the environment, or with --sandbox, everything runs on this machine: nothing is
charged. With the real service the card IS charged.

  CALL_SID          the live call whose caller pays, CA and 32 hex digits
  CALLBACK_URL      the public URL whose requests are forwarded to this program, by a tunnel or a proxy

  --amount AMOUNT   what to charge in US dollars (default: 19.99)
  --listen ADDRESS  where this program listens for those requests (default: 127.0.0.1:8080)
  --sandbox         use the sandbox whatever the environment says
  --help            show this text

Environment: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; TWILIO_API_KEY and TWILIO_API_SECRET to call with an
API key; TWILIO_REGION and TWILIO_EDGE.
";

pub(crate) struct Options {
    pub(crate) service: Service,
    pub(crate) amount: Amount,
}

pub(crate) enum Service {
    Sandbox,
    Real { call_sid: String, callback_url: String, listen: String },
}

impl Options {
    /// Nothing where help is wanted.
    pub(crate) fn read(
        mut arguments: impl Iterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let (mut amount, mut listen, mut sandbox) = ("19.99".to_owned(), "127.0.0.1:8080".to_owned(), false);
        let mut places = Vec::new();
        while let Some(argument) = arguments.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) if matches!(name, "--amount" | "--listen") => {
                    (name, Some(value.to_owned()))
                }
                _ => (argument.as_str(), None),
            };
            let mut value =
                || inline.clone().or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"));
            match name {
                "--help" | "-h" => return Ok(None),
                "--sandbox" => sandbox = true,
                "--amount" => amount = value()?,
                "--listen" => listen = value()?,
                _ if name.starts_with('-') => return Err(format!("unknown option {name:?}")),
                _ => places.push(argument),
            }
        }
        let amount = amount.parse().map_err(|error| format!("--amount: {error}"))?;
        let account_sid = environment("TWILIO_ACCOUNT_SID").filter(|value| !value.is_empty());
        let service = match (account_sid, places.as_slice()) {
            (_, [_, ..]) if sandbox => return Err("the sandbox has its own call and URL".to_owned()),
            (_, []) if sandbox => Service::Sandbox,
            (None, []) => Service::Sandbox,
            (None, _) => {
                return Err(
                    "TWILIO_ACCOUNT_SID is not set, so there is no service to use these for".to_owned()
                );
            }
            (Some(_), [call_sid, callback_url]) => {
                check_call_sid(call_sid)?;
                // What the client would refuse, it refuses here, before anything is shown.
                let params = CreatePaymentsParams::new(callback_url).to_form();
                params.map_err(|error| format!("CALLBACK_URL: {error}"))?;
                if !callback_url.starts_with("http") {
                    return Err("CALLBACK_URL is no http(s) URL".to_owned());
                }
                listen
                    .parse::<SocketAddr>()
                    .map_err(|_| format!("--listen: {listen:?} is not ADDRESS:PORT"))?;
                Service::Real { call_sid: call_sid.clone(), callback_url: callback_url.clone(), listen }
            }
            (Some(_), _) => return Err("the real service needs CALL_SID and CALLBACK_URL".to_owned()),
        };
        Ok(Some(Self { service, amount }))
    }
}

fn check_call_sid(sid: &str) -> Result<(), String> {
    let hex =
        sid.strip_prefix("CA").filter(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    hex.map(|_| ()).ok_or_else(|| "CALL_SID is not CA and 32 hex digits".to_owned())
}
