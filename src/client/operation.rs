//! `Operation`: its name, and the account, call and session in its path.

use crate::error::Error;
use crate::model::{Payments, sid};

/// One operation of the API, and the parts of its path.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'a> {
    /// The name in the API's documentation, for logs and observers.
    pub(crate) name: &'static str,
    pub(crate) account_sid: &'a str,
    pub(crate) call_sid: &'a str,
    /// The session that an update is about.
    pub(crate) payments_sid: Option<&'a str>,
}

impl Operation<'_> {
    /// # Errors
    /// Returns an error that names the SID if one is malformed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        sid::check("PathAccountSid", "AC", self.account_sid)?;
        sid::check("CallSid", "CA", self.call_sid)?;
        self.payments_sid.map_or(Ok(()), |sid| sid::check("Sid", "PK", sid))
    }

    /// Returns the path of a checked operation. It only contains SIDs, so nothing in it needs to be encoded.
    pub(crate) fn path(&self, base_path: &str) -> String {
        let (slash, session) = self.payments_sid.map_or(("", ""), |sid| ("/", sid));
        let (account, call) = (self.account_sid, self.call_sid);
        [base_path, "/2010-04-01/Accounts/", account, "/Calls/", call, "/Payments", slash, session, ".json"]
            .concat()
    }

    /// Returns whether a response can be about this operation.
    ///
    /// A different `call_sid` alone is accepted, since the service may name the parent leg of a call with two legs. A
    /// malformed SID is ignored.
    pub(crate) fn is_about(&self, payments: &Payments) -> bool {
        let same = |prefix: &str, given: Option<&str>, asked: &str| {
            given.is_none_or(|sid| sid.eq_ignore_ascii_case(asked) || !sid::is(prefix, sid))
        };
        self.payments_sid.is_none_or(|sid| payments.sid.eq_ignore_ascii_case(sid))
            && (same("CA", payments.call_sid.as_deref(), self.call_sid)
                || same("AC", payments.account_sid.as_deref(), self.account_sid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const CALL: &str = "CA00000000000000000000000000000002";
    const SESSION: &str = "PK00000000000000000000000000000003";
    const OTHER: &str = "ffffffffffffffffffffffffffffffff";

    const CREATE: Operation<'static> =
        Operation { name: "CreatePayments", account_sid: ACCOUNT, call_sid: CALL, payments_sid: None };
    const UPDATE: Operation<'static> = Operation { payments_sid: Some(SESSION), ..CREATE };

    #[test]
    fn paths() {
        let start = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Payments");
        assert_eq!(CREATE.path(""), format!("{start}.json"));
        assert_eq!(UPDATE.path("/base"), format!("/base{start}/{SESSION}.json"));
    }

    #[test]
    fn a_malformed_sid_is_refused_by_name() {
        assert!(CREATE.check().is_ok() && UPDATE.check().is_ok());
        for (operation, field) in [
            (Operation { account_sid: CALL, ..CREATE }, "PathAccountSid"),
            (Operation { call_sid: "../CA", ..CREATE }, "CallSid"),
            (Operation { payments_sid: Some(""), ..CREATE }, "Sid"),
        ] {
            assert_eq!(operation.check().unwrap_err().field(), Some(field));
        }
    }

    #[test]
    fn a_response_about_something_else_is_not_believed() {
        let (account, call, session) = (format!("AC{OTHER}"), format!("CA{OTHER}"), format!("PK{OTHER}"));
        for (operation, account_sid, call_sid, sid, believed) in [
            (CREATE, None, None, SESSION, true),
            (CREATE, Some(ACCOUNT), Some(CALL), SESSION, true),
            (CREATE, Some(ACCOUNT), Some(&*call), SESSION, true),
            (CREATE, None, Some(&*call), SESSION, true),
            (CREATE, Some(&*account), Some(CALL), SESSION, true),
            (CREATE, Some(&*account), Some(&*call), SESSION, false),
            (CREATE, Some(&*account), Some("CA1"), SESSION, true),
            (CREATE, Some(""), Some(&*call), SESSION, true),
            (UPDATE, Some(ACCOUNT), Some(&*call), SESSION, true),
            (UPDATE, Some(ACCOUNT), Some(CALL), &*session, false),
            (UPDATE, None, None, &*session, false),
            (UPDATE, Some(&*account), Some(&*call), SESSION, false),
        ] {
            let mut payments = Payments::new(sid);
            payments.account_sid = account_sid.map(str::to_owned);
            payments.call_sid = call_sid.map(str::to_owned);
            assert_eq!(operation.is_about(&payments), believed, "{payments:?}");
        }
    }
}
