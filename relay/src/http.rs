//! The HTTP surface: the page, `/health`, `/ready`, `/version`, `/metrics`, and the upgrade at the
//! WebSocket path. Routing is warp's; only what [`admin`] does changes any state of the relay.

mod admin;
mod answer;
mod page;
mod version;

use std::{convert::Infallible, sync::Arc};

use dashstream_serve::{Peer, upgrade};
use decode_core::wire;
use hyper::{Method, StatusCode, http::HeaderMap, upgrade::OnUpgrade};
use warp::{Filter, Rejection, filters::BoxedFilter, reject, reply::Response};

pub use page::is_built;

use crate::{
    health::{self, Health},
    shared::Shared,
};
use answer::{json, not_allowed, plain, respond};

/// Every route. The service made of it must put a [`Peer`] into the extensions of each request.
pub fn routes(shared: Arc<Shared>) -> BoxedFilter<(Response,)> {
    let released = Arc::clone(&shared);
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
    let health = warp::path!("health")
        .and(read)
        .and(with())
        .map(|shared: Arc<Shared>| json(StatusCode::OK, &Health::of(&shared).to_json()));
    let ready = warp::path!("ready")
        .and(read)
        .and(with())
        .map(|shared: Arc<Shared>| {
            let missing = health::missing_for_readiness(&shared);
            let status = if missing.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            json(
                status,
                &serde_json::json!({ "ready": missing.is_empty(), "missing": missing }),
            )
        });
    let version = warp::path!("version")
        .and(read)
        .and(with())
        .map(|shared: Arc<Shared>| json(StatusCode::OK, &version::version(&shared.config)));
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
    socket
        .or(health)
        .unify()
        .or(ready)
        .unify()
        .or(version)
        .unify()
        .or(metrics)
        .unify()
        .or(release(released))
        .unify()
        .or(page())
        .unify()
        .recover(refuse)
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
            move |partition: String, method, query: String, headers: HeaderMap, peer| {
                if method != Method::POST {
                    let text = "Only POST is answered here.\n";
                    return not_allowed(text, "POST");
                }
                admin::release(&shared, &partition, &query, &headers, peer)
            },
        )
        .boxed()
}

/// The query as it is, or nothing.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Copy {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// What no route took.
#[allow(clippy::unused_async, reason = "warp asks for a future")]
async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    let wrong_method = rejection.find::<reject::MethodNotAllowed>().is_some();
    Ok(if wrong_method && !rejection.is_not_found() {
        not_allowed("Only GET is answered here.\n", "GET, HEAD")
    } else {
        plain(StatusCode::NOT_FOUND, "Not found\n")
    })
}
