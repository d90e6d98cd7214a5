//! What a flow derives from its key: the tag in its `StatusCallback`, and its reference.
//!
//! Both must be the same in every version of this crate and on every machine, because callbacks that reach one
//! program must find the flow that another one stored.

use crate::callback::TAG_PARAMETER;
use crate::text::form::pairs;
use crate::text::url::Url;

/// The place of a flow's [reference](crate::PaymentFlow::reference) in the parameters of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferencePlace {
    /// In `Description`, after the description in the params if there is one. This is the default.
    Description,
    /// In the field of `Parameter` that has this name, for payment connectors that pass it on.
    Parameter(String),
    /// Nowhere.
    Nowhere,
}

/// Returns the tag of a key: 32 hex digits. It is a hash so that it has a fixed length and only characters that are
/// allowed in a URL. It does not hide the key from someone who can guess it.
pub(super) fn of(key: &str) -> String {
    format!("{:032x}", hash(key.as_bytes()))
}

/// Returns the reference of a key: 16 hex digits, short enough for the description of a payment.
pub(super) fn reference(key: &str) -> String {
    format!("{:.16}", of(key))
}

/// Returns the URL with the tag in its query, before its fragment.
pub(super) fn tagged(url: &str, key: &str) -> String {
    let parts = Url::split(url);
    let separator = match parts.query {
        Some(query) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
        // The service requests a URL without a path as `/`.
        None if parts.path.is_empty() => "/?",
        None => "?",
    };
    let fragment = url.get(parts.before_fragment.len()..).unwrap_or_default();
    [parts.before_fragment, separator, TAG_PARAMETER, "=", &of(key), fragment].concat()
}

/// Returns whether the query of a URL already has a tag.
pub(super) fn is_tagged(url: &str) -> bool {
    let query = Url::split(url).query.unwrap_or_default();
    pairs(query.as_bytes()).any(|(name, _)| name == TAG_PARAMETER)
}

/// Returns the 128-bit FNV-1a hash, mixed further, so that keys that differ in one character have references that
/// differ in most digits.
fn hash(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const MIX: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let hash = bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    let mixed = (0..2).fold(hash, |hash, _| (hash ^ (hash >> 64)).wrapping_mul(MIX));
    mixed ^ (mixed >> 64)
}
