//! Every number and name on which two processes must agree. This is the only definition of each:
//! the relay and the CLI link it, the browser gets it from the WASM module's exports, and the test
//! `single_definition` searches the tree for a second one.
//!
//! Units are in the names. Relations between the limits are asserted at compile time below.

/// Frame byte of a Kafka value: the body is plain protobuf.
pub const FRAME_RAW: u8 = 0x00;
/// Frame byte of a Kafka value: the body is one or more zstd frames holding the protobuf.
pub const FRAME_ZSTD: u8 = 0x01;
/// First four bytes of a zstd frame; in compatible mode they also mark an unframed zstd body.
pub const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Length of the frame byte. A framed value may be this much longer than [`PAYLOAD_BYTES_MAX`].
pub const FRAME_BYTE_LEN: usize = 1;

/// Newest `Header.schema_version` this build applies.
pub const SCHEMA_VERSION: u32 = 1;
/// What `Header.schema_version = 0` (an old producer) stands for.
pub const SCHEMA_VERSION_ABSENT: u32 = 1;

/// Largest protobuf body, compressed or not, in bytes (10 MiB).
pub const PAYLOAD_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Largest decompressed protobuf, in bytes (10 MiB).
pub const DECOMPRESSED_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Deepest nesting of messages and groups below the envelope.
pub const NESTING_DEPTH_MAX: u32 = 100;
/// Most events inside one batch. An event can be two bytes, and a compressed batch of millions less
/// than a thousand, so sizes alone do not bound what follows from one. Producers stop at 1,000.
pub const INNER_EVENTS_MAX: u32 = 131_072;

/// Layout version in the first byte of every data frame of the session protocol.
pub const LAYOUT_VERSION: u8 = 1;
/// Length of a data frame's header in bytes.
pub const FRAME_HEADER_LEN: usize = 40;
/// Most bytes of a refused record that travel in its reject frame.
pub const REJECT_PREFIX_BYTES_MAX: usize = 1024;
/// Most bytes the relay puts into one binary message unless a single frame is larger.
pub const MESSAGE_BYTES_TARGET: usize = 64 * 1024;
/// Default credit window of one connection in bytes.
pub const WINDOW_BYTES_DEFAULT: usize = 16 * 1024 * 1024;

/// WebSocket subprotocol of the native session protocol.
pub const SUBPROTOCOL: &str = "dashstream.v1";
/// `protocol` field of `welcome` and `resume`.
pub const PROTOCOL_VERSION: u32 = 1;
/// Header with a refusal's code: by it a page knows a relay's own refusals from those of a proxy before it.
pub const REFUSAL_HEADER: &str = "x-dashstream-refusal";
/// Code in that header where a valid token, or a session of one, is missing.
pub const UNAUTHENTICATED: &str = "unauthenticated";
/// Path of the WebSocket endpoint.
pub const WS_PATH: &str = "/ws";
/// Path of the session that a page gets for a token: POST signs in, DELETE signs out.
pub const SESSION_PATH: &str = "/session";
/// What precedes a token in base64url, without padding, where a browser offers it as one of a WebSocket's
/// subprotocols. A relay never selects it.
pub const BEARER_SUBPROTOCOL: &str = "dashstream.bearer.";
/// Fewest characters of a token that a relay accepts. As hexadecimal digits these are 128 bits.
pub const TOKEN_CHARS_MIN: usize = 32;
/// Largest control message in bytes.
pub const CONTROL_BYTES_MAX: usize = 64 * 1024;
/// Most partitions one `resume` may name, its parts included.
pub const RESUME_PARTITIONS_MAX: usize = 16_384;
/// Most partitions of a message of a client that is not split; relays before there were parts take no more.
pub const MESSAGE_PARTITIONS_MAX: usize = 512;
/// Most partitions a `resume` may name that the relay did not list.
pub const UNLISTED_PARTITIONS_MAX: usize = 512;
/// A client closes and reconnects when its oldest unapplied record is older than this.
pub const CLIENT_APPLY_LAG_MS_MAX: u64 = 30_000;
/// The relay closes a connection that has data waiting and sends no `ack` for this long.
pub const ACK_STALL_MS_MAX: u64 = 45_000;

const _: () = assert!(
    WINDOW_BYTES_DEFAULT >= FRAME_HEADER_LEN + PAYLOAD_BYTES_MAX + FRAME_BYTE_LEN,
    "one frame of any legal size must fit into the window"
);
const _: () = assert!(ACK_STALL_MS_MAX > CLIENT_APPLY_LAG_MS_MAX);
const _: () = assert!(REJECT_PREFIX_BYTES_MAX + FRAME_HEADER_LEN <= MESSAGE_BYTES_TARGET);

