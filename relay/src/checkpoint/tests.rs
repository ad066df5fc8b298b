use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use clap::Parser as _;

use super::*;
use crate::{
    config::Cli,
    dlq::{self, Cause, Letter, Reason, Refused, Store},
};

/// A folder of the test's own, gone when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("checkpoint-{name}-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder is no reason to fail a test.
        let _left: io::Result<()> = fs::remove_dir_all(&self.0);
    }
}

fn config(arguments: &[&str]) -> Config {
    let all = std::iter::once("dashstream-relay").chain(arguments.iter().copied());
    let cli = Cli::try_parse_from(all).expect("known options");
    Config::from_args(&cli.options).expect("usable options")
}

fn checkpoints(folder: &Folder) -> (Checkpoints, Arc<Counts>) {
    let dir = folder.path().to_str().expect("a plain path");
    let counts = Arc::<Counts>::default();
    let config = config(&["--kafka-topic=runs", "--checkpoint-dir", dir]);
    let checkpoints = Checkpoints::new(&config, Arc::clone(&counts)).expect("switched on");
    (checkpoints, counts)
}

#[test]
fn without_a_directory_there_are_none() {
    assert!(Checkpoints::new(&config(&[]), Arc::default()).is_none());
}

/// OPS-02: what changed is written, once, and never backwards.
#[tokio::test]
async fn what_changed_is_written_and_never_backwards() {
    let folder = Folder::new("written");
    let (checkpoints, counts) = checkpoints(&folder);
    checkpoints.write().await;
    let progress = checkpoints.progress(0);
    progress.begin(None);
    checkpoints.write().await;
    assert_eq!(counts.writes.get(), 0, "nothing is known yet");
    for (reached, written) in [(0, 0), (10, 10), (10, 10), (4, 10), (11, 11)] {
        progress.reach(Checkpoint::at(reached, 0, None));
        checkpoints.write().await;
        let loaded = checkpoints.load(0).await.map(|found| found.offset);
        assert_eq!(loaded, Some(written), "after {reached}");
    }
    assert_eq!(counts.writes.get(), 3);
    assert_eq!(checkpoints.stored(), [(0, 11)]);

    // Another relay finds it; while it reads history again the file stays where it was.
    let (next, _) = self::checkpoints(&folder);
    let found = next.load(0).await;
    let progress = next.progress(0);
    progress.begin(found);
    progress.reach(Checkpoint::at(3, 11, None));
    next.write().await;
    assert_eq!(next.load(0).await.map(|found| found.offset), Some(11));
    // A recreated topic counts from the beginning.
    progress.begin(None);
    progress.reach(Checkpoint::at(2, 0, None));
    next.write().await;
    assert_eq!(next.load(0).await.map(|found| found.offset), Some(2));
}

/// OPS-02: whatever lies in the place of a checkpoint, the relay goes on, says so and keeps it.
#[tokio::test]
async fn a_file_of_no_use_is_moved_aside_and_counted() {
    let files: [(&[u8], Fault); 5] = [
        (b"", Fault::Empty),
        (b" \n ", Fault::Empty),
        (
            br#"{"topic":"walks","partition":0,"offset":4}"#,
            Fault::Foreign,
        ),
        (b"-1\n", Fault::Negative),
        (b"\x00garbage", Fault::Garbage),
    ];
    for (text, fault) in files {
        let folder = Folder::new("fault");
        let (checkpoints, counts) = checkpoints(&folder);
        let place = FileKey {
            topic: "runs",
            partition: 0,
        };
        let file = place.file(folder.path());
        fs::create_dir_all(folder.path().join("runs")).expect("a folder of our own");
        fs::write(&file, text).expect("a folder of our own");
        assert_eq!(checkpoints.load(0).await, None);
        assert_eq!(counts.faults.get(fault), 1, "{fault}");
        assert_eq!(counts.faults.sum(), 1);
        let aside = fs::read(file.with_extension("unusable")).expect("kept for people");
        assert_eq!(aside, text);
        assert!(!file.exists());
        assert_eq!(checkpoints.load(0).await, None);
        assert_eq!(counts.faults.sum(), 1, "told once");
        let progress = checkpoints.progress(0);
        progress.reach(Checkpoint::at(8, 0, None));
        checkpoints.write().await;
        assert_eq!(checkpoints.load(0).await.map(|found| found.offset), Some(8));
    }
}

