//! The scenarios: what kinds of runs there are, each modelled on one thread of a capture of the
//! real library, or on what its source can emit besides.
//!
//! A scenario is a script that drives one or two callbacks through a graph. It runs at once, in its
//! own virtual time; [`run`] returns what left the producers, in order.

mod extra;
mod flow;
mod loss;
mod state;
mod stream;

use serde_json::{Value, json};

use crate::outbox::{Identity, Sent};
use crate::rng::Rng;
use crate::telemetry::{Options, Telemetry};

macro_rules! scenarios {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $weight:literal, $script:path;)+) => {
        /// A kind of run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scenario { $($(#[$doc])* $variant),+ }

        impl Scenario {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// How often it is chosen, relative to the others.
            pub const fn weight(self) -> u32 {
                match self { $(Self::$variant => $weight),+ }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            fn script(self) -> fn(&mut Stage) {
                match self { $(Self::$variant => $script),+ }
            }
        }
    };
}

scenarios! {
    /// Four nodes in a row, one changing nothing, one with a versioned configuration.
    Linear = "linear", 12, flow::linear;
    /// Draft and review, three times round a conditional edge.
    Loop = "loop", 12, flow::review_loop;
    /// Three parallel workers and a join.
    Parallel = "parallel", 10, flow::parallel;
    /// Parallel branches that go straight to the end, one of them a silent streaming node.
    ParallelEnd = "parallel-end", 4, flow::parallel_end;
    /// The second node returns an error: no end of the run.
    Fail = "fail", 4, flow::fail;
    /// One parallel branch returns an error: not even a node error.
    ParallelFail = "parallel-fail", 2, flow::parallel_fail;
    /// `fail` in batches.
    FailBatch = "fail-batch", 2, flow::fail_batch;
    /// A conversation that grows by 6 KB a turn, then is cut.
    Big = "big", 2, state::big;
    /// The same without compression.
    BigRaw = "big-raw", 2, state::big_raw;
    /// Numbers, keys and texts that break careless JSON handling.
    Values = "values", 3, state::values;
    /// Edits of arrays and keys, with pointers that need escaping.
    Edit = "edit", 3, state::edit;
    /// So much changes that the whole state is sent.
    FullState = "fullstate", 3, state::full_state;
    /// A state without integral floats.
    Ints = "ints", 3, state::ints;
    /// A thread id with letters of two scripts, a slash and a blank.
    NonAscii = "non-ascii", 3, flow::non_ascii;
    /// Two runs with a fresh callback each: the sequence starts over.
    Restart = "restart", 4, flow::restart;
    /// Two runs with one callback: the sequence goes on.
    Reuse = "reuse", 4, flow::reuse;
    /// `loop` in batches, which each difference flushes.
    Batch = "batch", 5, flow::batch;
    /// Full batches, because no differences are sent.
    BatchNoDiff = "batch-nodiff", 4, flow::batch_without_diffs;
    /// `parallel` in batches.
    BatchParallel = "batch-parallel", 4, flow::batch_parallel;
    /// `linear` without differences.
    NoDiff = "nodiff", 4, flow::without_diffs;
    /// Two streaming nodes with every report they can make.
    Stream = "stream", 8, stream::stream;
    /// The same in batches.
    StreamBatch = "stream-batch", 4, stream::batched;
    /// The streaming node fails after it reported errors.
    StreamFail = "stream-fail", 3, stream::failing;
    /// The same on a connected producer, twice.
    StreamWarm = "stream-warm", 4, stream::warm;
    /// A pause for a person: two starts, two ends, and nothing that says so.
    Interrupt = "interrupt", 5, flow::interrupt;
    /// Secrets in the state.
    Redact = "redact", 2, loss::redact;
    /// A URL and an address make the redactor break the initial state.
    RedactUrl = "redact-url", 2, loss::redact_url;
    /// The callback's queue overflows.
    Drop = "drop", 1, loss::drop_messages;
    /// The producer ends without a flush.
    NoFlush = "noflush", 2, loss::no_flush;
    /// A difference the producer refuses; a checkpoint repairs it.
    Oversize = "oversize", 1, loss::oversize;
    /// Two runs at the same time.
    Inter = "inter", 4, flow::interleaved;
    /// A node's parameters are tuned while it runs.
    Optimize = "optimize", 2, extra::optimize;
    /// The quality monitor speaks up, with a counter of its own.
    Quality = "quality", 2, extra::quality;
    /// A run that ends with its execution trace.
    Trace = "trace", 2, extra::trace;
    /// Another producer of the same format: the event types and fields the framework leaves out.
    Foreign = "foreign", 3, extra::foreign;
}

/// Where a run happens.
#[derive(Clone, Debug)]
pub struct Setting {
    pub start_us: u64,
    /// Stretches the time nodes work, where the scenario does not live off the original pace.
    pub work_scale: f64,
    /// Distinguishes the run's threads from all others.
    pub id: String,
}

/// One thread of a run.
#[derive(Clone, Debug)]
pub(crate) struct ThreadRun {
    pub(crate) thread: String,
    /// In the order of sending.
    pub(crate) sent: Vec<Sent>,
    /// Messages longer than this are compressed.
    pub(crate) threshold_bytes: usize,
}

/// Plays a scenario.
pub(crate) fn run(scenario: Scenario, rng: Rng, setting: Setting) -> Vec<ThreadRun> {
    let mut stage = Stage {
        scenario,
        rng,
        setting,
        finished: Vec::new(),
    };
    scenario.script()(&mut stage);
    stage.finished
}

/// What a script works with.
struct Stage {
    scenario: Scenario,
    rng: Rng,
    setting: Setting,
    finished: Vec<ThreadRun>,
}

impl Stage {
    /// A callback on the run's own thread, at the original pace.
    fn quick(&mut self, options: Options) -> Telemetry {
        let thread = format!("{}-{}", self.scenario.name(), self.setting.id);
        self.named(thread, options)
    }

    /// The same, at the pace of the setting.
    fn paced(&mut self, options: Options) -> Telemetry {
        let work_scale = self.setting.work_scale;
        self.quick(Options {
            work_scale,
            ..options
        })
    }

    fn named(&mut self, thread: String, options: Options) -> Telemetry {
        let tenants = ["tenant-a", "tenant-a", "tenant-b", "default"];
        let tenant = self
            .rng
            .pick(&tenants)
            .copied()
            .unwrap_or_default()
            .to_owned();
        self.of_tenant(tenant, thread, options)
    }

    fn of_tenant(&mut self, tenant: String, thread: String, options: Options) -> Telemetry {
        let rng = Rng::new(self.rng.word());
        Telemetry::new(
            Identity { tenant, thread },
            rng,
            options,
            self.setting.start_us,
        )
    }

    fn finish(&mut self, telemetry: Telemetry) {
        let thread = telemetry.thread().to_owned();
        let threshold_bytes = telemetry.options.threshold_bytes;
        self.finished.push(ThreadRun {
            thread,
            sent: telemetry.finish(),
            threshold_bytes,
        });
    }
}

/// The state most of the graphs start from.
fn agent_state(query: &str) -> Value {
    json!({
        "query": query,
        "messages": [message("m0", "user", query)],
        "step": 0,
        "score": 0.0,
        "tags": ["draft"],
        "data": {},
    })
}

fn message(id: &str, role: &str, content: &str) -> Value {
    let tokens = content.split_whitespace().count();
    json!({"id": id, "role": role, "content": content, "tokens": tokens, "weight": 1.0})
}

/// Appends to an array of the state; a state of another shape stays as it is.
fn push(list: &mut Value, item: Value) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    }
}
