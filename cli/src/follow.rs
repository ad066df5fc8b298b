//! Follows a relay through the same client machine as the browser: connects, resumes, reconnects,
//! and hands every frame to a watcher exactly once. All decisions are the machine's; here are its
//! socket, its clock and the conditions to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use decode_core::frame::{Frame, FrameReader};
use decode_core::wire::{FrameKind, control};
use serde::Serialize;
use session::client::{Phase, Problem};
use session::control::{Fingerprint, From, Partition, Welcome};
use session::digest::StreamDigest;
use session::{ClientConfig, ClientInput, ClientOutput, ClientSession};

use crate::command_line::shown_url;
use crate::link::{ConnectArgs, Event, Link, NO_CLOSE_FRAME, Refused};
use crate::outcome::{Failure, Outcome};

#[derive(clap::Args)]
pub(crate) struct FollowArgs {
    /// Where the relay is: ws://HOST:PORT, HOST:PORT, or wss://HOST[:PORT]
    url: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Where to start: earliest, or with --cursor there, unless it is said
    #[arg(long, value_enum)]
    from: Option<Start>,
    /// Continue after these offsets: PARTITION:OFFSET,... (other partitions: from where the relay's
    /// log of them began; what it no longer holds is a gap). With @MS behind an offset, the Kafka time of
    /// the record there, the relay tells where the topic is another one now
    #[arg(long, value_parser = cursor, value_delimiter = ',')]
    cursor: Vec<Cursor>,
    /// Stop after so many records, rejected ones included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    until_records: Option<u64>,
    /// Stop when everything that was there at the start has been seen; partitions that the relay cannot
    /// serve are named (exit 3)
    #[arg(long)]
    until_complete: bool,
    /// Stop after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Give up (exit 1) when nothing above has stopped it for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Give up (exit 1) when the relay was never reached for so many seconds; a connection that was
    /// lost is renewed for as long as it takes
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = CONNECT_SECONDS)]
    connect_timeout: Duration,
    /// At the end print counts and a SHA-256 per partition over all that was delivered, as JSON
    #[arg(long)]
    pub(crate) digest: bool,
}

/// A relay as the input of a command that answers once.
#[derive(clap::Args)]
pub(crate) struct RelayArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Of a relay: give up (exit 1) when it has not delivered everything for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

impl RelayArgs {
    /// All that the relay at this URL holds, and no more.
    pub(crate) fn everything(&self, url: &str) -> Result<FollowArgs, Failure> {
        Ok(FollowArgs {
            url: url.to_owned(),
            connect: self.connect.clone(),
            from: None,
            cursor: Vec::new(),
            until_records: None,
            until_complete: true,
            duration: None,
            timeout: self.timeout,
            connect_timeout: seconds(CONNECT_SECONDS).map_err(Failure::Usage)?,
            digest: false,
        })
    }
}

/// Where one partition was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    partition: u32,
    position: u64,
    last: Option<Fingerprint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Start {
    /// The oldest the relay holds
    Earliest,
    /// Only what comes from now on
    Latest,
    /// After the offsets of --cursor
    Cursor,
}

impl FollowArgs {
    /// Two places to start at are no start.
    fn start(&self) -> Result<From, Failure> {
        match (self.from, self.cursor.is_empty()) {
            (None | Some(Start::Earliest), true) => Ok(From::Earliest),
            (Some(Start::Latest), true) => Ok(From::Latest),
            (None | Some(Start::Cursor), false) => Ok(From::Cursor),
            (Some(Start::Cursor), true) => {
                Err(Failure::Usage("--from cursor needs --cursor".to_owned()))
            }
            (Some(Start::Earliest | Start::Latest), false) => {
                let text = "--cursor says where to start: leave out --from, or say --from cursor";
                Err(Failure::Usage(text.to_owned()))
            }
        }
    }
}

