//! The decoder in both modes, and the canonical text.

use decode_core::text::canonical_json;
use decode_core::wire::RejectCode;
use decode_core::{Decoder, EventFacts, EventSink, Mode, scan};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value in both modes: what strict accepts, compatible accepts with the same outcome; a framed
/// value gets one verdict; a reused decoder says what a fresh one says.
pub(super) fn run(payload: &[u8]) {
    let mut strict = Decoder::new(Mode::Strict);
    let mut compatible = Decoder::new(Mode::Compatible);
    let first = verdict(&mut strict, payload);
    let second = verdict(&mut compatible, payload);
    let framed = payload.first().is_none_or(|&byte| byte <= 1);
    if framed || first.is_ok() {
        assert_eq!(first, second, "the modes differ on a framed value");
    } else {
        assert_eq!(first, Err(RejectCode::BadFrame));
    }
    assert_eq!(first, verdict(&mut strict, payload), "a reused decoder");
    assert_eq!(
        second,
        verdict(&mut compatible, payload),
        "a reused decoder"
    );
}

fn verdict(decoder: &mut Decoder, payload: &[u8]) -> Result<String, RejectCode> {
    let mut events = Count::default();
    let decoded = decoder
        .decode(payload, &mut events)
        .map_err(|reject| reject.code())?;
    assert_eq!(events.0, decoded.summary.inner_events);
    let text = decoded.canonical_json();
    Ok(text.expect("what the pass accepts has a text"))
}

#[derive(Default)]
struct Count(u32);

impl<'a> EventSink<'a> for Count {
    fn event(&mut self, _: &EventFacts<'a>) {
        self.0 += 1;
    }
    fn restart(&mut self) {
        self.0 = 0;
    }
}

/// A body: its text exists exactly if the pass accepts it, is JSON, and its keys ascend.
pub(super) fn text(body: &[u8]) {
    let scanned = scan::scan(body, &mut ()).map(drop);
    let text = canonical_json(body);
    assert_eq!(scanned, text.as_ref().map(drop).map_err(|reject| *reject));
    if let Ok(text) = text {
        let mut json = serde_json::Deserializer::from_str(&text);
        // Depth is limited by the message's own nesting.
        json.disable_recursion_limit();
        Ascending
            .deserialize(&mut json)
            .expect("JSON with ascending keys");
        json.end().expect("nothing after the text");
        assert!(!text.bytes().any(|byte| byte < b' '), "a control character");
    }
}

/// Reads any JSON value and checks that the keys of every object ascend, so none is twice.
#[derive(Clone, Copy)]
struct Ascending;

impl<'de> DeserializeSeed<'de> for Ascending {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Ascending {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut before: Option<String> = None;
        while let Some(key) = members.next_key::<String>()? {
            if before.as_ref().is_some_and(|before| *before >= key) {
                let _: IgnoredAny = members.next_value()?;
                return Err(serde::de::Error::custom("keys do not ascend"));
            }
            before = Some(key);
            members.next_value_seed(Self)?;
        }
        Ok(())
    }
}
