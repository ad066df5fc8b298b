//! DashStream values put together by hand, so that what they must become is known without asking the
//! code under test.

/// A framed event (NODE_START) of a thread, uncompressed.
#[must_use]
pub fn event(thread: &str, node: &str, sequence: u64) -> Vec<u8> {
    let mut header = Vec::new();
    put_bytes(&mut header, 1, &message_id(thread, sequence));
    put_varint(&mut header, 2, 1_700_000_000_000_000 + sequence);
    put_bytes(&mut header, 3, b"default");
    put_bytes(&mut header, 4, thread.as_bytes());
    put_varint(&mut header, 5, sequence);
    put_varint(&mut header, 6, 1);
    put_varint(&mut header, 9, 1);
    let mut event = Vec::new();
    put_bytes(&mut event, 1, &header);
    put_varint(&mut event, 2, 10);
    put_bytes(&mut event, 3, node.as_bytes());
    let mut value = vec![0x00];
    put_bytes(&mut value, 1, &event);
    value
}

/// A framed event whose value has exactly that many bytes.
///
/// # Panics
/// For lengths so small that there is no such event.
#[must_use]
pub fn event_of_len(thread: &str, sequence: u64, value_len: usize) -> Vec<u8> {
    let plain = event(thread, "", sequence).len();
    let mut node_len = value_len - plain;
    loop {
        let value = event(thread, &"n".repeat(node_len), sequence);
        match value.len().cmp(&value_len) {
            std::cmp::Ordering::Equal => return value,
            // The lengths of the outer fields take more bytes as they grow.
            std::cmp::Ordering::Greater => node_len -= value.len() - value_len,
            std::cmp::Ordering::Less => panic!("no event has {value_len} bytes"),
        }
    }
}

fn message_id(thread: &str, sequence: u64) -> [u8; 16] {
    let hash = u64::from(crc32fast::hash(thread.as_bytes()));
    ((u128::from(hash) << 64) | u128::from(sequence)).to_be_bytes()
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::{event, event_of_len};

    #[test]
    fn lengths_are_exact() {
        for len in [100, 127 + 80, 10_000, 16_500, 10 * 1024 * 1024 + 1] {
            assert_eq!(event_of_len("t", 7, len).len(), len);
        }
        assert!(event("thread", "node", 300).starts_with(&[0x00, 0x0a]));
    }
}
