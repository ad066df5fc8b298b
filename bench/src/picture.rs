//! The curve of the relay's memory as an SVG picture, readable on light and dark pages.

use std::fmt::Write as _;

/// Memory when so many records had been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// Memory in MB over records read.
pub(crate) fn memory(curve: &[Sample]) -> String {
    let records_max = curve
        .iter()
        .map(|one| one.records)
        .max()
        .unwrap_or(1)
        .max(1) as f64;
    let mega_max = curve.iter().map(|one| one.bytes).max().unwrap_or(1) as f64 / 1e6;
    let top = (mega_max / TICK_MB).ceil().max(1.0) * TICK_MB;
    let x = |records: f64| LEFT + records / records_max * (WIDTH - LEFT - MARGIN);
    let y = |mega: f64| HEIGHT - BOTTOM - mega / top * (HEIGHT - BOTTOM - MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#808080\">\n<title>Resident memory of the relay</title>\n"
    );
    let mut tick = 0.0;
    while tick <= top {
        let at = y(tick);
        let end = WIDTH - MARGIN;
        put(
            &mut svg,
            &format!("<path d=\"M{LEFT} {at:.1}H{end}\" stroke=\"#80808060\"/>"),
        );
        put(
            &mut svg,
            &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick:.0} MB</text>",
                LEFT - 6.0,
                at + 4.0
            ),
        );
        tick += TICK_MB;
    }
    for quarter in 0..=4 {
        let records = records_max * f64::from(quarter) / 4.0;
        put(
            &mut svg,
            &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1} M</text>",
                x(records),
                HEIGHT - BOTTOM + 18.0,
                records / 1e6
            ),
        );
    }
    let points: Vec<String> = curve
        .iter()
        .map(|one| {
            format!(
                "{:.1},{:.1}",
                x(one.records as f64),
                y(one.bytes as f64 / 1e6)
            )
        })
        .collect();
    put(
        &mut svg,
        &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#3b82f6\" stroke-width=\"2\"/>",
            points.join(" ")
        ),
    );
    svg.push_str("</svg>\n");
    svg
}

fn put(svg: &mut String, line: &str) {
    writeln!(svg, "{line}").expect("a string can be written to");
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 32.0;
const MARGIN: f64 = 24.0;
const TICK_MB: f64 = 50.0;
