//! Writes digits without `fmt`, which would be a large part of the cost of encoding a form.

/// Appends `value` in decimal, padded with zeros to `width` digits.
pub(crate) fn push_decimal(out: &mut String, value: u64, width: usize) {
    let mut unit: u64 = 1;
    let mut digits = 1;
    while digits < width || value / unit >= 10 {
        unit = unit.saturating_mul(10); // exact, because at most 20 digits are asked for
        digits += 1;
    }
    while unit > 0 {
        out.push(char::from(b'0' + u8::try_from(value / unit % 10).unwrap_or(0)));
        unit /= 10;
    }
}

/// Appends the last `count` hex digits of `value`.
pub(crate) fn push_hex(out: &mut String, value: u128, count: u32) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for nibble in (0..count).rev() {
        let digit = usize::try_from(value >> (nibble * 4) & 0xf).unwrap_or(0);
        out.push(HEX.get(digit).copied().unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_fmt_writes_them(value: u64, shift in 0_u32..64, width in 0_usize..6, hex: u128) {
            let value = value >> shift;
            let mut out = String::new();
            push_decimal(&mut out, value, width);
            out.push(' ');
            push_hex(&mut out, hex, 32);
            prop_assert_eq!(out, format!("{value:0width$} {hex:032x}"));
        }
    }

    #[test]
    fn the_ends() {
        for (value, width, text) in
            [(0, 0, "0"), (0, 1, "0"), (0, 4, "0000"), (u64::MAX, 1, "18446744073709551615")]
        {
            let mut out = String::new();
            push_decimal(&mut out, value, width);
            assert_eq!(out, text);
        }
    }
}
