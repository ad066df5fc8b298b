//! Chunks through all cores and out again in order.
//!
//! No thread is waited for: whoever stops asking, because stdout was closed, ends the process, and
//! a reader that hangs in a pipe ends with it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use decode_core::{Decoder, Mode};

use super::chunk::{Chunk, Done};
use super::verdict::Judge;
use crate::input::{self, Found, Lines, Reading, Source};
use crate::outcome::Failure;

/// Gives what became of each chunk, in the order of the inputs.
pub(super) struct Pipeline {
    done: Receiver<Result<Done, Failure>>,
    /// Came back before those ahead of them.
    early: BTreeMap<u64, Done>,
    next: u64,
    gate: Arc<Gate>,
}

impl Pipeline {
    pub(super) fn start(sources: Vec<Source>, reading: Reading, mode: Mode, json: bool) -> Self {
        let gate = Arc::new(Gate::default());
        let (work, waiting) = channel();
        let (finished, done) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let workers = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..workers {
            let (waiting, finished) = (Arc::clone(&waiting), finished.clone());
            thread::spawn(move || work_on(&waiting, finished, mode, json));
        }
        let feeder = Feeder {
            gate: Arc::clone(&gate),
            work,
            number: 0,
        };
        thread::spawn(move || feeder.feed(&sources, reading, finished));
        Self {
            done,
            early: BTreeMap::new(),
            next: 0,
            gate,
        }
    }
}

impl Iterator for Pipeline {
    type Item = Result<Done, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(done) = self.early.remove(&self.next) {
                self.next += 1;
                self.gate.leave(done.cost);
                return Some(Ok(done));
            }
            match self.done.recv() {
                Ok(Ok(done)) => self.early.insert(done.number, done),
                Ok(Err(failure)) => return Some(Err(failure)),
                Err(_) => return None,
            };
        }
    }
}

/// Reads the sources one after the other.
struct Feeder {
    gate: Arc<Gate>,
    work: Sender<Chunk>,
    number: u64,
}

impl Feeder {
    fn feed(
        mut self,
        sources: &[Source],
        reading: Reading,
        finished: Sender<Result<Done, Failure>>,
    ) {
        let _watch = Watch(finished);
        for source in sources {
            let name: Arc<str> = source.name().into();
            let mut chunk = Chunk::new(self.number, &name);
            let read = input::read(source, reading, &mut |found: Found<'_>| {
                chunk.push(found);
                if chunk.is_full() {
                    self.number += 1;
                    let full = std::mem::replace(&mut chunk, Chunk::new(self.number, &name));
                    self.send(full)?;
                }
                Ok(())
            });
            match read {
                Err(Failure::ReaderGone) => return,
                Err(failure) => chunk.fail(&failure),
                Ok(()) => {}
            }
            if !chunk.is_empty() {
                self.number += 1;
                if self.send(chunk).is_err() {
                    return;
                }
            }
        }
    }

    /// Waits until there is room for it.
    fn send(&self, chunk: Chunk) -> Result<(), Failure> {
        self.gate.enter(chunk.cost());
        self.work.send(chunk).map_err(|_| Failure::ReaderGone)
    }
}

fn work_on(
    waiting: &Mutex<Receiver<Chunk>>,
    finished: Sender<Result<Done, Failure>>,
    mode: Mode,
    json: bool,
) {
    let watch = Watch(finished);
    let mut judge = Judge::new(Decoder::new(mode), json);
    let mut lines = Lines::default();
    loop {
        let chunk = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(chunk) = chunk else { return };
        if watch
            .0
            .send(Ok(chunk.judge(&mut judge, &mut lines)))
            .is_err()
        {
            return;
        }
    }
}

/// Tells the printer when a thread dies: it would wait for the thread's chunk for ever.
struct Watch(Sender<Result<Done, Failure>>);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = "a thread ended unexpectedly, see above".to_owned();
            // Nobody waits if the printer is gone.
            let _ = self.0.send(Err(Failure::Io(text)));
        }
    }
}

/// Bounds what is between reader and printer.
#[derive(Default)]
struct Gate {
    bytes: Mutex<usize>,
    freed: Condvar,
}

impl Gate {
    /// Waits until so many more bytes fit in, or nothing else is in.
    fn enter(&self, bytes: usize) {
        let held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |held: &mut usize| *held > 0 && *held + bytes > UNDER_WAY_BYTES_MAX;
        let mut held = self
            .freed
            .wait_while(held, full)
            .unwrap_or_else(PoisonError::into_inner);
        *held += bytes;
    }

    fn leave(&self, bytes: usize) {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        self.freed.notify_one();
    }
}

/// Bytes of input that are read and not yet printed, unless a single record is larger.
const UNDER_WAY_BYTES_MAX: usize = 32 * 1024 * 1024;
