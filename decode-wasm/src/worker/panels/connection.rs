//! The state of the connection, and how far the page keeps up with it.

use core::hash::Hasher as _;

use fnv::FnvHasher;
use js_sys::{Array, Object};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields};

pub(super) struct Connection;

#[wasm_bindgen(typescript_custom_section)]
const PHASES: &str = r#"
export type ConnectionPhase =
  | "idle" | "connecting" | "resuming" | "replaying" | "live" | "waiting" | "stopped";
"#;

asked! {
    /// The connection has no questions of its own.
    ConnectionQuery {}
}

object! {
    /// How a connection ended.
    CloseView as fill_close(code: u16, reason: &str) {
        /// Close code.
        code: Number = code.into(),
        /// The relay's words, or empty.
        reason: Text = reason,
    }
}

object! {
    /// Something a person should know of.
    ProblemView as fill_problem(at_ms: f64, code: &str, text: &str) {
        /// Milliseconds since 1970.
        atMs: Number = at_ms,
        /// A stable name.
        code: Text = code,
        /// One sentence.
        text: Text = text,
    }
}

object! {
    /// The connection.
    ConnectionView as fill(engine: &Engine, now: u64) {
        /// Where it is.
        phase: Text as "ConnectionPhase" = engine.session.phase().name(),
        /// Number of connections opened so far.
        epoch: Number = engine.session.epoch() as f64,
        /// When the next attempt is due while waiting, in ms since 1970, else null.
        retryAtMs: MaybeNumber = engine.session.retry_at_ms().map(|at| engine.clock_origin_ms + at as f64),
        /// How the latest connection ended.
        lastClose: Any as "CloseView | null" = last_close(engine),
        /// Text the relay wants shown, for example that the data is simulated; empty if none.
        notice: Text = welcome(engine, |w| &w.notice),
        /// Version of the relay.
        relayVersion: Text = welcome(engine, |w| &w.relay_version),
        /// Kafka topic.
        topic: Text = welcome(engine, |w| &w.topic),
        /// What cursors belong to.
        namespace: Text = welcome(engine, |w| &w.namespace),
        /// "strict" or "compatible".
        mode: Text = welcome(engine, |w| &w.mode),
        /// Fraction 0..1 of the replay, or null when there is none.
        replayProgress: MaybeNumber = engine.replay_progress(),
        /// The latest problems, newest last, at most 20.
        problems: Any as "readonly ProblemView[]" = problems(engine),
        /// Bytes received and not acknowledged.
        unackedBytes: Number = engine.session.unacked_bytes() as f64,
        /// Frames received and not yet applied.
        backlogFrames: Number = engine.session.backlog_frames() as f64,
        /// Offsets between what was applied and the relay's ends.
        remaining: Number = engine.left() as f64,
        /// Binary messages received and not yet applied.
        backlogMessages: Number = engine.backlog_messages() as f64,
        /// Longest that something received waited to be decoded and applied, in the last 5 to 10 s.
        applyLagMs: Number = engine.session.apply_lag_ms(now) as f64,
        /// The mean over the messages of the same time.
        meanApplyLagMs: Number = engine.session.mean_apply_lag_ms(now) as f64,
    }
}

impl Panel for Connection {
    type Query = ConnectionQuery;

    fn read(fields: &Fields) -> Result<ConnectionQuery, String> {
        ConnectionQuery::read(fields)
    }

    /// Not every record changes it: its figures are part of the version themselves.
    fn version(_: &ConnectionQuery, engine: &Engine, now: u64) -> f64 {
        let session = &engine.session;
        let replayed = session.replay().map_or(0, |_| engine.revision);
        let parts = [
            engine.turn,
            replayed,
            session.unacked_bytes(),
            session.backlog_frames(),
            engine.backlog_messages(),
            session.apply_lag_ms(now),
            session.mean_apply_lag_ms(now),
        ];
        let mut hash = FnvHasher::default();
        parts.into_iter().for_each(|part| hash.write_u64(part));
        // Cut to what a JavaScript number holds.
        ((hash.finish() >> 11) | 1) as f64
    }

    fn answer(
        _: &ConnectionQuery,
        engine: &mut Engine,
        now: u64,
        _: &mut Columns<'_>,
        out: &Object,
    ) {
        fill(out, engine, now);
    }
}

fn welcome(engine: &Engine, field: fn(&session::control::Welcome) -> &String) -> &str {
    engine.session.welcome().map_or("", |w| field(w))
}

fn last_close(engine: &Engine) -> JsValue {
    let Some((code, reason)) = engine.session.last_close() else {
        return JsValue::NULL;
    };
    let out = Object::new();
    fill_close(&out, code, reason);
    out.into()
}

fn problems(engine: &Engine) -> Array {
    let problem = |p: &session::client::Problem| {
        let out = Object::new();
        let at_ms = engine.clock_origin_ms + p.at_ms as f64;
        fill_problem(&out, at_ms, p.code, &p.text);
        out
    };
    engine.session.problems().map(problem).collect()
}
