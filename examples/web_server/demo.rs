//! Two servers that share a folder, with the sandbox as the service. The first begins the payments, the second receives
//! the callbacks, and the first is killed in the middle.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use twilio_payments::sandbox::Sandbox;

use super::common::{Failure, count, say};

const ORDERS: usize = 3;

struct Running {
    process: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

pub(crate) fn run() -> Result<(), Failure> {
    let sandbox = Sandbox::start()?;
    let folder = std::env::temp_dir().join(format!("web_server-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let second = start(&sandbox, &folder, &address, &format!("http://{address}"))?;
    let other = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let first = start(&sandbox, &folder, &other, &second.url)?;

    for order in 0..ORDERS {
        let call = sandbox.call().obliging();
        let url = format!("{}/orders/order-{order}?call={}&amount=19.99", first.url, call.sid());
        say!("order-{order}: {}", until_it_answers(|| ureq::post(&url).send_empty())?);
    }
    thread::sleep(Duration::from_millis(400));
    drop(first);
    say!("the first server was killed");

    let deadline = Instant::now() + Duration::from_secs(120);
    for order in 0..ORDERS {
        let url = format!("{}/orders/order-{order}", second.url);
        loop {
            let text = until_it_answers(|| ureq::get(&url).call())?;
            if text.starts_with("ended") || Instant::now() > deadline {
                say!("order-{order}: {text}");
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    let sessions = count(sandbox.sessions().len(), "session");
    say!("{sessions}, {}", count(sandbox.transaction_count(), "transaction"));
    drop(second);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn start(sandbox: &Sandbox, folder: &Path, address: &str, url: &str) -> Result<Running, Failure> {
    let process = Command::new(std::env::current_exe()?)
        .arg(folder)
        .args([address, url])
        .env("SANDBOX_URL", sandbox.base_url())
        .env("TWILIO_ACCOUNT_SID", sandbox.account_sid())
        .env("TWILIO_AUTH_TOKEN", sandbox.auth_token())
        .env_remove("TWILIO_API_KEY")
        .env_remove("TWILIO_API_SECRET")
        .env_remove("TWILIO_REGION")
        .env_remove("TWILIO_EDGE")
        .spawn()?;
    Ok(Running { process, url: format!("http://{address}") })
}

/// Repeats a request until there is a response: at first the process may not listen yet.
fn until_it_answers(
    mut request: impl FnMut() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<String, Failure> {
    for _ in 0..100 {
        if let Ok(mut response) = request() {
            return Ok(response.body_mut().read_to_string()?);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("the server does not respond".into())
}
