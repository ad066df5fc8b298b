//! The page in a browser, driven by the scripts of `web/e2e`.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;

use crate::{
    child::Running,
    place,
    requirement::{Tool, need, skip, test_name},
};

/// The files of the page, or says SKIPPED.
#[must_use]
pub fn built() -> Option<PathBuf> {
    let dist = place::web().join("dist");
    if dist.join("index.html").is_file() {
        return Some(dist);
    }
    skip("no page in web/dist: cargo xtask web");
    None
}

/// A browser with the page open.
#[derive(Debug)]
pub struct Page {
    running: Running,
}

impl Page {
    /// Opens the page in Chromium, or says SKIPPED.
    ///
    /// # Panics
    /// When Node cannot be started.
    #[must_use]
    pub fn open(script: &str, arguments: &[&str]) -> Option<Self> {
        Self::open_in(Tool::Chromium, "DASHSTREAM_CHROMIUM", script, arguments)
    }

    /// Opens the page in Firefox, or says SKIPPED.
    ///
    /// # Panics
    /// When Node cannot be started.
    #[must_use]
    pub fn open_in_firefox(script: &str, arguments: &[&str]) -> Option<Self> {
        Self::open_in(Tool::Firefox, "DASHSTREAM_FIREFOX", script, arguments)
    }

    fn open_in(tool: Tool, variable: &str, script: &str, arguments: &[&str]) -> Option<Self> {
        let node = need(Tool::Node)?;
        let browser = need(tool)?;
        // What a page of the same test printed before is its own.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = place::log_file(&format!("{}-page-{number}", test_name()));
        let mut command = Command::new(node);
        command
            .arg(place::web().join("e2e").join(script))
            .args(arguments)
            .env(variable, browser);
        Some(Self {
            running: Running::tool(&mut command, &log),
        })
    }

    /// Waits for the script's end and gives its result.
    ///
    /// # Panics
    /// When the script fails, does not end, or prints no JSON.
    #[must_use]
    pub fn wait(mut self, patience: Duration) -> Value {
        let status = self.running.wait(patience);
        let output = self.running.output();
        assert!(
            status.success(),
            "the page's script: {status}\n{}\n{}",
            what_failed(&output),
            self.running.log()
        );
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }
}

/// A script's result without the checks that passed: CI shows only the beginning of a long message.
fn what_failed(output: &str) -> String {
    let Ok(mut result) = serde_json::from_str::<Value>(output) else {
        return output.to_owned();
    };
    if let Some(checks) = result.get_mut("checks").and_then(Value::as_array_mut) {
        checks.retain(|check| check["ok"] != true);
    }
    format!("{result:#}")
}

#[cfg(test)]
mod tests {
    use super::what_failed;

    #[test]
    fn what_failed_has_no_check_that_passed() {
        let output = r#"{"ok":false,"checks":[{"name":"a","ok":true},{"name":"b","ok":false}]}"#;
        let text = what_failed(output);
        assert!(text.contains("\"b\"") && !text.contains("\"a\""), "{text}");
        assert_eq!(what_failed("no JSON"), "no JSON");
    }
}
