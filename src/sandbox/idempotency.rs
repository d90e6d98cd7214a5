//! `IdempotencyKeys`: how the sandbox treats a used idempotency key.

use std::collections::HashMap;

use super::parameters::{Form, RequestPath};
use super::refusals::{self, Refusal};
use crate::server::Response;

/// How the sandbox treats an idempotency key that was used before.
///
/// It is not documented what the service does, so a program must be right in both cases: test it in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdempotencyKeys {
    /// The same request gets the stored response again and has no second effect; another request with a used key is
    /// refused. This is the default.
    #[default]
    Replayed,
    /// Every request is a new one, whatever its key: a repeated creation is refused while the session is open, a
    /// repeated completion is refused because the session is over, and a repeated capture asks the caller again.
    Ignored,
}

/// The stored responses to requests that were carried out. Each account has its own keys.
#[derive(Default)]
pub(super) struct Responses {
    pub(super) keys: IdempotencyKeys,
    by_account_and_key: HashMap<(String, String), StoredResponse>,
}

struct StoredResponse {
    path: String,
    body: Box<[u8]>,
    success: Response,
}

impl Responses {
    /// Returns the stored response if this request was carried out before.
    ///
    /// # Errors
    /// Returns a refusal if the key was used for another request.
    pub(super) fn replay(
        &self,
        path: RequestPath<'_>,
        key: &str,
        body: &[u8],
    ) -> Result<Option<Response>, Refusal> {
        match self.by_account_and_key.get(&(path.account_sid.to_owned(), key.to_owned())) {
            None => Ok(None),
            Some(stored) if stored.path == path.path && Form::are_same(&stored.body, body) => {
                Ok(Some(stored.success.clone()))
            }
            Some(_) => {
                Err(Refusal::new(&refusals::CONFLICT, "The IdempotencyKey was used for another request"))
            }
        }
    }

    /// Stores a response for repetitions of its request.
    pub(super) fn keep(&mut self, path: RequestPath<'_>, key: String, body: &[u8], success: &Response) {
        if self.keys == IdempotencyKeys::Replayed {
            let stored =
                StoredResponse { path: path.path.to_owned(), body: body.into(), success: success.clone() };
            self.by_account_and_key.insert((path.account_sid.to_owned(), key), stored);
        }
    }

    pub(super) fn forget(&mut self, account_sid: &str, keys: &[String]) {
        for key in keys {
            self.by_account_and_key.remove(&(account_sid.to_owned(), key.clone()));
        }
    }
}