/// Sees what the relay delivers.
pub(crate) trait Watcher {
    /// The relay's greeting, once per connection.
    fn welcome(&mut self, welcome: &Welcome) -> Result<(), Failure>;
    /// The next frame of its partition: the frame, and its bytes as they came. When this returns,
    /// the frame counts as disposed of.
    fn frame(&mut self, frame: &Frame<'_>, raw: &[u8]) -> Result<(), Failure>;
    /// Records seen so far that the relay accepted and this watcher could not decode.
    fn undecodable(&self) -> u64;
    /// A whole message was handled, or time has passed; output should become visible.
    fn flush(&mut self) -> Result<(), Failure>;
}

/// What was delivered, as `--digest` prints it.
#[derive(Serialize)]
pub(crate) struct Totals {
    pub(crate) records: u64,
    pub(crate) gaps: u64,
    pub(crate) rejects: u64,
    partitions: BTreeMap<u32, PartitionTotals>,
}

#[derive(Serialize)]
struct PartitionTotals {
    position: String,
    records: u64,
    gaps: u64,
    rejects: u64,
    digest: String,
}

/// How it ended, and what was delivered until then.
pub(crate) struct Followed {
    pub(crate) totals: Totals,
    /// The time was up before what was waited for.
    timed_out: bool,
    /// It ended with the replay, and the replay left partitions out.
    incomplete: bool,
}

impl Followed {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.totals.gaps + self.totals.rejects {
            _ if self.timed_out => Outcome::Unreadable,
            0 if !self.incomplete => Outcome::Clean,
            _ => Outcome::Found,
        }
    }
}

pub(crate) fn run(args: &FollowArgs, watcher: &mut dyn Watcher) -> Result<Followed, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::Io(format!("runtime: {error}")))?;
    runtime.block_on(async {
        let mut follow = Follow::new(args, watcher)?;
        let stopped = follow.until_stopped().await?;
        follow.session.handle(ClientInput::Stop, follow.now());
        follow.outputs().await;
        let timed_out = stopped == Stop::TimedOut;
        if timed_out {
            say!("dashstream: the time limit is reached");
        }
        Ok(Followed {
            totals: follow.totals(),
            timed_out,
            incomplete: args.until_complete && !follow.session.incomplete().is_empty(),
        })
    })
}

struct Follow<'a> {
    args: &'a FollowArgs,
    watcher: &'a mut dyn Watcher,
    session: ClientSession,
    link: Link,
    started: Instant,
    digest: StreamDigest,
    /// Records and rejects seen.
    seen: u64,
    greeted_epoch: u64,
    /// The newest problem that was printed.
    told: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Enough,
    TimedOut,
}

impl<'a> Follow<'a> {
    fn new(args: &'a FollowArgs, watcher: &'a mut dyn Watcher) -> Result<Self, Failure> {
        let from = args.start()?;
        let seed = RandomState::new().hash_one(std::process::id());
        let mut session = ClientSession::new(ClientConfig { from, seed });
        let mut named = BTreeSet::new();
        for cursor in &args.cursor {
            let partition = cursor.partition;
            if !named.insert(partition) {
                let text = format!("--cursor names partition {partition} twice");
                return Err(Failure::Usage(text));
            }
            session.seek(partition, cursor.position, cursor.last);
        }
        Ok(Self {
            args,
            watcher,
            session,
            link: Link::new(&args.url, &args.connect)?,
            started: Instant::now(),
            digest: StreamDigest::new(),
            seen: 0,
            greeted_epoch: 0,
            told: None,
        })
    }

    async fn until_stopped(&mut self) -> Result<Stop, Failure> {
        let mut interrupt = std::pin::pin!(interrupted());
        self.session.handle(ClientInput::Start, self.now());
        loop {
            let wake = self.outputs().await;
            self.tell()?;
            if let Some(stop) = self.stop()? {
                return Ok(stop);
            }
            let event = tokio::select! {
                event = self.link.event() => event,
                () = tokio::time::sleep_until(wake.into()) => {
                    self.watcher.flush()?;
                    continue;
                }
                () = &mut interrupt => return Ok(Stop::Enough),
            };
            if self.event(event)? {
                return Ok(Stop::Enough);
            }
        }
    }

