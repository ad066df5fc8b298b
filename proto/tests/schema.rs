//! The schema against two independent statements of it: the numbers typed out below, which are
//! what exists in the wild, and the types prost generated.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;

use dashstream_proto::schema::{self, EnumDesc, FieldType, MessageDesc};
use dashstream_proto::v1;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

/// `Message: number field type` for everything that may be on the wire. `*` is repeated, `{k,v}` a
/// map, and `|` before a number a member of the message's oneof.
const WIRE: &str = "
DashStreamMessage: |1 event Event, |2 state_diff StateDiff, |3 token_chunk TokenChunk,
  |4 tool_execution ToolExecution, |5 checkpoint Checkpoint, |6 metrics Metrics, |7 error Error,
  |8 event_batch EventBatch, |9 execution_trace ExecutionTrace;
Header: 1 message_id bytes, 2 timestamp_us int64, 3 tenant_id string, 4 thread_id string,
  5 sequence uint64, 6 type MessageType, 7 parent_id bytes, 8 compression CompressionType,
  9 schema_version uint32;
Event: 1 header Header, 2 event_type EventType, 3 node_id string,
  4 attributes {string,AttributeValue}, 5 duration_us int64, 6 llm_request_id string;
EventBatch: 1 header Header, 2 events *Event;
StateDiff: 1 header Header, 2 base_checkpoint_id bytes, 3 operations *DiffOperation,
  4 state_hash bytes, 5 full_state bytes;
DiffOperation: 1 op OpType, 2 path string, 3 value bytes, 4 from string, 5 encoding ValueEncoding;
TokenChunk: 1 header Header, 2 request_id string, 3 text string, 4 token_ids *uint32,
  5 logprobs *float, 6 chunk_index uint32, 7 is_final bool, 8 finish_reason FinishReason,
  9 model string, 10 stats TokenStats;
TokenStats: 1 prompt_tokens uint32, 2 completion_tokens uint32, 3 total_tokens uint32;
ToolExecution: 1 header Header, 2 call_id string, 3 tool_name string, 4 stage ExecutionStage,
  5 arguments bytes, 6 result bytes, 7 error string, 8 error_details Error, 9 duration_us int64,
  10 retry_count uint32;
Checkpoint: 1 header Header, 2 checkpoint_id bytes, 3 state bytes, 4 state_type string,
  5 checksum bytes, 6 storage_uri string, 7 compression_info CompressionInfo,
  8 metadata {string,string};
CompressionInfo: 1 type CompressionType, 2 compressed_size uint64, 3 uncompressed_size uint64,
  4 compression_ratio float;
Metrics: 1 header Header, 2 scope string, 3 scope_id string, 4 metrics {string,MetricValue},
  5 tags {string,string};
MetricValue: |1 int_value int64, |2 float_value double, |3 string_value string, |4 bool_value bool,
  |5 bytes_value bytes, 6 unit string, 7 type MetricType;
Error: 1 header Header, 2 error_code string, 3 message string, 4 stack_trace string,
  5 context {string,string}, 6 severity Severity, 7 exception_type string, 8 suggestions *string;
AttributeValue: |1 string_value string, |2 int_value int64, |3 float_value double,
  |4 bool_value bool, |5 bytes_value bytes, |6 array_value AttributeArray,
  |7 map_value AttributeMap;
AttributeArray: 1 values *AttributeValue;
AttributeMap: 1 values {string,AttributeValue};
ExecutionTrace: 1 header Header, 2 thread_id string, 3 execution_id string,
  4 nodes_executed *NodeExecutionRecord, 5 total_duration_ms uint64, 6 total_tokens uint64,
  7 errors *ErrorRecord, 8 completed bool, 9 started_at string, 10 ended_at string,
  11 final_state bytes, 12 metadata {string,bytes};
NodeExecutionRecord: 1 node string, 2 duration_ms uint64, 3 prompt_tokens uint64,
  4 completion_tokens uint64, 5 total_tokens uint64, 6 succeeded bool, 7 started_at string,
  8 ended_at string, 9 input bytes, 10 output bytes, 11 metadata {string,string};
ErrorRecord: 1 node string, 2 message string, 3 error_code string, 4 timestamp string,
  5 recovered bool, 6 stack_trace string;
Embedding: 1 embedding_id string, 2 model string, 3 dimensions uint32,
  4 encoding EmbeddingEncoding, 5 data bytes;