/// Declares an enum with its number and its stable text from one table.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident : $repr:ty { $($(#[$vmeta:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant = $number),+ }

        impl $name {
            /// Every value, ascending by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its place in [`Self::ALL`].
            #[must_use]
            pub const fn index(self) -> usize {
                enum Place { $($variant),+ }
                match self { $(Self::$variant => Place::$variant as usize),+ }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> $repr { self as $repr }

            /// The stable text used in control messages, metrics, the CLI and the page.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value with that number, if this build knows it.
            #[must_use]
            pub const fn from_number(number: $repr) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The value with that text, if this build knows it.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}

codes! {
    /// What a data frame carries. Readers pass over kinds they do not know without moving their
    /// position, so a kind added to this layout must never move one.
    FrameKind: u8 {
        /// A Kafka record's value, unchanged.
        Record = 0, "record";
        /// A range of offsets that cannot be delivered, with its cause.
        Gap = 1, "gap";
        /// A record the relay could not accept: its first bytes and the reject code.
        Reject = 2, "reject";
        /// The relay's position past control batches and quiet ends.
        Mark = 3, "mark";
    }
}

codes! {
    /// Why a range of offsets cannot be delivered.
    GapCause: u32 {
        /// Kafka deleted it before the relay read it.
        Retention = 1, "retention";
        /// The relay's memory does not hold it: it left it, or the log began after it.
        Evicted = 2, "evicted";
        /// The value is larger than the payload limit.
        Oversized = 3, "oversized";
        /// The Kafka record has no value.
        NullValue = 4, "null_value";
        /// The Kafka batch could not be read.
        UnreadableBatch = 5, "unreadable_batch";
        /// The topic was deleted and recreated; offsets start at 0 again.
        TopicReset = 6, "topic_reset";
        /// Kafka's log lost it after it was read; other records have its offsets now.
        Truncated = 7, "truncated";
    }
}

codes! {
    /// Why a record was not accepted.
    RejectCode: u32 {
        /// The value has no bytes.
        Empty = 1, "empty";
        /// The value is larger than the payload limit.
        TooLarge = 2, "too_large";
        /// The first byte is no frame byte (strict mode).
        BadFrame = 3, "bad_frame";
        /// The zstd data is damaged, truncated, or followed by other bytes.
        Decompress = 4, "decompress";
        /// Decompressed it is larger than the limit, or a frame declares that it is.
        DecompressedTooLarge = 5, "decompressed_too_large";
        /// The body is not a valid protobuf message.
        Protobuf = 6, "protobuf";
        /// A text field is not valid UTF-8.
        Utf8 = 7, "utf8";
        /// Messages or groups nest deeper than the limit.
        TooDeep = 8, "too_deep";
        /// A batch holds more events than the limit.
        TooManyEvents = 9, "too_many_events";
    }
}

codes! {
    /// WebSocket close codes.
    CloseCode: u16 {
        /// The client leaves.
        Normal = 1000, "normal";
        /// The relay shuts down; resume elsewhere or later.
        Shutdown = 1001, "shutdown";
        /// What came in is not a WebSocket frame.
        InvalidFrame = 1002, "invalid_frame";
        /// A text message is not UTF-8.
        InvalidText = 1007, "invalid_text";
        /// Repeated junk or a broken rule.
        Policy = 1008, "policy";
        /// A control message over the limit.
        TooLarge = 1009, "too_large";
        /// Not authorised.
        NotAuthorised = 4001, "not_authorised";
        /// No `resume` within the deadline.
        NoResume = 4002, "no_resume";
        /// A send made no progress within the timeout.
        SendStalled = 4003, "send_stalled";
        /// Data waited and no `ack` came within the deadline.
        AckStalled = 4004, "ack_stalled";
        /// The peer broke the protocol.
        Protocol = 4005, "protocol_error";
    }
}

/// `type` values of control messages.
pub mod control {
    /// Client: where to start.
    pub const RESUME: &str = "resume";
    /// Either: part of a message that follows.
    pub const PART: &str = "part";
    /// Client: bytes disposed of.
    pub const ACK: &str = "ack";
    /// Client: are you there?
    pub const PING: &str = "ping";
    /// Client: its own lag and counts.
    pub const REPORT: &str = "report";
    /// Relay: first message of a connection.
    pub const WELCOME: &str = "welcome";
    /// Relay: the answer to `resume`.
    pub const RESUMED: &str = "resumed";
    /// Relay: how far a replay is.
    pub const REPLAY_PROGRESS: &str = "replay_progress";
    /// Relay: every fixed head was passed.
    pub const REPLAY_COMPLETE: &str = "replay_complete";
    /// Relay: the answer to `ping`.
    pub const PONG: &str = "pong";
    /// Relay: a cursor is older than what is held.
    pub const CURSOR_STALE: &str = "cursor_stale";
    /// Relay: the topic started over.
    pub const TOPIC_RESET: &str = "topic_reset";
    /// Relay: partitions found while connected.
    pub const PARTITIONS: &str = "partitions";
    /// Relay: schema versions seen in a partition.
    pub const SCHEMA_STATUS: &str = "schema_status";
    /// Relay: it shuts down soon.
    pub const GOING_AWAY: &str = "going_away";
    /// Relay: the `resume` was refused whole.
    pub const RESUME_ERROR: &str = "resume_error";
    /// Relay: another message was refused.
    pub const ERROR: &str = "error";

    /// Every message of a client.
    pub const OF_CLIENT: [&str; 5] = [RESUME, PART, ACK, PING, REPORT];
    /// Every message of a relay.
    pub const OF_RELAY: [&str; 13] = [
        WELCOME,
        RESUMED,
        PART,
        REPLAY_PROGRESS,
        REPLAY_COMPLETE,
        PONG,
        CURSOR_STALE,
        TOPIC_RESET,
        PARTITIONS,
        SCHEMA_STATUS,
        GOING_AWAY,
        RESUME_ERROR,
        ERROR,
    ];
}

/// `from` values of `resume`.
pub mod from {
    /// After the given offsets; unlisted partitions from where the log began them.
    pub const CURSOR: &str = "cursor";
    /// From the earliest position held.
    pub const EARLIEST: &str = "earliest";
    /// Only what comes from now on.
    pub const LATEST: &str = "latest";
    /// From the start of the runs that are active (needs the delivery tiers).
    pub const ACTIVE: &str = "active";
}

/// `mode` values of `welcome`.
pub mod mode {
    /// Only framed values are accepted.
    pub const STRICT: &str = "strict";
    /// Unframed protobuf and unframed zstd are accepted too.
    pub const COMPATIBLE: &str = "compatible";
}

/// Declares an enum that is known by its text alone.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its place in [`Self::ALL`].
            #[must_use]
            pub const fn index(self) -> usize { self as usize }

            /// The stable text used in control messages and metrics.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}

names! {
    /// `code` of `resume_error` and `error`: why a control message was refused.
    ErrorCode {
        /// Not JSON, not an object, or a field of the wrong shape.
        InvalidJson = "invalid_json";
        /// A `type` this build does not know.
        UnknownType = "unknown_type";
        /// A `from` this build does not know.
        UnknownFrom = "unknown_from";
        /// A `protocol` this build does not speak.
        UnsupportedProtocol = "unsupported_protocol";
        /// A documented feature this build does not have yet.
        Unsupported = "unsupported";
        /// A partition that is not a number, negative, or unknown.
        InvalidPartition = "invalid_partition";
        /// An offset that is not an unsigned 64-bit integer.
        InvalidOffset = "invalid_offset";
        /// A fingerprint of the wrong shape, of a partition without a position, or not before it.
        InvalidFingerprint = "invalid_fingerprint";
        /// More partitions than allowed.
        TooManyPartitions = "too_many_partitions";
        /// The `namespace` is another topic's or cluster's.
        WrongNamespace = "wrong_namespace";
        /// A second `resume`, or an `ack` before it.
        OutOfOrder = "out_of_order";
        /// An `ack` for more bytes than were sent.
        InvalidAck = "invalid_ack";
        /// Larger than the control limit.
        TooLarge = "too_large";
        /// More control messages a second than allowed.
        TooManyMessages = "too_many_messages";
        /// A binary message from a client.
        UnexpectedBinary = "unexpected_binary";
    }
}

codes! {
    /// What a message is: the field number of the envelope's `message` oneof.
    MessageKind: u8 {
        /// A lifecycle or progress event.
        Event = 1, "event";
        /// A change of graph state.
        StateDiff = 2, "state_diff";
        /// A piece of streamed model output.
        TokenChunk = 3, "token_chunk";
        /// A stage of a tool call.
        ToolExecution = 4, "tool_execution";
        /// A full state.
        Checkpoint = 5, "checkpoint";
        /// Named values.
        Metrics = 6, "metrics";
        /// An error report.
        Error = 7, "error";
        /// Several events in one message.
        EventBatch = 8, "event_batch";
        /// The summary of a whole run.
        ExecutionTrace = 9, "execution_trace";
    }
}