    /// Does what the machine wants and says when it must be asked again.
    async fn outputs(&mut self) -> Instant {
        loop {
            match self.session.poll(self.now()) {
                ClientOutput::Connect { .. } => self.link.open(),
                ClientOutput::Send(text) => self.link.send(text).await,
                ClientOutput::Close { code, reason } => self.link.close(code, &reason).await,
                ClientOutput::Wait { until_ms } => {
                    let wanted = until_ms.map(|ms| self.started + Duration::from_millis(ms));
                    let ends = self.deadlines().map(|(after, _)| self.started + after);
                    let idle = Instant::now() + Duration::from_secs(3600);
                    return ends.chain(wanted).chain([idle]).min().unwrap_or(idle);
                }
            }
        }
    }

    /// Takes an event; `true` when enough was seen.
    fn event(&mut self, event: Event) -> Result<bool, Failure> {
        let now = self.now();
        match event {
            Event::Opened => self.session.handle(ClientInput::Opened, now),
            Event::Text(text) => self.session.handle(ClientInput::Text(&text), now),
            Event::Closed { code, reason } => {
                match code {
                    NO_CLOSE_FRAME => say!("dashstream: disconnected: {reason}"),
                    _ => say!("dashstream: disconnected: {code} {reason}"),
                }
                self.closed(code, &reason);
            }
            Event::Refused(Refused {
                reason,
                is_final,
                is_shut_out,
            }) => {
                if is_shut_out || (is_final && !self.is_reached()) {
                    return Err(Failure::Io(format!("{}: {reason}", self.url())));
                }
                say!("dashstream: not connected: {reason}");
                self.closed(NO_CLOSE_FRAME, &reason);
            }
            Event::Binary(message) => return self.message(&message),
        }
        let epoch = self.session.epoch();
        if let Some(welcome) = self.session.welcome()
            && self.greeted_epoch != epoch
        {
            if !self.is_reached() {
                self.check_cursor(welcome)?;
            }
            if matches!(self.session.phase(), Phase::Replaying | Phase::Live) {
                self.greeted_epoch = epoch;
                self.watcher.welcome(welcome)?;
            }
        }
        Ok(false)
    }

    fn closed(&mut self, code: u16, reason: &str) {
        let now = self.now();
        self.session
            .handle(ClientInput::Closed { code, reason }, now);
    }

    /// Whether a relay has ever begun to deliver.
    const fn is_reached(&self) -> bool {
        self.greeted_epoch > 0
    }

    /// As messages have it.
    fn url(&self) -> String {
        shown_url(&self.args.url)
    }

    /// The machine leaves out the cursors of partitions that the relay does not have. Here somebody
    /// has asked for them.
    fn check_cursor(&self, welcome: &Welcome) -> Result<(), Failure> {
        let mut asked = self.args.cursor.iter().map(|c| Partition(c.partition));
        match asked.find(|partition| !welcome.partitions.contains_key(partition)) {
            Some(Partition(partition)) => Err(Failure::Io(format!(
                "{}: the relay has no partition {partition}",
                self.url()
            ))),
            None => Ok(()),
        }
    }

    fn message(&mut self, message: &[u8]) -> Result<bool, Failure> {
        let (epoch, now) = (self.session.epoch(), self.now());
        // Why it is refused is among the machine's problems.
        let Ok(mut delivery) = self.session.accept(epoch, message, now) else {
            return Ok(false);
        };
        let undecodable = self.watcher.undecodable();
        let mut reader = FrameReader::new(message);
        let mut rest = message;
        // The machine has read all frames of a message it accepts.
        while let Some(Ok(frame)) = reader.next() {
            let raw = rest
                .get(..rest.len() - reader.rest().len())
                .unwrap_or_default();
            rest = reader.rest();
            self.watcher.frame(&frame, raw)?;
            self.digest.update(&frame);
            delivery.disposed(&frame.header);
            if matches!(frame.header.kind, FrameKind::Record | FrameKind::Reject) {
                self.seen += 1;
                if Some(self.seen) == self.args.until_records {
                    self.watcher.flush()?;
                    return Ok(true);
                }
            }
        }
        self.watcher.flush()?;
        delivery.undecodable(self.watcher.undecodable() - undecodable);
        delivery.finish(millis(self.started));
        Ok(false)
    }

