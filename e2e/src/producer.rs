//! A topic on a broker, through rskafka behind blocking calls: keyed producing as librdkafka's default
//! partitioner does it, the offsets Kafka gave, and what else a test asks of a topic.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use rskafka::{
    chrono::{DateTime, TimeZone as _, Utc},
    client::{
        Client, ClientBuilder,
        partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::{Record, RecordAndOffset},
};
use tokio::{runtime::Runtime, time::timeout};

/// What a test puts into Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Key; decides the partition.
    pub key: Vec<u8>,
    /// Value, or null.
    pub value: Option<Vec<u8>>,
    /// Kafka timestamp (CreateTime) in ms.
    pub timestamp_ms: i64,
}

/// Where Kafka put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The partition chosen by the key.
    pub partition: u32,
    /// The offset Kafka gave.
    pub offset: u64,
    /// What was sent.
    pub input: Input,
}

/// A topic.
#[derive(Debug)]
pub struct Topic {
    brokers: String,
    name: String,
    partitions: Vec<Mutex<PartitionClient>>,
}

impl Topic {
    /// Creates it and waits until every partition answers.
    ///
    /// # Panics
    /// When Kafka refuses.
    #[must_use]
    pub fn create(brokers: &str, name: &str, partitions: u32) -> Self {
        let count = i32::try_from(partitions).expect("few partitions");
        within("create a topic", async {
            let client = connect(brokers).await?;
            let controller = client.controller_client()?;
            controller.create_topic(name, count, 1, 10_000).await
        });
        Self::open(brokers, name, partitions)
    }

