//! The page in Debian's Firefox, as a smoke test: everything else is looked at in Chromium.

use std::{fs, time::Duration};

use dashstream_e2e::{page::Page, place, relay::Relay};

const PATIENCE: Duration = Duration::from_secs(300);

/// It opens on a relay, shows runs, opens one, and writes nothing to the console.
#[test]
fn the_page_works_in_firefox() {
    let Some(relay) = Relay::demo() else { return };
    if !relay.has_page() {
        return;
    }
    let out = place::log_file("firefox").with_extension("");
    fs::create_dir_all(&out).expect("a folder for the picture");
    let out = out.display().to_string();
    let Some(page) = Page::open_in_firefox("firefox.mjs", &["--url", &relay.url(), "--out", &out])
    else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
}
