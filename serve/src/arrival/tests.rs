use hyper::header::{HeaderName, HeaderValue};

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    headers
}

fn trusted() -> TrustedProxies {
    TrustedProxies::parse_list("10.0.0.0/8, 192.0.2.7,fd00::/8").expect("networks")
}

fn arrival(peer: &str, lines: &[(&str, &str)]) -> Result<Arrival, Unclear> {
    Arrival::of(
        peer.parse().expect("an address"),
        &headers(lines),
        &trusted(),
    )
}

fn address(peer: &str, lines: &[(&str, &str)]) -> String {
    match arrival(peer, lines) {
        Ok(arrival) => arrival.address.to_string(),
        Err(Unclear) => "unclear".to_owned(),
    }
}

/// SEC-06, SEC-12: what is listed is a network or an address, and never everybody.
#[test]
fn networks_are_listed_strictly() {
    let list =
        TrustedProxies::parse_list(" 10.0.0.0/8,::ffff:192.0.2.1 , fd00::/8,").expect("list");
    let texts = serde_json::to_string(&list).expect("serialises");
    assert_eq!(texts, r#"["10.0.0.0/8","192.0.2.1/32","fd00::/8"]"#);
    assert_eq!(
        TrustedProxies::parse_list(""),
        Ok(TrustedProxies::default())
    );
    for (bad, why) in [
        ("proxy.example", "is not an IP address"),
        ("10.0.0.0/33", "is not an IP address"),
        ("10.0.0.0/-1", "is not an IP address"),
        ("10.0.0.0/08/1", "is not an IP address"),
        ("10.0.0.1 /8", "is not an IP address"),
        ("fe80::1%eth0", "is not an IP address"),
        ("*", "is not an IP address"),
        ("0.0.0.0/0", "everybody"),
        ("::/0", "everybody"),
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "of IPv4"),
    ] {
        let error = TrustedProxies::parse_list(bad).expect_err(bad);
        assert!(error.contains(why) && error.contains(bad), "{bad}: {error}");
    }
    let many = vec!["10.0.0.1"; NETWORKS_MAX + 1].join(",");
    assert!(TrustedProxies::parse_list(&many).is_err());
}

/// SEC-06: who is not listed is not believed, whatever it says.
#[test]
fn nobody_else_is_believed() {
    let lies = [
        ("host", "relay:3002"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "ops.example"),
        ("forwarded", "for=127.0.0.1;proto=https;host=ops.example"),
    ];
    for peer in ["203.0.113.9", "127.0.0.1", "::1", "192.0.2.8", "fe80::1"] {
        let arrival = arrival(peer, &lies).expect("clear");
        assert_eq!(arrival.address.to_string(), peer);
        assert_eq!(arrival.is_tls, None);
        let place = arrival.place.expect("a host");
        assert_eq!(place.as_str(), "relay:3002");
    }
    let nothing = Arrival::of(
        [10, 0, 0, 1].into(),
        &headers(&lies),
        &TrustedProxies::default(),
    );
    assert_eq!(nothing.expect("clear").address.to_string(), "10.0.0.1");
}

