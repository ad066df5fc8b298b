//! Where log lines go: to standard error, by a thread of its own. What cannot be written is dropped and counted, as a
//! log that is full, closed or not read must neither fail nor hold up whoever has something to say.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use dashstream_counters::Counter;

use crate::limits::{LOG_WAITING_BYTES_MAX, LOG_WAITING_LINES_MAX};

/// Lines of this process that were not written: there is one log in a process.
pub static DROPPED: Counter = Counter::new();

/// Takes lines; each write is one.
#[derive(Debug)]
pub struct LogOutput {
    messages: SyncSender<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    dropped: &'static Counter,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it is to be written first.
    Flush(SyncSender<()>),
}

impl LogOutput {
    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        sink: impl io::Write + Send + 'static,
        dropped: &'static Counter,
    ) -> io::Result<Arc<Self>> {
        let (messages, received) = sync_channel(LOG_WAITING_LINES_MAX);
        let waiting_bytes = Arc::<AtomicUsize>::default();
        let waiting = Arc::clone(&waiting_bytes);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(sink, &received, &waiting, dropped))?;
        Ok(Arc::new(Self {
            messages,
            waiting_bytes,
            dropped,
        }))
    }

    /// Waits until what was said so far is written, but no longer than that.
    pub fn flush_within(&self, patience: Duration) {
        let (done, flushed) = sync_channel(1);
        if self.messages.try_send(Message::Flush(done)).is_ok() {
            // A log that takes nothing takes the last lines neither.
            let _in_time: Result<(), _> = flushed.recv_timeout(patience);
        }
    }
}

impl io::Write for &LogOutput {
    /// Never fails, and never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waiting = self.waiting_bytes.fetch_add(line.len(), Ordering::Relaxed);
        let is_taken = waiting + line.len() <= LOG_WAITING_BYTES_MAX
            && self.messages.try_send(Message::Line(line.to_vec())).is_ok();
        if !is_taken {
            self.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.dropped.inc();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(
    mut sink: impl io::Write,
    received: &Receiver<Message>,
    waiting_bytes: &AtomicUsize,
    dropped: &Counter,
) {
    for message in received {
        match message {
            Message::Line(line) => {
                if sink.write_all(&line).and_then(|()| sink.flush()).is_err() {
                    dropped.inc();
                }
                waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            }
            // Whoever asked may have given up.
            Message::Flush(done) => drop(done.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use parking_lot::{Condvar, Mutex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Takes nothing before its gate is open, and then only what the test allows.
    struct Sink {
        gate: Arc<(Mutex<bool>, Condvar)>,
        written: Arc<Mutex<Vec<u8>>>,
        is_broken: bool,
    }

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut open = self.gate.0.lock();
            self.gate.1.wait_while(&mut open, |open| !*open);
            if self.is_broken {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(
        dropped: &'static Counter,
        is_open: bool,
        is_broken: bool,
    ) -> (Arc<LogOutput>, impl Fn(), Arc<Mutex<Vec<u8>>>) {
        let gate = Arc::new((Mutex::new(is_open), Condvar::new()));
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let sink = Sink {
            gate: Arc::clone(&gate),
            written: Arc::clone(&written),
            is_broken,
        };
        let open = move || {
            *gate.0.lock() = true;
            gate.1.notify_all();
        };
        (
            LogOutput::start(sink, dropped).expect("a thread"),
            open,
            written,
        )
    }

    #[test]
    fn lines_are_written_in_order() {
        static DROPPED: Counter = Counter::new();
        let (output, _open, written) = output(&DROPPED, true, false);
        for line in ["one\n", "two\n"] {
            (&*output).write_all(line.as_bytes()).expect("never fails");
        }
        output.flush_within(PATIENCE);
        assert_eq!(*written.lock(), b"one\ntwo\n");
        assert_eq!(DROPPED.get(), 0);
    }

    /// X2: a full disk fails nobody who has something to say.
    #[test]
    fn a_sink_that_fails_costs_lines_and_they_are_counted() {
        static DROPPED: Counter = Counter::new();
        let (output, _open, _written) = output(&DROPPED, true, true);
        (&*output).write_all(b"one\n").expect("never fails");
        output.flush_within(PATIENCE);
        assert_eq!(DROPPED.get(), 1);
    }

    /// X2: nor does a pipe that nobody reads, and what waits for it has a bound in bytes and lines.
    #[test]
    fn a_sink_that_blocks_holds_up_nobody() {
        static DROPPED: Counter = Counter::new();
        let (output, open, written) = output(&DROPPED, false, false);
        let line = [b'x'; 1 << 16];
        let fit = LOG_WAITING_BYTES_MAX / line.len();
        for _ in 0..fit + 3 {
            (&*output).write_all(&line).expect("never fails");
        }
        assert_eq!(DROPPED.get(), 3);
        open();
        output.flush_within(PATIENCE);
        assert_eq!(written.lock().len(), fit * line.len());
        (&*output).write_all(b"again\n").expect("never fails");
        output.flush_within(PATIENCE);
        assert!(written.lock().ends_with(b"again\n"));
    }
}
