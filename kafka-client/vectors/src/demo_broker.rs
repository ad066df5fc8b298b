//! Questions to the demo's broker and its answers, in each version that it speaks. It has one topic, `runs`, of two
//! partitions, with one batch in the first.

use bytes::Bytes;
use kafka_protocol::messages::{
    self, BrokerId, api_versions_response, fetch_request, fetch_response, list_offsets_request,
    list_offsets_response, metadata_request, metadata_response, offset_for_leader_epoch_request,
    offset_for_leader_epoch_response, produce_request, produce_response,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::message::{answer, id, name, request, text};

pub(crate) fn write() {
    (3..=7).for_each(produce);
    (4..=16).for_each(fetch);
    (1..=7).for_each(list_offsets);
    (1..=12).for_each(metadata);
    (0..=3).for_each(versions);
    (2..=4).for_each(leader_epoch);
}

/// Three records at offset 0, with 40 as their latest time. The checksum was computed over the rest.
fn batch(base: i64, epoch: i32) -> Bytes {
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes());
    checked.extend(2_i32.to_be_bytes());
    checked.extend([0; 8]);
    checked.extend(40_i64.to_be_bytes());
    checked.extend([0xff; 14]);
    checked.extend(3_i32.to_be_bytes());
    checked.extend(b"packed");
    let mut bytes = base.to_be_bytes().to_vec();
    bytes.extend((checked.len() as i32 + 9).to_be_bytes());
    bytes.extend(epoch.to_be_bytes());
    bytes.push(2);
    bytes.extend(crc32c::crc32c(&checked).to_be_bytes());
    bytes.extend(checked);
    bytes.into()
}

fn produce(version: i16) {
    let partition = |index| {
        produce_request::PartitionProduceData::default()
            .with_index(index)
            .with_records(Some(batch(0, -1)))
    };
    let topic = produce_request::TopicProduceData::default()
        .with_name(name("runs"))
        .with_partition_data(vec![partition(0), partition(5)]);
    let body = messages::ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![topic]);
    request("produce", version, &body);

    let appended = produce_response::PartitionProduceResponse::default()
        .with_index(0)
        .with_base_offset(3)
        .with_log_start_offset(if version >= 5 { 0 } else { -1 });
    let unknown = produce_response::PartitionProduceResponse::default()
        .with_index(5)
        .with_error_code(3)
        .with_base_offset(-1);
    let topic = produce_response::TopicProduceResponse::default()
        .with_name(name("runs"))
        .with_partition_responses(vec![appended, unknown]);
    let body = messages::ProduceResponse::default().with_responses(vec![topic]);
    answer("produce", version, &body);
}

fn fetch(version: i16) {
    let partition = |partition, offset| {
        fetch_request::FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(1_000)
    };
    let asked = |topic, id: Uuid, partitions| {
        let asked = fetch_request::FetchTopic::default().with_partitions(partitions);
        if version >= 13 {
            asked.with_topic_id(id)
        } else {
            asked.with_topic(name(topic))
        }
    };
    let other = Uuid::from_u128(6);
    let topics = vec![
        asked("runs", id(), vec![partition(0, 1), partition(1, 9)]),
        asked("other", other, vec![partition(0, 0)]),
    ];
    let body = messages::FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(9_000)
        .with_session_epoch(-1)
        .with_topics(topics);
    request("fetch", version, &body);

    let data = |index, code, start: i64, end, records| {
        fetch_response::PartitionData::default()
            .with_partition_index(index)
            .with_error_code(code)
            .with_high_watermark(end)
            .with_last_stable_offset(end)
            .with_log_start_offset(if version >= 5 { start } else { -1 })
            .with_aborted_transactions(Some(Vec::new()))
            .with_records(Some(records))
    };
    let found = |topic, id: Uuid, partitions| {
        let found = fetch_response::FetchableTopicResponse::default().with_partitions(partitions);
        if version >= 13 {
            found.with_topic_id(id)
        } else {
            found.with_topic(name(topic))
        }
    };
    let known = vec![
        data(0, 0, 0, 3, batch(0, 0)),
        data(1, 1, 0, 0, Bytes::new()),
    ];
    let unknown = vec![data(
        0,
        if version >= 13 { 100 } else { 3 },
        -1,
        -1,
        Bytes::new(),
    )];
    let topics = vec![found("runs", id(), known), found("other", other, unknown)];
    answer(
        "fetch",
        version,
        &messages::FetchResponse::default().with_responses(topics),
    );
}

