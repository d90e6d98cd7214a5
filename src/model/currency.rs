//! The currencies of ISO 4217 and how many decimals each has. Codes that are of no use in payments, such as those of
//! metals and the test code, are left out.

use std::ops::BitOr;

const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ";
const TWO_DECIMALS: &str = "\
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE \
    CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD \
    HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP \
    MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR \
    SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED \
    VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL ";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND ";
const FOUR_DECIMALS: &str = "CLF UYW ";

/// Returns how many decimals a currency has, whatever the case of its code, or `None` if it is not in the table.
pub(crate) fn decimals(code: &str) -> Option<usize> {
    let code: [u8; 3] = code.as_bytes().try_into().ok()?;
    let [first, second, third] = code.map(|letter| letter.to_ascii_uppercase());
    // With a space, as in the tables, so that four bytes are compared at once.
    let code = [first, second, third, b' '];
    [(2, TWO_DECIMALS), (0, NO_DECIMALS), (3, THREE_DECIMALS), (4, FOUR_DECIMALS)].into_iter().find_map(
        |(decimals, codes)| {
            // Without an early exit, so that the compiler can compare many codes at once.
            let found = codes.as_bytes().chunks_exact(4).map(|known| known == code).fold(false, BitOr::bitor);
            found.then_some(decimals)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_three_letters_and_occurs_once() {
        let all = [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS, FOUR_DECIMALS].concat();
        let codes: Vec<_> = all.split_terminator(' ').collect();
        assert!(
            codes.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())),
            "{all}"
        );
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
    }

    #[test]
    fn decimals_by_code() {
        for (code, expected) in [
            ("USD", Some(2)),
            ("usd", Some(2)),
            ("ZWL", Some(2)),
            ("JPY", Some(0)),
            ("xpf", Some(0)),
            ("BHD", Some(3)),
            ("TND", Some(3)),
            ("CLF", Some(4)),
            ("XTS", None),
            ("XAU", None),
            ("", None),
            ("US", None),
            ("USD ", None),
            ("D E", None),
        ] {
            assert_eq!(decimals(code), expected, "{code:?}");
        }
    }
}
