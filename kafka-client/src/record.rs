//! Records of a batch, read where they lie. Pure, and no allocation.

/// A record as far as the relay looks at it; headers are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its offset.
    pub offset: u64,
    /// Its time in ms since 1970: the producer's, or the broker's where the topic says so. -1 where there
    /// is none or it is impossible.
    pub timestamp_ms: i64,
    /// `None` for null.
    pub key: Option<&'a [u8]>,
    /// `None` for null.
    pub value: Option<&'a [u8]>,
}

/// What the batch says of the offsets and times of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub base_offset: i64,
    pub base_timestamp: i64,
    /// The one time of all records, where the broker gave it.
    pub append_time: Option<i64>,
}

/// No time, as Kafka writes it.
const NO_TIME: i64 = -1;
/// The last millisecond of the year 9999: what lies beyond is no time that anybody meant.
const TIME_MAX: i64 = 253_402_300_799_999;

/// What lies at the front of unpacked records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole record and how many bytes it takes.
    Record { record: Record<'a>, len: usize },
    /// Not all of it is there. How many bytes it takes, where that is.
    More(Option<usize>),
}

/// A record that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged(pub &'static str);

/// Reads the record at the front of `bytes`.
pub(crate) fn next(bytes: &[u8], times: Times) -> Result<Found<'_>, Damaged> {
    let mut from = Walk { bytes };
    let len = match from.varlong() {
        Ok(len) => len,
        Err(_) if bytes.len() < VARINT_LEN_MAX => return Ok(Found::More(None)),
        Err(damaged) => return Err(damaged),
    };
    let body = usize::try_from(len).map_err(|_| Damaged("the length of a record is negative"))?;
    let prefix = bytes.len() - from.bytes.len();
    let whole = prefix.saturating_add(body);
    let Some(body) = from.bytes.get(..body) else {
        return Ok(Found::More(Some(whole)));
    };
    let record = read(body, times)?;
    Ok(Found::Record { record, len: whole })
}

/// The offset of the record at the front of `bytes`, of which the first few are enough.
pub(crate) fn offset(bytes: &[u8], times: Times) -> Option<u64> {
    let mut from = Walk { bytes };
    from.varlong().ok()?;
    from.take(1).ok()?;
    from.varlong().ok()?;
    let offset = times.base_offset.checked_add(from.varlong().ok()?)?;
    u64::try_from(offset).ok()
}

fn read(body: &[u8], times: Times) -> Result<Record<'_>, Damaged> {
    let mut from = Walk { bytes: body };
    from.take(1)?;
    let time_delta = from.varlong()?;
    let offset_delta = from.varlong()?;
    let offset = times.base_offset.checked_add(offset_delta);
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    let key = from.nullable()?;
    let value = from.nullable()?;
    let time = match times.append_time {
        Some(time) => Some(time),
        None => times.base_timestamp.checked_add(time_delta),
    };
    Ok(Record {
        offset: offset.ok_or(Damaged("an impossible offset"))?,
        timestamp_ms: time
            .filter(|time| (0..=TIME_MAX).contains(time))
            .unwrap_or(NO_TIME),
        key,
        value,
    })
}

/// Bytes of the longest number.
pub(crate) const VARINT_LEN_MAX: usize = 10;

struct Walk<'a> {
    bytes: &'a [u8],
}

impl<'a> Walk<'a> {
    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(Damaged("a record ends too early"));
        };
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn nullable(&mut self) -> Result<Option<&'a [u8]>, Damaged> {
        let len = self.varlong()?;
        if len < 0 {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| Damaged("a length is impossible"))?;
        self.take(len).map(Some)
    }

    /// A zigzag number of up to 64 bits.
    #[inline]
    fn varlong(&mut self) -> Result<i64, Damaged> {
        let mut value = 0_u64;
        for (at, &byte) in self.bytes.iter().take(VARINT_LEN_MAX).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.bytes = self.bytes.get(at + 1..).unwrap_or_default();
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Damaged("a number has no end"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