    fn stop(&self) -> Result<Option<Stop>, Failure> {
        if self.args.until_complete && self.session.replays_completed() > 0 {
            return Ok(Some(Stop::Enough));
        }
        let elapsed = self.started.elapsed();
        match self.deadlines().find(|(after, _)| elapsed >= *after) {
            Some((_, Deadline::Done)) => Ok(Some(Stop::Enough)),
            Some((_, Deadline::TimedOut)) => Ok(Some(Stop::TimedOut)),
            Some((_, Deadline::Unreached)) => Err(Failure::Io(format!(
                "{}: the relay was not reached",
                self.url()
            ))),
            None => Ok(None),
        }
    }

    fn deadlines(&self) -> impl Iterator<Item = (Duration, Deadline)> + use<> {
        let connect =
            (!self.is_reached()).then_some((self.args.connect_timeout, Deadline::Unreached));
        let timeout = self.args.timeout.map(|after| (after, Deadline::TimedOut));
        let done = self.args.duration.map(|after| (after, Deadline::Done));
        connect.into_iter().chain(done).chain(timeout)
    }

    /// Prints the machine's problems as they come. A start that the relay refuses will be refused
    /// again.
    fn tell(&mut self) -> Result<(), Failure> {
        let problems: Vec<&Problem> = self.session.problems().collect();
        let told = problems
            .iter()
            .rposition(|problem| Some(*problem) == self.told.as_ref());
        for problem in problems.iter().skip(told.map_or(0, |at| at + 1)) {
            say!("dashstream: {}: {}", problem.code, problem.text);
        }
        let newest = problems.last().map(|problem| (*problem).clone());
        let refused = newest
            .as_ref()
            .filter(|problem| problem.code == control::RESUME_ERROR);
        if refused.is_some() && !self.is_reached() {
            return Err(Failure::Io(format!(
                "{}: the relay refused the resume",
                self.url()
            )));
        }
        self.told = newest;
        Ok(())
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals {
            records: 0,
            gaps: 0,
            rejects: 0,
            partitions: BTreeMap::new(),
        };
        for position in self.session.positions() {
            totals.records += position.records;
            totals.gaps += position.gaps;
            totals.rejects += position.rejects;
            totals.partitions.insert(
                position.partition,
                PartitionTotals {
                    position: position.committed.to_string(),
                    records: position.records,
                    gaps: position.gaps,
                    rejects: position.rejects,
                    digest: self.digest.hex(position.partition),
                },
            );
        }
        totals
    }

    fn now(&self) -> session::Millis {
        millis(self.started)
    }
}

fn millis(since: Instant) -> session::Millis {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[derive(Clone, Copy)]
enum Deadline {
    Done,
    TimedOut,
    Unreached,
}

/// Ctrl-C, or the polite signal a supervisor sends.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// `PARTITION:OFFSET` or `PARTITION:OFFSET@MS`, the last offset already had.
fn cursor(text: &str) -> Result<Cursor, String> {
    let (partition, last) = text.split_once(':').ok_or("expected PARTITION:OFFSET")?;
    let partition = partition
        .parse()
        .map_err(|error| format!("partition: {error}"))?;
    let (offset, time) = match last.split_once('@') {
        Some((offset, time)) => (offset, Some(time)),
        None => (last, None),
    };
    let offset: u64 = offset.parse().map_err(|error| format!("offset: {error}"))?;
    let position = offset.checked_add(1).ok_or("offset: too large")?;
    let time = time.map(str::parse).transpose();
    let timestamp_ms = time.map_err(|error| format!("time: {error}"))?;
    Ok(Cursor {
        partition,
        position,
        last: timestamp_ms.map(|timestamp_ms| Fingerprint {
            offset,
            timestamp_ms,
        }),
    })
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        _ => Err(format!(
            "not between 0 and {} seconds",
            DURATION_MAX.as_secs()
        )),
    }
}

const CONNECT_SECONDS: &str = "15";
/// Ten years: further than any clock arithmetic must go.
const DURATION_MAX: Duration = Duration::from_secs(315_360_000);