MessageBatch: 1 messages *DashStreamMessage, 2 count uint32;
StreamControl: 1 type ControlType, 2 thread_id string
";

/// `Enum prefix: value NAME` with the prefix every name carries.
const ENUMS: &str = "
MessageType MESSAGE_TYPE_: 0 UNSPECIFIED, 1 EVENT, 2 STATE_DIFF, 3 TOKEN_CHUNK, 4 TOOL_EXECUTION,
  5 CHECKPOINT, 6 METRICS, 7 ERROR, 8 EVENT_BATCH, 9 EXECUTION_TRACE;
CompressionType COMPRESSION_: 0 NONE, 1 ZSTD, 2 LZ4, 3 SNAPPY;
EventType EVENT_TYPE_: 0 UNSPECIFIED, 1 GRAPH_START, 2 GRAPH_END, 3 GRAPH_ERROR, 10 NODE_START,
  11 NODE_END, 12 NODE_ERROR, 20 EDGE_TRAVERSAL, 21 CONDITIONAL_BRANCH, 22 PARALLEL_START,
  23 PARALLEL_END, 30 LLM_START, 31 LLM_END, 32 LLM_ERROR, 33 LLM_RETRY, 40 TOOL_START,
  41 TOOL_END, 42 TOOL_ERROR, 50 CHECKPOINT_SAVE, 51 CHECKPOINT_LOAD, 52 CHECKPOINT_DELETE,
  60 MEMORY_SAVE, 61 MEMORY_LOAD, 70 HUMAN_INTERRUPT, 71 HUMAN_RESUME, 80 NODE_PROGRESS,
  81 NODE_THINKING, 82 NODE_SUBSTEP, 83 NODE_WARNING, 90 OPTIMIZATION_START,
  91 OPTIMIZATION_END;
OpType OP_TYPE_: 0 ADD, 1 REMOVE, 2 REPLACE, 3 MOVE, 4 COPY, 5 TEST;
ValueEncoding VALUE_ENCODING_: 0 JSON, 1 MSGPACK, 2 PROTOBUF, 3 RAW;
FinishReason FINISH_REASON_: 0 NONE, 1 STOP, 2 LENGTH, 3 CONTENT_FILTER, 4 TOOL_CALLS, 5 ERROR;
ExecutionStage EXECUTION_STAGE_: 0 UNSPECIFIED, 1 REQUESTED, 2 STARTED, 3 COMPLETED, 4 FAILED,
  5 RETRYING;
MetricType METRIC_TYPE_: 0 UNSPECIFIED, 1 COUNTER, 2 GAUGE, 3 HISTOGRAM, 4 SUMMARY;
Severity SEVERITY_: 0 UNSPECIFIED, 1 DEBUG, 2 INFO, 3 WARNING, 4 ERROR, 5 FATAL;
EmbeddingEncoding EMBEDDING_ENCODING_: 0 FLOAT32, 1 FLOAT16, 2 INT8, 3 BINARY;
ControlType CONTROL_TYPE_: 0 START, 1 PAUSE, 2 RESUME, 3 STOP, 4 RESET
";

/// Every message of the schema, found from the ones nothing refers to.
fn reachable() -> BTreeMap<&'static str, &'static MessageDesc> {
    let mut found = BTreeMap::new();
    let mut open = vec![
        schema::MESSAGE_BATCH,
        schema::EMBEDDING,
        schema::STREAM_CONTROL,
    ];
    while let Some(message) = open.pop() {
        if found.insert(message.full_name, message).is_some() {
            continue;
        }
        open.extend(message.fields.iter().filter_map(|field| match field.ty {
            FieldType::Message(inner) => Some(inner),
            _ => None,
        }));
    }
    found
}

