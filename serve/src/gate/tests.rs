use std::{collections::BTreeSet, time::Duration};

use hyper::Request;

use super::*;

#[test]
fn every_refusal_has_a_status_a_code_and_a_sentence() {
    let gate = Gate {
        hint: |refused| {
            if refused == Refused::Origin {
                "Say so."
            } else {
                ""
            }
        },
        ..Gate::default()
    };
    let mut codes = BTreeSet::new();
    for &refused in Refused::ALL {
        let response = gate.answer(refused);
        assert_eq!(response.status().as_u16(), refused.status());
        assert!((400..=503).contains(&refused.status()), "{refused:?}");
        let code = response.headers().get(REFUSAL);
        let expected = (refused != Refused::NoUpgrade).then_some(refused.code());
        assert_eq!(code.map(|code| code.to_str().expect("text")), expected);
        assert!(codes.insert(refused.code()), "{refused:?}");
        let text = std::str::from_utf8(response.body()).expect("text");
        assert!(text.ends_with(".\n") && !text.contains("--"), "{text}");
        assert_eq!(text.ends_with(" Say so.\n"), refused == Refused::Origin);
        let has = |name| response.headers().contains_key(name);
        assert_eq!(has(header::RETRY_AFTER), refused.status() == 503);
        assert_eq!(has(header::WWW_AUTHENTICATE), refused.status() == 401);
        assert_eq!(has(header::SEC_WEBSOCKET_VERSION), refused.status() == 426);
    }
}

/// Two tokens, of which one can be taken away.
struct Tokens(watch::Sender<bool>);

impl Authenticator for Tokens {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Authenticating<'a> {
        let shown = credentials.bearer();
        let shown = shown.or_else(|| credentials.subprotocol("dashstream.bearer."));
        let cookie = || credentials.cookies("session").next().map(Shown::One);
        let shown = shown.or_else(cookie);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(match shown {
                Some(Shown::One("see")) => Identity::while_valid(Role::Viewer, self.0.subscribe()),
                Some(Shown::One("all")) => Identity::unnamed(Some(Role::Admin)),
                _ => Identity::unnamed(None),
            })
        })
    }
}

fn gate() -> (Gate, Arc<Tokens>) {
    let tokens = Arc::new(Tokens(watch::Sender::new(true)));
    let gate = Gate {
        authenticator: tokens.clone(),
        access: |method, path| match (method, path) {
            (_, "/") => Access::Anybody,
            (&Method::POST, _) => Access::Needs(Role::Admin),
            _ => Access::Needs(Role::Viewer),
        },
        ..Gate::default()
    };
    (gate, tokens)
}

/// From this machine, without a proxy.
fn arrival() -> Arrival {
    Arrival {
        address: [127, 0, 0, 1].into(),
        is_tls: None,
        place: None,
        is_of_proxy: false,
    }
}

async fn admit(
    gate: &Gate,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Option<Refused> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    gate.admit(&parts, arrival()).await.err()
}

/// SEC-01, SEC-03: who shows nothing sees nothing, and whoever may see may not change.
#[tokio::test]
async fn roles_are_needed_by_method_and_path() {
    let (gate, _) = gate();
    let bearer = |token| [("authorization", token)];
    for (method, path, headers, refused) in [
        (Method::GET, "/", &[][..], None),
        (
            Method::GET,
            "/health",
            &[][..],
            Some(Refused::Unauthenticated),
        ),
        (
            Method::GET,
            "/health",
            &bearer("Bearer wrong")[..],
            Some(Refused::Unauthenticated),
        ),
        (
            Method::GET,
            "/health",
            &bearer("Basic see")[..],
            Some(Refused::Unauthenticated),
        ),
        (Method::GET, "/health", &bearer("bearer  see")[..], None),
        (
            Method::POST,
            "/admin",
            &bearer("Bearer see")[..],
            Some(Refused::NotAllowed),
        ),
        (Method::POST, "/admin", &bearer("Bearer all")[..], None),
        (
            Method::GET,
            "/ws",
            &[(
                "sec-websocket-protocol",
                "dashstream.v1, dashstream.bearer.see",
            )][..],
            None,
        ),
        (
            Method::GET,
            "/ws",
            &[("cookie", "a=b; session=see")][..],
            None,
        ),
        (
            Method::GET,
            "/ws",
            &[("cookie", "session2=see")][..],
            Some(Refused::Unauthenticated),
        ),
    ] {
        assert_eq!(
            admit(&gate, method, path, headers).await,
            refused,
            "{path} {headers:?}"
        );
    }
}

