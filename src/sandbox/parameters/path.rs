//! The path of a request.

use std::sync::Arc;

use crate::model::sid;

/// The parameters in a request's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestPath<'a> {
    pub(crate) path: &'a str,
    pub(crate) account_sid: &'a str,
    pub(crate) call_sid: &'a str,
    /// `None` for a creation.
    pub(crate) sid: Option<&'a str>,
}

/// The SIDs of a session, for its callbacks and its resource.
#[derive(Clone, Debug)]
pub(crate) struct SessionIds {
    pub(crate) account_sid: String,
    /// The call's SID or, if it is a leg of another call, that call's.
    pub(crate) call_sid: String,
    pub(crate) sid: Arc<str>,
}

impl<'a> RequestPath<'a> {
    /// Splits the path of one of the two operations, or returns `None` for any other path. A query is ignored.
    pub(crate) fn parse(target: &'a str) -> Option<Self> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let rest = path.strip_prefix("/2010-04-01/Accounts/")?.strip_suffix(".json")?;
        let (account_sid, rest) = rest.split_once("/Calls/")?;
        let (call_sid, rest) = rest.split_once("/Payments")?;
        let sid = match rest {
            "" => None,
            _ => Some(rest.strip_prefix('/')?),
        };
        let sound =
            sid::is("AC", account_sid) && sid::is("CA", call_sid) && sid.is_none_or(|sid| sid::is("PK", sid));
        sound.then_some(Self { path, account_sid, call_sid, sid })
    }
}
