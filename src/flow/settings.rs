//! Making a flow, and its settings.

use std::time::Duration;

use serde_json::{Map, Value};

use super::state::{FlowLimits, State};
use super::{PaymentFlow, ReferencePlace, captures, tag, whole_millis};
use crate::error::Error;
use crate::model::sid;
use crate::params::CreatePaymentsParams;

impl PaymentFlow {
    /// Makes the flow of a payment on a live call, with the parameters of its session. Nothing is sent yet.
    ///
    /// The idempotency key of the params is the payment's [key](Self::key). If the flow is stored, derive the key from
    /// what is paid for, such as `order-1066`, and use it for one flow only. To try again after an ending that allows
    /// it, make a new flow with a new key, such as `order-1066-2`.
    ///
    /// If [`CreatePaymentsParams::new`] made the key and the params were ever cloned, the flow gets a key of its own,
    /// so that flows made from one template are different payments: record the flow's key, not that of the params.
    ///
    /// # Errors
    /// Returns an error if `call_sid` is not `CA` and 32 hex digits, if the params' `account_sid` is not `AC` and 32
    /// hex digits, if [`CreatePaymentsParams::to_form`] reports an invalid parameter, or if the query of the
    /// `StatusCallback` already has a parameter `payment_flow`.
    pub fn new(call_sid: impl Into<String>, params: CreatePaymentsParams) -> Result<Self, Error> {
        let (call_sid, params) = (call_sid.into(), params.for_one_payment());
        sid::check("CallSid", "CA", &call_sid)?;
        params.to_form()?;
        if let Some(account_sid) = &params.account_sid {
            sid::check("PathAccountSid", "AC", account_sid)?;
        }
        if tag::is_tagged(&params.status_callback) {
            return Err(Error::invalid("StatusCallback", "has a query parameter payment_flow"));
        }
        let limits = FlowLimits { max_asks: 3, capture_timeout: 120_000, result_timeout: 60_000 };
        let state = State { left: captures::expected(&params), ..State::default() };
        let place = ReferencePlace::Description;
        let flow = Self { call_sid, params, place, limits, revision: 0, state };
        flow.create_params().to_form()?;
        Ok(flow)
    }

    /// Sets how many times the caller is asked for the same capture before the flow gives up. Default: 3.
    ///
    /// # Errors
    /// Returns an error if `asks` is zero, or if the flow has begun.
    pub fn max_asks(mut self, asks: u32) -> Result<Self, Error> {
        self.limits.max_asks = self.checked("max_asks", asks)?;
        Ok(self)
    }

    /// Sets how long one ask may take, from its request to the end of the caller's entry, before it counts as
    /// failed. Default: 120 s.
    ///
    /// # Errors
    /// Returns an error if `timeout` is shorter than a millisecond, or if the flow has begun.
    pub fn capture_timeout(mut self, timeout: Duration) -> Result<Self, Error> {
        self.limits.capture_timeout = self.checked("capture_timeout", whole_millis(timeout))?;
        Ok(self)
    }

    /// Sets how long to wait for the result after the session was or may have been completed. Default: 60 s.
    ///
    /// # Errors
    /// Returns an error if `timeout` is shorter than a millisecond, or if the flow has begun.
    pub fn result_timeout(mut self, timeout: Duration) -> Result<Self, Error> {
        self.limits.result_timeout = self.checked("result_timeout", whole_millis(timeout))?;
        Ok(self)
    }

    /// Sets where the flow puts its [reference](Self::reference). Default: in `Description`.
    ///
    /// # Errors
    /// Returns an error if the `Parameter` of the params already has a field of that name, or if the flow has
    /// begun.
    pub fn reference_place(mut self, place: ReferencePlace) -> Result<Self, Error> {
        self.not_begun("reference_place")?;
        if let (ReferencePlace::Parameter(name), Some(Value::Object(fields))) =
            (&place, &self.params.parameter)
        {
            if fields.contains_key(name) {
                return Err(Error::invalid("reference_place", "Parameter has a field of that name"));
            }
        }
        self.place = place;
        Ok(self)
    }

    /// Returns the text that the flow puts into the session's parameters: 16 hex digits, derived from the
    /// [key](Self::key). If the result of the payment stays unknown, search for it at the payment processor. `None` if
    /// the place is [`Nowhere`](ReferencePlace::Nowhere).
    pub fn reference(&self) -> Option<String> {
        (self.place != ReferencePlace::Nowhere).then(|| tag::reference(self.key()))
    }

    pub(super) fn status_callback(&self) -> String {
        tag::tagged(&self.params.status_callback, self.key())
    }

    /// Returns the params of the request that creates the session.
    pub(super) fn create_params(&self) -> CreatePaymentsParams {
        // With the key set by hand, a setter that the program calls cannot change it.
        let mut params = self.params.clone().idempotency_key(self.key());
        params.status_callback = self.status_callback();
        let reference = tag::reference(self.key());
        match &self.place {
            ReferencePlace::Description => {
                params.description = Some(match params.description.filter(|text| !text.is_empty()) {
                    Some(text) => format!("{text} ({reference})"),
                    None => reference,
                });
            }
            ReferencePlace::Parameter(name) => {
                let fields = params.parameter.get_or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(fields) = fields {
                    fields.insert(name.clone(), Value::String(reference));
                }
            }
            ReferencePlace::Nowhere => {}
        }
        params
    }

    /// Checks a number before it is set.
    fn checked<T: Default + PartialEq>(&self, field: &'static str, value: T) -> Result<T, Error> {
        if value == T::default() {
            return Err(Error::invalid(field, "zero"));
        }
        self.not_begun(field).map(|()| value)
    }

    fn not_begun(&self, field: &'static str) -> Result<(), Error> {
        if self.revision == 0 { Ok(()) } else { Err(Error::invalid(field, "the flow has begun")) }
    }
}
