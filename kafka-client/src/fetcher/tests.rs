use kafka_wire::Writer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::Limits;

const TIMEOUT: Duration = Duration::from_millis(500);

/// What is wanted of partition 0 of a topic, and where it is given.
pub(crate) fn want() -> (Want, oneshot::Receiver<Result<Given, Error>>) {
    let (reply, given) = oneshot::channel();
    let want = Want {
        topic: "t".into(),
        topic_id: TopicId::default(),
        partition: 0,
        offset: 0,
        leader_epoch: 0,
        last_epoch: -1,
        is_patient: false,
        reply,
    };
    (want, given)
}

/// Reads a request and says its correlation id.
async fn asked(stream: &mut TcpStream) -> i32 {
    let len = stream.read_i32().await.expect("a request");
    let mut request = vec![0; usize::try_from(len).expect("a length")];
    stream.read_exact(&mut request).await.expect("all of it");
    i32::from_be_bytes(request[4..8].try_into().expect("four bytes"))
}

async fn answer(stream: &mut TcpStream, answer: Writer) {
    let len = u32::try_from(answer.bytes.len()).expect("a short one");
    stream.write_u32(len).await.expect("sent");
    stream.write_all(&answer.bytes).await.expect("sent");
}

/// Speaks Fetch 12, answers without any partition, and holds the second answer back as it said it would.
async fn throttling_broker(listener: TcpListener, held: Duration) {
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut versions = Writer::default();
    versions.i32(asked(&mut stream).await);
    versions.i16(0);
    versions.compact_len(1);
    for number in [1, 4, 12] {
        versions.i16(number);
    }
    versions.no_tagged();
    versions.i32(0);
    versions.no_tagged();
    answer(&mut stream, versions).await;
    for silence in [Duration::ZERO, held] {
        let mut fetched = Writer::default();
        fetched.i32(asked(&mut stream).await);
        fetched.no_tagged();
        fetched.i32(i32::try_from(held.as_millis()).expect("short"));
        fetched.i16(0);
        fetched.i32(0);
        fetched.compact_len(0);
        fetched.no_tagged();
        tokio::time::sleep(silence).await;
        answer(&mut stream, fetched).await;
    }
}

/// X15: a broker that holds answers back because of a quota, as it said, is none that does not answer.
#[tokio::test]
async fn a_quota_is_no_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let broker = tokio::spawn(throttling_broker(listener, 3 * TIMEOUT));
    let settings = Arc::new(Settings {
        brokers: Vec::new(),
        client_id: "test".into(),
        tls: None,
        login: None,
        timeout: TIMEOUT,
        wait: Duration::ZERO,
        partition_bytes: 1,
        limits: Limits::default(),
    });
    let budgets = Arc::new(Budgets::new(settings.limits));
    let (wants, wanted) = mpsc::unbounded_channel();
    let fetching = tokio::spawn(Fetcher::new(address, settings, budgets, wanted).run());
    for _ in 0..2 {
        let (want, given) = want();
        wants.send(want).expect("it is taken");
        let error = given.await.expect("a reply").expect_err("no partition");
        assert_eq!(error, MISSING);
    }
    drop(wants);
    fetching.await.expect("it ends with its senders");
    broker.await.expect("all was asked");
}
