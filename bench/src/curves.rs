//! Curves over two logarithmic axes as an SVG picture, readable on light and dark pages.

use std::fmt::Write as _;

/// A curve and its name.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Positive in both directions.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Curves that share their axes.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) lines: &'a [Line],
}

/// Exponents of ten between which a direction lies.
#[derive(Clone, Copy)]
struct Span {
    from: i32,
    to: i32,
}

impl Span {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let from = values.clone().fold(f64::INFINITY, f64::min).log10().floor() as i32;
        let to = values.fold(0.0, f64::max).log10().ceil() as i32;
        Self {
            from,
            to: to.max(from + 1),
        }
    }

    /// 0 to 1.
    fn share(self, value: f64) -> f64 {
        (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from)
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        (self.from..=self.to).map(|exponent| 10_f64.powi(exponent))
    }
}

impl Chart<'_> {
    pub(crate) fn svg(&self) -> String {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let (across, up) = (
            Span::of(points.clone().map(|point| point.0)),
            Span::of(points.map(|point| point.1)),
        );
        let x = |value| LEFT + across.share(value) * (RIGHT - LEFT);
        let y = |value| BOTTOM - up.share(value) * (BOTTOM - TOP);
        let mut svg = String::new();
        let mut put = |line: String| writeln!(svg, "{line}").expect("a string can be written to");
        put(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"#808080\">\n<title>{}</title>",
            self.title
        ));
        for tick in up.ticks() {
            let at = y(tick);
            put(format!(
                "<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#80808060\"/>"
            ));
            put(text(
                LEFT - 6.0,
                at + 4.0,
                "end",
                &format!("{} {}", short(tick), self.y),
            ));
        }
        for tick in across.ticks() {
            put(text(x(tick), BOTTOM + 18.0, "middle", &short(tick)));
        }
        put(text((LEFT + RIGHT) / 2.0, BOTTOM + 36.0, "middle", self.x));
        for (at, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let place = |&(a, b): &(f64, f64)| format!("{:.1},{:.1}", x(a), y(b));
            let places: Vec<_> = line.points.iter().map(place).collect();
            let places = places.join(" ");
            put(format!(
                "<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
            ));
            let down = TOP + 14.0 + 16.0 * at as f64;
            let name = text(LEFT + 12.0, down, "start", line.name);
            put(name.replacen("<text", &format!("<text fill=\"{colour}\""), 1));
        }
        put("</svg>".to_owned());
        svg
    }
}

fn text(x: f64, y: f64, anchor: &str, words: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>")
}

/// A power of ten in few letters.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", value / 1e6),
        1e3.. => format!("{} k", value / 1e3),
        _ => format!("{value}"),
    }
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 24.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = HEIGHT - 48.0;
const COLOURS: [&str; 4] = ["#3b82f6", "#d97706", "#10b981", "#a855f7"];
