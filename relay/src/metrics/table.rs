//! The table: name, kind, labels, help, and where the value comes from. `docs/metrics.md` has the
//! same rows, and a test compares the two with a rendered scrape.
//!
//! Names that begin with `websocket_` are those of DashFlow's server, used where they mean the
//! same; everything else is `dashstream_relay_`.

use dashstream_counters::{Family, Label};
use dashstream_serve::{Clock, counters::Refusal, gate::Role};
use decode_core::wire::{CloseCode, ErrorCode, GapCause, RejectCode};

use super::{
    memory,
    row::{Emit, Kind, Metric, Read},
    sources::Sources,
};
use crate::{age::Age, dashflow_names::DecodeError, ingest::SequenceFinding, log_output};

macro_rules! metrics {
    ($($kind:ident $name:literal $([$($label:literal),*])? $help:literal = $read:expr;)+) => {
        /// Every metric, in the order of the documentation.
        pub static TABLE: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($($label),*)?],
            help: $help,
            read: Read::$kind($read),
        }),+];
    };
}

metrics! {
    Gauge "websocket_connected_clients" "Open WebSocket connections."
        = |s, e| e(s.counts.clients.connected.get() as f64, &[]);
    Counter "websocket_kafka_messages_total" ["status"]
        "Kafka records read: success = accepted, error = new unusable, old_data_error = historical unusable."
        = |s, e| {
            e(s.counts.ingest.accepted_total() as f64, &["success"]);
            e(s.counts.ingest.refused(Age::New) as f64, &["error"]);
            e(s.counts.ingest.refused(Age::Historical) as f64, &["old_data_error"]);
        };
    Counter "websocket_old_data_decode_errors_total" "Historical records that were unusable."
        = |s, e| e(s.counts.ingest.refused(Age::Historical) as f64, &[]);
    Counter "websocket_decode_errors_total" ["error_type"]
        "New records that could not be decoded, under the type names of DashFlow's server."
        = decode_errors;
    Counter "websocket_kafka_payload_missing_total" "Kafka records without a value."
        = |s, e| e(gap_count(s, GapCause::NullValue), &[]);
    Gauge "websocket_kafka_consumer_lag" ["partition"]
        "Offsets between the relay's position and the end of the partition, open transactions included."
        = |s, e| for (partition, state) in s.ingest.partitions() {
            if let Some(lag) = state.lag() {
                e(lag as f64, &[&partition.to_string()]);
            }
        };
    Gauge "websocket_kafka_catchup_phase" ["partition"]
        "1 until the relay reaches the end that the partition had at start, then 0."
        = |s, e| for (partition, state) in s.ingest.partitions() {
            e(f64::from(u8::from(state.is_catching_up())), &[&partition.to_string()]);
        };
    Gauge "dashstream_relay_paused" ["partition"]
        "1 while the partition is paused, otherwise 0."
        = |s, e| for (partition, state) in s.ingest.partitions() {
            e(f64::from(u8::from(state.paused().is_some())), &[&partition.to_string()]);
        };
    Gauge "dashstream_relay_paused_offset" ["partition", "reason"]
        "Offset of the record before which a partition is paused; no series for partitions that are not paused."
        = |s, e| for (partition, state) in s.ingest.partitions() {
            if let Some(pause) = state.paused() {
                e(pause.offset as f64, &[&partition.to_string(), pause.code]);
            }
        };
    Counter "websocket_kafka_lag_poll_failures_total" "Failed requests for a partition's end offset."
        = |s, e| e(s.counts.ingest.lag_poll_failures.get() as f64, &[]);
    Gauge "websocket_uptime_seconds" "Time since the relay started."
        = |s, e| e(s.clock.now_ms() as f64 / 1e3, &[]);
    Gauge "websocket_last_kafka_message_age_seconds"
        "Time since the last record was read; -1 if none was read yet."
        = |s, e| e(age_seconds(s, s.counts.ingest.last_record.get()), &[]);
    Counter "websocket_infrastructure_errors_total" "Failed calls to Kafka."
        = |s, e| e(s.counts.ingest.kafka_errors.sum() as f64, &[]);
    Gauge "websocket_last_infrastructure_error_age_seconds"
        "Time since the last failed call to Kafka; -1 if none failed yet."
        = |s, e| e(age_seconds(s, s.counts.ingest.last_kafka_error.get()), &[]);
    Counter "websocket_kafka_errors_by_type_total" ["error_type"]
        "Failed calls to Kafka, by kind."
        = |s, e| family(&s.counts.ingest.kafka_errors, e);
    Histogram "websocket_e2e_latency_ms" ["stage"]
        "Time from the producer's clock to the relay's log, for new records."
        = |s, e| e(s.counts.ingest.latency.snapshot(), &["producer_to_consumer"]);
    Counter "websocket_clock_skew_events_total"
        "New records with a time ahead of the relay's clock or more than a minute behind it."
        = |s, e| e(s.counts.ingest.clock_skew.get() as f64, &[]);
    Counter "websocket_dlq_sends_total" ["error_type"]
        "Dead letters stored, under the type names of DashFlow's server."
        = |s, e| family(&s.counts.dlq.sent, e);
    Counter "websocket_dlq_send_failures_total" ["reason"] "Dead letters lost, by reason."
        = |s, e| family(&s.counts.dlq.failed, e);
    Counter "dashstream_relay_dlq_retries_total"
        "Repeated attempts to store a dead letter."
        = |s, e| e(s.counts.dlq.retries.get() as f64, &[]);
    Counter "dashstream_relay_dlq_truncated_total"
        "Dead letters stored without the whole payload."
        = |s, e| e(s.counts.dlq.truncated.get() as f64, &[]);
    Gauge "dashstream_relay_dlq_waiting_partitions"
        "Partitions waiting until their dead letter is stored."
        = |s, e| e(s.counts.dlq.waiting().len() as f64, &[]);
    Counter "websocket_send_timeout_total"
        "Connections closed because the client accepted no data."
        = |s, e| e(close_count(s, CloseCode::SendStalled), &[]);
    Counter "websocket_send_failed_total" "Connections lost while sending."
        = |s, e| e(s.counts.clients.send_failures.get() as f64, &[]);
    Counter "websocket_control_oversized_total" "Control messages over the size limit."
        = |s, e| e(s.counts.clients.control_errors.get(ErrorCode::TooLarge) as f64, &[]);
    Counter "websocket_control_parse_failures_total" "Control messages that are not a JSON object."
        = |s, e| e(s.counts.clients.control_errors.get(ErrorCode::InvalidJson) as f64, &[]);
    Counter "websocket_rejected_connections_total"
        "Connections refused because of a connection limit."
        = |s, e| e(
            [Refusal::PerAddress, Refusal::Total].into_iter()
                .map(|reason| s.counts.clients.refusals.get(reason))
                .sum::<u64>() as f64,
            &[],
        );
    Counter "dashstream_messages_received_total" "Kafka records read."
        = |s, e| e(s.counts.ingest.received.get() as f64, &[]);
    Counter "dashstream_decode_failures_total" "New unusable records, whatever the reason."
        = |s, e| e(s.counts.ingest.refused(Age::New) as f64, &[]);
    Counter "dashstream_invalid_payloads_total" "New records that are too large or have no value."
        = |s, e| e(s.counts.ingest.unusable.of(Age::New).sum() as f64, &[]);
    Counter "dashstream_fetch_failures_total"
        "Failed attempts to read a partition or the topic's metadata."
        = |s, e| e(s.counts.ingest.fetch_failures.get() as f64, &[]);
    Counter "dashstream_sequence_gaps_total" "Gaps in the sequences of new records."
        = |s, e| e(finding_count(s, SequenceFinding::Gap), &[]);
    Counter "dashstream_sequence_duplicates_total"
        "New records with the same sequence number as the one before."
        = |s, e| e(finding_count(s, SequenceFinding::Duplicate), &[]);
    Counter "dashstream_sequence_reorders_total"
        "New records with a lower sequence number than the one before."
        = |s, e| e(finding_count(s, SequenceFinding::Reorder), &[]);
    Histogram "dashstream_sequence_gap_size" "Sequence numbers missing in each gap of new records."
        = |s, e| e(s.counts.ingest.sequences.gap_size.snapshot(), &[]);
    Counter "dashstream_sequence_unchecked_total"
        "Sequence numbers not checked, because several kinds share one counter."
        = |s, e| e(s.counts.ingest.sequences.unchecked.get() as f64, &[]);
    Counter "dashstream_offset_checkpoint_writes_total" "Checkpoints written."
        = |s, e| e(s.counts.checkpoints.writes.get() as f64, &[]);
    Counter "dashstream_offset_checkpoint_failures_total" "Checkpoints that could not be written."
        = |s, e| e(s.counts.checkpoints.failures.get() as f64, &[]);
    Counter "dashstream_relay_checkpoint_faults_total" ["fault"]
        "Invalid checkpoint files found at start, by fault."
        = |s, e| family(&s.counts.checkpoints.faults, e);
    Counter "dashstream_relay_sequence_checked_total" "Sequence numbers checked, of historical and new records."
        = |s, e| e(s.counts.ingest.sequences.checked.get() as f64, &[]);
    Counter "dashstream_relay_sequence_old_findings_total" ["finding"]
        "Findings in the sequences of historical records."
        = |s, e| family(&s.counts.ingest.sequences.old_findings, e);
    Gauge "dashstream_relay_sequence_series" "Tracked series of sequence numbers."
        = |s, e| e(s.counts.ingest.sequences.series.get() as f64, &[]);
    Gauge "dashstream_relay_sequence_bytes" "Memory used for the tracked series."
        = |s, e| e(s.counts.ingest.sequences.bytes.get() as f64, &[]);
    Counter "dashstream_relay_sequence_pruned_total"
        "Series evicted to stay within the bound, the least recently used first."
        = |s, e| e(s.counts.ingest.sequences.pruned.get() as f64, &[]);
    Counter "dashstream_relay_sequence_returned_total"
        "Series that returned after they had been evicted."
        = |s, e| e(s.counts.ingest.sequences.returned.get() as f64, &[]);
    Counter "dashstream_relay_records_total" ["age", "outcome"]
        "Kafka records read, each under one outcome and one age."
        = |s, e| for &age in Age::ALL {
            e(s.counts.ingest.accepted_by_age.of(age).get() as f64, &[age.text(), "accepted"]);
            e(s.counts.ingest.refused(age) as f64, &[age.text(), "refused"]);
        };
    Counter "dashstream_relay_refused_total" ["age", "code"]
        "Unusable records, by reject code or by the cause of the gap that replaces them."
        = |s, e| for &age in Age::ALL {
            for (code, count) in s.counts.ingest.rejects.of(age).iter() {
                e(count as f64, &[age.text(), code.code()]);
            }
            for cause in [GapCause::Oversized, GapCause::NullValue] {
                e(s.counts.ingest.unusable.of(age).get(cause) as f64, &[age.text(), cause.code()]);
            }
        };
    Counter "dashstream_relay_records_accepted_total" ["kind"]
        "Records accepted, by message kind; none = an envelope without a known message."
        = |s, e| {
            family(&s.counts.ingest.accepted, e);
            e(s.counts.ingest.accepted_empty.get() as f64, &["none"]);
        };
    Counter "dashstream_relay_rejects_total" ["code"]
        "Rejected records, by code; each is in the log as a reject frame."
        = |s, e| for &code in RejectCode::ALL {
            let count: u64 = Age::ALL.iter().map(|&age| s.counts.ingest.rejects.of(age).get(code)).sum();
            e(count as f64, &[code.code()]);
        };
    Counter "dashstream_relay_gaps_total" ["cause"]
        "Gaps written to the log, by cause; gaps sent to a single client are counted separately."
        = |s, e| family(&s.counts.ingest.gaps, e);
    Counter "dashstream_relay_gap_offsets_total" ["cause"]
        "Offsets covered by the gaps in the log, by cause."
        = |s, e| family(&s.counts.ingest.gap_offsets, e);
    Counter "dashstream_relay_unreadable_batches_total" ["age"]
        "Batches that cannot be read or exceed the memory for reading, by age."
        = |s, e| for &age in Age::ALL {
            e(s.counts.ingest.unreadable.of(age).get() as f64, &[age.text()]);
        };
    Counter "dashstream_relay_marks_total"
        "Marks written to the log; a mark skips offsets without a record."
        = |s, e| e(s.counts.ingest.marks.get() as f64, &[]);
    Counter "dashstream_relay_newer_schema_records_total"
        "Accepted records with a schema version newer than this build supports."
        = |s, e| e(s.counts.ingest.newer_schema.get() as f64, &[]);
    Counter "dashstream_relay_received_bytes_total" "Bytes of record values read from Kafka."
        = |s, e| e(s.counts.ingest.received_bytes.get() as f64, &[]);
    Counter "dashstream_relay_fetches_total" "Fetches sent to Kafka."
        = |s, e| e(s.counts.ingest.fetches.get() as f64, &[]);
    Counter "dashstream_relay_probes_total"
        "Fetches that checked whether the topic was recreated."
        = |s, e| e(s.counts.ingest.probes.get() as f64, &[]);
    Counter "dashstream_relay_client_rebuilds_total"
        "Times the Kafka client was rebuilt from the bootstrap brokers."
        = |s, e| e(s.counts.ingest.client_rebuilds.get() as f64, &[]);
    Counter "dashstream_relay_fetch_tasks_ended_total"
        "Tasks fetching from a broker that ended because of an internal error; each was started again."
        = |s, e| e(s.kafka.fetchers_ended() as f64, &[]);
    Counter "dashstream_relay_topic_resets_total"
        "Times a partition's log was restarted because the topic was recreated."
        = |s, e| e(s.counts.ingest.topic_resets.get() as f64, &[]);
    Counter "dashstream_relay_truncations_total"
        "Times a partition's log was restarted because Kafka truncated the partition."
        = |s, e| e(s.counts.ingest.truncations.get() as f64, &[]);
    Counter "dashstream_relay_aborted_records_total"
        "Records skipped because their transaction was aborted; counted once their fetch response is consumed."
        = |s, e| e(s.counts.ingest.aborted.get() as f64, &[]);
    Gauge "dashstream_relay_open_transaction_seconds" ["partition"]
        "Time for which the partition's first open transaction has blocked the records after it; 0 without one."
        = |s, e| for (partition, state) in s.ingest.partitions() {
            let since = state.hidden().map(|hidden| s.clock.now_ms().saturating_sub(hidden.since_ms));
            e(since.unwrap_or(0) as f64 / 1e3, &[&partition.to_string()]);
        };
    Gauge "dashstream_relay_memory_bytes" ["part"]
        "Resident memory, without pages of files, by what it is used for."
        = memory::parts;
    Gauge "dashstream_relay_partitions" "Partitions in the log."
        = |s, e| e(s.hub.log().partition_count() as f64, &[]);
    Counter "dashstream_relay_segments_total" "Segments appended to the log."
        = |s, e| e(s.counts.ingest.segments.get() as f64, &[]);
    Gauge "dashstream_relay_log_bytes_max" "Limit of the log, in bytes."
        = |s, e| e(s.log_bytes_max as f64, &[]);
    Gauge "dashstream_relay_log_bytes" ["partition"] "Bytes of the log, index included."
        = |s, e| for p in s.hub.partitions() { e(p.bytes as f64, &[&p.partition.to_string()]); };
    Gauge "dashstream_relay_log_frames" ["partition"] "Frames in the log."
        = |s, e| for p in s.hub.partitions() { e(p.frames as f64, &[&p.partition.to_string()]); };
    Gauge "dashstream_relay_log_earliest_offset" ["partition"] "First position held in the log."
        = |s, e| for p in s.hub.partitions() { e(p.held_from as f64, &[&p.partition.to_string()]); };
    Gauge "dashstream_relay_log_head_offset" ["partition"] "Position at which the log ends."
        = |s, e| for p in s.hub.partitions() { e(p.end as f64, &[&p.partition.to_string()]); };
    Gauge "dashstream_relay_log_oldest_age_seconds" ["partition"]
        "Age of the oldest segment in the log, by the Kafka time of its newest record."
        = |s, e| for p in s.hub.partitions() {
            if let Some(oldest) = p.oldest_timestamp_ms {
                let age_ms = Clock::wall_ms().saturating_sub(oldest);
                e(age_ms as f64 / 1e3, &[&p.partition.to_string()]);
            }
        };
    Counter "dashstream_relay_log_evicted_frames_total" ["partition"]
        "Frames evicted from the log."
        = |s, e| for p in s.hub.partitions() {
            e(p.evicted_frames as f64, &[&p.partition.to_string()]);
        };
    Counter "dashstream_relay_log_evicted_bytes_total" ["partition"]
        "Bytes of frames evicted from the log."
        = |s, e| for p in s.hub.partitions() {
            e(p.evicted_bytes as f64, &[&p.partition.to_string()]);
        };
    Counter "dashstream_relay_sessions_total" "WebSocket connections opened."
        = |s, e| e(s.counts.clients.sessions.get() as f64, &[]);
    Counter "dashstream_relay_session_closes_total" ["code"]
        "Connections closed by the relay, by close code."
        = |s, e| family(&s.counts.clients.closes, e);
    Counter "dashstream_relay_session_ends_total" ["how"]
        "Connections that ended, by how: closed by the relay, closed by the peer, or lost."
        = |s, e| family(&s.counts.clients.endings, e);
    Counter "dashstream_relay_refused_upgrades_total" ["reason"]
        "WebSocket upgrade requests that were refused."
        = |s, e| family(&s.counts.clients.refusals, e);
    Counter "dashstream_relay_refused_requests_total" ["reason"]
        "Other HTTP requests that were refused."
        = |s, e| family(&s.counts.clients.refused_requests, e);
    Counter "dashstream_relay_sign_ins_total" ["outcome"] "Sign-ins of pages, by outcome."
        = |s, e| family(&s.auth.counts().sign_ins, e);
    Gauge "dashstream_relay_tokens" ["role"] "Valid tokens."
        = |s, e| {
            e(s.auth.valid_tokens(Role::Viewer) as f64, &["viewer"]);
            e(s.auth.valid_tokens(Role::Admin) as f64, &["admin"]);
        };
    Gauge "dashstream_relay_token_file_unusable"
        "1 while the token file cannot be read, has no token, or has a line that is none; otherwise 0."
        = |s, e| e(f64::from(u8::from(s.auth.file_trouble().is_some())), &[]);
    Counter "dashstream_relay_control_errors_total" ["code"]
        "Control messages refused, by error code."
        = |s, e| family(&s.counts.clients.control_errors, e);
    Counter "dashstream_relay_resume_errors_total" ["code"]
        "Resume messages refused, by error code; also counted as control errors."
        = |s, e| family(&s.counts.clients.resume_errors, e);
    Counter "dashstream_relay_stale_cursors_total"
        "Gaps sent to a single client because its cursor was older than the log."
        = |s, e| e(s.counts.clients.stale_cursors.get() as f64, &[]);
    Counter "dashstream_relay_stale_offsets_total"
        "Offsets covered by gaps sent to single clients."
        = |s, e| e(s.counts.clients.stale_offsets.get() as f64, &[]);
    Counter "dashstream_relay_replay_requests_total" ["mode"] "Replays started."
        = |s, e| family(&s.counts.clients.replays.requests, e);
    Counter "dashstream_relay_replay_frames_total" ["mode"] "Data frames sent in replays."
        = |s, e| family(&s.counts.clients.replays.frames, e);
    Counter "dashstream_relay_replay_bytes_total" ["mode"] "Bytes of data frames sent in replays."
        = |s, e| family(&s.counts.clients.replays.bytes, e);
    Counter "dashstream_relay_replay_gaps_total" ["mode"]
        "Gaps sent in replays because the cursor was older than the log."
        = |s, e| family(&s.counts.clients.replays.gaps, e);
    Counter "dashstream_relay_replay_gap_offsets_total" ["mode"]
        "Offsets covered by gaps sent in replays."
        = |s, e| family(&s.counts.clients.replays.gap_offsets, e);
    Counter "dashstream_relay_replay_capped_total" ["mode"]
        "Replays that began later than requested, because the log no longer held the older records."
        = |s, e| family(&s.counts.clients.replays.capped, e);
    Histogram "dashstream_relay_replay_duration_ms" ["mode"]
        "Time from resume until a replay was complete."
        = |s, e| for (from, took) in s.counts.clients.replays.took.members() {
            e(took.snapshot(), &[from.text()]);
        };
    Counter "dashstream_relay_client_reports_total" "Reports received from clients."
        = |s, e| e(s.counts.clients.client_reports.get() as f64, &[]);
    Histogram "dashstream_relay_client_apply_lag_ms"
        "Longest recent time from receiving to having decoded and applied a message, per report."
        = |s, e| e(s.counts.clients.client_apply_lag.snapshot(), &[]);
    Histogram "dashstream_relay_client_backlog_frames"
        "Frames that a client had received but not yet applied, per report."
        = |s, e| e(s.counts.clients.client_backlog.snapshot(), &[]);
    Counter "dashstream_relay_client_rejects_total"
        "Records that clients could not decode although the relay had accepted them."
        = |s, e| e(s.counts.clients.client_rejects.get() as f64, &[]);
    Counter "dashstream_relay_sent_frames_total" "Data frames sent to clients."
        = |s, e| e(s.counts.clients.sent_frames.get() as f64, &[]);
    Counter "dashstream_relay_sent_bytes_total" "Bytes of data frames sent to clients."
        = |s, e| e(s.counts.clients.sent_bytes.get() as f64, &[]);
    Counter "dashstream_relay_sent_messages_total" ["type"]
        "WebSocket messages sent to clients."
        = |s, e| {
            e(s.counts.clients.sent_data_messages.get() as f64, &["data"]);
            e(s.counts.clients.sent_control_messages.get() as f64, &["control"]);
        };
    Counter "dashstream_relay_socket_writes_total"
        "System calls that wrote to a client's socket."
        = |s, e| e(s.counts.clients.socket_writes.get() as f64, &[]);
    Gauge "dashstream_relay_http_connections" "Open HTTP connections, without upgraded ones."
        = |s, e| e(s.counts.clients.http_connections.get() as f64, &[]);
    Counter "dashstream_relay_accept_failures_total"
        "Connections that the system did not let the relay accept, mostly for want of file descriptors."
        = |s, e| e(s.counts.clients.accept_failures.get() as f64, &[]);
    Counter "dashstream_relay_log_lines_dropped_total"
        "Log lines dropped because standard error did not accept them."
        = |_, e| e(log_output::DROPPED.get() as f64, &[]);
    Gauge "dashstream_relay_ended_tasks"
        "Tasks of the relay that ended unexpectedly; restart it."
        = |s, e| e(s.tasks.ended().len() as f64, &[]);
    Counter "dashstream_relay_connection_panics_total"
        "Connections that ended because of an internal error of the relay."
        = |s, e| e(s.counts.clients.connection_panics.get() as f64, &[]);
}