/// SEC-01: of several credentials in one place none counts: a proxy may have looked at another one.
#[test]
fn several_credentials_are_none() {
    let shown = |lines: &[(&'static str, &str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let credentials = Credentials {
            address: [127, 0, 0, 1].into(),
            is_tls: None,
            is_of_proxy: false,
            version: Version::HTTP_11,
            headers: &headers,
        };
        let cookies: Vec<_> = credentials.cookies("a").map(str::to_owned).collect();
        let is_several = |shown| shown == Some(Shown::Several);
        let bearer = is_several(credentials.bearer());
        (bearer, is_several(credentials.subprotocol("t.")), cookies)
    };
    let (one, two) = (("authorization", "Bearer x"), ("authorization", "Basic y"));
    assert!(!shown(&[one]).0 && shown(&[one, two]).0 && shown(&[two, one]).0);
    let (one, two) = (
        ("sec-websocket-protocol", "t.x"),
        ("sec-websocket-protocol", "v1, t.x"),
    );
    assert!(!shown(&[two]).1 && shown(&[one, two]).1);
    let (one, two) = (("cookie", "a=1; b=2; a=3"), ("cookie", "a="));
    assert_eq!(shown(&[one, two]).2, ["1", "3", ""]);
}

/// A client with credentials of before gets what is for anybody, however often it asked.
#[tokio::test]
async fn what_is_for_anybody_needs_no_look_at_credentials() {
    struct Weary;
    impl Authenticator for Weary {
        fn authenticate<'a>(&'a self, _: Credentials<'a>) -> Authenticating<'a> {
            Box::pin(std::future::ready(Err(Refused::Attempts)))
        }
    }
    let gate = Gate {
        authenticator: Arc::new(Weary),
        access: |_, path| match path {
            "/" => Access::Anybody,
            "/ready" => Access::Optional,
            _ => Access::Needs(Role::Viewer),
        },
        ..Gate::default()
    };
    for (path, refused) in [
        ("/", None),
        ("/ready", None),
        ("/health", Some(Refused::Attempts)),
    ] {
        assert_eq!(
            admit(&gate, Method::GET, path, &[]).await,
            refused,
            "{path}"
        );
    }
}

/// SEC-01: credentials that are taken away let nobody in, and end what was opened with them.
#[tokio::test]
async fn credentials_end() {
    let (gate, tokens) = gate();
    let see = [("authorization", "Bearer see")];
    let request = Request::builder().uri("/health");
    let request = request.header("authorization", "Bearer see");
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let mut peer = gate.admit(&parts, arrival()).await.expect("valid");
    let waits = tokio::time::timeout(Duration::from_millis(20), peer.identity.ended()).await;
    assert!(waits.is_err(), "it is valid");
    tokens.0.send_replace(false);
    peer.identity.ended().await;
    assert!(!peer.identity.may(Role::Viewer));
    let refused = admit(&gate, Method::GET, "/health", &see).await;
    assert_eq!(refused, Some(Refused::Unauthenticated));
}

/// SEC-01: credentials with an end are worth nothing after it, and end what was opened with them.
#[tokio::test(start_paused = true)]
async fn credentials_expire() {
    let valid = watch::Sender::new(true);
    let until = Instant::now() + Duration::from_secs(60);
    let session = watch::Sender::new(true);
    let identity = Identity::while_valid(Role::Admin, valid.subscribe()).until(until);
    let identity = identity.and_while(session.subscribe());
    let mut identity = identity.named(Some("alice".into()));
    assert_eq!(identity.name(), Some("alice"));
    assert!(identity.may(Role::Admin));
    let mut signed_out = identity.clone();
    session.send_replace(false);
    signed_out.ended().await;
    assert!(!signed_out.may(Role::Viewer));
    session.send_replace(true);
    let before = Instant::now();
    identity.ended().await;
    assert_eq!(before.elapsed(), Duration::from_secs(60));
    assert!(!identity.may(Role::Viewer));
}
