//! One connection: a socket on one side, a [`ServerSession`] on the other, and one task that moves
//! bytes between them.
//!
//! The session decides everything; this file waits. It wakes when the log grew, when the socket
//! can be read or written, and at a coarse tick. Data goes out through the [`Outbox`], control
//! messages through tungstenite; the order between the two is kept by never taking the next
//! output from the session while one of them is stuck.

use std::{
    future::poll_fn,
    hash::{BuildHasher as _, RandomState},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use decode_core::wire::{CONTROL_BYTES_MAX, CloseCode};
use futures_util::{Sink as _, Stream as _};
use session::{
    Answer, Fetch, ServerInput, ServerOutput, ServerSession, control::Report, server::Refusal,
};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    sync::watch,
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use crate::{
    Peer, Server,
    counters::Ending,
    history::Reading,
    hub::Signal,
    limits,
    outbox::Outbox,
    pace::Pace,
    socket::{Socket, TooManyFrames},
};

/// Runs a connection from its upgrade to its end.
pub(crate) async fn run(
    server: Arc<Server>,
    peer: Peer,
    mut socket: Socket,
    already_read: Vec<u8>,
) {
    socket.count_frames();
    let config = WebSocketConfig::default()
        .read_buffer_size(limits::SOCKET_READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(limits::CONTROL_OUT_BYTES_MAX)
        .max_message_size(Some(CONTROL_BYTES_MAX))
        .max_frame_size(Some(CONTROL_BYTES_MAX));
    let stream =
        WebSocketStream::from_partially_read(socket, already_read, Role::Server, Some(config))
            .await;
    let _connected = server.counters.connected.hold();
    server.counters.sessions.inc();
    let mut signal = server.hub.subscribe();
    // On the heap at once: what a future holds across an await is held where it came from as well.
    let mut connection = Box::new(Connection::new(&server, peer, stream));
    let end = connection.serve(&mut signal).await;
    let how = match &end {
        End::Closing(code, reason) => {
            server.counters.closes.inc(*code);
            // A peer that takes nothing would not take this.
            if *code != CloseCode::SendStalled {
                connection.say_goodbye(code.number(), reason).await;
            }
            Ending::RelayClosed
        }
        End::PeerClosed => Ending::PeerClosed,
        End::PeerLost(_) => Ending::PeerLost,
    };
    server.counters.endings.inc(how);
    connection.count();
    tracing::debug!(?end, stats = ?connection.session.stats(), "connection ended");
}

/// How a connection ended.
#[derive(Debug)]
enum End {
    Closing(CloseCode, String),
    PeerClosed,
    #[allow(dead_code, reason = "shown in the log")]
    PeerLost(String),
}

/// What the socket did.
enum Event {
    /// A message came in.
    Message(Message),
    /// One came in that was larger than allowed.
    Oversized,
    /// Everything that was to be sent has been taken by the kernel.
    Sent,
    /// What came of a question behind memory.
    Fetched(Fetch, Answer),
    End(End),
}

struct Connection<'a> {
    server: &'a Server,
    peer: Peer,
    stream: WebSocketStream<Socket>,
    session: ServerSession,
    outbox: Outbox,
    readings: Readings,
    /// A control message that waits for the data before it.
    text: Option<String>,
    /// A close that waits for what goes before it.
    closing: Option<(CloseCode, String)>,
    /// After an oversized message nothing more can be read, but the refusal is still sent.
    deaf: bool,
    /// When the session wants to be polled again at the latest.
    wake_ms: Option<u64>,
    progress: Progress,
    counted: Counted,
    since_ms: u64,
}

/// Questions behind memory that are not answered yet: at most one for each partition.
#[derive(Default)]
struct Readings(Vec<(Fetch, Reading)>);

impl Readings {
    fn ask(&mut self, fetch: Fetch, reading: Reading) {
        // One of before was of a topic that is no more.
        self.0
            .retain(|(asked, _)| asked.partition != fetch.partition);
        self.0.push((fetch, reading));
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<(Fetch, Answer)> {
        for (at, (fetch, reading)) in self.0.iter_mut().enumerate() {
            if let Poll::Ready(answer) = reading.as_mut().poll(context) {
                let fetch = *fetch;
                drop(self.0.swap_remove(at));
                return Poll::Ready((fetch, answer));
            }
        }
        Poll::Pending
    }
}

/// When the peer last took bytes, or showed that it had read some, while there were some for it.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    taken_bytes: u64,
    since_ms: u64,
    /// What the kernel takes counts from then on.
    counts_from_ms: u64,
}

/// What was already added to the counters.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    stats: session::server::ServerStats,
    writes: u64,
    /// Records that the client said it could not decode.
    client_rejects: u64,
}

