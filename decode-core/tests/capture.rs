//! The capture format: what is written is read again, in any pieces; damage is found; a file that
//! was cut off reads up to the cut.

mod support;

use decode_core::capture::{
    BLOCK_BYTES_TARGET, Block, BlockEntry, CaptureError, CaptureReader, CaptureWriter, Ending,
    FILE_HEADER_LEN, Index, METADATA_BYTES_MAX, TRAILER_LEN, Trailer,
};
use decode_core::frame::{FrameReader, FrameWriter};
use decode_core::wire::{GapCause, RejectCode};

const METADATA: &str = r#"{"source":"test"}"#;

#[test]
fn frames_come_back_byte_for_byte() {
    let messages = messages(40, 20_000);
    let file = written(&messages);
    for piece in [1, 7, 4096, file.len()] {
        let read = read(&file, piece).expect("an undamaged file");
        assert_eq!(read.metadata.as_deref(), Some(METADATA));
        assert!(read.frames == messages.concat(), "pieces of {piece}");
        assert_eq!(read.ending, Ending::Complete);
    }
}

#[test]
fn blocks_end_at_the_target_and_never_inside_a_frame() {
    let file = written(&messages(40, 20_000));
    let read = read(&file, file.len()).expect("an undamaged file");
    assert!(read.blocks.len() > 2);
    for (_, frames) in &read.blocks {
        assert!(frames.len() < BLOCK_BYTES_TARGET + 20_100);
        assert!(FrameReader::new(frames).all(|frame| frame.is_ok()));
    }
}

#[test]
fn the_index_leads_to_every_frame() {
    let file = written(&messages(40, 20_000));
    let trailer = file
        .last_chunk::<TRAILER_LEN>()
        .and_then(Trailer::parse)
        .expect("a trailer");
    let range = trailer
        .index_block(file.len() as u64)
        .expect("an index within the file");
    let index = index_at(&file[range.start as usize..range.end as usize], range.start);

    let mut of_blocks = Index::default();
    for (at, frames) in read(&file, 999).expect("an undamaged file").blocks {
        let mut entry = BlockEntry {
            at,
            ..BlockEntry::default()
        };
        for frame in FrameReader::new(&frames) {
            entry.add(&frame.expect("whole").header);
        }
        of_blocks.push(entry).expect("room");
    }
    assert_eq!(index, of_blocks);

    for (partition, offset) in [(0, 0), (1, 17), (1, 18), (0, 40), (0, 1_000)] {
        let mut found = None;
        let holds = |block: &&BlockEntry| {
            let mut ranges = block.ranges.iter();
            ranges.any(|range| range.partition == partition && range.next > offset)
        };
        for block in index.blocks.iter().filter(holds) {
            let mut reader = CaptureReader::at_block(block.at);
            reader.push(&file[block.at as usize..]);
            let Ok(Some(Block::Data { frames, .. })) = reader.next_block() else {
                panic!("no data block at {}", block.at)
            };
            found = FrameReader::new(frames)
                .flatten()
                .map(|frame| frame.header)
                .find(|header| header.partition == partition && header.next() > offset);
            if found.is_some() {
                break;
            }
        }
        let last = 40 * 2;
        assert_eq!(
            found.is_some(),
            offset < last,
            "partition {partition} offset {offset}"
        );
        assert!(found.is_none_or(|header| header.offset <= offset + 1));
    }
}

#[test]
fn a_file_cut_anywhere_reads_up_to_the_cut() {
    let messages = messages(3, 100);
    let mut writer = CaptureWriter::new(METADATA).expect("short metadata");
    let mut file = Vec::new();
    let mut ends = vec![(writer_bytes(&mut writer, &mut file), 0)];
    for (index, message) in messages.iter().enumerate() {
        writer.frames(message).expect("whole frames");
        writer.close_block().expect("room");
        ends.push((writer_bytes(&mut writer, &mut file), index + 1));
    }
    file.extend(writer.finish().expect("room"));

    for cut in 0..file.len() {
        let read = read(&file[..cut], 64).expect("a cut is no damage");
        let whole = ends
            .iter()
            .rev()
            .find(|(end, _)| *end <= cut)
            .map_or(0, |(_, count)| *count);
        assert!(read.frames == messages[..whole].concat(), "cut at {cut}");
        assert_ne!(read.ending, Ending::Complete, "cut at {cut}");
    }
}

