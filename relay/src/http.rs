//! The HTTP surface: the page, `/health`, `/ready`, `/version`, `/metrics`, and the upgrade at the
//! WebSocket path. Routing is warp's; only what [`admin`] does changes any state of the relay, and [`session`] that of
//! a browser.

mod admin;
mod answer;
mod page;
mod session;
mod version;

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use dashstream_serve::{Peer, gate::Role, upgrade};
use decode_core::wire;
use hyper::{Method, StatusCode, http::HeaderMap, upgrade::OnUpgrade};
use warp::{Filter, Rejection, filters::BoxedFilter, reject, reply::Response};

pub use page::{is_built, page_paths};

use crate::{
    health::{self, Health},
    shared::Shared,
};
use answer::{json, not_allowed, plain, respond};

/// Every route. The service made of it must put a [`Peer`] into the extensions of each request.
pub fn routes(shared: Arc<Shared>) -> BoxedFilter<(Response,)> {
    let (released, asked) = (Arc::clone(&shared), Arc::clone(&shared));
    let reported = Arc::clone(&shared);
    let with = move || {
        let shared = Arc::clone(&shared);
        warp::any().map(move || Arc::clone(&shared))
    };
    let read = warp::get().or(warp::head()).unify();

    let socket = warp::path(wire::WS_PATH.trim_start_matches('/'))
        .and(warp::path::end())
        .and(read.or(warp::options()).unify())
        .and(warp::method())
        .and(with())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<Peer>())
        .map(
            |method, shared: Arc<Shared>, headers: HeaderMap, upgrade: Option<OnUpgrade>, peer| {
                let upgrade = upgrade.filter(|_| method == Method::GET);
                upgrade::answer(&shared.server, &headers, upgrade, peer).map(Into::into)
            },
        );
    socket
        .or(reports(reported))
        .unify()
        .or(release(released))
        .unify()
        .or(sign_in(asked))
        .unify()
        .or(page())
        .unify()
        .recover(refuse)
        .unify()
        .boxed()
}

/// What the relay says of itself.
fn reports(shared: Arc<Shared>) -> BoxedFilter<(Response,)> {
    let with = move || {
        let shared = Arc::clone(&shared);
        warp::any().map(move || Arc::clone(&shared))
    };
    let read = warp::get().or(warp::head()).unify();
    let health = warp::path!("health")
        .and(read)
        .and(with())
        .map(|shared: Arc<Shared>| json(StatusCode::OK, &Health::of(&shared).to_json()));
    let ready = warp::path!("ready")
        .and(read)
        .and(with())
        .and(warp::ext::get::<Peer>())
        .map(|shared: Arc<Shared>, peer: Peer| {
            let missing = health::missing_for_readiness(&shared);
            let status = if missing.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            let is_ready = missing.is_empty();
            let told = match peer.identity.may(Role::Viewer) {
                true => serde_json::json!({ "ready": is_ready, "missing": missing }),
                false => serde_json::json!({ "ready": is_ready }),
            };
            json(status, &told)
        });
    let version = warp::path!("version")
        .and(read)
        .and(with())
        .and(warp::ext::get::<Peer>())
        .map(|shared: Arc<Shared>, peer: Peer| {
            let told = match peer.identity.may(Role::Viewer) {
                true => version::version(&shared.config),
                false => version::of_anybody(),
            };
            json(StatusCode::OK, &told)
        });
    let metrics = warp::path!("metrics")
        .and(read)
        .and(with())
        .map(|shared: Arc<Shared>| match shared.metrics.render() {
            Ok(text) => respond(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                text,
            ),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
        });
    health
        .or(ready)
        .unify()
        .or(version)
        .unify()
        .or(metrics)
        .unify()
        .boxed()
}

/// What is left: the page and its parts.
fn page() -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and(warp::get().or(warp::head()).unify())
        .and(warp::header::headers_cloned())
        .map(|path: warp::path::FullPath, headers: HeaderMap| {
            page::asset(path.as_str().trim_start_matches('/'), &headers)
        })
        .boxed()
}

/// Lets a paused partition go on.
fn release(shared: Arc<Shared>) -> BoxedFilter<(Response,)> {
    warp::path!("admin" / "partitions" / String / "release")
        .and(warp::method())
        .and(query())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .map(
            move |partition: String, method, query: String, headers: HeaderMap, peer: Peer| {
                if method != Method::POST {
                    let text = "Only POST is answered here.\n";
                    return not_allowed(text, "POST");
                }
                admin::release(&shared, &partition, &query, &headers, &peer)
            },
        )
        .boxed()
}

/// Gives a page a session for a token, and takes it away.
fn sign_in(shared: Arc<Shared>) -> BoxedFilter<(Response,)> {
    let body = warp::post()
        .and(warp::body::content_length_limit(session::BODY_BYTES_MAX))
        .and(warp::body::bytes());
    // Nothing else has one.
    let bodiless = warp::method().and_then(|method| {
        std::future::ready(match method {
            Method::POST => Err(reject::not_found()),
            _ => Ok(Bytes::new()),
        })
    });
    warp::path(wire::SESSION_PATH.trim_start_matches('/'))
        .and(warp::path::end())
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(body.or(bodiless).unify())
        .map(move |method, headers: HeaderMap, peer: Peer, body: Bytes| {
            session::session(&shared, &method, &headers, &peer, &body)
        })
        .boxed()
}

/// The query as it is, or nothing.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Copy {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// What no route took.
#[allow(clippy::unused_async, reason = "warp asks for a future")]
async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    if rejection.find::<reject::PayloadTooLarge>().is_some() {
        return Ok(plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is too long.\n",
        ));
    }
    if rejection.find::<reject::LengthRequired>().is_some() {
        let text = "The header Content-Length is missing.\n";
        return Ok(plain(StatusCode::LENGTH_REQUIRED, text));
    }
    let wrong_method = rejection.find::<reject::MethodNotAllowed>().is_some();
    Ok(if wrong_method && !rejection.is_not_found() {
        not_allowed("Only GET is answered here.\n", "GET, HEAD")
    } else {
        plain(StatusCode::NOT_FOUND, "Not found\n")
    })
}
