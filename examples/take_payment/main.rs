//! Takes one card payment and shows both sides of it: what the agent's program sends and hears, and, in the
//! sandbox, what the caller types.
//!
//! ```text
//! cargo run --example take_payment
//! ```

mod caller;
mod options;
mod screen;

use std::process::ExitCode;
use std::time::Duration;

use options::{Options, Service};
use screen::Screen;
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    Amount, CallbackListener, Capture, CreatePaymentsParams, Error, Event, Outcome, PaymentsApi,
    SessionCallbacks, SignatureValidator, StatusCallback, UpdatePaymentsParams,
};

/// How long the caller may take for one piece, and the service for the result.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often a piece is asked for.
const TRIES: u32 = 3;

const PIECES: [Capture; 4] =
    [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1), |name| std::env::var(name).ok()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("take_payment: {error} (--help shows the options)");
            return ExitCode::from(2);
        }
    };
    let paid = match &options.service {
        Service::Sandbox => in_sandbox(options.amount),
        Service::Real { call_sid, callback_url, listen } => {
            for_real(call_sid, callback_url, listen, options.amount)
        }
    };
    match paid {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("take_payment: {error}");
            if let Some(error) =
                error.downcast_ref::<Error>().filter(|error| error.outcome() == Outcome::Unknown)
            {
                eprintln!("  idempotency key: {}", error.idempotency_key().unwrap_or("none"));
            }
            ExitCode::FAILURE
        }
    }
}

/// Everything on this machine: the service, the caller, and the receiver of its callbacks.
fn in_sandbox(amount: Amount) -> Result<bool, Failure> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
    let caller = caller::spawn(call.clone());
    let screen = Screen::new(Some(caller.keypad()));
    screen.line(&format!("This runs in the sandbox at {}.", sandbox.base_url()));
    screen.line("Nothing is charged; the caller is simulated, and mistypes the card number once.\n");
    let agent = Agent {
        api: sandbox.client(),
        listener,
        account_sid: sandbox.account_sid().to_owned(),
        call_sid: call.sid().to_owned(),
        screen,
    };
    let paid = agent.take(amount)?;
    agent.screen.line(&format!("The sandbox counts {} transaction(s).", sandbox.transaction_count()));
    call.hang_up();
    caller.join();
    Ok(paid)
}

/// The real service, on a live call.
fn for_real(call_sid: &str, callback_url: &str, listen: &str, amount: Amount) -> Result<bool, Failure> {
    let api = PaymentsApi::from_env()?;
    // Callbacks are signed with the auth token, also where the client uses an API key.
    let auth_token = std::env::var("TWILIO_AUTH_TOKEN")
        .map_err(|_| "TWILIO_AUTH_TOKEN is not set: the callbacks' signatures need it")?;
    let listener = CallbackListener::bind(listen, callback_url, SignatureValidator::new(auth_token)?)?;
    let screen = Screen::new(None);
    screen.line(&format!("Listening on {listen} for what {callback_url} receives.\n"));
    let agent = Agent {
        api,
        listener,
        account_sid: std::env::var("TWILIO_ACCOUNT_SID")?,
        call_sid: call_sid.to_owned(),
        screen,
    };
    agent.take(amount)
}

/// The agent's side.
struct Agent {
    api: PaymentsApi,
    listener: CallbackListener,
    account_sid: String,
    call_sid: String,
    screen: Screen,
}

impl Agent {
    /// Takes the payment; whether it was made. Whatever goes wrong, no session stays open.
    fn take(&self, amount: Amount) -> Result<bool, Failure> {
        let start = CreatePaymentsParams::new(self.listener.public_url())
            .charge_amount(amount)
            .currency("USD")
            .description("an example's payment");
        self.screen.request(&self.path(None), &start.to_form()?);
        let created = self.api.create_payments_with_metadata(&self.call_sid, &start)?;
        self.screen.answer(&created);
        let sid = created.payments.sid;
        let callbacks = self.listener.session(&sid)?;
        self.converse(&sid, &callbacks).inspect_err(|_| {
            // Where the session is over already, this is refused: the error that is shown is the one that matters.
            let _ = self.update(&sid, &UpdatePaymentsParams::new_cancel(self.listener.public_url()));
        })
    }

    /// Asks for one piece after another, and completes.
    fn converse(&self, sid: &str, callbacks: &SessionCallbacks) -> Result<bool, Failure> {
        let url = self.listener.public_url();
        for capture in PIECES {
            match self.ask_for(sid, callbacks, &capture)? {
                Asked::Given => {}
                Asked::GivenUp => {
                    self.update(sid, &UpdatePaymentsParams::new_cancel(url))?;
                    self.screen.line(&format!("  ✗ {capture} was not given in {TRIES} tries: cancelled\n"));
                    return Ok(false);
                }
                Asked::Over(last) => return Ok(self.screen.ended(&last)),
            }
        }
        self.update(sid, &UpdatePaymentsParams::new_complete(url))?;
        loop {
            let callback = callbacks.recv_timeout(PATIENCE)?;
            if callback.is_final() {
                return Ok(self.screen.ended(&callback));
            }
        }
    }

    /// Asks the caller for a piece until it is in.
    fn ask_for(&self, sid: &str, callbacks: &SessionCallbacks, capture: &Capture) -> Result<Asked, Failure> {
        for _ in 0..TRIES {
            let ask = UpdatePaymentsParams::new_capture(self.listener.public_url(), capture.clone());
            self.update(sid, &ask)?;
            loop {
                let callback = callbacks.recv_timeout(PATIENCE)?;
                match callback.event() {
                    Event::Typing { shown, .. } => self.screen.typing(shown.unwrap_or_default()),
                    Event::Captured { capture: given, shown, .. } if given == capture => {
                        let required = callback.required().unwrap_or_default();
                        self.screen.captured(capture, shown.unwrap_or_default(), required);
                        return Ok(Asked::Given);
                    }
                    Event::CaptureFailed { reason, .. } => {
                        self.screen.refused(capture, reason);
                        break;
                    }
                    _ if callback.is_final() => return Ok(Asked::Over(Box::new(callback))),
                    _ => {}
                }
            }
        }
        Ok(Asked::GivenUp)
    }

    fn update(&self, sid: &str, params: &UpdatePaymentsParams) -> Result<(), Failure> {
        self.screen.request(&self.path(Some(sid)), &params.to_form()?);
        let updated = self.api.update_payments_with_metadata(&self.call_sid, sid, params)?;
        self.screen.answer(&updated);
        Ok(())
    }

    fn path(&self, sid: Option<&str>) -> String {
        let payments = sid.map_or_else(|| "Payments.json".to_owned(), |sid| format!("Payments/{sid}.json"));
        format!("/2010-04-01/Accounts/{}/Calls/{}/{payments}", self.account_sid, self.call_sid)
    }
}

/// What came of asking.
enum Asked {
    Given,
    GivenUp,
    /// The service ended the session, as when the caller hangs up.
    Over(Box<StatusCallback>),
}
