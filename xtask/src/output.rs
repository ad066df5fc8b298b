//! What xtask itself writes to the terminal.

use std::time::Duration;

pub(crate) fn say(text: &str) {
    println!("xtask: {text}");
}

pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}

pub(crate) fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 {
        return format!("{:.1} s", elapsed.as_secs_f64());
    }
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}
