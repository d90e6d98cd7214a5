//! `GuidedPayment`: a flow, a client and a listener in one loop.

mod driver;
mod stopper;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::callback::StatusCallback;
use crate::client::PaymentsApi;
use crate::flow::{Ending, PaymentFlow, Step};
use crate::listener::{CallbackHandler, CallbackListener};
use crate::model::PaymentsStatus;
use driver::{Driver, Observer, Store};
use stopper::Stop;

pub use stopper::PaymentStopper;

/// How long one request to cancel a session may take, if the client's own deadline is not shorter.
const CANCEL_TIME: Duration = Duration::from_secs(10);

/// How long the caller types before a connection for the next request is opened, if there is none that is idle:
/// a server or a router on the way may have closed the last one.
const QUIET_TIME: Duration = Duration::from_secs(20);

/// How long that may take. A callback that arrives meanwhile waits for the connection, as its request would.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Takes one payment from its first request to its ending.
///
/// It drives a [`PaymentFlow`]: it sends the requests that the flow returns with the client, and passes the
/// callbacks that the listener receives to the flow, until the flow has ended.
///
/// ```
/// use twilio_payments::{
///     CallbackListener, CreatePaymentsParams, GuidedPayment, PaymentEnding, PaymentFlow, SignatureValidator,
/// };
/// # use twilio_payments::sandbox::Sandbox;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = Sandbox::start()?;
/// # let (api, call) = (sandbox.client(), sandbox.call().obliging());
/// # let auth_token = sandbox.auth_token();
/// let listener = CallbackListener::local(SignatureValidator::new(auth_token)?)?;
/// let params = CreatePaymentsParams::new(listener.status_callback_url()).charge_amount("19.99".parse()?);
/// let flow = PaymentFlow::new(call.sid(), params)?;
///
/// let ending = GuidedPayment::new(&api, &listener, flow)
///     .on_callback(|callback| println!("{:?}", callback.event()))
///     .run()?;
/// match ending.payment {
///     PaymentEnding::Paid { confirmation_code, .. } => println!("paid: {confirmation_code:?}"),
///     PaymentEnding::NotPaid(reason) => println!("certainly not paid by this flow: {reason}"),
///     other => println!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # If the program dies
/// With a [`store`](Self::store), another process goes on: load the flow that was stored last, and pass it to
/// `new` instead of a new one. Without a store, a payment that was under way is lost with the process, although
/// the service may still carry it out. A new flow with the same key cannot go on with it, since it does not know
/// what the first one did: it may report [`NotPaid`](crate::PaymentEnding::NotPaid) of itself although the first
/// one was paid.
///
/// Until `run` begins, the listener keeps this payment's callbacks in memory, and acknowledges them. So call it
/// soon after binding the listener: what was acknowledged before dies with the program, and the payment then ends
/// as unknown.
///
/// # Callbacks
/// The flow receives a callback, and is stored, on the thread of the listener's connection, even while a
/// request is under way; only then is the callback acknowledged. If storing fails, it is answered 500, and
/// sent again if its URL asks for that, as
/// [`status_callback_url`](CallbackListener::status_callback_url) does.
///
/// Callbacks that arrive after `run` has returned are the listener's again. One of them can settle an ending
/// that was unknown: if the flow was stored, load it, pass the callback to [`PaymentFlow::on_callback`], and store it.
///
/// # Stopping
/// [`PaymentStopper::stop`] is the way to stop payments: each cancels its session, or waits for its result if
/// the session may have been completed. [`CallbackListener::shutdown`] does the same, but no result can
/// arrive any more: such a payment ends as unknown at once. After [`PaymentsApi::shutdown`] no session can be
/// cancelled; the ending then says that it is perhaps open.
///
/// Cancelling is a step like the others, with at most three requests of 10 s each, or of the client's timeout
/// if that is shorter. Dropping a `GuidedPayment` sends nothing: it has no session before `run`, and `run` leaves
/// none open that it could cancel, unless the store fails.
#[must_use = "nothing happens until `run` is called"]
pub struct GuidedPayment<'a, E = Infallible> {
    api: &'a PaymentsApi,
    listener: &'a CallbackListener,
    flow: PaymentFlow,
    stopper: PaymentStopper,
    /// In a Mutex only to be Sync; so is the observer.
    store: Mutex<Store<E>>,
    observer: Mutex<Observer>,
}

