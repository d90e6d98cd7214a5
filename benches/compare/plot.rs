//! The plot: time per call as a multiple of plain ureq's, on a logarithmic scale.

use std::fmt::Write as _;

use crate::common::report::{self, Report};

/// The results of other clients on 22 November 2026, on this kind of machine: microseconds per call, and the multiple
/// of plain ureq's in the same run.
const OTHERS: [(&str, f64, f64); 8] = [
    ("minreq 3.0.0", 89.9, 2.90),
    ("attohttpc 0.31.0", 100.6, 3.02),
    ("reqwest 0.13.5, blocking", 45.8, 1.40),
    ("twilio-rust-openapi 1.0.0", 38.4, 1.15),
    ("twilio-openapi 1.2.2", 32.8, 1.03),
    ("twilio-go 1.30.9", 85.7, 2.54),
    ("twilio-node 6.2.0", 1190.0, 33.6),
    ("twilio-python 9.13.0", 1354.0, 40.7),
];

const LEFT: f64 = 215.0;
const DECADE: f64 = 190.0;
const LINE: f64 = 24.0;
const TOP: f64 = 46.0;
/// The multiple at the left edge.
const LEAST: f64 = 0.1;

struct Bar {
    name: String,
    micros: f64,
    multiple: f64,
    ours: bool,
}

/// Draws the plot beside the README.
pub(crate) fn draw(report: &Report) {
    let figure = |what, column| report.figure(what, column).expect("the time of a call was measured");
    let call = "plain HTTP: a call";
    let plain = figure(call, "plain ureq");
    let one =
        |name: &str, micros: f64, multiple: f64| Bar { name: name.to_owned(), micros, multiple, ours: false };
    let floor = "plain HTTP: bare socket, request made before";
    let timeouts = figure(call, "plain ureq with timeouts");
    let mut bars = vec![
        one("bare socket", figure(floor, "ours"), figure(floor, "ours ÷ plain")),
        Bar { ours: true, ..one("twilio-payments", figure(call, "ours"), figure(call, "ours ÷ plain")) },
        one("plain ureq", plain, 1.0),
        one("plain ureq with timeouts", timeouts, timeouts / plain),
    ];
    bars.extend(OTHERS.map(|(name, micros, multiple)| one(name, micros, multiple)));
    bars.sort_by(|a, b| a.multiple.total_cmp(&b.multiple));
    std::fs::write(report::folder().join("time-per-call.svg"), svg(&bars)).expect("the plot is writable");
}

fn at(multiple: f64) -> f64 {
    LEFT + (multiple / LEAST).log10() * DECADE
}

fn svg(bars: &[Bar]) -> String {
    let height = bars.iter().fold(TOP, |height, _| height + LINE) + 34.0;
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" font-family="sans-serif" font-size="13" role="img">
<title>Time per call, as a multiple of plain ureq's; logarithmic scale</title>
<style>
text {{ fill: #1f2328 }} .faint {{ fill: #59636e }} line {{ stroke: #8c959f; stroke-opacity: 0.4 }}
rect {{ fill: #8c959f }} rect.ours {{ fill: #0969da }} .ours {{ font-weight: bold }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #f0f6fc }} .faint {{ fill: #9198a1 }} rect {{ fill: #768390 }} rect.ours {{ fill: #4493f8 }}
}}
</style>
<text x="10" y="18">Time per call on a kept connection (plain HTTP, one core with the server), as a multiple of plain ureq's</text>
"#
    );
    for multiple in [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0] {
        let x = at(multiple);
        let _ = writeln!(
            out,
            r#"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}"/>"#,
            TOP - 8.0,
            height - 30.0
        );
        let _ = writeln!(
            out,
            r#"<text class="faint" x="{x:.1}" y="{:.1}" text-anchor="middle">{multiple} ×</text>"#,
            height - 14.0
        );
    }
    let mut y = TOP;
    for bar in bars {
        let class = if bar.ours { "ours" } else { "theirs" };
        let (x, end, middle) = (at(LEAST), at(bar.multiple), y + 14.0);
        let (name, width, micros) = (&bar.name, end - x, bar.micros);
        let _ = writeln!(
            out,
            r#"<text class="{class}" x="{:.1}" y="{middle:.1}" text-anchor="end">{name}</text>"#,
            LEFT - 8.0
        );
        let _ = writeln!(
            out,
            r#"<rect class="{class}" x="{x:.1}" y="{:.1}" width="{width:.1}" height="16" rx="2"/>"#,
            y + 1.0
        );
        let digits = usize::from(micros < 100.0);
        let _ = writeln!(
            out,
            r#"<text class="{class}" x="{:.1}" y="{middle:.1}">{:.2} × <tspan class="faint">({micros:.digits$} µs)</tspan></text>"#,
            end + 6.0,
            bar.multiple
        );
        y += LINE;
    }
    out.push_str("</svg>\n");
    out
}