impl<'a> Connection<'a> {
    fn new(server: &'a Server, peer: Peer, stream: WebSocketStream<Socket>) -> Self {
        let now_ms = server.clock.now_ms();
        server.refresh_floors();
        let session = ServerSession::new(server.session.clone(), &server.hub.log(), now_ms);
        Self {
            server,
            peer,
            stream,
            session,
            outbox: Outbox::new(Pace::new(patience_ms(server.rules.send_timeout))),
            readings: Readings::default(),
            text: None,
            closing: None,
            deaf: false,
            wake_ms: None,
            progress: Progress {
                taken_bytes: 0,
                since_ms: now_ms,
                counts_from_ms: now_ms,
            },
            counted: Counted::default(),
            since_ms: now_ms,
        }
    }

    async fn serve(&mut self, signal: &mut watch::Receiver<Signal>) -> End {
        let timer = sleep_until(Instant::now() + FAR);
        tokio::pin!(timer);
        let mut identity = self.peer.identity.clone();
        let ended = async move { identity.ended().await };
        tokio::pin!(ended);
        let mut is_valid = true;
        loop {
            if let Some(end) = self.gather() {
                return end;
            }
            let busy = self.is_busy();
            self.arm(timer.as_mut(), busy);
            tokio::select! {
                biased;
                event = poll_fn(|context| self.poll_socket(context, busy)) => match event {
                    Event::Message(message) => self.take(&message),
                    Event::Oversized => self.handle(ServerInput::Oversized),
                    Event::Sent => {}
                    Event::Fetched(fetch, answer) => {
                        self.handle(ServerInput::Fetched { fetch, answer });
                    }
                    Event::End(end) => return end,
                },
                // While the socket is full, more data would not help anybody.
                changed = signal.changed(), if !busy => {
                    let closing = signal.borrow_and_update().closing_retry_after_ms;
                    if let (Ok(()), Some(retry_after_ms)) = (changed, closing) {
                        self.shut_down(retry_after_ms);
                    }
                }
                () = ended.as_mut(), if is_valid => {
                    is_valid = false;
                    self.handle(ServerInput::Revoked);
                }
                () = timer.as_mut() => {
                    timer.as_mut().reset(Instant::now() + FAR);
                    self.tick(busy, signal);
                }
            }
        }
    }

    /// Takes outputs from the session until there is enough to send, or it waits.
    fn gather(&mut self) -> Option<End> {
        if self.closing.is_none() && self.text.is_none() && !self.outbox.is_full() {
            let now_ms = self.server.clock.now_ms();
            let was_idle = self.outbox.is_empty();
            let mut messages = 0;
            if self.is_waiting_untaken() {
                self.session.defer_ack(now_ms);
            }
            let log = self.server.hub.log();
            loop {
                match self.session.poll(&log, now_ms) {
                    ServerOutput::Data(bytes) => {
                        self.outbox.push(bytes);
                        messages += 1;
                        if self.outbox.is_full() {
                            break;
                        }
                    }
                    ServerOutput::Text(text) => {
                        self.text = Some(text);
                        break;
                    }
                    ServerOutput::Fetch(fetch) => {
                        self.readings.ask(fetch, self.server.history.read(fetch));
                    }
                    ServerOutput::Close(code, reason) => {
                        self.closing = Some((code, reason));
                        break;
                    }
                    ServerOutput::Wait { until_ms } => {
                        self.wake_ms = until_ms;
                        break;
                    }
                }
            }
            drop(log);
            self.server.counters.sent_data_messages.add(messages);
            self.count();
            if was_idle && !self.outbox.is_empty() {
                self.progress.since_ms = now_ms;
            }
        }
        self.closed()
    }

