//! The base URL: that of a region and edge, or one that the program set.

use crate::error::Error;
use crate::text::url::{Url, is_loopback};

/// The longest base URL. It must fit into the first line of a request.
const LONGEST: usize = 1_000;

/// Returns the base URL for a region and an edge: `https://api.{edge}.{region}.twilio.com`, or a shorter one for `us1`.
/// `region_field` and `edge_field` are their names in errors.
///
/// # Errors
/// Returns an error if a name has characters other than lower-case letters, digits and hyphens, if the edge is
/// `roaming`, which never worked, or if the region needs an edge. Only `us1` has a host without an edge.
pub(crate) fn regional(
    [region_field, edge_field]: [&'static str; 2],
    region: Option<&str>,
    edge: Option<&str>,
) -> Result<String, Error> {
    region.map_or(Ok(()), |region| check_label(region_field, region))?;
    edge.map_or(Ok(()), |edge| check_label(edge_field, edge))?;
    if edge == Some("roaming") {
        return Err(Error::invalid(edge_field, "the edge roaming does not exist"));
    }
    let (edge, region) = match (edge, region) {
        (None, None) => return Ok("https://api.twilio.com".to_owned()),
        (None, Some("us1")) => return Ok("https://api.us1.twilio.com".to_owned()),
        (None, Some("ie1")) => ("dublin", "ie1"),
        (None, Some("au1")) => ("sydney", "au1"),
        (None, Some(region)) => {
            let reason = format!("{region} needs an edge: set {edge_field}");
            return Err(Error::invalid(region_field, reason));
        }
        (Some(edge), region) => (edge, region.unwrap_or("us1")),
    };
    Ok(format!("https://api.{edge}.{region}.twilio.com"))
}

/// Accepts one label of a host name.
///
/// # Errors
/// Returns an error that names `field` if it has characters other than lower-case letters, digits and hyphens.
fn check_label(field: &'static str, name: &str) -> Result<(), Error> {
    let inner = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if inner && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(());
    }
    Err(Error::invalid(field, "not lower-case letters, digits and hyphens"))
}

/// Checks a base URL that the program set, and removes slashes from its end.
///
/// # Errors
/// Returns an error if it is neither https nor http to a loopback host, or if it has user info, a query, a fragment, or
/// characters that are not allowed in a URL.
pub(crate) fn custom(base_url: &str) -> Result<String, Error> {
    let invalid = |reason: &'static str| Err(Error::invalid("base_url", reason));
    let url = Url::split(base_url);
    let (Some(scheme @ ("https" | "http")), Some(host)) = (url.scheme, url.host) else {
        return invalid("neither https:// nor http://");
    };
    if !base_url.bytes().all(|b| b.is_ascii_graphic() && !br#"<>"\^`{|}"#.contains(&b)) {
        return invalid("has a character that is not allowed in a URL");
    }
    if base_url.len() > LONGEST {
        return invalid("longer than 1,000 characters");
    }
    if url.user_info.is_some() || url.before_query.len() < base_url.len() {
        return invalid("has user info, a query or a fragment");
    }
    if host.is_empty() || !url.port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return invalid("no host, or an invalid port");
    }
    if scheme == "http" && !is_loopback(host) {
        return invalid("plain http would expose the credentials, except to a loopback host");
    }
    Ok(base_url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_edges() {
        let regional = |region, edge| regional(["region", "edge"], region, edge);
        for (region, edge, url) in [
            (None, None, "https://api.twilio.com"),
            (Some("us1"), None, "https://api.us1.twilio.com"),
            (Some("ie1"), None, "https://api.dublin.ie1.twilio.com"),
            (Some("au1"), None, "https://api.sydney.au1.twilio.com"),
            (None, Some("ashburn"), "https://api.ashburn.us1.twilio.com"),
            (Some("ie1"), Some("dublin"), "https://api.dublin.ie1.twilio.com"),
            (Some("ie1"), Some("frankfurt"), "https://api.frankfurt.ie1.twilio.com"),
            (Some("new-1"), Some("x"), "https://api.x.new-1.twilio.com"),
        ] {
            assert_eq!(regional(region, edge).unwrap(), url);
        }
        for region in ["br1", "de1", "jp1", "sg1", "us2", "new-1"] {
            let error = regional(Some(region), None).unwrap_err();
            let message = format!("invalid region: {region} needs an edge: set edge");
            assert_eq!(error.to_string(), message);
        }
        for region in [None, Some("us1"), Some("ie1")] {
            let error = regional(region, Some("roaming")).unwrap_err();
            assert_eq!(error.to_string(), "invalid edge: the edge roaming does not exist");
        }
        for bad in ["", "IE1", "ie1.evil", "ie1/", "ie1#", "ie1@evil", "-ie1", "ie1-", "ie 1", "ié1", "\n"] {
            let message = "not lower-case letters, digits and hyphens";
            let error = regional(Some(bad), None).unwrap_err();
            assert_eq!(error.to_string(), format!("invalid region: {message}"), "{bad:?}");
            let error = regional(None, Some(bad)).unwrap_err();
            assert_eq!(error.to_string(), format!("invalid edge: {message}"), "{bad:?}");
        }
    }

    #[test]
    fn base_urls() {
        for (given, used) in [
            ("https://example.com", "https://example.com"),
            ("https://example.com/", "https://example.com"),
            ("https://example.com:8443/twilio/", "https://example.com:8443/twilio"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(custom(given).unwrap(), used);
        }
        let of_length = |length: usize| format!("{:x<length$}", "https://example.com/");
        assert_eq!(custom(&of_length(1_000)).unwrap(), of_length(1_000));
        let plain = "plain http would expose the credentials, except to a loopback host";
        for (bad, reason) in [
            ("", "neither https:// nor http://"),
            ("example.com", "neither https:// nor http://"),
            ("ftp://example.com", "neither https:// nor http://"),
            ("http://example.com", plain),
            ("http://127.0.0.1.example.com", plain),
            ("http://localhost.example.com", plain),
            ("http://0.0.0.0", plain),
            ("http://[::2]", plain),
            ("http://localhost@example.com", "has user info, a query or a fragment"),
            ("https://user:pass@example.com", "has user info, a query or a fragment"),
            ("https://example.com/?a", "has user info, a query or a fragment"),
            ("https://example.com/#a", "has user info, a query or a fragment"),
            ("https://", "no host, or an invalid port"),
            ("https://:443", "no host, or an invalid port"),
            ("https://example.com:0", "no host, or an invalid port"),
            ("https://example.com:99999", "no host, or an invalid port"),
            ("https://exa mple.com", "has a character that is not allowed in a URL"),
            ("https://example.com\r\n", "has a character that is not allowed in a URL"),
            ("https://exämple.com", "has a character that is not allowed in a URL"),
            (&of_length(1_001), "longer than 1,000 characters"),
        ] {
            assert_eq!(
                custom(bad).unwrap_err().to_string(),
                format!("invalid base_url: {reason}"),
                "{bad:?}"
            );
        }
    }
}
