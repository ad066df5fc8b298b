//! Every long task of the relay has an owner that notices its end: none of them ends in silence, and what has
//! ended says so in `/health` until the relay is restarted.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What is to run for as long as the relay does.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Names of those that ended although nobody stopped them.
    ended: Mutex<BTreeSet<String>>,
    is_stopping: AtomicBool,
    essential_ended: Notify,
}

impl Tasks {
    /// A task that runs for as long as the relay. Where it ends before [`Self::stop`], by a panic or by itself, that
    /// is an error.
    pub fn own<F: Future<Output = ()>>(
        self: &Arc<Self>,
        name: &str,
        task: F,
    ) -> impl Future<Output = ()> + use<F> {
        watched(self.watch(name, Kind::Lasting), task)
    }

    /// The same for a task without which nobody could even ask how the relay is: its end ends the process.
    pub fn own_essential<F: Future<Output = ()>>(
        self: &Arc<Self>,
        name: &str,
        task: F,
    ) -> impl Future<Output = ()> + use<F> {
        watched(self.watch(name, Kind::Essential), task)
    }

    /// A task that ends by itself, as it should; only a panic is an error.
    pub fn own_passing<F: Future<Output = ()>>(
        self: &Arc<Self>,
        name: &str,
        task: F,
    ) -> impl Future<Output = ()> + use<F> {
        watched(self.watch(name, Kind::Passing), task)
    }

    /// From here on tasks may end.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Names of the tasks that ended and should not have.
    pub fn ended(&self) -> Vec<String> {
        self.ended.lock().iter().cloned().collect()
    }

    /// Completes when a task ended without which the process cannot go on.
    pub async fn essential_ended(&self) {
        self.essential_ended.notified().await;
    }

    fn watch(self: &Arc<Self>, name: &str, kind: Kind) -> Watch {
        Watch {
            tasks: Arc::clone(self),
            name: name.to_owned(),
            kind,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lasting,
    Essential,
    Passing,
}

/// Dropped with its task, on whichever path that happens.
struct Watch {
    tasks: Arc<Tasks>,
    name: String,
    kind: Kind,
}

async fn watched(watch: Watch, task: impl Future<Output = ()>) {
    let _watch = watch;
    task.await;
}

impl Drop for Watch {
    fn drop(&mut self) {
        let may_end = match self.kind {
            Kind::Lasting | Kind::Essential => self.tasks.is_stopping.load(Ordering::Relaxed),
            Kind::Passing => !std::thread::panicking(),
        };
        if may_end {
            return;
        }
        tracing::error!(task = self.name, "a task ended unexpectedly");
        let name = std::mem::take(&mut self.name);
        self.tasks.ended.lock().insert(name);
        if self.kind == Kind::Essential {
            self.tasks.essential_ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(tasks: &Arc<Tasks>, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        // Panics are what this is about.
        let _panicked = tokio::spawn(tasks.own(name, task)).await;
    }

    #[tokio::test]
    async fn a_task_that_panics_or_returns_is_named() {
        let tasks = Arc::<Tasks>::default();
        run(&tasks, "returns", async {}).await;
        run(&tasks, "panics", async { panic!("on purpose") }).await;
        for (name, panics) in [("passes", false), ("does not pass", true)] {
            let task = async move { assert!(!panics, "on purpose") };
            let _panicked = tokio::spawn(tasks.own_passing(name, task)).await;
        }
        assert_eq!(tasks.ended(), ["does not pass", "panics", "returns"]);
    }

    #[tokio::test]
    async fn a_task_that_is_stopped_is_not() {
        let tasks = Arc::<Tasks>::default();
        let running = tokio::spawn(tasks.own("runs", std::future::pending()));
        tasks.stop();
        running.abort();
        assert!(running.await.expect_err("aborted").is_cancelled());
        assert_eq!(tasks.ended(), [""; 0]);
    }

    #[tokio::test]
    async fn the_end_of_an_essential_task_is_told_to_whoever_waits() {
        let tasks = Arc::<Tasks>::default();
        let task = tasks.own_essential("server", async { panic!("on purpose") });
        let _panicked = tokio::spawn(task).await;
        tasks.essential_ended().await;
        assert_eq!(tasks.ended(), ["server"]);
    }
}