/// DLQ-02: a pause is written when it begins and when it ends, and does not wait for the interval.
#[tokio::test]
async fn a_pause_is_written_at_once() {
    let folder = Folder::new("pause");
    let (checkpoints, _) = checkpoints(&folder);
    let progress = checkpoints.progress(0);
    progress.begin(None);
    let pause = StoredPause {
        offset: 8,
        cause: PauseCause::Unknown,
    };
    let writer = tokio::spawn(checkpoints.clone().run());
    for pause in [Some(pause), None] {
        progress.reach(Checkpoint::at(8, 0, None).paused(pause));
        let written = async {
            while checkpoints.load(0).await.map(|found| found.pause) != Some(pause) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let limit = checkpoints.inner.interval / 2;
        let written = tokio::time::timeout(limit, written).await;
        assert!(written.is_ok(), "{pause:?} waits for the interval");
    }
    writer.abort();
}

/// A place where nothing can be written costs nothing but the checkpoint.
#[tokio::test]
async fn a_write_that_fails_is_counted_and_tried_again() {
    let folder = Folder::new("full");
    let (checkpoints, counts) = checkpoints(&folder);
    let topic = folder.path().join("runs");
    fs::write(&topic, b"in the way").expect("a folder of our own");
    checkpoints.progress(0).reach(Checkpoint::at(8, 0, None));
    checkpoints.write().await;
    checkpoints.write().await;
    let counts = || {
        let (written, failed) = (&counts.writes, &counts.failures);
        (written.get(), failed.get())
    };
    assert_eq!(counts(), (0, 2));
    assert_eq!(checkpoints.troubles(), [(0, Trouble::Unwritten)]);
    fs::remove_file(&topic).expect("a folder of our own");
    checkpoints.write().await;
    assert_eq!(counts(), (1, 2));
    assert_eq!(checkpoints.troubles(), []);
}

/// OPS-02: what cannot be read may be good. It stays where it is, is replaced by nothing and told of, and
/// a pipe, at whose other end nobody is, holds nobody up.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_cannot_be_read_is_left_alone() {
    let folder = Folder::new("unread");
    let (checkpoints, counts) = checkpoints(&folder);
    let place = |partition| FileKey {
        topic: "runs",
        partition,
    };
    let (pipe, directory) = (place(0).file(folder.path()), place(1).file(folder.path()));
    fs::create_dir_all(&directory).expect("a folder of our own");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is everywhere").success());
    for partition in [0, 1] {
        let loaded = tokio::time::timeout(Duration::from_secs(2), checkpoints.load(partition));
        assert_eq!(loaded.await, Ok(None));
        let progress = checkpoints.progress(partition);
        progress.reach(Checkpoint::at(8, 0, None));
    }
    checkpoints.write().await;
    assert_eq!(counts.faults.get(Fault::Unreadable), 2);
    assert_eq!(counts.failures.get(), 2);
    let unread = Trouble::Unread;
    assert_eq!(checkpoints.troubles(), [(0, unread), (1, unread)]);
    let kind = fs::metadata(&pipe).expect("still there").file_type();
    assert!(!kind.is_file() && directory.is_dir());
}

/// OPS-02: a file system that does not answer is not waited for.
#[tokio::test]
async fn a_call_that_never_ends_is_left_behind() {
    let (end, wait) = std::sync::mpsc::channel::<()>();
    assert_eq!(in_time(move || wait.recv().is_ok()).await, None);
    drop(end);
    assert_eq!(in_time(|| 7).await, Some(7));
}

/// OPS-01: a second relay on the same files is told so, until the first one is gone. Another topic's are
/// others.
#[tokio::test]
async fn a_folder_has_one_relay() {
    let folder = Folder::new("lock");
    let (first, _) = checkpoints(&folder);
    let (second, _) = checkpoints(&folder);
    first.claim().await.expect("nobody else is there");
    let refused = second.claim().await.expect_err("taken").to_string();
    assert!(refused.contains("DASHSTREAM_CHECKPOINT_DIR"), "{refused}");
    assert!(refused.contains("runs"), "{refused}");
    drop(first);
    second.claim().await.expect("free again");
    // Where no lock can be had, there is no folder to fight for either.
    let in_the_way = Folder::new("no-lock");
    fs::write(in_the_way.path().join("runs"), b"").expect("a folder of our own");
    let (third, _) = checkpoints(&in_the_way);
    third.claim().await.expect("goes on without");
}

/// Stores a letter when it is told to.
#[derive(Debug)]
struct Gate(Arc<tokio::sync::Semaphore>);

impl Store for Gate {
    async fn store(&self, _letter: &Letter) -> Result<(), Reason> {
        let permit = self.0.acquire().await.map_err(|_| Reason::KafkaError)?;
        permit.forget();
        Ok(())
    }
}

/// DLQ-05, OPS-02: a record whose letter is on its way is not settled, nor is anything behind it; one
/// whose letter was given up is.
#[tokio::test(start_paused = true)]
async fn a_checkpoint_waits_for_dead_letters() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let config = config(&[
        "--kafka-dlq-topic=dead",
        "--dlq-concurrent-sends-max=2",
        "--dlq-send-timeout-secs=600",
    ]);
    let dlq = config.kafka.dlq.as_ref().expect("switched on");
    let queue = dlq::Dlq::with_store(
        dlq,
        "runs",
        Gate(Arc::clone(&gate)),
        Arc::default(),
        Arc::default(),
    );
    let refused = |offset| Refused {
        partition: 0,
        offset,
        key: None,
        value: None,
        cause: Cause::Unusable(decode_core::wire::GapCause::NullValue),
    };
    let progress = Progress::default();
    progress.begin(None);
    let due = || progress.due().map(|due| due.offset);
    for offset in [4, 7, 9] {
        progress.await_letter(offset, queue.offer(&refused(offset)).await);
    }
    progress.reach(Checkpoint::at(20, 3, None));
    let old_below = progress.due().map(Checkpoint::old_below);
    assert_eq!(old_below, Some(4), "what waits is no history after a kill");
    assert_eq!(due(), Some(4), "the third was dropped, and so is settled");
    gate.add_permits(1);
    tokio::time::timeout(Duration::from_secs(10), async {
        while due() == Some(4) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the first letter is stored");
    assert_eq!(due(), Some(7));
    gate.add_permits(1);
    tokio::time::timeout(Duration::from_secs(10), queue.drain())
        .await
        .expect("all letters are stored");
    while due() == Some(7) {
        tokio::task::yield_now().await;
    }
    assert_eq!(due(), Some(20));
}

/// X2: a fault in a call of the file system is not taken for a call that takes too long.
#[tokio::test]
async fn a_fault_in_a_call_is_one_of_whoever_waits() {
    assert_eq!(in_time(|| 7).await, Some(7));
    let waiting = tokio::spawn(async { in_time(|| panic!("on purpose")).await });
    let fault = waiting.await.expect_err("it goes on to the task");
    assert!(fault.is_panic());
}
