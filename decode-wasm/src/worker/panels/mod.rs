//! The panels: what each can be asked and what it answers, a file each.
//!
//! A query names the panels that are on the screen. Of those, the ones whose content is still the one the
//! page knows, by its version, cost nothing: they are not in the answer.

mod bytes;
mod connection;
mod events;
mod file;
mod message;
mod partitions;
mod quarantine;
mod record;
mod run;
mod runs;
mod span;
mod threads;
mod totals;
mod trouble;
mod value;

use js_sys::Object;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

pub(super) use self::events::EventsQuery;
use super::engine::Engine;
use super::js::{Columns, Fields, Outgoing, set};

/// What one panel shows.
trait Panel {
    /// What it is asked.
    type Query;

    /// Reads what it is asked.
    fn read(fields: &Fields) -> Result<Self::Query, String>;

    /// Differs wherever the answer to the same query may differ; never 0.
    fn version(query: &Self::Query, engine: &Engine, now: u64) -> f64;

    /// Makes ready what the answer needs, for a few milliseconds at most; false while that is not done.
    fn prepare(_: &Self::Query, _: &mut Engine, _: &dyn Fn() -> u64) -> bool {
        true
    }

    /// Puts the answer into `out`.
    fn answer(
        query: &Self::Query,
        engine: &mut Engine,
        now: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    );
}

/// A panel's query with the version the page has of its answer.
struct Wanted<Q> {
    query: Q,
    known: f64,
}

fn read<P: Panel>(panels: &Fields, name: &str) -> Result<Option<Wanted<P::Query>>, String> {
    let Some(fields) = panels.maybe::<Fields>(name)? else {
        return Ok(None);
    };
    Ok(Some(Wanted {
        query: P::read(&fields)?,
        known: fields.need("known")?,
    }))
}

fn answer<P: Panel>(
    wanted: Option<&Wanted<P::Query>>,
    name: &str,
    engine: &mut Engine,
    clock: &dyn Fn() -> u64,
    view: &Outgoing,
    panels: &Object,
) {
    let Some(Wanted { query, known }) = wanted else {
        return;
    };
    let now = clock();
    let version = P::version(query, engine, now);
    if version == *known {
        return;
    }
    if !P::prepare(query, engine, clock) {
        set(panels, name, &JsValue::NULL);
        return;
    }
    let out = Object::new();
    let mut columns = Columns::new(view);
    P::answer(query, engine, now, &mut columns, &out);
    set(&out, "version", &version.into());
    set(&out, "strings", &columns.finish());
    set(panels, name, &out);
}

/// The registry: a panel's name, its module, and the TypeScript names of its query and answer.
macro_rules! panels {
    ($($name:ident: $panel:ty, $query:literal => $answer:literal;)+) => {
        #[wasm_bindgen(typescript_custom_section)]
        const TYPES: &str = concat!(
            "/** What each panel can be asked. */\nexport interface PanelQuestions {\n",
            $("  readonly ", stringify!($name), ": ", $query, ";\n",)+
            "}\n/** What each panel answers. */\nexport interface PanelContents {\n",
            $("  readonly ", stringify!($name), ": ", $answer, ";\n",)+
            "}\n",
            "export type PanelName = keyof PanelContents;\n",
            "/** A question for what is on the screen; `known` is the version of the answer to the same\n",
            "    question that the page holds, or 0. */\n",
            "export type PanelQueries = { readonly [N in PanelName]?: PanelQuestions[N] & { readonly known: number } };\n",
            "/** Contents with their version, and the texts that their columns index; text 0 is empty. */\n",
            "export type Versioned<T> = T & { readonly version: number; readonly strings: readonly string[] };\n",
            "/** Null is what is not ready yet: ask again. */\n",
            "export type PanelAnswers = { readonly [N in PanelName]?: Versioned<PanelContents[N]> | null };\n",
        );

        /// What is on the screen.
        pub(super) struct Asked {
            $($name: Option<Wanted<<$panel as Panel>::Query>>,)+
        }

        impl Asked {
            pub(super) fn read(panels: &Fields) -> Result<Self, String> {
                Ok(Self { $($name: read::<$panel>(panels, stringify!($name))?,)+ })
            }

            /// The answer to all of it.
            pub(super) fn answer(
                &self,
                id: f64,
                engine: &mut Engine,
                clock: &dyn Fn() -> u64,
            ) -> Outgoing {
                let view = Outgoing::new("view");
                let panels = Object::new();
                $(answer::<$panel>(
                    self.$name.as_ref(), stringify!($name), engine, clock, &view, &panels,
                );)+
                set(&view.message, "id", &id.into());
                set(&view.message, "panels", &panels);
                view
            }
        }
    };
}

panels! {
    connection: connection::Connection, "ConnectionQuery" => "ConnectionView";
    file: file::File, "FileQuery" => "FileView";
    totals: totals::Totals, "TotalsQuery" => "Totals";
    runs: runs::Runs, "RunsQuery" => "RunsView";
    partitions: partitions::Partitions, "PartitionsQuery" => "PartitionsView";
    threads: threads::Threads, "ThreadsQuery" => "ThreadsView";
    quarantine: quarantine::Quarantine, "QuarantineQuery" => "QuarantineView";
    events: events::Events, "EventsQuery" => "EventsView";
    record: record::Record, "RecordQuery" => "RecordView";
    message: message::Message, "MessageQuery" => "MessageView";
    value: value::Value, "ValueQuery" => "ValueView";
    bytes: bytes::Bytes, "BytesQuery" => "BytesView";
    run: run::Run, "RunQuery" => "RunView | RunUnknown";
    span: span::Span, "SpanQuery" => "SpanView";
    trouble: trouble::Trouble, "TroubleQuery" => "TroubleView";
}