    /// The end, once everything before the close is sent. A stalled peer takes nothing more.
    fn closed(&mut self) -> Option<End> {
        let stalled = matches!(self.closing, Some((CloseCode::SendStalled, _)));
        if stalled || (self.outbox.is_empty() && self.text.is_none()) {
            let (code, reason) = self.closing.take()?;
            return Some(End::Closing(code, reason));
        }
        None
    }

    fn is_busy(&self) -> bool {
        !self.outbox.is_empty() || self.text.is_some() || self.closing.is_some()
    }

    fn take(&mut self, message: &Message) {
        match message {
            Message::Text(text) => {
                let acked_bytes = self.session.acked_bytes();
                self.handle(ServerInput::Text(text.as_str()));
                if self.session.acked_bytes() > acked_bytes {
                    self.outbox.acked(self.session.acked_bytes());
                    self.progress.since_ms = self.server.clock.now_ms();
                }
            }
            Message::Binary(_) => self.handle(ServerInput::Binary),
            Message::Pong(payload) => {
                let now_ms = self.server.clock.now_ms();
                if self.outbox.pong(payload, now_ms) {
                    self.progress.since_ms = now_ms;
                }
            }
            // Tungstenite answers pings and closes itself.
            Message::Ping(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }

    fn handle(&mut self, input: ServerInput<'_>) {
        let now_ms = self.server.clock.now_ms();
        self.session.handle(input, &self.server.hub.log(), now_ms);
        if let Some(refusal) = self.session.take_refusal() {
            self.refused(refusal, now_ms);
        }
        if let Some(report) = self.session.take_report() {
            self.report(report, now_ms);
        }
    }

    /// Counts a refused message. A refused `resume` is somebody who sees nothing: that is worth a line.
    fn refused(&self, refusal: Refusal, now_ms: u64) {
        let counters = &self.server.counters;
        counters.control_errors.inc(refusal.code);
        if !refusal.of_resume {
            return;
        }
        counters.resume_errors.inc(refusal.code);
        if let Some(left_out) = self.server.refusal_lines.lock().allow(now_ms) {
            tracing::warn!(
                peer = %self.peer.address,
                code = refusal.code.code(),
                invalid_partitions = refusal.invalid_partitions,
                invalid_offsets = refusal.invalid_offsets,
                left_out,
                "a client's resume was refused"
            );
        }
    }

    /// Counts what a client says of itself, as far as it can be true.
    fn report(&mut self, report: Report, now_ms: u64) {
        let counters = &self.server.counters;
        let sent = self.session.stats().frames;
        let age_ms = now_ms.saturating_sub(self.since_ms);
        counters.client_reports.inc();
        let lag_ms = report.apply_lag_ms.min(age_ms);
        counters.client_apply_lag.observe(lag_ms as f64);
        let backlog = report.backlog_frames.min(sent);
        counters.client_backlog.observe(backlog as f64);
        let rejects = report.rejects.min(sent).max(self.counted.client_rejects);
        counters
            .client_rejects
            .add(rejects - self.counted.client_rejects);
        self.counted.client_rejects = rejects;
    }

    /// Asks the client to come back, each at a time of its own: they would all be at the next relay's door at once.
    fn shut_down(&mut self, retry_after_ms: u64) {
        let clients = self.server.counters.connected.get();
        let spread_ms = (clients * limits::RETURN_MS_PER_CLIENT)
            .clamp(limits::RETURN_SPREAD_MS_MIN, limits::RETURN_SPREAD_MS_MAX);
        let random = RandomState::new().hash_one(self.since_ms);
        let retry_after_ms = retry_after_ms + random % (spread_ms + 1);
        self.handle(ServerInput::Shutdown { retry_after_ms });
    }

    /// Whether everything was sent that may be, and not all of it was taken: it is unread, or, where the client's
    /// answers do not tell, in this side's kernel.
    fn is_waiting_untaken(&self) -> bool {
        let is_untaken = || {
            let is_unread = self.outbox.is_unread();
            is_unread.unwrap_or_else(|| self.stream.get_ref().is_untaken())
        };
        self.session.waits_for_ack() && is_untaken()
    }

    fn tick(&mut self, busy: bool, signal: &watch::Receiver<Signal>) {
        if !busy && !self.is_waiting_untaken() {
            return;
        }
        self.outbox.copy(&self.server.counters.copied_bytes);
        if busy && let Some(retry_after_ms) = signal.borrow().closing_retry_after_ms {
            self.shut_down(retry_after_ms);
        }
        let now_ms = self.server.clock.now_ms();
        let taken_bytes = self.stream.get_ref().taken_bytes();
        if taken_bytes != self.progress.taken_bytes {
            self.progress.taken_bytes = taken_bytes;
            if now_ms >= self.progress.counts_from_ms {
                self.progress.since_ms = now_ms;
            }
        }
        let patience_ms = patience_ms(self.server.rules.send_timeout);
        let waited_ms = now_ms.saturating_sub(self.progress.since_ms);
        if waited_ms >= patience_ms {
            self.text = None;
            self.handle(ServerInput::SendStalled);
            self.stall();
        } else if waited_ms >= patience_ms / 2 && self.outbox.let_go() {
            // It may still read without answering. What its kernel takes at once says nothing of that.
            self.progress.counts_from_ms = now_ms + limits::LET_GO_MS;
        } else {
            self.outbox.ask(now_ms);
        }
    }

    /// What the session says about a stall is a close, whatever else was to be sent.
    fn stall(&mut self) {
        let now_ms = self.server.clock.now_ms();
        let log = self.server.hub.log();
        loop {
            match self.session.poll(&log, now_ms) {
                ServerOutput::Close(code, reason) => {
                    self.closing = Some((code, reason));
                    return;
                }
                ServerOutput::Wait { .. } => return,
                ServerOutput::Text(_) | ServerOutput::Data(_) | ServerOutput::Fetch(_) => {}
            }
        }
    }

    /// Sets the timer to the earliest thing that may need it, but never later than it is: a timer
    /// that fires early costs one look, one that is reset per message costs every message.
    fn arm(&self, timer: Pin<&mut Sleep>, busy: bool) {
        let decides_ms = self.outbox.decides_ms();
        let wanted = if let Some(decides_ms) = decides_ms {
            Some(self.server.clock.instant(decides_ms).into())
        } else if busy || self.session.waits_for_ack() {
            Some(Instant::now() + Duration::from_millis(limits::SOCKET_TICK_MS))
        } else {
            self.wake_ms.map(|ms| self.server.clock.instant(ms).into())
        };
        if let Some(wanted) = wanted
            && wanted < timer.deadline()
        {
            timer.reset(wanted);
        }
    }

    /// Reads first, so that acks are seen while a send is stuck; then sends.
    fn poll_socket(&mut self, context: &mut Context<'_>, busy: bool) -> Poll<Event> {
        if let Poll::Ready((fetch, answer)) = self.readings.poll_next(context) {
            return Poll::Ready(Event::Fetched(fetch, answer));
        }
        if !self.deaf
            && let Poll::Ready(event) = self.poll_read(context)
        {
            return Poll::Ready(event);
        }
        match ready!(self.poll_send(context)) {
            Ok(()) if busy => Poll::Ready(Event::Sent),
            Ok(()) => Poll::Pending,
            Err(error) => {
                self.server.counters.send_failures.inc();
                Poll::Ready(Event::End(End::PeerLost(error)))
            }
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        Poll::Ready(
            match ready!(Pin::new(&mut self.stream).poll_next(context)) {
                Some(Ok(message)) => Event::Message(message),
                Some(Err(tungstenite::Error::Capacity(_))) => {
                    self.deaf = true;
                    Event::Oversized
                }
                Some(Err(tungstenite::Error::Utf8(_))) => violation(
                    CloseCode::InvalidText,
                    "a text message that is not valid UTF-8",
                ),
                Some(Err(tungstenite::Error::Protocol(error)))
                    if error != ProtocolError::ResetWithoutClosingHandshake =>
                {
                    violation(CloseCode::InvalidFrame, "not a valid WebSocket frame")
                }
                Some(Err(tungstenite::Error::Io(error))) if is_flood(&error) => {
                    violation(CloseCode::Policy, "too many frames")
                }
                Some(Err(error)) => Event::End(End::PeerLost(error.to_string())),
                None => Event::End(End::PeerClosed),
            },
        )
    }

    /// Sends the data, then the control message that waits for it.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), String>> {
        let text = |error: tungstenite::Error| error.to_string();
        // A pong that tungstenite has half sent must end before a data frame begins.
        if !self.outbox.is_mid_frame() {
            ready!(Pin::new(&mut self.stream).poll_flush(context)).map_err(text)?;
        }
        let now_ms = self.server.clock.now_ms();
        let drained = self
            .outbox
            .poll_drain(self.stream.get_mut(), context, now_ms);
        ready!(drained).map_err(|error: io::Error| error.to_string())?;
        if let Some(message) = self.text.take() {
            self.server.counters.sent_control_messages.inc();
            let sent = Pin::new(&mut self.stream).start_send(Message::text(message));
            sent.map_err(text)?;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context)).map_err(text)?;
        if self.outbox.greet(now_ms) {
            let socket = self.stream.get_mut();
            let drained = self.outbox.poll_drain(socket, context, now_ms);
            ready!(drained).map_err(|error: io::Error| error.to_string())?;
        }
        Poll::Ready(Ok(()))
    }

    /// Adds to the counters what happened since the last time.
    fn count(&mut self) {
        let counters = &self.server.counters;
        let (stats, before) = (self.session.stats(), self.counted.stats);
        counters.sent_frames.add(stats.frames - before.frames);
        counters.sent_bytes.add(stats.bytes - before.bytes);
        counters
            .stale_cursors
            .add(stats.stale_gaps - before.stale_gaps);
        let stale_positions = stats.stale_positions - before.stale_positions;
        counters.stale_offsets.add(stale_positions);
        if stats.replay != before.replay {
            counters.replays.add(stats.replay, before.replay);
        }
        let writes = self.stream.get_ref().writes();
        counters.socket_writes.add(writes - self.counted.writes);
        self.counted.stats = stats;
        self.counted.writes = writes;
    }

    /// Sends the close frame, ends our side, and reads what still comes until the peer ends its
    /// own: closing at once would make the kernel throw the close frame away where bytes of the
    /// peer are unread.
    async fn say_goodbye(&mut self, code: u16, reason: &str) {
        // Inside a data frame a close frame would be data.
        if self.outbox.is_mid_frame() {
            return;
        }
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        let goodbye = async {
            self.stream.close(Some(frame)).await.ok();
            let socket = self.stream.get_mut();
            socket.shutdown().await.ok();
            // On the heap: an idle connection would hold the room for it all along.
            let mut waste = vec![0; 1024];
            loop {
                let mut buffer = ReadBuf::new(&mut waste);
                let read =
                    poll_fn(|context| Pin::new(&mut *socket).poll_read(context, &mut buffer));
                if read.await.is_err() || buffer.filled().is_empty() {
                    return;
                }
            }
        };
        timeout(Duration::from_millis(limits::CLOSE_MS_MAX), goodbye)
            .await
            .ok();
    }
}

fn patience_ms(send_timeout: Duration) -> u64 {
    u64::try_from(send_timeout.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a connection on which what comes in cannot be read.
fn violation(code: CloseCode, reason: &str) -> Event {
    Event::End(End::Closing(code, reason.to_owned()))
}

fn is_flood(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<TooManyFrames>())
}

/// A timer nobody needs.
const FAR: Duration = Duration::from_secs(86_400);
