//! The tasks of connections: each is owned, ends with the server, and one that panics is counted and
//! logged instead of going in silence.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::ClientCounters;

/// Owns tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    pub(crate) fn spawn(
        &self,
        counters: Arc<ClientCounters>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = async move {
            // Whatever a task has half done is its connection's, which goes with it.
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                counters.connection_panics.inc();
                let why = text_of(&*panic);
                tracing::error!(why, "the task of a connection failed; this is a bug");
            }
        };
        let mut tasks = self.0.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends those that are left, wherever they are.
    pub(crate) fn abort(&self) {
        self.0.lock().abort_all();
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
