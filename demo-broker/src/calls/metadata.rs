//! Which topics there are. The one broker leads everything.

use kafka_wire::{Malformed, TopicId};

use crate::{
    batch::LEADER_EPOCH,
    broker::{Broker, Key, Topic},
    codec::{Code, Input, Output},
};

/// Number of the only broker.
const NODE: i32 = 1;
/// Nobody asked which operations are permitted.
const OPERATIONS_UNKNOWN: i32 = i32::MIN;

pub(super) fn answer(
    version: i16,
    from: &mut Input,
    broker: &Broker,
    to: &mut Output,
) -> Result<(), Malformed> {
    // What else it may ask for, such as the creation of topics, is not done here.
    let asked = from.list(|from| key(version, from))?;
    if version >= 3 {
        to.i32(0);
    }
    to.len(1);
    to.i32(NODE);
    to.text(&broker.address().ip().to_string());
    to.i32(broker.address().port().into());
    to.no_text();
    to.end();
    if version >= 2 {
        to.text("dashstream-demo");
    }
    to.i32(NODE);
    match asked {
        None => {
            to.len(broker.topics().count());
            for found in broker.topics() {
                topic(version, found, to);
            }
        }
        Some(keys) => {
            to.len(keys.len());
            for key in keys {
                match broker.topic(&key) {
                    Some(found) => topic(version, found, to),
                    None => missing(version, &key, to),
                }
            }
        }
    }
    if (8..=10).contains(&version) {
        to.i32(OPERATIONS_UNKNOWN);
    }
    to.end();
    Ok(())
}

fn key(version: i16, from: &mut Input) -> Result<Key, Malformed> {
    let id = if version >= 10 {
        from.topic_id()?
    } else {
        TopicId::default()
    };
    let name = from.text()?;
    from.end()?;
    Ok(name.map_or(Key::Id(id), Key::Name))
}

fn topic(version: i16, topic: &Topic, to: &mut Output) {
    begin(version, Code::NONE, Some(&topic.name), topic.id, to);
    to.len(topic.partitions());
    for index in (0..).take(topic.partitions()) {
        to.code(Code::NONE);
        to.i32(index);
        to.i32(NODE);
        if version >= 7 {
            to.i32(LEADER_EPOCH);
        }
        // Replicas, and those in sync.
        for _ in 0..2 {
            to.len(1);
            to.i32(NODE);
        }
        if version >= 5 {
            // None is offline.
            to.len(0);
        }
        to.end();
    }
    end(version, to);
}

fn missing(version: i16, key: &Key, to: &mut Output) {
    let none = TopicId::default();
    match key {
        Key::Name(name) => begin(
            version,
            Code::UNKNOWN_TOPIC_OR_PARTITION,
            Some(name),
            none,
            to,
        ),
        // Only from version 12 on a name may be absent.
        Key::Id(id) if version >= 12 => begin(version, Code::UNKNOWN_TOPIC_ID, None, *id, to),
        Key::Id(id) => begin(version, Code::UNKNOWN_TOPIC_ID, Some(""), *id, to),
    }
    to.len(0);
    end(version, to);
}

fn begin(version: i16, code: Code, name: Option<&str>, id: TopicId, to: &mut Output) {
    to.code(code);
    match name {
        Some(name) => to.text(name),
        None => to.no_text(),
    }
    if version >= 10 {
        to.topic_id(id);
    }
    // Not internal.
    to.bool(false);
}

fn end(version: i16, to: &mut Output) {
    if version >= 8 {
        to.i32(OPERATIONS_UNKNOWN);
    }
    to.end();
}
