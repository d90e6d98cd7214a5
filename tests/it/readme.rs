//! The README and the crate's documentation show the same first program and the same diagram. The program runs as a
//! doctest of the crate's documentation, with hidden lines that use it to take a payment in the sandbox.

const README: &str = include_str!("../../README.md");
const CRATE: &str = include_str!("../../src/lib.rs");

/// The lines of the first fenced block that begins with this line, without hidden ones.
#[track_caller]
fn block<'a>(text: impl Iterator<Item = &'a str>, fence: &str) -> Vec<&'a str> {
    let shown = |line: &&str| *line != "#" && !line.starts_with("# ");
    let mut lines = text.skip_while(|line| *line != fence);
    assert_eq!(lines.next(), Some(fence));
    lines.take_while(|line| *line != "```").filter(shown).collect()
}

#[test]
fn the_readme_and_the_crate_docs_begin_alike() {
    let documentation = || {
        let lines = CRATE.lines().filter_map(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line))
    };
    assert_eq!(block(README.lines(), "```rust,no_run"), block(documentation(), "```"));
    assert_eq!(block(README.lines(), "```text"), block(documentation(), "```text"));
}
