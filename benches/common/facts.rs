//! The request of every client, and the service's response.

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const CALL: &str = "CA00000000000000000000000000000002";
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const CALLBACK: &str = "https://example.com/pay/status?order=1066";
pub(crate) const DESCRIPTION: &str = "Order 1066, two tickets & a programme";

/// Our client's default timeouts of an attempt and of a connection, for the plain client that has them too.
pub(crate) const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
pub(crate) const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The twelve fields, except the idempotency key, which is new in every call.
pub(crate) const FIELDS: [(&str, &str); 11] = [
    ("StatusCallback", CALLBACK),
    ("ChargeAmount", "19.99"),
    ("Currency", "USD"),
    ("Description", DESCRIPTION),
    ("MinPostalCodeLength", "5"),
    ("PaymentConnector", "Default"),
    ("PaymentMethod", "credit-card"),
    ("PostalCode", "true"),
    ("SecurityCode", "true"),
    ("Timeout", "10"),
    ("ValidCardTypes", "visa mastercard amex"),
];

/// The path of the call.
pub(crate) fn path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Payments.json")
}

/// The body of the response: about 400 bytes, like the service's.
pub(crate) const BODY: &str = concat!(
    r#"{"account_sid": "AC00000000000000000000000000000001", "#,
    r#""call_sid": "CA00000000000000000000000000000002", "#,
    r#""sid": "PK00000000000000000000000000000003", "#,
    r#""date_created": "Wed, 18 Dec 2019 20:02:01 +0000", "#,
    r#""date_updated": "Wed, 18 Dec 2019 20:02:01 +0000", "api_version": "2010-04-01", "#,
    r#""uri": "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls/"#,
    r#"CA00000000000000000000000000000002/Payments/PK00000000000000000000000000000003.json"}"#,
);

/// The whole response.
pub(crate) fn response() -> Vec<u8> {
    format!(
        "HTTP/1.1 201 Created\r\nDate: Wed, 18 Dec 2019 20:02:01 GMT\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\nTwilio-Concurrent-Requests: 1\r\n\
         Twilio-Request-Id: RQ5d41402abc4b2a76b9719d911017c592\r\nTwilio-Request-Duration: 0.043\r\n\r\n{BODY}",
        BODY.len()
    )
    .into_bytes()
}

/// The last callback of a session that charged, with the values at their usual lengths.
pub(crate) const CALLBACK_BODY: &str = concat!(
    "SecurityCode=xxx&PaymentCardType=visa&Sid=PK00000000000000000000000000000003",
    "&PaymentConfirmationCode=ch_0123456789abcdef01234567&CallSid=CA00000000000000000000000000000002",
    "&Result=success&AccountSid=AC00000000000000000000000000000001&ProfileId=",
    "&DateUpdated=2021-08-10T03%3A58%3A27.290Z&PaymentToken=&PaymentMethod=credit-card",
    "&PaymentCardNumber=xxxxxxxxxxxx1111&ExpirationDate=1225&PaymentCardPostalCode=94109",
    "&PaymentConnector=Default&ChargeAmount=19.99",
);