impl<'a> GuidedPayment<'a> {
    /// A payment that a flow begins or, if it was stored before, goes on with. The `StatusCallback` in the
    /// flow's params must lead to the listener: usually it is its
    /// [`status_callback_url`](CallbackListener::status_callback_url).
    pub fn new(api: &'a PaymentsApi, listener: &'a CallbackListener, flow: PaymentFlow) -> Self {
        Self {
            api,
            listener,
            flow,
            stopper: PaymentStopper::new(),
            store: Mutex::new(Box::new(|_| Ok(()))),
            observer: Mutex::new(Box::new(|_| {})),
        }
    }
}

impl<'a, E: Send + 'static> GuidedPayment<'a, E> {
    /// Sets what stores the flow: before each request, after each callback, and with its ending. Default: it is
    /// not stored.
    ///
    /// The closure is called by one thread at a time, on the thread of `run` or of a connection of the
    /// listener's. It must return after the flow is stored for good, and must return an error if what is stored
    /// is not the flow's predecessor; see [`PaymentFlow::revision`]. After an error nothing is sent any more,
    /// and `run` returns it; after a panic, `run` panics.
    pub fn store<F: Send + 'static>(
        self,
        store: impl FnMut(&PaymentFlow) -> Result<(), F> + Send + 'static,
    ) -> GuidedPayment<'a, F> {
        let Self { api, listener, flow, stopper, observer, .. } = self;
        GuidedPayment { api, listener, flow, stopper, store: Mutex::new(Box::new(store)), observer }
    }

    /// Sets what sees each callback of the payment, the last one included, after the flow was stored with it
    /// and before anything is done about it. Default: nothing does.
    ///
    /// The closure is called by one thread at a time, on the threads of the listener's connections. The payment
    /// waits for it to return. A panic in it is logged, and the payment goes on.
    pub fn on_callback(mut self, see: impl FnMut(&StatusCallback) + Send + 'static) -> Self {
        self.observer = Mutex::new(Box::new(see));
        self
    }

    /// Sets what can stop the payment while it runs. Default: only the listener's shutdown does.
    pub fn stopper(mut self, stopper: &PaymentStopper) -> Self {
        self.stopper = stopper.clone();
        self
    }

    /// Takes the payment, and returns how it ended. Whatever goes wrong with requests and callbacks is in the
    /// [`Ending`].
    ///
    /// While the caller types, a connection is kept open for the next request, as by [`PaymentsApi::connect`].
    ///
    /// # Errors
    /// Returns the error of the [`store`](Self::store), if it returned one. The payment is then as it was
    /// stored last: nothing was sent that was not stored before. Go on with that flow.
    pub fn run(self) -> Result<Ending, E> {
        let store = self.store.into_inner().unwrap_or_else(PoisonError::into_inner);
        let observer = self.observer.into_inner().unwrap_or_else(PoisonError::into_inner);
        let call_sid = self.flow.call_sid().to_owned();
        let cancelling = self.api.with_timeout_at_most(CANCEL_TIME);
        let driver = Arc::new(Driver::new(self.flow, store, observer));
        let payment: Weak<dyn Stop> = Arc::downgrade(&(Arc::clone(&driver) as Arc<dyn Stop>));
        self.stopper.add(payment);
        let handler: Arc<dyn CallbackHandler> = Arc::clone(&driver) as Arc<dyn CallbackHandler>;
        // It fails if the store does, which the driver then returns.
        let registration = self.listener.register(&handler);
        let mut quiet = None;
        let ending = loop {
            match driver.next(quiet)? {
                Step::Create(params) => driver.on_response(self.api.create_payments(&call_sid, &params)),
                Step::Update { sid, params } => {
                    quiet = params.capture.is_some().then_some(QUIET_TIME);
                    let cancels = params.status == Some(PaymentsStatus::Cancel);
                    let api = if cancels { &cancelling } else { self.api };
                    driver.on_response(api.update_payments(&call_sid, &sid, &params));
                }
                // If it fails, the next request tries by itself.
                Step::WaitUntil(_) => drop(self.api.connect(CONNECT_TIME)),
                Step::Ended(ending) => break ending,
            }
        };
        drop(registration);
        // A callback that was handled meanwhile may have corrected it.
        Ok(driver.finish().unwrap_or(ending))
    }
}

impl<E> fmt::Debug for GuidedPayment<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuidedPayment").field("flow", &self.flow).finish_non_exhaustive()
    }
}