    /// A topic that is there.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn open(brokers: &str, name: &str, partitions: u32) -> Self {
        let count = i32::try_from(partitions).expect("few partitions");
        let clients = within("reach the partitions", async {
            let client = connect(brokers).await?;
            let mut clients = Vec::new();
            for partition in 0..count {
                // A new topic's leaders are known a moment after its creation.
                let handling = UnknownTopicHandling::Retry;
                let one = client.partition_client(name, partition, handling).await?;
                one.get_offset(OffsetAt::Latest).await?;
                clients.push(Mutex::new(one));
            }
            Ok(clients)
        });
        Self {
            brokers: brokers.to_owned(),
            name: name.to_owned(),
            partitions: clients,
        }
    }

    /// Whether a broker answers at that address.
    #[must_use]
    pub fn answers(brokers: &str) -> bool {
        let asked = runtime().block_on(async {
            let ask = async { connect(brokers).await?.list_topics().await };
            timeout(Duration::from_secs(2), ask).await
        });
        matches!(asked, Ok(Ok(_)))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its broker listens.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Number of partitions.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).expect("few partitions")
    }

    /// The partition of a key: CRC-32 modulo the number of partitions.
    #[must_use]
    pub fn partition_of(&self, key: &[u8]) -> u32 {
        crc32fast::hash(key) % self.partitions()
    }

    /// Produces everything, each record to its key's partition, in the order given, and waits for
    /// Kafka's acknowledgement of all of it.
    ///
    /// # Panics
    /// When Kafka refuses.
    #[must_use]
    pub fn produce(&self, inputs: impl IntoIterator<Item = Input>) -> Vec<Produced> {
        let mut waiting: BTreeMap<u32, Vec<Input>> = BTreeMap::new();
        let mut done = Vec::new();
        for input in inputs {
            let partition = self.partition_of(&input.key);
            let batch = waiting.entry(partition).or_default();
            batch.push(input);
            let bytes: usize = batch
                .iter()
                .filter_map(|one| one.value.as_ref())
                .map(Vec::len)
                .sum();
            if batch.len() >= BATCH_RECORDS_MAX || bytes >= BATCH_BYTES_TARGET {
                let batch = std::mem::take(batch);
                done.extend(self.produce_batch(partition, batch));
            }
        }
        for (partition, batch) in waiting {
            done.extend(self.produce_batch(partition, batch));
        }
        done
    }

    /// Produces one batch to one partition, whatever the keys.
    ///
    /// # Panics
    /// When Kafka refuses.
    #[must_use]
    pub fn produce_batch(&self, partition: u32, batch: Vec<Input>) -> Vec<Produced> {
        self.produce_packed(partition, batch, Compression::NoCompression)
    }

    /// The same, with the batch compressed.
    ///
    /// # Panics
    /// When Kafka refuses.
    #[must_use]
    pub fn produce_packed(
        &self,
        partition: u32,
        batch: Vec<Input>,
        compression: Compression,
    ) -> Vec<Produced> {
        let records = batch.iter().map(record).collect();
        let client = self.client(partition);
        let offsets = within("produce", client.produce(records, compression));
        assert_eq!(offsets.len(), batch.len(), "one offset a record");
        let pairs = batch.into_iter().zip(offsets);
        pairs
            .map(|(input, offset)| Produced {
                partition,
                offset: u64::try_from(offset).expect("offsets are not negative"),
                input,
            })
            .collect()
    }

    /// The first offset Kafka still holds.
    #[must_use]
    pub fn earliest(&self, partition: u32) -> u64 {
        self.offset(partition, OffsetAt::Earliest)
    }

    /// The offset after the last one, control records included.
    #[must_use]
    pub fn end(&self, partition: u32) -> u64 {
        self.offset(partition, OffsetAt::Latest)
    }

    /// Deletes everything before the offset.
    pub fn delete_before(&self, partition: u32, offset: u64) {
        let offset = i64::try_from(offset).expect("offsets fit 63 bits");
        let client = self.client(partition);
        within("delete records", client.delete_records(offset, 10_000));
    }

    /// Every record of the partition, read with rskafka.
    #[must_use]
    pub fn read(&self, partition: u32) -> Vec<RecordAndOffset> {
        let end = self.end(partition);
        let mut next = self.earliest(partition);
        let mut all = Vec::new();
        while next < end {
            let from = i64::try_from(next).expect("offsets fit 63 bits");
            let client = self.client(partition);
            let (records, _) = within("fetch", client.fetch_records(from, 1..8_000_000, 500));
            match records.last() {
                Some(last) => next = u64::try_from(last.offset).expect("not negative") + 1,
                // Nothing but control records up to the end.
                None => break,
            }
            all.extend(records);
        }
        all
    }

    /// Deletes the topic and waits until Kafka no longer lists it.
    pub fn delete(self) {
        within("delete a topic", async {
            let client = connect(&self.brokers).await?;
            client
                .controller_client()?
                .delete_topic(&self.name, 10_000)
                .await
        });
        let deadline = Instant::now() + CALL_MAX;
        let listed = || {
            within("list topics", async {
                connect(&self.brokers).await?.list_topics().await
            })
        };
        while listed().iter().any(|topic| topic.name == self.name) {
            assert!(Instant::now() < deadline, "the topic is still listed");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn offset(&self, partition: u32, at: OffsetAt) -> u64 {
        let offset = within("ask for an offset", self.client(partition).get_offset(at));
        u64::try_from(offset).expect("offsets are not negative")
    }

    fn client(&self, partition: u32) -> std::sync::MutexGuard<'_, PartitionClient> {
        let one = self
            .partitions
            .get(partition as usize)
            .expect("a partition");
        // A panic elsewhere leaves the client as usable as before.
        one.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Milliseconds since 1970, as Kafka counts.
#[must_use]
pub fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds fit 63 bits")
}

fn record(input: &Input) -> Record {
    Record {
        key: Some(input.key.clone()),
        value: input.value.clone(),
        headers: BTreeMap::new(),
        timestamp: time(input.timestamp_ms),
    }
}

fn time(timestamp_ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(timestamp_ms)
        .single()
        .expect("a time that chrono knows")
}

async fn connect(brokers: &str) -> rskafka::client::error::Result<Client> {
    let bootstrap = brokers.split(',').map(str::to_owned).collect();
    ClientBuilder::new(bootstrap).build().await
}

fn within<T>(what: &str, call: impl Future<Output = rskafka::client::error::Result<T>>) -> T {
    // rskafka's own deadlines are not wall clock.
    match runtime().block_on(async { timeout(CALL_MAX, call).await }) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => panic!("Kafka: {what}: {error}"),
        Err(_) => panic!("Kafka: {what}: no answer within {CALL_MAX:?}"),
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime can be started"))
}

const CALL_MAX: Duration = Duration::from_secs(60);
const BATCH_RECORDS_MAX: usize = 500;
const BATCH_BYTES_TARGET: usize = 512 * 1024;
