//! The next run in trouble, asked for when somebody goes on from one to the other.

use js_sys::Object;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields};

pub(super) struct Trouble;

asked! {
    /// Which run in trouble is next.
    TroubleQuery {
        /// Address of the run from which on.
        run = "run": Text,
        /// Whether one that began later is wanted, or one that began earlier.
        forward = "forward": Flag,
    }
}

object! {
    /// The next run in trouble.
    TroubleView as fill(run: &str) {
        /// Its address; empty where there is none.
        run: Text = run,
    }
}

impl Panel for Trouble {
    type Query = TroubleQuery;

    fn read(fields: &Fields) -> Result<TroubleQuery, String> {
        TroubleQuery::read(fields)
    }

    fn version(_: &TroubleQuery, engine: &Engine, _: u64) -> f64 {
        engine.store.runs_version() as f64 + 1.0
    }

    fn answer(
        query: &TroubleQuery,
        engine: &mut Engine,
        _: u64,
        _: &mut Columns<'_>,
        out: &Object,
    ) {
        let from = query.run.parse().ok();
        let next = from.and_then(|from| engine.store.next_run_in_trouble(from, query.forward));
        let next = next.map(|id| id.to_string()).unwrap_or_default();
        fill(out, &next);
    }
}
