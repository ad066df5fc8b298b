//! What the sections of docs/performance.md have in common, and their places in it.

use std::{fs, path::Path};

use crate::process::{Cost, line_of, machine};

/// When, of what and where a section was measured.
pub(crate) fn origin() -> String {
    let commit = line_of("git", &["describe", "--always", "--dirty"]);
    let date = line_of("date", &["-u", "+%Y-%m-%d"]);
    format!("Measured on {date}, commit {commit}, {}.", machine())
}

/// The one in the middle, by processor time.
pub(crate) fn median(costs: impl IntoIterator<Item = Cost>) -> Cost {
    let mut costs: Vec<Cost> = costs.into_iter().collect();
    costs.sort_by(|a, b| a.cpu_seconds.total_cmp(&b.cpu_seconds));
    *costs.get(costs.len() / 2).expect("at least one round")
}

/// The figure in the middle.
pub(crate) fn middle(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Puts the section of the benchmark of that name between its marks.
pub(crate) fn replace_in(document: &Path, name: &str, section: &str) {
    let begin = format!("<!-- bench {name}: begin -->");
    let end = format!("<!-- bench {name}: end -->");
    let old = fs::read_to_string(document)
        .unwrap_or_else(|error| panic!("{}: {error}", document.display()));
    let (before, rest) = old
        .split_once(&begin)
        .expect("the document has the begin mark");
    let (_, after) = rest
        .split_once(&end)
        .expect("the document has the end mark");
    let new = format!("{before}{begin}\n\n{section}\n{end}{after}");
    fs::write(document, new).expect("the document can be written");
}
