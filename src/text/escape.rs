//! Escapes text from outside, so that it cannot affect a terminal or a log.

use std::fmt::{self, Write};

/// How many characters of a text are shown.
const SHOWN: usize = 500;

/// Shows text with control, direction-changing and invisible characters escaped, cut after 500 characters.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, c) in self.0.chars().enumerate() {
            if index == SHOWN {
                return f.write_str("…");
            }
            if is_invisible(c) { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// Adds quotes.
impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Returns whether a character is invisible, but changes how others are shown.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Cuts text to at most `limit` bytes, at the boundary of a character.
pub(crate) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped() {
        for (text, shown) in [
            ("plain \"text\" é 🦀", "plain \"text\" é 🦀"),
            ("a\r\nb\x1b[31m\0\x7f", r"a\r\nb\u{1b}[31m\u{0}\u{7f}"),
            ("\u{202e}evil\u{2066}\u{85}", r"\u{202e}evil\u{2066}\u{85}"),
            ("\u{61c}\u{200e}\u{200f}\u{2069}", r"\u{61c}\u{200e}\u{200f}\u{2069}"),
            ("\u{ad}\u{180e}\u{fff9}\u{e0041}", r"\u{ad}\u{180e}\u{fff9}\u{e0041}"),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
            assert_eq!(format!("{:?}", Escaped(text)), format!("\"{shown}\""));
        }
        let long = "x".repeat(600);
        assert_eq!(Escaped(&long).to_string(), format!("{}…", "x".repeat(500)));
    }

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(cut("héllo".to_owned(), 2), "h");
        assert_eq!(cut("héllo".to_owned(), 3), "hé");
        assert_eq!(cut("héllo".to_owned(), 99), "héllo");
    }
}