fn type_text(ty: FieldType) -> String {
    match ty {
        FieldType::Message(message) => message.name.to_owned(),
        FieldType::Enum(item) => item.name.to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

#[test]
fn tables_hold_the_numbers_of_the_wild() {
    let mut expected = BTreeMap::new();
    for row in WIRE.split(';') {
        let (name, fields) = row.trim().split_once(':').expect("a row has a colon");
        // A comma followed by a blank or line break separates; the one inside {k,v} does not.
        let fields = fields.replace(",\n", ", ");
        let fields: Vec<_> = fields.split(", ").map(|f| f.trim().to_owned()).collect();
        expected.insert(format!("dashstream.v1.{name}"), fields);
    }

    let mut actual = BTreeMap::new();
    for (full_name, message) in reachable() {
        if message.map_entry {
            continue;
        }
        let fields = message.fields.iter().map(|field| {
            let oneof = if field.oneof.is_some() { "|" } else { "" };
            let ty = match (field.ty, field.repeated) {
                (FieldType::Message(entry), true) if entry.map_entry => {
                    let part = |number| type_text(entry.field(number).expect("map part").ty);
                    format!("{{{},{}}}", part(1), part(2))
                }
                (ty, true) => format!("*{}", type_text(ty)),
                (ty, false) => type_text(ty),
            };
            format!("{oneof}{} {} {ty}", field.number, field.name)
        });
        actual.insert(full_name.to_owned(), fields.collect::<Vec<_>>());
    }
    assert_eq!(actual, expected);
}

#[test]
fn tables_hold_the_enum_values_of_the_wild() {
    let enums: BTreeMap<&str, &EnumDesc> = reachable()
        .values()
        .flat_map(|message| message.fields)
        .filter_map(|field| match field.ty {
            FieldType::Enum(item) => Some((item.name, item)),
            _ => None,
        })
        .collect();
    let rows: Vec<_> = ENUMS.split(';').collect();
    assert_eq!(enums.len(), rows.len());
    for row in rows {
        let (head, values) = row.trim().split_once(':').expect("a row has a colon");
        let (name, prefix) = head.split_once(' ').expect("name and prefix");
        let expected: Vec<(i32, String)> = values
            .split(',')
            .map(|value| value.trim().split_once(' ').expect("number and name"))
            .map(|(number, name)| (number.parse().expect("number"), format!("{prefix}{name}")))
            .collect();
        let actual: Vec<_> = enums[name]
            .values
            .iter()
            .map(|v| (v.0, v.1.to_owned()))
            .collect();
        assert_eq!(actual, expected, "{name}");
    }
    assert_eq!(
        schema::EVENT_TYPE.name_of(81),
        Some("EVENT_TYPE_NODE_THINKING")
    );
    assert_eq!(schema::EVENT_TYPE.name_of(84), None);
    assert_eq!(schema::EVENT_TYPE.name_of(-1), None);
}

#[test]
fn look_up_by_number_agrees_with_the_fields() {
    for (name, message) in reachable() {
        let highest = message.fields.last().expect("no message is empty").number;
        assert_eq!(message.by_number.len(), highest as usize + 1, "{name}");
        for number in 0..highest + 3 {
            let listed = message.fields.iter().find(|field| field.number == number);
            let found = message.field(number);
            assert_eq!(
                found.map(|f| f.name),
                listed.map(|f| f.name),
                "{name} {number}"
            );
        }
        assert!(
            message.fields.is_sorted_by_key(|field| field.number),
            "{name}"
        );
    }
    assert_eq!(
        schema::TOKEN_CHUNK
            .field(4)
            .map(|f| (f.packed, f.json_name)),
        Some((true, "tokenIds"))
    );
    assert_eq!(
        schema::STATE_DIFF.field(3).map(|f| (f.packed, f.repeated)),
        Some((false, true))
    );
    assert_eq!(schema::HEADER.field(u32::MAX).map(|f| f.name), None);
}

/// Bytes of a non-default value of a field's type, with its key.
fn sample(number: u32, ty: FieldType, packed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let wire_type = match ty {
        _ if packed => WireType::LengthDelimited,
        FieldType::Double | FieldType::Fixed64 | FieldType::Sfixed64 => WireType::SixtyFourBit,
        FieldType::Float | FieldType::Fixed32 | FieldType::Sfixed32 => WireType::ThirtyTwoBit,
        FieldType::String | FieldType::Bytes | FieldType::Message(_) => WireType::LengthDelimited,
        _ => WireType::Varint,
    };
    encode_key(number, wire_type, &mut out);
    let content: Vec<u8> = match ty {
        FieldType::Double => 1.5_f64.to_le_bytes().to_vec(),
        FieldType::Float => 1.5_f32.to_le_bytes().to_vec(),
        FieldType::String | FieldType::Bytes => b"x".to_vec(),
        FieldType::Message(entry) if entry.map_entry => entry
            .fields
            .iter()
            .flat_map(|f| sample(f.number, f.ty, false))
            .collect(),
        // Not empty: prost leaves a default value out of a map entry.
        FieldType::Message(inner) => {
            let plain = inner
                .fields
                .iter()
                .find(|f| !matches!(f.ty, FieldType::Message(_)));
            plain.map_or_else(Vec::new, |f| sample(f.number, f.ty, f.packed))
        }
        _ => vec![1],
    };
    if wire_type == WireType::LengthDelimited {
        encode_varint(content.len() as u64, &mut out);
    }
    out.extend(content);
    out
}

/// Each field alone must survive prost unchanged (prost drops what it does not know and writes
/// what it knows in its own form) and show up under its name.
fn agrees_with_prost<M: Message + Default + Debug>(message: &MessageDesc) {
    for field in message.fields {
        let bytes = sample(field.number, field.ty, field.packed);
        let label = format!("{} {}", message.name, field.name);
        let decoded = M::decode(bytes.as_slice()).unwrap_or_else(|e| panic!("{label}: {e}"));
        assert_eq!(decoded.encode_to_vec(), bytes, "{label}");
        let shown = format!("{decoded:?}")
            .replace("r#", "")
            .replace('_', "")
            .to_lowercase();
        assert!(
            shown.contains(&field.name.replace('_', "")),
            "{label} in {shown}"
        );
    }
}

/// VER-06: types and tables are generated, and this fails when they drift apart.
#[test]
fn tables_agree_with_the_generated_types() {
    agrees_with_prost::<v1::DashStreamMessage>(schema::DASH_STREAM_MESSAGE);
    agrees_with_prost::<v1::Header>(schema::HEADER);
    agrees_with_prost::<v1::Event>(schema::EVENT);
    agrees_with_prost::<v1::EventBatch>(schema::EVENT_BATCH);
    agrees_with_prost::<v1::StateDiff>(schema::STATE_DIFF);
    agrees_with_prost::<v1::DiffOperation>(schema::DIFF_OPERATION);
    agrees_with_prost::<v1::TokenChunk>(schema::TOKEN_CHUNK);
    agrees_with_prost::<v1::TokenStats>(schema::TOKEN_STATS);
    agrees_with_prost::<v1::ToolExecution>(schema::TOOL_EXECUTION);
    agrees_with_prost::<v1::Checkpoint>(schema::CHECKPOINT);
    agrees_with_prost::<v1::CompressionInfo>(schema::COMPRESSION_INFO);
    agrees_with_prost::<v1::Metrics>(schema::METRICS);
    agrees_with_prost::<v1::MetricValue>(schema::METRIC_VALUE);
    agrees_with_prost::<v1::Error>(schema::ERROR);
    agrees_with_prost::<v1::AttributeValue>(schema::ATTRIBUTE_VALUE);
    agrees_with_prost::<v1::AttributeArray>(schema::ATTRIBUTE_ARRAY);
    agrees_with_prost::<v1::AttributeMap>(schema::ATTRIBUTE_MAP);
    agrees_with_prost::<v1::ExecutionTrace>(schema::EXECUTION_TRACE);
    agrees_with_prost::<v1::NodeExecutionRecord>(schema::NODE_EXECUTION_RECORD);
    agrees_with_prost::<v1::ErrorRecord>(schema::ERROR_RECORD);
    agrees_with_prost::<v1::Embedding>(schema::EMBEDDING);
    agrees_with_prost::<v1::MessageBatch>(schema::MESSAGE_BATCH);
    agrees_with_prost::<v1::StreamControl>(schema::STREAM_CONTROL);
    let checked = 23;
    let messages = reachable()
        .values()
        .filter(|message| !message.map_entry)
        .count();
    assert_eq!(messages, checked, "a message without a line above");
}

#[test]
fn enum_names_are_the_ones_prost_prints() {
    for (number, name) in schema::EVENT_TYPE.values {
        let value = v1::EventType::try_from(*number).expect("known to prost");
        assert_eq!(value.as_str_name(), *name);
    }
    for (number, name) in schema::TOOL_EXECUTION_EXECUTION_STAGE.values {
        let value = v1::tool_execution::ExecutionStage::try_from(*number).expect("known to prost");
        assert_eq!(value.as_str_name(), *name);
    }
}