#[test]
fn any_flipped_bit_is_noticed() {
    let messages = messages(2, 50);
    let file = written(&messages);
    // Reserved bytes carry nothing and are not looked at.
    let reserved = |at: usize| (FILE_HEADER_LEN - 2..FILE_HEADER_LEN).contains(&at);
    let mut ignored = 0;
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        let whole = matches!(
            read(&damaged, 1 << 20),
            Ok(Read { ending: Ending::Complete, ref frames, .. }) if *frames == messages.concat()
        );
        ignored += usize::from(whole && !reserved(at));
    }
    // Three reserved bytes in each of the three block headers.
    assert_eq!(ignored, 9);
}

#[test]
fn other_input_is_refused_with_its_code() {
    let file = written(&messages(1, 10));
    let mut newer = file.clone();
    newer[8] = 9;
    let mut longer = file.clone();
    longer.push(0);
    let mut huge = file[..FILE_HEADER_LEN].to_vec();
    huge.extend([2, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
    for (bytes, code) in [
        (&b"{\"json\":1}"[..], "capture_magic"),
        (&newer, "capture_version"),
        (&longer, "capture_after_end"),
        (&huge, "capture_block_too_large"),
    ] {
        assert_eq!(
            read(bytes, 5).map_err(|error| error.code()).err(),
            Some(code)
        );
    }
    let long = " ".repeat(METADATA_BYTES_MAX + 1);
    assert_eq!(
        CaptureWriter::new(&long).err(),
        Some(CaptureError::Metadata)
    );
    let mut writer = CaptureWriter::new("").expect("short metadata");
    assert_eq!(
        writer.frames(&[1, 2, 3]).map_err(|error| error.code()),
        Err("frame_truncated")
    );
}

#[test]
fn random_bytes_never_panic() {
    let file = written(&messages(2, 50));
    let mut random = support::Random::new(11);
    for _ in 0..5_000 {
        let mut bytes = file.clone();
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.below(256) as u8;
        }
        let _ = read(&bytes, 33);
        let noise: Vec<u8> = (0..random.below(80))
            .map(|_| random.below(256) as u8)
            .collect();
        let _ = Index::parse(&noise);
    }
}

struct Read {
    metadata: Option<String>,
    frames: Vec<u8>,
    blocks: Vec<(u64, Vec<u8>)>,
    ending: Ending,
}

fn read(file: &[u8], piece: usize) -> Result<Read, CaptureError> {
    let mut reader = CaptureReader::new();
    let mut read = Read {
        metadata: None,
        frames: Vec::new(),
        blocks: Vec::new(),
        ending: Ending::Unfinished,
    };
    for bytes in file.chunks(piece) {
        reader.push(bytes);
        while let Some(block) = reader.next_block()? {
            match block {
                Block::Metadata(text) => read.metadata = Some(text.to_owned()),
                Block::Data { at, frames } => {
                    read.frames.extend_from_slice(frames);
                    read.blocks.push((at, frames.to_vec()));
                }
                Block::Index(bytes) => drop(Index::parse(bytes)?),
            }
        }
    }
    read.ending = reader.ending();
    Ok(read)
}

fn written(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = CaptureWriter::new(METADATA).expect("short metadata");
    let mut file = Vec::new();
    for message in messages {
        writer.frames(message).expect("whole frames");
        writer_bytes(&mut writer, &mut file);
    }
    file.extend(writer.finish().expect("room"));
    file
}

fn writer_bytes(writer: &mut CaptureWriter, file: &mut Vec<u8>) -> usize {
    let mut bytes = Vec::new();
    writer.take(&mut bytes);
    file.extend(bytes);
    file.len()
}

fn index_at(bytes: &[u8], at: u64) -> Index {
    let mut reader = CaptureReader::at_block(at);
    reader.push(bytes);
    match reader.next_block() {
        Ok(Some(Block::Index(bytes))) => Index::parse(bytes).expect("a valid index"),
        other => panic!("no index block: {other:?}"),
    }
}

/// Runs of frames of all kinds over two partitions, even offsets only; one of a kind of the future.
fn messages(count: u64, payload_len: usize) -> Vec<Vec<u8>> {
    let mut partitions = [FrameWriter::new(0, 0), FrameWriter::new(1, 0)];
    let payload = vec![0xAB; payload_len];
    (0..count)
        .map(|round| {
            let mut message = Vec::new();
            for writer in &mut partitions {
                let offset = round * 2;
                match round % 5 {
                    1 => writer.gap(&mut message, offset, offset + 1, GapCause::Oversized),
                    2 => writer.mark(&mut message, offset + 2),
                    3 => writer.reject(&mut message, offset, 5, RejectCode::Utf8, &payload),
                    _ => writer.record(&mut message, offset, -1, &payload),
                }
            }
            if round == 4 {
                let start = message.len();
                partitions[0].mark(&mut message, 10);
                message[start + 1] = 200;
            }
            message
        })
        .collect()
}
