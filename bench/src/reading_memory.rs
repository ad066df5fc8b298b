//! Peak memory of the relay by how well a topic is compressed and how many partitions it has.

use dashstream_e2e::{
    kafka::Kafka,
    memory::{BESIDES_BYTES, Case, LOG_BYTES, Peak, peak},
};

use crate::{process, report};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Memory {
    /// Megabytes of records, unpacked, in each topic.
    #[arg(long, default_value_t = 1_000)]
    megabytes: u32,
    /// Document whose table is to be replaced.
    #[arg(long)]
    document: Option<std::path::PathBuf>,
}

const RATIOS: [u32; 3] = [10, 100, 1_000];
const PARTITIONS: [u32; 3] = [1, 50, 500];

/// Measures, prints, and says whether every peak is within the bound; `None` where a part is missing.
pub(crate) fn run(options: &Memory) -> Option<bool> {
    let kafka = Kafka::start("bench-memory")?;
    let mut rows = Vec::new();
    for partitions in PARTITIONS {
        for ratio in RATIOS {
            let case = Case {
                partitions,
                ratio,
                megabytes: options.megabytes,
            };
            rows.push((case, peak(&kafka, case)?));
        }
    }
    let text = table(&rows, options.megabytes);
    println!("{text}");
    if let Some(document) = &options.document {
        report::replace_in(document, "reading-memory", &text);
        println!("written to {}", document.display());
    }
    Some(
        rows.iter()
            .all(|(_, peak)| peak.bytes <= LOG_BYTES + BESIDES_BYTES),
    )
}

fn table(rows: &[(Case, Peak)], megabytes: u32) -> String {
    let mut text = format!(
        "{}, {megabytes} MB of records of 16 KiB in each topic, log bound {} MB.\n\n\
         | partitions | ratio | peak MB | idle MB | at most MB, named | afterwards MB, named |\n| --- | --- | --- | --- | --- | --- |\n",
        process::machine(),
        LOG_BYTES / 1_000_000
    );
    for (case, peak) in rows {
        let megabytes = |bytes: u64| bytes / 1_000_000;
        let percent = |share: f64| (share * 100.0).round();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {}, {} % | {}, {} % |\n",
            case.partitions,
            case.ratio,
            megabytes(peak.bytes),
            megabytes(peak.idle_bytes),
            megabytes(peak.largest.all as u64),
            percent(peak.largest.explained(peak.idle)),
            megabytes(peak.after.all as u64),
            percent(peak.after.explained(peak.idle)),
        ));
    }
    text
}
