//! One broker: a connection for questions, shared by all who ask, and the task that fetches.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    budget::Budgets,
    connection::Connection,
    error::Error,
    fetcher::{Fetcher, Want},
    messages::Call,
    settings::Settings,
};

pub(crate) struct Broker {
    address: String,
    settings: Arc<Settings>,
    budgets: Arc<Budgets>,
    /// Tasks that fetched and ended although they should not have, of all brokers.
    ended: Arc<AtomicU64>,
    questions: tokio::sync::Mutex<Option<Connection>>,
    fetching: Mutex<Option<Fetching>>,
}

#[derive(Debug)]
struct Fetching {
    wants: mpsc::UnboundedSender<Want>,
    task: JoinHandle<()>,
}

/// Shows no name.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Broker {
    pub(crate) fn new(
        address: String,
        settings: Arc<Settings>,
        budgets: Arc<Budgets>,
        ended: Arc<AtomicU64>,
    ) -> Self {
        Self {
            address,
            settings,
            budgets,
            ended,
            questions: tokio::sync::Mutex::default(),
            fetching: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Asks a question, within the time allowed for waiting one's turn, connecting and the answer together.
    pub(crate) async fn ask<C: Call>(&self, call: &C) -> Result<C::Answer, Error> {
        let limit = self.settings.timeout;
        let asked = timeout(limit, self.ask_in_time(call)).await;
        asked
            .map_err(|_| Error::Timeout(format!("{}: no answer within {limit:?}", self.address)))?
    }

    async fn ask_in_time<C: Call>(&self, call: &C) -> Result<C::Answer, Error> {
        let limit = self.settings.timeout;
        let mut place = self.questions.lock().await;
        // Taken out, so that a call given up half way takes its connection with it.
        if let Some(mut connection) = place.take().filter(Connection::is_current) {
            match connection.call(call, limit).await {
                // A broker closes a connection that was idle for long, which says nothing about it.
                Err(Error::Broken(_)) => {}
                result => {
                    *place = Some(connection).filter(|_| is_whole(&result));
                    return result;
                }
            }
        }
        let mut connection = Connection::open(&self.address, &self.settings).await?;
        let result = connection.call(call, limit).await;
        *place = Some(connection).filter(|_| is_whole(&result));
        result
    }

    /// Hands a partition's wish to the task that fetches; starts that where there is none.
    pub(crate) fn fetch(&self, want: Want) -> Result<(), Error> {
        let mut place = self.fetching.lock();
        if place
            .as_ref()
            .is_some_and(|fetching| fetching.task.is_finished())
        {
            // It panicked, as it ends with its senders only. The next one begins with a new connection.
            self.ended.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                broker = self.address,
                "the task that fetches ended; another one is started"
            );
            *place = None;
        }
        let fetching = place.get_or_insert_with(|| {
            let (wants, wanted) = mpsc::unbounded_channel();
            let (settings, budgets) = (Arc::clone(&self.settings), Arc::clone(&self.budgets));
            let fetcher = Fetcher::new(self.address.clone(), settings, budgets, wanted);
            Fetching {
                wants,
                task: tokio::spawn(fetcher.run()),
            }
        });
        fetching.wants.send(want).map_err(|_| Error::Ended)
    }
}

/// Whether the connection can be used on after that result.
fn is_whole<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Ok(_) | Err(Error::Version(_)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Limits, fetcher::tests::want};

    /// X2: the end of the task that fetches is counted, and the next wish starts another one.
    #[tokio::test]
    async fn a_fetching_task_that_ended_is_counted_and_replaced() {
        let settings = Arc::new(Settings {
            brokers: Vec::new(),
            client_id: "test".into(),
            tls: None,
            login: None,
            timeout: Duration::from_secs(5),
            wait: Duration::ZERO,
            partition_bytes: 1,
            limits: Limits::default(),
        });
        let budgets = Arc::new(Budgets::new(settings.limits));
        let ended = Arc::<AtomicU64>::default();
        // Nobody listens there.
        let address = "127.0.0.1:1".to_owned();
        let broker = Broker::new(address, settings, budgets, Arc::clone(&ended));
        let (first, answer) = want();
        broker.fetch(first).expect("a task takes it");
        assert!(matches!(answer.await, Ok(Err(Error::Connect(_)))));
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        let is_over = || {
            let fetching = broker.fetching.lock();
            fetching
                .as_ref()
                .is_some_and(|fetching| fetching.task.is_finished())
        };
        if let Some(fetching) = broker.fetching.lock().as_ref() {
            fetching.task.abort();
        }
        while !is_over() {
            tokio::task::yield_now().await;
        }
        let (second, answer) = want();
        broker.fetch(second).expect("another task takes it");
        assert!(matches!(answer.await, Ok(Err(Error::Connect(_)))));
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    }
}
