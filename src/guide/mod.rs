//! `GuidedPayment`: a flow, a client and a listener in one loop.

mod driver;
mod stopper;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::callback::StatusCallback;
use crate::client::PaymentsApi;
use crate::flow::{Ending, PaymentFlow, Step};
use crate::listener::{CallbackHandler, CallbackListener};
use crate::model::PaymentsStatus;
use driver::{Driver, Observer, Store};

pub use stopper::PaymentStopper;

/// How long one request to cancel a session may take, if the client's own deadline is not shorter.
const CANCEL_TIME: Duration = Duration::from_secs(10);

/// How long no callback arrives, while the caller is to type, before a connection for the next request is opened if
/// none is idle: the server or a router may have closed the last one.
const QUIET_TIME: Duration = Duration::from_secs(20);

/// How long opening that connection may take. A callback that arrives meanwhile waits for it, as its request would.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Takes one payment from its first request to its ending.
///
/// It runs a [`PaymentFlow`] with a client and a listener: until the flow has ended, it sends the requests that the
/// flow returns, and passes responses and callbacks to the flow.
///
/// ```
/// # #[cfg(feature = "sandbox")] {
/// use twilio_payments::{
///     CallbackListener, CreatePaymentsParams, GuidedPayment, PaymentEnding, PaymentFlow, SignatureValidator,
/// };
/// # use twilio_payments::sandbox::Sandbox;
///
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
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # If the program dies
/// With a [`store`](Self::store), another process can continue the payment: load the flow that was stored last, and
/// pass it to `new` instead of a new one. Without a store, a payment that was under way is lost with the process,
/// although the service may still carry it out. A new flow with the same key does not replace it, since it does not
/// know what the first one did: it may end as [`NotPaid`](crate::PaymentEnding::NotPaid) although the first one was
/// paid.
///
/// Until `run` begins, the listener acknowledges this payment's callbacks and keeps them in memory. So call `run` soon
/// after binding the listener: if the program dies before that, these callbacks are lost, and the payment may end as
/// unknown.
///
/// # Callbacks
/// A callback is acknowledged only after it was passed to the flow and the flow was stored. Both happen on the thread
/// of the listener's connection, even while a request is under way. If storing fails, the callback gets a 500 response,
/// and the service sends it again if its URL asks for that, as
/// [`status_callback_url`](CallbackListener::status_callback_url) does.
///
/// After `run` has returned, callbacks stay in the listener, to be read with [`recv`](CallbackListener::recv). One of
/// them can settle an ending that was unknown: if the flow was stored, load it, pass the callback to
/// [`PaymentFlow::on_callback`], and store the flow.
///
/// # Stopping
/// To stop payments, call [`PaymentStopper::stop`]: each payment cancels its session, or waits for the result if the
/// session may have been completed. [`CallbackListener::shutdown`] does the same, but since no result can arrive any
/// more, a payment whose session may have been completed ends as unknown at once. After [`PaymentsApi::shutdown`] no
/// session can be cancelled, and the ending reports that the session may be open.
///
/// Cancelling takes at most three requests of 10 s each, or of the client's timeout if that is shorter. Dropping a
/// `GuidedPayment` sends nothing: there is no session before `run`, and before it returns, `run` cancels any session
/// that may still be cancelled, unless the store fails.
#[must_use = "nothing happens until `run` is called"]
pub struct GuidedPayment<'a, E = Infallible> {
    api: &'a PaymentsApi,
    listener: &'a CallbackListener,
    flow: PaymentFlow,
    stopper: PaymentStopper,
    /// In a `Mutex` only so that this type is `Sync`; so is the observer.
    store: Mutex<Store<E>>,
    observer: Mutex<Observer>,
}

impl<'a> GuidedPayment<'a> {
    /// Makes a payment from a new flow, or from a stored one to continue it. The `StatusCallback` in the flow's
    /// params must lead to the listener: usually it is the listener's
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
    /// Sets a closure that stores the flow before each request, after each callback, and when it has ended. Default:
    /// the flow is not stored.
    ///
    /// The closure is called by one thread at a time: that of `run`, or that of one of the listener's connections. It
    /// must not return `Ok` before the flow is stored durably, and must return an error if another process has stored
    /// the flow since it was loaded; see [`PaymentFlow::revision`]. If it returns an error, nothing more is sent, and
    /// `run` returns the error. If it panics, `run` panics.
    pub fn store<F: Send + 'static>(
        self,
        store: impl FnMut(&PaymentFlow) -> Result<(), F> + Send + 'static,
    ) -> GuidedPayment<'a, F> {
        let Self { api, listener, flow, stopper, observer, .. } = self;
        GuidedPayment { api, listener, flow, stopper, store: Mutex::new(Box::new(store)), observer }
    }

    /// Sets a closure that is called with each callback of the payment, after the flow was stored with it and before
    /// the next step. Default: none.
    ///
    /// The closure is called by one thread at a time, on the threads of the listener's connections. The payment
    /// waits for it to return. A panic in it is logged, and the payment goes on.
    pub fn on_callback(mut self, see: impl FnMut(&StatusCallback) + Send + 'static) -> Self {
        self.observer = Mutex::new(Box::new(see));
        self
    }

    /// Sets a stopper, with which the payment can be stopped while it runs. Default: none.
    pub fn stopper(mut self, stopper: &PaymentStopper) -> Self {
        self.stopper = stopper.clone();
        self
    }

    /// Takes the payment, and returns how it ended. If requests fail, the [`Ending`] reports it.
    ///
    /// If 20 s pass without a callback while the caller is to type, a connection for the next request is opened unless
    /// one is idle, as by [`PaymentsApi::connect`].
    ///
    /// # Errors
    /// Returns the error of the [`store`](Self::store) if it returned one. No request was sent that was not stored
    /// before, so continue with the flow that was stored last.
    ///
    /// # Panics
    /// Panics if the [`store`](Self::store) panics.
    pub fn run(self) -> Result<Ending, E> {
        let store = self.store.into_inner().unwrap_or_else(PoisonError::into_inner);
        let observer = self.observer.into_inner().unwrap_or_else(PoisonError::into_inner);
        let call_sid = self.flow.call_sid().to_owned();
        let cancelling = self.api.with_timeout_at_most(CANCEL_TIME);
        let driver = Arc::new(Driver::new(self.flow, store, observer));
        self.stopper.add(&(Arc::clone(&driver) as _));
        let handler: Arc<dyn CallbackHandler> = Arc::clone(&driver) as _;
        // If this fails, so did the store, and the driver returns the store's error.
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
                // If this fails, the next request opens a connection itself.
                Step::WaitUntil(_) => drop(self.api.connect(CONNECT_TIME)),
                Step::Ended(ending) => break ending,
            }
        };
        drop(registration);
        // A callback that was handled meanwhile may have corrected the ending.
        Ok(driver.finish().unwrap_or(ending))
    }
}

impl<E> fmt::Debug for GuidedPayment<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuidedPayment").field("flow", &self.flow).finish_non_exhaustive()
    }
}
