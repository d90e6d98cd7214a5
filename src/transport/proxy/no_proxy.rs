//! The exceptions in `NO_PROXY`.

use std::net::IpAddr;

use crate::text::url::{ip_address, without_brackets};

/// Returns whether a list of exceptions includes a host and port. See [`proxy`](crate::PaymentsApiBuilder::proxy) for
/// the rules.
pub(super) fn includes(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.');
    list.split([',', ' ', '\t']).any(|entry| {
        let (name, its_port) = split_port(entry);
        its_port.is_none_or(|its_port| its_port == port) && is_host_or_subdomain(name, host)
    })
}

/// Splits an entry into a name and a port. A number that is too large for a port becomes 0, which no base URL has.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match entry.rsplit_once(':') {
        Some((name, port)) if is_port(port) && entry.parse::<IpAddr>().is_err() => {
            (name, Some(port.parse().unwrap_or(0)))
        }
        _ => (entry, None),
    }
}

/// Returns whether a host is the named one or a subdomain of it.
fn is_host_or_subdomain(name: &str, host: &str) -> bool {
    if name == "*" {
        return true;
    }
    if let Some(address) = ip_address(host) {
        return without_brackets(name).parse() == Ok(address);
    }
    let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.');
    let above = host.len().checked_sub(name.len()).and_then(|at| host.split_at_checked(at));
    above.is_some_and(|(above, end)| {
        !name.is_empty() && end.eq_ignore_ascii_case(name) && (above.is_empty() || above.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions() {
        for (list, host, port, expected) in [
            ("twilio.com", "twilio.com", 443, true),
            ("twilio.com", "api.twilio.com", 443, true),
            ("twilio.com", "API.Twilio.COM", 443, true),
            ("twilio.com", "api.twilio.com.", 443, true),
            ("TWILIO.com.", "api.twilio.com", 443, true),
            (".twilio.com", "api.twilio.com", 443, true),
            (".twilio.com", "twilio.com", 443, true),
            ("*.twilio.com", "api.twilio.com", 443, true),
            ("twilio.com", "nottwilio.com", 443, false),
            ("twilio.com", "twilio.com.evil.example", 443, false),
            ("api.twilio.com", "twilio.com", 443, false),
            ("a, twilio.com ,b", "api.twilio.com", 443, true),
            ("a,\ttwilio.com", "api.twilio.com", 443, true),
            ("a twilio.com b", "api.twilio.com", 443, true),
            ("twilio.com:443", "api.twilio.com", 443, true),
            ("twilio.com:8443", "api.twilio.com", 443, false),
            ("twilio.com:99999", "api.twilio.com", 443, false),
            ("twilio.com:", "api.twilio.com", 443, false),
            ("*", "api.twilio.com", 443, true),
            ("*:80", "api.twilio.com", 443, false),
            ("*", "192.0.2.1", 443, true),
            ("192.0.2.1", "192.0.2.1", 443, true),
            ("192.0.2.1:8443", "192.0.2.1", 443, false),
            ("0.2.1", "192.0.2.1", 443, false),
            ("2001:db8::1", "[2001:DB8:0::1]", 443, true),
            ("[2001:db8::1]", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]:443", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]:80", "[2001:db8::1]", 443, false),
            ("", "api.twilio.com", 443, false),
            (",., ,*.", "api.twilio.com", 443, false),
            ("é", "api.twilio.com", 443, false),
        ] {
            assert_eq!(includes(list, host, port), expected, "{list:?}: {host}:{port}");
        }
    }
}
