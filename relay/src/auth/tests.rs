use super::session::{self, Sessions};
use super::*;

const VIEWER: &str = "v0123456789abcdef0123456789abcdef";
const ADMIN: &str = "a0123456789abcdef0123456789abcdef";

fn tokens(text: &str) -> Vec<Token> {
    Token::of_file(text).expect("tokens")
}

fn both() -> String {
    format!("# rotated on Mondays, by hand\n\n viewer {VIEWER} grafana\nadmin\t{ADMIN}\n")
}

/// SEC-01: a file says who may what; a mistake in it is told by its place, and never by its text.
#[test]
fn tokens_are_read_strictly() {
    let read = tokens(&both());
    let listed = Token::of_list(&format!("viewer {VIEWER} grafana, admin {ADMIN}"));
    assert_eq!(Ok(&read), listed.as_ref());
    assert_eq!(read[0].name.as_deref(), Some("grafana"));
    assert_eq!((read[0].role, read[1].role), (Role::Viewer, Role::Admin));
    assert!(!format!("{read:?}").contains(&VIEWER[1..9]));
    let long = "x".repeat(TOKEN_CHARS_MAX + 1);
    for (text, told) in [
        ("", "there is no token"),
        ("# nothing", "there is no token"),
        (VIEWER, "line 1: expected ROLE TOKEN [NAME]"),
        (&format!("\nviewer {VIEWER} a b"), "line 2: expected"),
        (&format!("{VIEWER} viewer"), "line 1: the role"),
        (&format!("Viewer {VIEWER}"), "line 1: the role"),
        (
            &format!("viewer {}", &VIEWER[..31]),
            "line 1: the token must have 32",
        ),
        (
            &format!("viewer {long}"),
            "line 1: the token must have 32 to 512",
        ),
        (
            &format!("viewer {VIEWER}\u{e9}"),
            "line 1: the token has characters",
        ),
        (
            &format!("viewer {VIEWER},"),
            "line 1: the token has characters",
        ),
        (&format!("viewer {VIEWER} a/b"), "line 1: the name"),
        (
            &format!("viewer {VIEWER}\nadmin {VIEWER}"),
            "line 2: the same token",
        ),
    ] {
        let error = Token::of_file(text).expect_err(text);
        assert!(error.starts_with(told), "{error}");
        assert!(!error.contains(&VIEWER[..8]), "{error}");
    }
    let many: String = (0..257).map(|n| format!("viewer {VIEWER}{n}\n")).collect();
    let error = Token::of_file(&many).expect_err("too many");
    assert!(error.contains("more than 256"), "{error}");
}

/// SEC-01: a token that is taken away, or has another role, ends what was opened with it; the others go on.
#[tokio::test]
async fn a_change_ends_what_it_takes_away() {
    let in_force = InForce::new(tokens(&both()));
    let held = |text| in_force.of_text(text).expect("valid");
    let (viewer, admin) = (held(VIEWER).identity(), held(ADMIN).identity());
    assert!(viewer.may(Role::Viewer) && !viewer.may(Role::Admin));
    let other = format!("admin {VIEWER}\nadmin {ADMIN} alice\nviewer {VIEWER}2");
    let replaced = in_force.replace(tokens(&other));
    assert_eq!(
        (replaced.added, replaced.removed, replaced.valid),
        (2, 1, 3)
    );
    assert!(!viewer.may(Role::Viewer) && admin.may(Role::Admin));
    assert!(held(VIEWER).identity().may(Role::Admin));
    assert_eq!(
        (in_force.count(Role::Viewer), in_force.count(Role::Admin)),
        (1, 2)
    );
    in_force.replace(tokens(&format!("viewer {VIEWER}2")));
    assert!(!admin.may(Role::Viewer) && in_force.of_text(ADMIN).is_none());
}

fn at(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
}

fn value_of(cookie: &str) -> &str {
    let (_, rest) = cookie.split_once('=').expect("name and value");
    rest.split(';').next().expect("a value")
}

