//! The graphs that runs share: every run of a graph declares it again, most often in the same words.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::topology::Topology;
use crate::limits::{TOPOLOGIES_SHARED_MAX, TOPOLOGY_WORDS_MAX};

/// Graphs that were declared, the latest last.
#[derive(Debug, Default)]
pub(super) struct Graphs {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    /// What its latest declaration said; empty where that is too long to keep.
    words: Vec<u8>,
    topology: Rc<Topology>,
}

impl Graphs {
    /// What a start's attributes declare. The same words are read once.
    pub(super) fn read<'a, I>(&mut self, texts: impl Fn() -> I) -> Rc<Topology>
    where
        I: Iterator<Item = (&'a str, &'a str)>,
    {
        let words = words(texts());
        let mut latest_first = self.known.iter().rev();
        if let Some(known) = latest_first.find(|known| !words.is_empty() && known.words == words) {
            return Rc::clone(&known.topology);
        }
        let topology = Topology::read(texts());
        let same = self.known.iter().position(|one| *one.topology == topology);
        let known = match same {
            Some(at) => self.known.remove(at).topology,
            None => Rc::new(topology),
        };
        if self.known.len() >= TOPOLOGIES_SHARED_MAX {
            self.known.remove(0);
        }
        self.known.push(Known {
            words,
            topology: Rc::clone(&known),
        });
        known
    }
}

/// Everything that a graph is read from, each text with its length, so that no two declarations give the same.
fn words<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut words = Vec::new();
    for (key, text) in texts.filter(|(key, _)| Topology::KEYS.contains(key)) {
        if words.len() + key.len() + text.len() > TOPOLOGY_WORDS_MAX {
            return Vec::new();
        }
        for part in [key, text] {
            words.extend_from_slice(&part.len().to_le_bytes());
            words.extend_from_slice(part.as_bytes());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> [(&str, &str); 2] {
        [("graph_name", name), ("initial_state_json", "of one run")]
    }

    #[test]
    fn runs_of_one_graph_share_it() {
        let mut graphs = Graphs::default();
        let mut read =
            |texts: &[(&'static str, &'static str)]| graphs.read(|| texts.iter().copied());
        let first = read(&name("a"));
        assert!(Rc::ptr_eq(&first, &read(&name("a"))), "the same words");
        assert!(!Rc::ptr_eq(&first, &read(&name("b"))));
        let schema = r#"{"name": "a", "nodes": []}"#;
        let other = read(&[("graph_schema_json", schema)]);
        assert!(Rc::ptr_eq(&first, &other), "other words for the same graph");
        assert!(Rc::ptr_eq(&first, &read(&name("a"))));
        let moved = read(&[("graph_name", ""), ("schema_id", "a")]);
        assert_eq!((&*moved.id.name, &*moved.id.schema_id), ("", "a"));
    }

    /// BND-01: neither many graphs nor long ones take more room than their bounds.
    #[test]
    fn what_is_kept_of_graphs_is_bounded() {
        let mut graphs = Graphs::default();
        let long = "x".repeat(TOPOLOGY_WORDS_MAX);
        for n in 0..3 * TOPOLOGIES_SHARED_MAX {
            let name = alloc::format!("{n}");
            let texts = [("graph_name", &*name), ("graph_entry_point", &*long)];
            graphs.read(|| texts.into_iter().take(1 + n % 2));
        }
        assert_eq!(graphs.known.len(), TOPOLOGIES_SHARED_MAX);
        let words = graphs.known.iter().map(|known| known.words.capacity());
        assert!(words.sum::<usize>() <= TOPOLOGIES_SHARED_MAX * 2 * TOPOLOGY_WORDS_MAX);
    }
}
