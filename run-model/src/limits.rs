//! Bounds of the store.

/// Rows held.
pub const ROWS_MAX: usize = 200_000;
/// Bytes of messages held for the detail view.
pub const PAYLOAD_BYTES_HELD_MAX: usize = 96 * 1024 * 1024;
/// Threads held; the least recently heard of goes first.
pub const THREADS_MAX: usize = 10_000;
/// So many of the latest message ids are known at least; at most twice as many are held.
pub const MESSAGE_IDS_MIN: usize = 32_768;
/// Places looked at for one message id.
pub const MESSAGE_ID_PROBES_MAX: usize = 64;
/// Characters of a row's summary.
pub const SUMMARY_CHARS_MAX: usize = 96;
/// Bytes of a thread or node name that is kept; longer ones are cut and marked.
pub const NAME_BYTES_MAX: usize = 512;
/// Bytes of runs' events held; then the runs heard of the longest ago are held in summary only.
pub const RUN_BYTES_HELD_MAX: usize = 64 * 1024 * 1024;
/// Runs known, in summary at least; the oldest goes first.
pub const RUNS_MAX: usize = 100_000;
/// Characters of an error that are held with its run; its record has all of them.
pub const TEXT_CHARS_HELD_MAX: usize = 160;
/// Numbers that quality metrics used, of one thread.
pub const QUALITY_NUMBERS_MAX: usize = 1_024;
/// Messages of models with usage that are read from one state diff.
pub const ANSWERS_PER_DIFF_MAX: usize = 1_024;
/// Graphs that runs share.
pub const TOPOLOGIES_SHARED_MAX: usize = 64;
/// Bytes of a declared graph's texts that are kept, so that the same ones are read once.
pub const TOPOLOGY_WORDS_MAX: usize = 32 * 1024;
/// Records of no run that are held with their places: those that could not be read, and those without a thread.
pub const QUARANTINE_MAX: usize = 1_000;
/// Codes of rejects that are counted apart.
pub const QUARANTINE_CODES_MAX: usize = 64;
/// Bytes of texts and columns that one answer may take, about.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Pieces of the picture of a whole run.
pub const OVERVIEW_PIECES_MAX: usize = 512;
/// Bytes of texts that one answer takes from the records of a span.
pub const SAID_BYTES_MAX: usize = 128 * 1024;
/// Bytes of a payload shown as hex.
pub const HEX_BYTES_MAX: usize = 4 * 1024;
/// Bytes of the text of one message as it is shown.
pub const READABLE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Members of one container that are shown.
pub const TREE_CHILDREN_MAX: usize = 2_000_000;
/// Members of all containers that are known at one time.
pub const TREE_CHILDREN_HELD_MAX: usize = 4_000_000;
/// Hits of a search in one message that are counted.
pub const TREE_HITS_MAX: usize = 10_000;
/// Bytes of a value on its line.
pub const TREE_PREVIEW_BYTES_MAX: usize = 400;
/// Bytes of one piece of a capture that is saved, about.
pub const SAVED_PIECE_BYTES: usize = 256 * 1024;
/// Rows one query may return.
pub const QUERY_ROWS_MAX: usize = 1_000;

const _: () = assert!(
    ROWS_MAX > decode_core::wire::INNER_EVENTS_MAX as usize,
    "the rows of one batch can all be held"
);
const _: () = assert!(
    PAYLOAD_BYTES_HELD_MAX > decode_core::wire::PAYLOAD_BYTES_MAX,
    "the newest record's detail can always be shown"
);