/// SEC-06: right to left, up to the first that is no trusted proxy.
#[test]
fn addresses_are_read_from_right_to_left() {
    for (value, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("127.0.0.1,203.0.113.9 ,10.1.1.1,\t192.0.2.7", "203.0.113.9"),
        ("10.9.9.9, 10.1.1.1", "10.9.9.9"),
        ("nonsense, 10.1.1.1", "10.1.1.1"),
        ("nonsense", "10.0.0.1"),
        ("unknown, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("203.0.113.9:99999", "10.0.0.1"),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "10.0.0.1"),
        ("203.0.113.9, , ", "203.0.113.9"),
        ("", "10.0.0.1"),
    ] {
        assert_eq!(
            address("10.0.0.1", &[("x-forwarded-for", value)]),
            expected,
            "{value:?}"
        );
    }
    let lines = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    assert_eq!(address("::ffff:10.0.0.1", &lines), "203.0.113.9");
    // No chain is that long: what is left of it is not read.
    let long = format!("203.0.113.9{}", ", 10.1.1.1".repeat(40));
    assert_eq!(
        address("10.0.0.1", &[("x-forwarded-for", &long)]),
        "10.1.1.1"
    );
}

/// SEC-06: the same in the header of the standard, strictly by its grammar.
#[test]
fn the_standard_header_is_read_as_strictly_as_it_is_defined() {
    for (value, expected) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=127.0.0.1, FOR=203.0.113.9;by=10.0.0.1", "203.0.113.9"),
        ("for=\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ("for=\"203.0.113.9:_a\"; proto=https", "203.0.113.9"),
        ("proto=https;for=203.0.113.9, for=10.1.1.1", "203.0.113.9"),
        ("for=\"203.0.\\113.9\"", "203.0.113.9"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden, for=10.1.1.1", "10.1.1.1"),
        ("by=10.0.0.1", "10.0.0.1"),
        (", ,for=203.0.113.9;;,", "203.0.113.9"),
        ("for=203.0.113.9;ext=\"a,b;c\"", "203.0.113.9"),
        ("", "10.0.0.1"),
        ("for=2001:db8::9", "unclear"),
        ("for=\"2001:db8::9\"", "unclear"),
        ("for=203.0.113.9:80", "unclear"),
        ("for=\"203.0.113.9", "unclear"),
        ("for=\"203.0.113.9\\", "unclear"),
        ("for=nonsense", "unclear"),
        ("for=203.0.113.9;for=127.0.0.1", "unclear"),
        ("for", "unclear"),
        ("for=", "unclear"),
        ("=203.0.113.9", "unclear"),
        ("for =203.0.113.9", "unclear"),
        ("for= 203.0.113.9", "unclear"),
        ("for=203.0.113.9 by=a", "unclear"),
        ("for=203.0.113.9;proto=gopher", "unclear"),
        ("for=203.0.113.9;host=\"a b\"", "unclear"),
        ("for=203.0.113.9;host=\"u@a\"", "unclear"),
    ] {
        assert_eq!(
            address("10.0.0.1", &[("forwarded", value)]),
            expected,
            "{value:?}"
        );
    }
    let long = vec!["for=10.1.1.1"; 33].join(",");
    assert_eq!(address("10.0.0.1", &[("forwarded", &long)]), "unclear");
    let both = [
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(address("10.0.0.1", &both), "unclear");
}

/// SEC-06: name and scheme are those that the outermost trusted proxy saw.
#[test]
fn name_and_scheme_are_those_the_client_used() {
    let shown = |lines: &[(&str, &str)]| {
        let mut all = vec![("host", "relay:3002")];
        all.extend_from_slice(lines);
        match arrival("10.0.0.1", &all) {
            Ok(arrival) => {
                let place = arrival.place.map(|place| place.to_string());
                (arrival.is_tls, place.unwrap_or_default())
            }
            Err(Unclear) => (None, "unclear".to_owned()),
        }
    };
    let (proto, host) = ("x-forwarded-proto", "x-forwarded-host");
    let two = ("x-forwarded-for", "203.0.113.9, 10.1.1.1");
    for (lines, is_tls, place) in [
        (&[][..], None, "relay:3002"),
        (
            &[(proto, "HTTPS"), (host, "ops.example")],
            Some(true),
            "ops.example",
        ),
        (&[(proto, "ws")], Some(false), "relay:3002"),
        (&[(proto, "wss")], Some(true), "relay:3002"),
        // The outer one says https; the inner one appends what it saw, or leaves it.
        (&[two, (proto, "https, http")], Some(true), "relay:3002"),
        (&[two, (proto, "https")], Some(true), "relay:3002"),
        // One proxy only: what is left of its own word is the client's.
        (
            &[("x-forwarded-for", "203.0.113.9"), (proto, "https, http")],
            Some(false),
            "relay:3002",
        ),
        (
            &[two, (host, "evil.example, ops.example, inner:80")],
            None,
            "ops.example",
        ),
        (
            &[(
                "forwarded",
                "for=203.0.113.9;proto=https;host=\"ops.example:8443\", for=10.1.1.1;proto=http",
            )],
            Some(true),
            "ops.example:8443",
        ),
        (
            &[(
                "forwarded",
                "proto=http;for=127.0.0.1, for=203.0.113.9, for=10.1.1.1;proto=https",
            )],
            Some(true),
            "relay:3002",
        ),
        (&[(proto, "gopher")], None, "unclear"),
        (&[(host, "a/b")], None, "unclear"),
    ] {
        assert_eq!(shown(lines), (is_tls, place.to_owned()), "{lines:?}");
    }
}

/// Pieces from which headers are put together: whole, broken, and hostile.
const PIECES: [&str; 32] = [
    "203.0.113.9",
    "10.1.1.1",
    "127.0.0.1",
    "::1",
    "[::1]",
    "[::1]:8",
    "[",
    "]",
    ":",
    "for",
    "=",
    "for=",
    "proto=",
    "host=",
    "by=",
    "\"",
    "\\",
    ",",
    ";",
    " ",
    "\t",
    "unknown",
    "_x",
    "https",
    "http",
    "a.example",
    "%",
    "/",
    "@",
    "256.1.1.1",
    "1e3",
    "~",
];

/// A sequence that is the same at each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn text(&mut self) -> String {
        (0..self.below(12))
            .map(|_| PIECES[self.below(PIECES.len())])
            .collect()
    }
}

/// SEC-06: whatever a client writes, it changes nothing to the right of it: it is seen under its own address, or
/// refused.
#[test]
fn nothing_a_client_writes_makes_it_another() {
    let mut dice = Dice(7);
    let (mut seen, mut refused) = (0, 0);
    for _ in 0..50_000 {
        let text = dice.text();
        let chain = if dice.below(2) == 0 { "" } else { ", 10.1.1.1" };
        let old = format!("{text}, 203.0.113.77{chain}");
        assert_eq!(
            address("10.0.0.1", &[("x-forwarded-for", &old)]),
            "203.0.113.77",
            "{old:?}"
        );
        let chain = chain.replace("10.", "for=10.");
        let line = format!("{text}, for=203.0.113.77{chain}");
        let lines: &[_] = match dice.below(2) {
            0 => &[("forwarded", line.as_str())],
            _ => &[
                ("forwarded", text.as_str()),
                ("forwarded", "for=203.0.113.77"),
            ],
        };
        match address("10.0.0.1", lines).as_str() {
            "203.0.113.77" => seen += 1,
            "unclear" => refused += 1,
            other => panic!("{other}: {lines:?}"),
        }
        // Alone it is no proxy's word, but it must be survived.
        let alone = address("10.0.0.1", &[("forwarded", &text)]);
        assert!(
            alone == "unclear" || alone.parse::<IpAddr>().is_ok(),
            "{alone}"
        );
    }
    assert!(
        seen > 1_000 && refused > 1_000,
        "{seen} seen, {refused} refused"
    );
}
