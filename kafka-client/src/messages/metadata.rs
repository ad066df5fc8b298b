//! Which brokers there are, and who leads the partitions of one topic.

use kafka_wire::{Malformed, Reader, TopicId, Writer};

use super::Call;
use crate::versions::Api;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Metadata<'a> {
    pub topic: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub brokers: Vec<Broker>,
    pub topics: Vec<Topic>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broker {
    pub node: i32,
    pub host: String,
    pub port: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub code: i16,
    pub name: String,
    pub id: TopicId,
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub code: i16,
    pub index: i32,
    pub leader: i32,
    pub leader_epoch: i32,
}

impl Call for Metadata<'_> {
    type Answer = Answer;
    const API: Api = Api::Metadata;

    fn write(&self, version: i16, to: &mut Writer) {
        to.compact_len(1);
        to.topic_id(TopicId::default());
        to.compact_string(self.topic);
        to.no_tagged();
        // Asking for a topic must never create it.
        to.bool(false);
        if version <= 10 {
            to.bool(false);
        }
        to.bool(false);
        to.no_tagged();
    }

    fn read(_: i16, from: &mut Reader) -> Result<Answer, Malformed> {
        from.i32()?;
        let brokers = from.compact_array(|from| {
            let broker = Broker {
                node: from.i32()?,
                host: from.compact_string()?.unwrap_or_default(),
                port: from.i32()?,
            };
            from.compact_string()?;
            from.skip_tagged()?;
            Ok(broker)
        })?;
        from.compact_string()?;
        from.i32()?;
        let topics = from.compact_array(topic)?;
        Ok(Answer { brokers, topics })
    }
}

fn topic(from: &mut Reader) -> Result<Topic, Malformed> {
    let code = from.i16()?;
    let name = from.compact_string()?.unwrap_or_default();
    let id = from.topic_id()?;
    from.bool()?;
    let partitions = from.compact_array(|from| {
        let partition = Partition {
            code: from.i16()?,
            index: from.i32()?,
            leader: from.i32()?,
            leader_epoch: from.i32()?,
        };
        for _replicas_in_sync_offline in 0..3 {
            from.compact_array(Reader::i32)?;
        }
        from.skip_tagged()?;
        Ok(partition)
    })?;
    from.i32()?;
    from.skip_tagged()?;
    Ok(Topic {
        code,
        name,
        id,
        partitions,
    })
}