/// SEC-01: a session is what a relay with the same tokens signed, for as long as it said, and of this topic.
#[test]
fn a_session_is_taken_where_its_token_is_valid() {
    let lifetime = Duration::from_secs(600);
    let (sessions, in_force) = (Sessions::new("a", lifetime), InForce::new(tokens(&both())));
    let held = in_force.of_text(VIEWER).expect("valid");
    let cookie = sessions.cookie(&held, at(1_000), true);
    assert!(
        cookie.ends_with("; Max-Age=600; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    let value = value_of(&cookie);
    let left = |sessions: &Sessions, in_force: &InForce, now| {
        let found = sessions.check(value, in_force, at(now));
        found.map(|found| (found.held.token.role, found.left.as_secs()))
    };
    assert_eq!(left(&sessions, &in_force, 1_000), Some((Role::Viewer, 600)));
    assert_eq!(left(&sessions, &in_force, 1_599), Some((Role::Viewer, 1)));
    assert_eq!(left(&sessions, &in_force, 1_600), None, "expired");
    let replica = InForce::new(tokens(&format!("viewer {VIEWER}")));
    assert_eq!(left(&sessions, &replica, 1_000), Some((Role::Viewer, 600)));
    let without = InForce::new(tokens(&format!("admin {ADMIN}")));
    assert_eq!(left(&sessions, &without, 1_000), None);
    assert_eq!(left(&Sessions::new("b", lifetime), &in_force, 1_000), None);
    let shorter = Sessions::new("a", Duration::from_secs(60));
    assert_eq!(
        left(&shorter, &in_force, 1_000),
        None,
        "longer than sessions are"
    );

    let bytes = URL_SAFE_NO_PAD.decode(value).expect("base64url");
    for at_byte in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at_byte] ^= 1;
        let forged = URL_SAFE_NO_PAD.encode(forged);
        assert!(sessions.check(&forged, &in_force, at(1_000)).is_none());
    }
    for strange in ["", "x", "====", &value[1..], &format!("{value}AA")] {
        assert!(sessions.check(strange, &in_force, at(1_000)).is_none());
    }
}

/// SEC-01: signing out ends a session and what was opened with it, and no other; what is remembered is bounded.
#[test]
fn a_session_that_signed_out_is_over() {
    let lifetime = Duration::from_secs(600);
    let (sessions, in_force) = (Sessions::new("a", lifetime), InForce::new(tokens(&both())));
    let held = in_force.of_text(VIEWER).expect("valid");
    let now = at(1_000);
    let sign_in = || {
        let cookie = sessions.cookie(&held, now, false);
        let session = sessions.check(value_of(&cookie), &in_force, now);
        session.expect("just signed")
    };
    let (one, other) = (sign_in(), sign_in());
    let open = sessions.valid(&one, now).expect("valid");
    let beside = sessions.valid(&other, now).expect("valid");
    sessions.sign_out(&one, now);
    assert!(!*open.borrow() && *beside.borrow());
    assert!(sessions.valid(&one, now).is_none() && sessions.valid(&other, now).is_some());
    for _ in 0..session::REMEMBERED_MAX + 50 {
        sessions.sign_out(&sign_in(), now);
    }
    assert!(sessions.remembered() <= session::REMEMBERED_MAX);
    assert!(*beside.borrow(), "in use");
}

/// SEC-01: signing in and out again and again with one token brings no cookie of another one back.
#[test]
fn nobody_brings_a_session_of_another_token_back() {
    let lifetime = Duration::from_secs(600);
    let (sessions, in_force) = (Sessions::new("a", lifetime), InForce::new(tokens(&both())));
    let sign_in = |token: &str, now| {
        let held = in_force.of_text(token).expect("valid");
        let cookie = sessions.cookie(&held, now, false);
        let session = sessions.check(value_of(&cookie), &in_force, now);
        session.expect("just signed")
    };
    let victim = sign_in(ADMIN, at(1_000));
    sessions.sign_out(&victim, at(1_000));
    for _ in 0..session::REMEMBERED_MAX + 50 {
        sessions.sign_out(&sign_in(VIEWER, at(1_001)), at(1_001));
    }
    assert!(sessions.remembered() <= session::REMEMBERED_MAX);
    assert!(sessions.valid(&victim, at(1_001)).is_none());
}
