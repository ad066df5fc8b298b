//! Writes the messages that the tests of the client compare with; with the word `demo-broker`, those of that one.

mod demo_broker;
mod message;

use bytes::Bytes;
use kafka_protocol::messages::{
    self, api_versions_response, fetch_request, fetch_response, list_offsets_request,
    list_offsets_response, metadata_request, metadata_response, offset_for_leader_epoch_request,
    offset_for_leader_epoch_response,
};

use message::{answer, id, name, request, text};

fn main() {
    if std::env::args()
        .nth(1)
        .is_some_and(|word| word == "demo-broker")
    {
        return demo_broker::write();
    }
    (12..=16).for_each(fetch);
    (10..=12).for_each(metadata);
    (6..=7).for_each(list_offsets);
    leader_epoch(4);
    [0, 3].into_iter().for_each(versions);
    sasl();
}

fn fetch(version: i16) {
    let partition = |partition| {
        fetch_request::FetchPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(3)
            .with_fetch_offset(41)
            .with_last_fetched_epoch(2)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(1_000)
    };
    let topic = |topic, partitions: &[i32]| {
        let partitions = partitions.iter().map(|one| partition(*one)).collect();
        let asked = fetch_request::FetchTopic::default().with_partitions(partitions);
        if version >= 13 {
            asked.with_topic_id(id())
        } else {
            asked.with_topic(name(topic))
        }
    };
    let body = messages::FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(9_000)
        .with_isolation_level(1)
        .with_session_epoch(-1)
        .with_topics(vec![topic("runs", &[0, 4]), topic("other", &[0])]);
    request("fetch", version, &body);

    let data = |index| {
        let aborted = fetch_response::AbortedTransaction::default()
            .with_producer_id(9.into())
            .with_first_offset(12);
        fetch_response::PartitionData::default()
            .with_partition_index(index)
            .with_high_watermark(100)
            .with_last_stable_offset(90)
            .with_log_start_offset(5)
            .with_aborted_transactions(Some(vec![aborted]))
            .with_records(Some(Bytes::from_static(b"batches")))
    };
    let diverging = fetch_response::EpochEndOffset::default()
        .with_epoch(4)
        .with_end_offset(80);
    let partitions = vec![
        data(0),
        data(1).with_records(None).with_diverging_epoch(diverging),
        data(2).with_error_code(29).with_aborted_transactions(None),
    ];
    let topic = fetch_response::FetchableTopicResponse::default().with_partitions(partitions);
    let topic = if version >= 13 {
        topic.with_topic_id(id())
    } else {
        topic.with_topic(name("runs"))
    };
    answer(
        "fetch",
        version,
        &messages::FetchResponse::default().with_responses(vec![topic]),
    );
}

fn metadata(version: i16) {
    let topic = metadata_request::MetadataRequestTopic::default().with_name(Some(name("runs")));
    let body = messages::MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(false);
    request("metadata", version, &body);

    let partition = metadata_response::MetadataResponsePartition::default()
        .with_partition_index(3)
        .with_leader_id(1.into())
        .with_leader_epoch(8)
        .with_replica_nodes(vec![1.into(), 2.into()]);
    let topic = metadata_response::MetadataResponseTopic::default()
        .with_name(Some(name("runs")))
        .with_topic_id(id())
        .with_partitions(vec![partition]);
    let broker = metadata_response::MetadataResponseBroker::default()
        .with_node_id(1.into())
        .with_host(text("kafka-1"))
        .with_rack(Some(text("a")))
        .with_port(9092);
    let body = messages::MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text("cluster")))
        .with_topics(vec![topic]);
    answer("metadata", version, &body);
}

fn list_offsets(version: i16) {
    let partition = list_offsets_request::ListOffsetsPartition::default()
        .with_partition_index(3)
        .with_current_leader_epoch(-1)
        .with_timestamp(-2);
    let topic = list_offsets_request::ListOffsetsTopic::default()
        .with_name(name("runs"))
        .with_partitions(vec![partition]);
    let body = messages::ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_isolation_level(1)
        .with_topics(vec![topic]);
    request("list-offsets", version, &body);

    let partition = list_offsets_response::ListOffsetsPartitionResponse::default()
        .with_partition_index(3)
        .with_error_code(6)
        .with_offset(77);
    let topic = list_offsets_response::ListOffsetsTopicResponse::default()
        .with_name(name("runs"))
        .with_partitions(vec![partition]);
    let body = messages::ListOffsetsResponse::default().with_topics(vec![topic]);
    answer("list-offsets", version, &body);
}

fn leader_epoch(version: i16) {
    let partition = offset_for_leader_epoch_request::OffsetForLeaderPartition::default()
        .with_partition(3)
        .with_current_leader_epoch(-1)
        .with_leader_epoch(8);
    let topic = offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
        .with_topic(name("runs"))
        .with_partitions(vec![partition]);
    let body = messages::OffsetForLeaderEpochRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    request("leader-epoch", version, &body);

    let partition = offset_for_leader_epoch_response::EpochEndOffset::default()
        .with_partition(3)
        .with_leader_epoch(7)
        .with_end_offset(50);
    let topic = offset_for_leader_epoch_response::OffsetForLeaderTopicResult::default()
        .with_topic(name("runs"))
        .with_partitions(vec![partition]);
    let body = messages::OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
    answer("leader-epoch", version, &body);
}

fn versions(version: i16) {
    let body = messages::ApiVersionsRequest::default()
        .with_client_software_name(text("dashstream"))
        .with_client_software_version(text("0.1.0"));
    let body = if version >= 3 {
        body
    } else {
        messages::ApiVersionsRequest::default()
    };
    request("versions", version, &body);
    let entry = api_versions_response::ApiVersion::default()
        .with_api_key(1)
        .with_min_version(4)
        .with_max_version(17);
    let body = messages::ApiVersionsResponse::default().with_api_keys(vec![entry]);
    answer("versions", version, &body);
    if version == 0 {
        let body = messages::ApiVersionsResponse::default().with_error_code(35);
        answer("versions-unsupported", version, &body);
    }
}

fn sasl() {
    let body = messages::SaslHandshakeRequest::default().with_mechanism(text("PLAIN"));
    request("handshake", 1, &body);
    let body = messages::SaslHandshakeResponse::default()
        .with_error_code(33)
        .with_mechanisms(vec![text("PLAIN"), text("SCRAM-SHA-256")]);
    answer("handshake", 1, &body);

    let body =
        messages::SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(b"me"));
    request("authenticate", 2, &body);
    let body = messages::SaslAuthenticateResponse::default()
        .with_error_message(Some(text("no")))
        .with_auth_bytes(Bytes::from_static(b"go on"))
        .with_session_lifetime_ms(60_000);
    answer("authenticate", 2, &body);
}