fn family<L: Label>(family: &Family<L>, emit: Emit<'_>) {
    for (value, count) in family.iter() {
        emit(count as f64, &[value.text()]);
    }
}

fn age_seconds(sources: &Sources, at_ms: Option<u64>) -> f64 {
    at_ms.map_or(-1.0, |at_ms| {
        sources.clock.now_ms().saturating_sub(at_ms) as f64 / 1e3
    })
}

fn gap_count(sources: &Sources, cause: GapCause) -> f64 {
    sources.counts.ingest.gaps.get(cause) as f64
}

fn finding_count(sources: &Sources, finding: SequenceFinding) -> f64 {
    sources.counts.ingest.sequences.findings.get(finding) as f64
}

fn close_count(sources: &Sources, code: CloseCode) -> f64 {
    sources.counts.clients.closes.get(code) as f64
}

fn decode_errors(sources: &Sources, emit: Emit<'_>) {
    for &name in DecodeError::ALL {
        let rejects = sources.counts.ingest.rejects.of(Age::New).iter();
        let rejects = rejects.filter(|(code, _)| DecodeError::from(*code) == name);
        let mut count: u64 = rejects.map(|(_, count)| count).sum();
        if name == DecodeError::PayloadTooLarge {
            let unusable = sources.counts.ingest.unusable.of(Age::New);
            count += unusable.get(GapCause::Oversized);
        }
        emit(count as f64, &[name.text()]);
    }
}
