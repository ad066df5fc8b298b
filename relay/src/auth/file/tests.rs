use super::*;

const OLD: &[u8] = b"admin 0123456789abcdef0123456789abcdef";
const NEW: &[u8] = b"admin fedcba9876543210fedcba9876543210\n";

/// With what the file had at the start in force.
fn watched() -> Watched {
    Watched {
        applied: Some(Sha256::digest(OLD).into()),
        ..Watched::default()
    }
}

fn found(bytes: &[u8]) -> Result<Vec<u8>, String> {
    Ok(bytes.to_vec())
}

fn gone() -> Result<Vec<u8>, String> {
    Err("gone".to_owned())
}

/// How many tokens are valid from here on, where that changes.
fn taken(watched: &mut Watched, found: Result<Vec<u8>, String>) -> Option<usize> {
    watched.look(found).tokens.map(|tokens| tokens.len())
}

fn told(watched: &Watched) -> String {
    let trouble = watched.trouble.as_ref();
    trouble.map_or_else(String::new, ToString::to_string)
}

/// SEC-01: a file that is being written is not taken for what it is to become.
#[test]
fn a_change_takes_effect_when_it_stays() {
    let mut watched = watched();
    for half in [OLD, b"", &NEW[..20], NEW] {
        assert_eq!(watched.look(found(half)), Looked::default());
    }
    assert_eq!(taken(&mut watched, found(NEW)), Some(1));
    assert_eq!(watched.look(found(NEW)), Looked::default());
}

/// SEC-01: a token that was taken out does not stay valid because the file goes on changing.
#[test]
fn a_file_that_changes_all_the_time_is_taken_as_it_is() {
    let mut watched = watched();
    let other = |n: u32| [format!("# {n}\n").as_bytes(), NEW].concat();
    for n in 1..UNLIKE_MAX {
        assert_eq!(taken(&mut watched, Ok(other(n))), None);
    }
    assert_eq!(taken(&mut watched, Ok(other(UNLIKE_MAX))), Some(1));
    // Also where it could be read at some looks only.
    for n in 1..UNLIKE_MAX {
        let found = if n % 2 == 0 { gone() } else { Ok(other(n)) };
        assert_eq!(taken(&mut watched, found), None, "{n}");
    }
    assert_eq!(taken(&mut watched, gone()), Some(0));
}

/// SEC-01: a file out of which all tokens were taken lets nobody in, and neither does one that is gone or cannot be
/// read; none of them at once, and all of them within 30 s. What is there again is in force again.
#[test]
fn a_file_that_names_nobody_lets_nobody_in() {
    for (text, why) in [
        (Some(&b""[..]), "there is no token"),
        (Some(b"# all gone\n\n"), "there is no token"),
        (Some(b"\xFF\xFEa\0d\0"), "line 1: "),
        (Some(b"admin short"), "line 1: the token must have 32"),
        (None, "gone"),
    ] {
        let file = || text.map_or_else(gone, found);
        let mut watched = watched();
        for look in 1..UNLIKE_MAX {
            assert_eq!(taken(&mut watched, file()), None, "{why} {look}");
        }
        assert!(told(&watched).ends_with("if that lasts, no token is valid within 30 s"));
        assert_eq!(taken(&mut watched, file()), Some(0), "{why}");
        let told_now = told(&watched);
        assert!(told_now.contains(why) && told_now.ends_with("; no token is valid"));
        (0..3 * UNLIKE_MAX).for_each(|_| assert_eq!(watched.look(file()), Looked::default()));
        let half = [OLD, b"\nadmin fedcba9876543210fedcba98765432"].concat();
        for found in [Ok(half), found(OLD)] {
            assert_eq!(taken(&mut watched, found), None, "not half written");
        }
        assert_eq!(taken(&mut watched, found(OLD)), Some(1), "{why}");
        assert_eq!(told(&watched), "");
    }
    assert!(CHECK_INTERVAL * (UNLIKE_MAX + 1) <= Duration::from_secs(30));
}

/// SEC-01: a token that was taken out is invalid although a mistake was made beside it.
#[test]
fn each_line_counts_by_itself() {
    let mut watched = watched();
    let file = [NEW, b"admin: 0123456789abcdef0123456789abcdef\n\xFF\n"].concat();
    assert_eq!(taken(&mut watched, Ok(file.clone())), None);
    assert_eq!(taken(&mut watched, Ok(file.clone())), Some(1));
    let expected = "the token file: line 2: the role is neither viewer nor admin; and 1 more; \
        the tokens of the other lines are valid";
    assert_eq!(told(&watched), expected);
    assert_eq!(watched.look(Ok(file)), Looked::default(), "said once");
    assert_eq!(taken(&mut watched, found(NEW)), None);
    let looked = watched.look(found(NEW));
    assert_eq!(
        (looked.tokens.map(|all| all.len()), looked.is_news),
        (Some(1), true)
    );
}

/// SEC-01: where two lines disagree about a token, nobody gets more than either says.
#[test]
fn of_two_roles_the_lesser_counts() {
    use dashstream_serve::gate::Role;
    let token = "fedcba9876543210fedcba9876543210";
    for roles in [["admin", "viewer"], ["viewer", "admin"]] {
        let text: String = roles.map(|role| format!("{role} {token}\n")).concat();
        let listed = Listed::in_file(&text);
        assert_eq!(listed.tokens.len(), 1);
        assert_eq!(listed.tokens[0].role, Role::Viewer, "{roles:?}");
        assert_eq!(listed.mistakes.len(), 1);
    }
}

/// SEC-12: what is wrong is said once, and again when it comes back.
#[test]
fn what_is_wrong_is_said_once() {
    let mut watched = watched();
    let mut is_news = |found| watched.look(found).is_news;
    assert!(is_news(gone()));
    assert!(!is_news(gone()));
    assert!(!is_news(found(b"")), "somebody may be about to write it");
    assert!(is_news(found(b"")));
    assert!(is_news(found(OLD)), "in order");
    assert!(!is_news(found(OLD)));
    assert!(is_news(gone()), "said again");
}

/// SEC-01: what somebody gave in place of a path may be a token; a mark at the start of a file is no part of it.
#[test]
fn a_path_is_not_shown() {
    let token = "admin fedcba9876543210fedcba9876543210";
    for path in [token, "."] {
        let error = TokenFile::read(path).expect_err("no file");
        assert!(!error.contains("fedcba"), "{error}");
    }
    let marked = format!("\u{feff}{token}\r\n");
    assert_eq!(Token::of_file(&marked).map(|all| all.len()), Ok(1));
}
