//! The worker: finds the flows that are due, and carries out their next step.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use twilio_payments::{PaymentFlow, Step};

use super::Shop;
use super::common::{Failure, complain};
use super::store::FlowFile;

/// How often to look through the folder. With a database, query for the flows that are due instead.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn start(shop: &Arc<Shop>) {
    let shop = Arc::clone(shop);
    thread::spawn(move || {
        loop {
            if let Err(error) = look_through(&shop) {
                complain!("worker: {error}");
            }
            thread::sleep(PAUSE);
        }
    });
}

fn look_through(shop: &Arc<Shop>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(&shop.folder)? {
        let path = entry?.path();
        let Some(tag) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        // A file that cannot be read must not hold up the others.
        if let Err(error) = look_at(shop, shop.file(tag)) {
            complain!("worker: {}: {error}", path.display());
        }
    }
    Ok(())
}

fn look_at(shop: &Arc<Shop>, mut file: FlowFile) -> Result<(), Failure> {
    let Some(mut flow) = file.load()? else { return Ok(()) };
    // A flow whose request another process has begun is due only when that process counts as gone.
    if flow.due().is_none_or(|due| due > SystemTime::now()) {
        return Ok(());
    }
    let step = flow.next(SystemTime::now());
    match file.store(&flow) {
        // Another process was faster, so nothing is sent here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        stored => stored?,
    }
    let shop = Arc::clone(shop);
    thread::spawn(move || {
        if let Err(error) = send(&shop, &mut file, &flow, step) {
            complain!("worker: {error}");
        }
    });
    Ok(())
}

/// Sends the request of a step, and passes the response to the flow.
fn send(shop: &Shop, file: &mut FlowFile, flow: &PaymentFlow, step: Step) -> Result<(), Failure> {
    let key = flow.awaited_key();
    let response = match step {
        Step::Create(params) => shop.api.create_payments(flow.call_sid(), &params),
        Step::Update { sid, params } => shop.api.update_payments(flow.call_sid(), &sid, &params),
        Step::WaitUntil(_) | Step::Ended(_) => return Ok(()),
    };
    // Callbacks may have changed the stored flow meanwhile. It still awaits this response, unless this took so long
    // that another process has taken over.
    change(file, |flow| {
        if flow.awaited_key() == key {
            flow.on_response(&response);
        }
    })
}

/// Loads a flow, changes it, and stores it. Starts again if another process has stored the flow in between.
pub(crate) fn change(file: &mut FlowFile, mut change: impl FnMut(&mut PaymentFlow)) -> Result<(), Failure> {
    loop {
        let Some(mut flow) = file.load()? else { return Ok(()) };
        let revision = flow.revision();
        change(&mut flow);
        if flow.revision() == revision {
            return Ok(());
        }
        match file.store(&flow) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            stored => return stored.map_err(Into::into),
        }
    }
}
