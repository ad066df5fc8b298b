//! The floor of decoding: libzstd, and a pass over a protobuf message that does nothing else. It knows which fields are
//! messages, and looks neither at text nor at numbers.

use dashstream_proto::schema::{FieldType, MessageDesc};
use zstd_safe::DCtx;

/// Fields of the message and of all messages in it; `None` where it is damaged.
pub(crate) fn fields(mut bytes: &[u8], desc: &'static MessageDesc) -> Option<usize> {
    let mut count = 0;
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        count += 1;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                let (inner, rest) = bytes.split_at_checked(len)?;
                bytes = rest;
                let known = desc.field(u32::try_from(tag >> 3).ok()?);
                if let Some(FieldType::Message(desc)) = known.map(|field| field.ty) {
                    count += fields(inner, desc)?;
                }
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(count)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The C library; only here, to compare with.
pub(crate) struct Libzstd {
    context: DCtx<'static>,
    out: Vec<u8>,
}

impl Libzstd {
    pub(crate) fn new() -> Self {
        Self {
            context: DCtx::create(),
            out: Vec::new(),
        }
    }

    /// The message in a payload.
    pub(crate) fn unwrap<'a>(&'a mut self, payload: &'a [u8]) -> &'a [u8] {
        let Some((1, body)) = payload.split_first() else {
            return &payload[1..];
        };
        let size = zstd_safe::get_frame_content_size(body).expect("a zstd frame");
        self.out.clear();
        self.out.reserve(size.expect("a declared size") as usize);
        self.context
            .decompress(&mut self.out, body)
            .expect("a valid frame");
        &self.out
    }
}
