//! Peak memory of the relay by how well a topic is compressed, how many partitions it has, and the bound on the log.

use dashstream_e2e::{
    kafka::Kafka,
    memory::{BESIDES_BYTES, Case, LOG_BYTES, Peak, peak},
};

use crate::{
    curves::{Chart, Line},
    report,
};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Memory {
    /// Megabytes of records, unpacked, in each topic.
    #[arg(long, default_value_t = 1_000)]
    megabytes: u32,
    /// Where the picture goes.
    #[arg(long)]
    picture: Option<std::path::PathBuf>,
    /// Document whose table is to be replaced.
    #[arg(long)]
    document: Option<std::path::PathBuf>,
}

const RATIOS: [u32; 3] = [10, 100, 1_000];
const PARTITIONS: [u32; 3] = [1, 50, 500];
/// Bounds on the log, each with the same topic.
const LOGS: [u64; 4] = [LOG_BYTES / 4, LOG_BYTES, 2 * LOG_BYTES, 4 * LOG_BYTES];
const USUAL: (u32, u32) = (50, 10);

/// Measures, prints, and says whether every peak is within the bound; `None` where a part is missing.
pub(crate) fn run(options: &Memory) -> Option<bool> {
    let kafka = Kafka::start("bench-memory")?;
    let case = |(partitions, ratio), log_bytes| Case {
        partitions,
        ratio,
        megabytes: options.megabytes,
        log_bytes,
    };
    let topics = PARTITIONS.map(|partitions| RATIOS.map(|ratio| (partitions, ratio)));
    let mut cases: Vec<_> = topics
        .into_iter()
        .flatten()
        .map(|topic| case(topic, LOG_BYTES))
        .collect();
    let other = LOGS.iter().filter(|&&bytes| bytes != LOG_BYTES);
    cases.extend(other.map(|&bytes| case(USUAL, bytes)));
    let mut rows = Vec::new();
    for case in cases {
        rows.push((case, peak(&kafka, case)?));
    }
    let text = table(&rows, options.megabytes);
    println!("{text}");
    if let Some(document) = &options.document {
        report::replace_in(document, "reading-memory", &text);
        println!("written to {}", document.display());
    }
    if let Some(path) = &options.picture {
        std::fs::write(path, picture(&rows)).expect("the picture can be written");
        println!("written to {}", path.display());
    }
    Some(
        rows.iter()
            .all(|(case, peak)| peak.bytes <= case.log_bytes + BESIDES_BYTES),
    )
}

fn table(rows: &[(Case, Peak)], megabytes: u32) -> String {
    let mut text = format!(
        "{} {megabytes} MB of records of 16 KiB in each topic.\n\n\
         | partitions | ratio | log bound MB | peak MB | idle MB | at most MB, named | afterwards MB, named |\n| ---: | ---: | ---: | ---: | ---: | --- | --- |\n",
        report::origin()
    );
    for (case, peak) in rows {
        let megabytes = |bytes: u64| bytes / 1_000_000;
        let percent = |share: f64| (share * 100.0).round();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {}, {} % | {}, {} % |\n",
            case.partitions,
            case.ratio,
            megabytes(case.log_bytes),
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

fn picture(rows: &[(Case, Peak)]) -> String {
    let line = |name, is_in: fn(&Case) -> bool, x: fn(&Case) -> f64| {
        let among = rows.iter().filter(|(case, _)| is_in(case));
        let mut points: Vec<_> = among
            .map(|(case, peak)| (x(case), peak.bytes as f64 / 1e6))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { name, points }
    };
    let lines = [
        line(
            "by partitions, log of 67 MB",
            |case| case.ratio == USUAL.1 && case.log_bytes == LOG_BYTES,
            |case| f64::from(case.partitions),
        ),
        line(
            "by MB of log, 50 partitions",
            |case| (case.partitions, case.ratio) == USUAL,
            |case| case.log_bytes as f64 / 1e6,
        ),
    ];
    Chart {
        title: "Peak memory of the relay",
        x: "partitions, or MB of log",
        y: "MB",
        lines: &lines,
    }
    .svg()
}
