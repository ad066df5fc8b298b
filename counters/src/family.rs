//! Labels, and one number for each of their values.

use std::marker::PhantomData;

use decode_core::wire::{CloseCode, ErrorCode, GapCause, MessageKind, RejectCode};

use crate::Counter;

/// The values of a label: known from the start, so that each series exists at 0.
///
/// The macro [`labels!`](crate::labels) declares one together with its enum. That keeps the list
/// complete: a value without a place in [`Self::ALL`] can't be written.
pub trait Label: Copy + 'static {
    /// Every value, each once.
    const ALL: &'static [Self];

    /// Its place in [`Self::ALL`].
    fn index(self) -> usize;

    /// What a scrape shows.
    fn text(self) -> &'static str;
}

/// Declares an enum that is a [`Label`], with the text of each value.
///
/// ```
/// dashstream_counters::labels! {
///     /// How a connection ended.
///     pub enum Ending {
///         /// The peer closed it.
///         PeerClosed = "peer_closed",
///         /// The peer was gone.
///         PeerLost = "peer_lost",
///     }
/// }
/// let endings = dashstream_counters::Family::<Ending>::default();
/// endings.inc(Ending::PeerLost);
/// assert_eq!(endings.get(Ending::PeerLost), 1);
/// assert_eq!(Ending::PeerLost.text(), "peer_lost");
/// ```
#[macro_export]
macro_rules! labels {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$value_meta:meta])* $value:ident = $text:expr),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $visibility enum $name { $($(#[$value_meta])* $value),+ }

        impl $name {
            /// Every value.
            $visibility const ALL: &'static [Self] = &[$(Self::$value),+];

            /// Its name in metrics.
            $visibility const fn text(self) -> &'static str {
                match self { $(Self::$value => $text),+ }
            }
        }

        impl $crate::Label for $name {
            const ALL: &'static [Self] = Self::ALL;
            fn index(self) -> usize { self as usize }
            fn text(self) -> &'static str { Self::text(self) }
        }
    };
}

/// The enums of the wire have their list and their places from the table that declares them.
macro_rules! wire_labels {
    ($($name:ty),+) => {$(
        impl Label for $name {
            const ALL: &'static [Self] = <$name>::ALL;
            fn index(self) -> usize { self.index() }
            fn text(self) -> &'static str { self.code() }
        }
    )+};
}
wire_labels!(CloseCode, ErrorCode, GapCause, MessageKind, RejectCode);

/// One number, or whatever else, for each value of a label.
#[derive(Debug)]
pub struct Family<L: Label, T = Counter> {
    /// As many as the label has values, in their order.
    members: Box<[T]>,
    label: PhantomData<L>,
}

impl<L: Label, T: Default> Default for Family<L, T> {
    fn default() -> Self {
        Self {
            members: L::ALL.iter().map(|_| T::default()).collect(),
            label: PhantomData,
        }
    }
}

impl<L: Label, T> Family<L, T> {
    /// What belongs to a value.
    #[must_use]
    pub fn of(&self, value: L) -> &T {
        // Within the list by what a label is.
        &self.members[value.index()]
    }

    /// Every value with what belongs to it.
    pub fn members(&self) -> impl Iterator<Item = (L, &T)> {
        L::ALL.iter().copied().zip(&self.members)
    }
}

impl<L: Label> Family<L> {
    /// Counts one.
    pub fn inc(&self, value: L) {
        self.of(value).inc();
    }

    /// Counts so many.
    pub fn add(&self, value: L, count: u64) {
        self.of(value).add(count);
    }

    /// The count of a value.
    #[must_use]
    pub fn get(&self, value: L) -> u64 {
        self.of(value).get()
    }

    /// Every value with its count.
    pub fn iter(&self) -> impl Iterator<Item = (L, u64)> {
        self.members()
            .map(|(value, counter)| (value, counter.get()))
    }

    /// The counts of all values together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.members.iter().map(Counter::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    labels! {
        enum Size { Small = "small", Large = "large" }
    }

    fn check<L: Label + PartialEq + std::fmt::Debug>() {
        for (at, &value) in L::ALL.iter().enumerate() {
            assert_eq!(value.index(), at, "{value:?}");
        }
        let mut texts: Vec<_> = L::ALL.iter().map(|value| value.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(
            texts.len(),
            L::ALL.len(),
            "two values with one text: {texts:?}"
        );
    }

    /// Every value has a place of its own and a text of its own, so that no two share a count.
    #[test]
    fn each_value_is_counted_apart() {
        check::<Size>();
        check::<CloseCode>();
        check::<ErrorCode>();
        check::<GapCause>();
        check::<MessageKind>();
        check::<RejectCode>();
    }

    #[test]
    fn families_count_by_value() {
        let family = Family::<Size>::default();
        family.add(Size::Large, 2);
        family.inc(Size::Large);
        let counts: Vec<_> = family.iter().collect();
        assert_eq!(counts, [(Size::Small, 0), (Size::Large, 3)]);
        assert_eq!((family.get(Size::Large), family.sum()), (3, 3));
        let nested = Family::<Size, Family<RejectCode>>::default();
        nested.of(Size::Small).inc(RejectCode::Utf8);
        assert_eq!(nested.of(Size::Small).sum(), 1);
        assert_eq!(nested.of(Size::Large).sum(), 0);
    }
}
