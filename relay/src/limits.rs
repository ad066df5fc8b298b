//! Every bound that is the relay's own. What a client must know too is in `decode_core::wire`; what
//! an operator may change is in [`crate::config`] with its default here.

use decode_core::wire;

/// Default size of the log in memory, headers included.
pub const LOG_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;
/// Smallest log an operator may ask for: below it one large record would push out everything else.
pub const LOG_BYTES_MIN: u64 = 16 * 1024 * 1024;
/// Most bytes of frames in one segment unless a single frame is larger. A slow client holds on to
/// the segment it is sending from, so this is what one stalled socket can keep alive.
pub const SEGMENT_BYTES_TARGET: usize = 256 * 1024;
/// Decoded bytes after which a segment ends and its partition lets others run: 10 MiB compress to less
/// than a thousand bytes, so stored bytes say little about the work. The record that reaches it is the
/// last, so a turn decodes at most this and one record more.
pub const TURN_DECODED_BYTES_TARGET: usize = 4 * 1024 * 1024;

/// Default bytes one fetch asks for. Kafka returns at least one batch, however large.
pub const FETCH_BYTES_DEFAULT: u64 = 4 * 1024 * 1024;
/// Packed batches that were fetched and not yet taken, of all partitions. A batch that alone is larger is a gap.
pub const FETCHED_BYTES_MAX: usize = 48 * 1024 * 1024;
/// What batches are unpacked to at a time, of all partitions.
pub const UNPACKED_BYTES_MAX: usize = 40 * 1024 * 1024;
/// Largest record of a compressed batch that is looked at; a larger one is a gap.
pub const UNPACKED_RECORD_BYTES_MAX: usize = 12 * 1024 * 1024;
/// Largest answer accepted by the client for dead letters.
pub const BROKER_MESSAGE_BYTES_MAX: usize = 100 * 1024 * 1024;
/// How long a partition keeps what it fetched while it waits for its dead letters to be stored. After that it is
/// fetched again: others need the memory.
pub const LETTER_HOLD_MS_MAX: u64 = 500;

/// Default of the first delay after a failed call to Kafka.
pub const BACKOFF_MS_MIN: u64 = 100;
/// Default of the longest delay between calls to Kafka.
pub const BACKOFF_MS_MAX: u64 = 5_000;
/// Calls that may fail in a row before the Kafka client is rebuilt from the bootstrap list:
/// rskafka never forgets a broker that is gone.
pub const FAILURES_BEFORE_REBUILD: u32 = 2;
/// How often the topic is looked for while it is absent.
pub const ABSENT_TOPIC_RETRY_MS: u64 = 2_000;
/// Longest wait at start for every partition to have its place in the log.
pub const SETTLE_MS_MAX: u64 = 10_000;
/// A partition that was not asked for this long, beyond the time a broker may hold a fetch back, is
/// looked at before it is read on: the topic may have been recreated while the relay was held up.
pub const UNASKED_MS_MAX: u64 = 1_000;

/// How often a paused partition looks whether its topic was recreated: what it waits for is gone then.
pub const PAUSED_LOOK_INTERVAL_MS: u64 = 10_000;

/// Answers in a row that name the topic without a partition before that is believed: a broker may not
/// have heard of a new partition yet.
pub const MISSING_ANSWERS: u32 = 5;

/// How long a start waits for the files of the checkpoints.
pub const CHECKPOINT_START_MS_MAX: u64 = 5_000;

/// Largest checkpoint file that is read; a sound one has at most a few hundred bytes.
pub const CHECKPOINT_BYTES_MAX: u64 = 4_096;

/// Series of sequence numbers that are tracked, over all partitions.
pub const SEQUENCE_SERIES_MAX: usize = 100_000;
/// Series dropped at a time where there would be more: the least recently used.
pub const SEQUENCE_PRUNE_BATCH: usize = 1_000;
/// Dropped series that are remembered, so that their return is known as one.
pub const SEQUENCE_PRUNED_REMEMBERED_MAX: usize = 10_000;

/// Memory that all of this may take, as `dashstream_relay_sequence_bytes` shows it; `docs/metrics.md` states it.
pub const SEQUENCE_BYTES_MAX: usize = 7_700_000;

/// Log lines that wait for standard error to take them, in bytes and in number; what comes then is dropped.
pub const LOG_WAITING_BYTES_MAX: usize = 1024 * 1024;
pub const LOG_WAITING_LINES_MAX: usize = 4_096;

/// Ports tried in this order when none is configured.
pub const PORTS_DEFAULT: [u16; 4] = [3002, 3003, 3004, 3005];

/// Recent time over which `/health` judges.
pub const HEALTH_WINDOW_MS: u64 = 120_000;
/// Fewer records than this in the window say nothing about the share of bad ones.
pub const HEALTH_SAMPLE_MIN: u64 = 100;
/// Share of refused records in the window, in percent, from which the relay calls itself degraded.
pub const HEALTH_REFUSED_PERCENT_MAX: u64 = 1;
/// A broker probe older than this many intervals is no answer.
pub const PROBE_INTERVALS_MAX: u64 = 3;

const _: () = assert!(LOG_BYTES_MIN > (wire::FRAME_HEADER_LEN + wire::PAYLOAD_BYTES_MAX) as u64);
const _: () = assert!(LOG_BYTES_DEFAULT >= LOG_BYTES_MIN);
const _: () = assert!(SEGMENT_BYTES_TARGET >= wire::MESSAGE_BYTES_TARGET);
const _: () = assert!(UNPACKED_RECORD_BYTES_MAX > wire::PAYLOAD_BYTES_MAX + 1024 * 1024);
const _: () = assert!(BACKOFF_MS_MIN < BACKOFF_MS_MAX);
