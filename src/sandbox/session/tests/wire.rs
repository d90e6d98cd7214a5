//! The exact bodies, in the order of the recorded ones.

use super::*;

fn names(callback: &Callback) -> Vec<&str> {
    callback.fields.iter().map(|(name, _)| name).collect()
}

fn all(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| part.replace("{AC}", &sid("AC")).replace("{CA}", &sid("CA")).replace("{PK}", &sid("PK")))
        .collect()
}

#[test]
fn a_card_payment() {
    let settings =
        CreateParameters { payment_connector: "PGP_MOCK".to_owned(), postal_code: false, ..settings() };
    let mut desk = Desk::new(settings);
    let common = "PaymentConnector=PGP_MOCK&DateCreated=2026-11-22T09%3A00%3A00.000Z&PaymentMethod=credit-card\
                  &CallSid={CA}&ChargeAmount=9.99&AccountSid={AC}&Sid={PK}";
    assert_eq!(body(&desk.sent[0]), all(&[common]));

    desk.ask(&Capture::PaymentCardNumber);
    let asked = "&DateUpdated=2026-11-22T09%3A00%3A00.000Z&Capture=payment-card-number&PartialResult=true\
                 &Required=payment-card-number%2C+security-code%2C+expiration-date";
    assert_eq!(body(desk.sent.last().unwrap()), all(&[common, asked]));

    desk.press("41");
    let typed = "&DateUpdated=2026-11-22T09%3A00%3A00.200Z&Capture=payment-card-number&PartialResult=true\
                 &Required=payment-card-number%2C+security-code%2C+expiration-date&PaymentCardNumber=xx";
    assert_eq!(body(desk.sent.last().unwrap()), all(&[common, typed]));

    desk.press("#");
    let failed = "&DateUpdated=2026-11-22T09%3A00%3A00.300Z&Capture=payment-card-number&PartialResult=false\
                  &Required=payment-card-number%2C+security-code%2C+expiration-date&PaymentCardNumber=xx\
                  &ErrorType=invalid-card-number&Attempt=1";
    assert_eq!(body(desk.sent.last().unwrap()), all(&[common, failed]));

    desk.ask(&Capture::PaymentCardNumber);
    desk.press("4111111111111111");
    let taken = "&DateUpdated=2026-11-22T09%3A00%3A01.900Z&Capture=payment-card-number&PartialResult=false\
                 &Required=security-code%2C+expiration-date&PaymentCardNumber=xxxxxxxxxxxx1111&PaymentCardType=visa";
    assert_eq!(body(desk.sent.last().unwrap()), all(&[common, taken]));

    desk.ask(&Capture::SecurityCode);
    desk.press("123");
    desk.ask(&Capture::ExpirationDate);
    desk.press("1228");
    let last = "&DateUpdated=2026-11-22T09%3A00%3A02.600Z&Capture=expiration-date&PartialResult=false&Required=\
                &PaymentCardNumber=xxxxxxxxxxxx1111&SecurityCode=xxx&ExpirationDate=1228&PaymentCardType=visa";
    assert_eq!(body(desk.sent.last().unwrap()), all(&[common, last]));

    desk.complete();
    let code = desk.session.view.transaction.clone().unwrap().confirmation_code.unwrap();
    let done = format!(
        "SecurityCode=xxx&PaymentCardType=visa&Sid={{PK}}&PaymentConfirmationCode={code}&CallSid={{CA}}\
         &Result=success&AccountSid={{AC}}&ProfileId=&DateUpdated=2026-11-22T09%3A00%3A02.600Z&PaymentToken=\
         &PaymentMethod=credit-card&PaymentCardNumber=xxxxxxxxxxxx1111&ExpirationDate=1228"
    );
    assert_eq!(body(desk.sent.last().unwrap()), all(&[&done]));
}

#[test]
fn an_early_end_has_the_fields_that_are_known() {
    let mut desk = Desk::new(CreateParameters { charge_amount: None, ..ach() });
    desk.ask(&Capture::BankRoutingNumber);
    desk.press("110000000*");
    assert_eq!(
        names(&desk.sent[0]),
        [
            "PaymentConnector",
            "DateCreated",
            "PaymentMethod",
            "CallSid",
            "TokenType",
            "AccountSid",
            "Sid",
            "BankAccountType"
        ]
    );
    assert_eq!(
        body(desk.sent.last().unwrap()),
        all(&[
            "Sid={PK}&PaymentConfirmationCode=&CallSid={CA}&Result=caller-interrupted-with-star&AccountSid={AC}\
               &ProfileId=&DateUpdated=2026-11-22T09%3A00%3A01.000Z&PaymentToken=&PaymentMethod=ach-debit\
               &BankRoutingNumber=110000000&BankAccountType=consumer-checking&PaymentError=&PayErrorCode=&ConnectorError="
        ])
    );
}

#[test]
fn no_name_occurs_twice() {
    for settings in [settings(), ach(), CreateParameters { charge_amount: None, ..settings() }] {
        let mut desk = Desk::new(settings);
        desk.collect();
        desk.complete();
        for callback in &desk.sent {
            let mut names = names(callback);
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
            assert!(parse(callback).others().next().is_none());
        }
    }
}
