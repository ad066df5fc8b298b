//! Checkpoints under SIGKILL: this test starts itself as a child that settles records and writes
//! checkpoints as fast as it can, and kills it at moments of no choice, a few hundred times.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::Parser as _;
use dashstream_relay::{
    checkpoint::{Checkpoint, Checkpoints, FileKey, Fingerprint, load},
    config::{Cli, Config},
};

const KILLS: u32 = 250;
/// Children are killed within this time of their start.
const SPAN_US_MIN: u64 = 40_000;
const SPAN_US_MAX: u64 = 1_000_000;
const PARTITIONS: u32 = 2;
/// Set for the child, to the folder it works in.
const CHILD: &str = "CHECKPOINT_KILL_DIR";
const NAME: &str = "a_kill_at_any_moment_leaves_a_readable_file_and_loses_nothing";

/// OPS-02: after each kill the file is whole, never behind what was written before, and never ahead of
/// what was settled; whoever starts there leaves out no record.
#[test]
fn a_kill_at_any_moment_leaves_a_readable_file_and_loses_nothing() {
    if let Some(dir) = env::var_os(CHILD) {
        settle_forever(&PathBuf::from(dir));
    }
    let dir = env::temp_dir().join(format!("checkpoint-kill-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("the temporary folder can be written");
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut before = [0; PARTITIONS as usize];
    let (mut kills, mut moved) = (0, 0);
    let mut span_us = SPAN_US_MIN;
    while kills < KILLS {
        let child = start_child(&dir);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        thread::sleep(Duration::from_micros(random % span_us));
        kill(child);
        kills += 1;
        let moved_before = moved;
        for (partition, before) in (0..).zip(&mut before) {
            let found = load(&checkpoint_dir(&dir), place(partition));
            let found = found.unwrap_or_else(|fault| panic!("kill {kills}: {fault}"));
            let offset = found.map_or(0, |found| found.offset);
            let settled = settled(&dir, partition);
            assert!(offset >= *before, "kill {kills}: {offset} after {before}");
            let last = settled.last().map_or(0, |last| last + 1);
            assert!(offset <= last, "kill {kills}: {offset}, settled to {last}");
            moved += u32::from(offset > *before);
            *before = offset;
        }
        // On a busy machine a child starts late: about half of them are to get to work.
        span_us = match moved > moved_before {
            true => (span_us / 16 * 15).max(SPAN_US_MIN),
            false => (span_us / 16 * 17).min(SPAN_US_MAX),
        };
    }
    for partition in 0..PARTITIONS {
        let mut settled = settled(&dir, partition);
        settled.sort_unstable();
        settled.dedup();
        let wanted: Vec<u64> = (0..settled.len() as u64).collect();
        assert_eq!(settled, wanted, "a record was left out");
    }
    assert!(moved > KILLS / 4, "few kills met a child at work: {moved}");
    fs::remove_dir_all(&dir).expect("a folder of our own");
}

fn start_child(dir: &Path) -> Child {
    Command::new(env::current_exe().expect("a running program has a path"))
        .args(["--exact", NAME])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test can be started again")
}

/// SIGKILL, as no other signal gives no time to tidy up.
fn kill(mut child: Child) {
    child.kill().expect("it runs until it is killed");
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().expect("a child of ours").is_none() {
        assert!(Instant::now() < deadline, "it survives SIGKILL");
        thread::sleep(Duration::from_millis(1));
    }
}

fn place(partition: u32) -> FileKey<'static> {
    FileKey {
        topic: "killed",
        partition,
    }
}

fn checkpoint_dir(dir: &Path) -> PathBuf {
    dir.join("checkpoints")
}

fn ledger(dir: &Path, partition: u32) -> PathBuf {
    dir.join(format!("settled-{partition}"))
}

/// The offsets settled, in their order, over all children.
fn settled(dir: &Path, partition: u32) -> Vec<u64> {
    let bytes = fs::read(ledger(dir, partition)).unwrap_or_default();
    let (entries, rest) = bytes.as_chunks::<8>();
    assert!(rest.is_empty(), "the ledger is written an entry at a time");
    entries
        .iter()
        .map(|&entry| u64::from_le_bytes(entry))
        .collect()
}

/// What a partition's loop does, without Kafka: settle a record, say so, and have it written.
fn settle_forever(dir: &Path) -> ! {
    let checkpoint_dir = checkpoint_dir(dir);
    let arguments = [
        "dashstream-relay",
        "--kafka-topic=killed",
        "--checkpoint-dir",
        checkpoint_dir.to_str().expect("a plain path"),
    ];
    let cli = Cli::try_parse_from(arguments).expect("known options");
    let config = Config::from_args(&cli.options).expect("usable options");
    let checkpoints = Checkpoints::new(&config, Arc::default()).expect("switched on");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut partitions = Vec::new();
        for partition in 0..PARTITIONS {
            let found = checkpoints.load(partition).await;
            let progress = checkpoints.progress(partition);
            progress.begin(found);
            let file = ledger(dir, partition);
            let ledger = File::options().create(true).append(true).open(file);
            let offset = found.map_or(0, |found| found.offset);
            partitions.push((progress, ledger.expect("a folder of our own"), offset));
        }
        loop {
            for (progress, ledger, offset) in &mut partitions {
                ledger
                    .write_all(&offset.to_le_bytes())
                    .expect("a folder of our own");
                let fingerprint = Fingerprint {
                    offset: *offset,
                    timestamp_ms: 1,
                };
                *offset += 1;
                progress.reach(Checkpoint::at(*offset, 0, Some(fingerprint)));
            }
            checkpoints.write().await;
        }
    })
}
