//! The command line.

use std::net::SocketAddr;

use twilio_payments::{Amount, CreatePaymentsParams};

use super::common::{Failure, usage};

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
    pub(crate) fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut arguments = arguments.iter().cloned();
        let (mut amount, mut listen, mut sandbox) = ("19.99".to_owned(), "127.0.0.1:8080".to_owned(), false);
        let mut places = Vec::new();
        while let Some(argument) = arguments.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) if matches!(name, "--amount" | "--listen") => {
                    (name, Some(value.to_owned()))
                }
                _ => (argument.as_str(), None),
            };
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| arguments.next())
                    .ok_or_else(|| usage(format!("{name} needs a value")))
            };
            match name {
                "--sandbox" => sandbox = true,
                "--amount" => amount = value()?,
                "--listen" => listen = value()?,
                _ if name.starts_with('-') => return Err(usage(format!("unknown option {name:?}"))),
                _ => places.push(argument),
            }
        }
        let amount = amount.parse().map_err(|error| usage(format!("--amount: {error}")))?;
        let account_sid = std::env::var("TWILIO_ACCOUNT_SID").ok().filter(|value| !value.is_empty());
        let service = match (account_sid, places.as_slice()) {
            (_, [_, ..]) if sandbox => {
                return Err(usage("--sandbox takes no CALL_SID and CALLBACK_URL: the sandbox has its own"));
            }
            (_, []) if sandbox => Service::Sandbox,
            (None, []) => Service::Sandbox,
            (None, _) => {
                return Err(usage("TWILIO_ACCOUNT_SID must be set to use CALL_SID and CALLBACK_URL"));
            }
            (Some(_), [call_sid, callback_url]) => {
                check_call_sid(call_sid)?;
                // Checked here, before anything is shown, and not only by the client.
                let params = CreatePaymentsParams::new(callback_url).to_form();
                params.map_err(|error| usage(format!("CALLBACK_URL: {error}")))?;
                if !callback_url.starts_with("http") {
                    return Err(usage("CALLBACK_URL is not an http or https URL"));
                }
                listen
                    .parse::<SocketAddr>()
                    .map_err(|_| usage(format!("--listen: {listen:?} is not ADDRESS:PORT")))?;
                Service::Real { call_sid: call_sid.clone(), callback_url: callback_url.clone(), listen }
            }
            (Some(_), _) => {
                return Err(usage(
                    "the real service needs CALL_SID and CALLBACK_URL; --sandbox needs neither",
                ));
            }
        };
        Ok(Self { service, amount })
    }
}

fn check_call_sid(sid: &str) -> Result<(), Failure> {
    let hex =
        sid.strip_prefix("CA").filter(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    hex.map(|_| ()).ok_or_else(|| usage("CALL_SID must be CA and 32 hex digits"))
}
