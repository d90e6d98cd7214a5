//! Kills the program over and over while it takes a payment in the sandbox.

use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::Duration;

use twilio_payments::sandbox::Sandbox;

use super::common::{Failure, count, say};

/// How many milliseconds each of the first runs lives. The next one runs to its end.
const LIVES: [u64; 4] = [60, 120, 180, 240];

pub(crate) fn run() -> Result<(), Failure> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call().obliging();
    let folder = std::env::temp_dir().join(format!("crash_safe-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    // Every run listens on the same port, as behind a public URL.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let url = format!("http://{address}/");
    let mut lives = LIVES.iter();
    loop {
        let mut program = Command::new(std::env::current_exe()?)
            .arg(&folder)
            .args(["order-1066", "19.99", call.sid(), &address, &url])
            .env("SANDBOX_URL", sandbox.base_url())
            .env("TWILIO_ACCOUNT_SID", sandbox.account_sid())
            .env("TWILIO_AUTH_TOKEN", sandbox.auth_token())
            .env_remove("TWILIO_API_KEY")
            .env_remove("TWILIO_API_SECRET")
            .env_remove("TWILIO_REGION")
            .env_remove("TWILIO_EDGE")
            .spawn()?;
        if let Some(life) = lives.next() {
            thread::sleep(Duration::from_millis(*life));
            program.kill()?;
        }
        let ended = program.wait()?;
        if ended.success() {
            break;
        }
        say!("the program was killed; starting it again");
    }
    let sessions = count(sandbox.sessions().len(), "session");
    say!("{sessions}, {}", count(sandbox.transaction_count(), "transaction"));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