fn list_offsets(version: i16) {
    let newest = if version >= 7 { -3 } else { -2 };
    let asked = [(0, -2), (0, -1), (0, 40), (0, 41), (0, newest), (7, -1)];
    let partition = |(partition, timestamp)| {
        list_offsets_request::ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_timestamp(timestamp)
    };
    let topic = list_offsets_request::ListOffsetsTopic::default()
        .with_name(name("runs"))
        .with_partitions(asked.into_iter().map(partition).collect());
    let body = messages::ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    request("list-offsets", version, &body);

    let newest = if version >= 7 { 40 } else { -1 };
    let found = [
        (0, 0, -1, 0),
        (0, 0, -1, 3),
        (0, 0, 40, 0),
        (0, 0, -1, -1),
        (0, 0, newest, 0),
        (7, 3, -1, -1),
    ];
    let partition = |(partition, code, timestamp, offset)| {
        list_offsets_response::ListOffsetsPartitionResponse::default()
            .with_partition_index(partition)
            .with_error_code(code)
            .with_timestamp(timestamp)
            .with_offset(offset)
            .with_leader_epoch(if version >= 4 { 0 } else { -1 })
    };
    let topic = list_offsets_response::ListOffsetsTopicResponse::default()
        .with_name(name("runs"))
        .with_partitions(found.into_iter().map(partition).collect());
    answer(
        "list-offsets",
        version,
        &messages::ListOffsetsResponse::default().with_topics(vec![topic]),
    );
}

fn metadata(version: i16) {
    let asked = |name| metadata_request::MetadataRequestTopic::default().with_name(Some(name));
    let mut topics = vec![asked(name("runs")), asked(name("other"))];
    if version >= 12 {
        let by_id = |id| {
            metadata_request::MetadataRequestTopic::default()
                .with_topic_id(id)
                .with_name(None)
        };
        topics.extend([by_id(id()), by_id(Uuid::from_u128(6))]);
    }
    let question = messages::MetadataRequest::default().with_topics(Some(topics));
    request("metadata", version, &question);
    let all = messages::MetadataRequest::default().with_topics(None);

    let one = || vec![BrokerId(1)];
    let partition = |index| {
        metadata_response::MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(1.into())
            .with_leader_epoch(if version >= 7 { 0 } else { -1 })
            .with_replica_nodes(one())
            .with_isr_nodes(one())
    };
    let with_id = |topic: metadata_response::MetadataResponseTopic, id| {
        if version >= 10 {
            topic.with_topic_id(id)
        } else {
            topic
        }
    };
    let runs = metadata_response::MetadataResponseTopic::default()
        .with_name(Some(name("runs")))
        .with_partitions(vec![partition(0), partition(1)]);
    let runs = with_id(runs, id());
    let other = metadata_response::MetadataResponseTopic::default()
        .with_error_code(3)
        .with_name(Some(name("other")));
    let by_id = metadata_response::MetadataResponseTopic::default()
        .with_error_code(100)
        .with_name(None);
    let mut topics = vec![runs.clone(), other];
    if version >= 12 {
        topics.extend([runs.clone(), with_id(by_id, Uuid::from_u128(6))]);
    }
    let broker = metadata_response::MetadataResponseBroker::default()
        .with_node_id(1.into())
        .with_host(text("127.0.0.1"))
        .with_port(9092);
    let cluster: Option<StrBytes> = (version >= 2).then(|| text("dashstream-demo"));
    let body = messages::MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(cluster)
        .with_controller_id(1.into());
    answer("metadata", version, &body.clone().with_topics(topics));
    request("metadata-all", version, &all);
    answer("metadata-all", version, &body.with_topics(vec![runs]));
}

fn versions(version: i16) {
    let body = messages::ApiVersionsRequest::default();
    let body = if version >= 3 {
        body.with_client_software_name(text("x"))
            .with_client_software_version(text("1"))
    } else {
        body
    };
    request("versions", version, &body);
    let spoken = [
        (0, 3, 7),
        (1, 4, 16),
        (2, 1, 7),
        (3, 1, 12),
        (18, 0, 3),
        (23, 2, 4),
    ];
    let entry = |(key, low, high)| {
        api_versions_response::ApiVersion::default()
            .with_api_key(key)
            .with_min_version(low)
            .with_max_version(high)
    };
    let entries = spoken.into_iter().map(entry).collect();
    answer(
        "versions",
        version,
        &messages::ApiVersionsResponse::default().with_api_keys(entries),
    );
}

fn leader_epoch(version: i16) {
    let asked = [(0, 0), (0, 4), (0, -1), (7, 0)];
    let partition = |(partition, epoch)| {
        offset_for_leader_epoch_request::OffsetForLeaderPartition::default()
            .with_partition(partition)
            .with_leader_epoch(epoch)
    };
    let topic = offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
        .with_topic(name("runs"))
        .with_partitions(asked.into_iter().map(partition).collect());
    let body = messages::OffsetForLeaderEpochRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    request("leader-epoch", version, &body);

    let found = [(0, 0, 0, 3), (0, 0, 0, 3), (0, 0, -1, -1), (7, 3, -1, -1)];
    let partition = |(partition, code, epoch, end)| {
        offset_for_leader_epoch_response::EpochEndOffset::default()
            .with_partition(partition)
            .with_error_code(code)
            .with_leader_epoch(epoch)
            .with_end_offset(end)
    };
    let topic = offset_for_leader_epoch_response::OffsetForLeaderTopicResult::default()
        .with_topic(name("runs"))
        .with_partitions(found.into_iter().map(partition).collect());
    let body = messages::OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
    answer("leader-epoch", version, &body);
}
