//! Which version of a call is spoken: the highest that both sides know. A pure rule.

/// The calls this client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Fetch,
    ListOffsets,
    Metadata,
    SaslHandshake,
    Versions,
    OffsetForLeaderEpoch,
    SaslAuthenticate,
}

impl Api {
    /// Kafka's number of the call.
    pub(crate) const fn key(self) -> i16 {
        match self {
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::SaslHandshake => 17,
            Self::Versions => 18,
            Self::OffsetForLeaderEpoch => 23,
            Self::SaslAuthenticate => 36,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Fetch => "Fetch",
            Self::ListOffsets => "ListOffsets",
            Self::Metadata => "Metadata",
            Self::SaslHandshake => "SaslHandshake",
            Self::Versions => "ApiVersions",
            Self::OffsetForLeaderEpoch => "OffsetForLeaderEpoch",
            Self::SaslAuthenticate => "SaslAuthenticate",
        }
    }

    /// The versions spoken here. The lowest are those of Kafka 2.8; no version beyond the highest changes
    /// anything that reading needs.
    pub(crate) const fn spoken(self) -> (i16, i16) {
        match self {
            // 12: truncation is reported; 13: topics by id.
            Self::Fetch => (12, 16),
            Self::ListOffsets => (6, 7),
            // 10: topic ids.
            Self::Metadata => (10, 12),
            Self::SaslHandshake => (1, 1),
            Self::Versions => (0, 3),
            Self::OffsetForLeaderEpoch => (4, 4),
            Self::SaslAuthenticate => (2, 2),
        }
    }

    /// Whether that version has the compact encoding and tagged fields.
    pub(crate) const fn is_flexible(self, version: i16) -> bool {
        match self {
            Self::SaslHandshake => false,
            Self::Versions => version >= 3,
            Self::Fetch
            | Self::ListOffsets
            | Self::Metadata
            | Self::OffsetForLeaderEpoch
            | Self::SaslAuthenticate => true,
        }
    }
}

/// What one broker speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    /// Key, lowest and highest version.
    ranges: Vec<(i16, i16, i16)>,
}

impl Versions {
    pub(crate) fn new(ranges: Vec<(i16, i16, i16)>) -> Self {
        Self { ranges }
    }

    /// The highest version that both sides speak, at most `at_most`; else what is wrong.
    pub(crate) fn choose(&self, api: Api, at_most: i16) -> Result<i16, String> {
        let (low, high) = api.spoken();
        let (name, high) = (api.name(), high.min(at_most));
        let theirs = self.ranges.iter().find(|(key, ..)| *key == api.key());
        let Some((_, their_low, their_high)) = theirs else {
            return Err(format!("the broker does not know the call {name}"));
        };
        let version = high.min(*their_high);
        if version < low.max(*their_low) {
            return Err(format!(
                "the broker speaks {name} {their_low} to {their_high}, and {low} to {high} are \
                 needed: Kafka 2.8 or newer"
            ));
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(low: i16, high: i16) -> Result<i16, String> {
        Versions::new(vec![(3, 0, 9), (1, low, high)]).choose(Api::Fetch, i16::MAX)
    }

    #[test]
    fn the_highest_common_version_is_taken() {
        assert_eq!(choose(0, 12), Ok(12), "Kafka 2.8");
        assert_eq!(choose(4, 18), Ok(16), "Kafka 4");
        assert_eq!(choose(4, 14), Ok(14));
    }

    #[test]
    fn none_in_common_is_said_with_the_numbers() {
        let old = choose(0, 11).expect_err("Kafka 2.6");
        assert!(
            old.contains("Fetch 0 to 11") && old.contains("2.8"),
            "{old}"
        );
        assert!(choose(17, 20).is_err(), "a broker of the far future");
        let unknown = Versions::default().choose(Api::Metadata, i16::MAX);
        assert!(unknown.expect_err("nothing").contains("Metadata"));
        let by_name = Versions::new(vec![(1, 4, 18)]).choose(Api::Fetch, 12);
        assert_eq!(by_name, Ok(12), "a caller that needs names");
    }
}
