//! Topics by name, each with its partitions: the form of most requests and of their answers.

use kafka_wire::Malformed;

use crate::{
    broker::Key,
    codec::{Input, Output},
};

/// Topics, each with what was read of each partition.
pub(super) type Topics<P> = Vec<(String, Vec<P>)>;

/// Reads them; `partition` reads one up to its tagged fields.
pub(super) fn read<P>(
    from: &mut Input,
    mut partition: impl FnMut(&mut Input) -> Result<P, Malformed>,
) -> Result<Topics<P>, Malformed> {
    let topics = from.list(|from| {
        let name = from.text()?.unwrap_or_default();
        let partitions = from.list(|from| {
            let one = partition(from)?;
            from.end()?;
            Ok(one)
        })?;
        from.end()?;
        Ok((name, partitions.unwrap_or_default()))
    })?;
    Ok(topics.unwrap_or_default())
}

/// Writes an answer for each; `partition` writes one up to its tagged fields.
pub(super) fn write<P>(
    to: &mut Output,
    topics: Topics<P>,
    mut partition: impl FnMut(&mut Output, &Key, P),
) {
    to.len(topics.len());
    for (name, partitions) in topics {
        to.text(&name);
        to.len(partitions.len());
        let key = Key::Name(name);
        for one in partitions {
            partition(to, &key, one);
            to.end();
        }
        to.end();
    }
}
