//! The front door under whatever comes in: bytes that are no message, frames that lie, bombs, and
//! connections that go away.

#![allow(
    clippy::disallowed_methods,
    reason = "a server runs in real time, and its tasks are Tokio's"
)]

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use durasim_server::{Server, ServerOptions};
use h2::client::SendRequest;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};
use tonic::Code;

const WORKFLOWS: &str = "temporal.api.workflowservice.v1.WorkflowService";
const MEBIBYTE: usize = 1024 * 1024;

/// A server that runs.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    async fn new() -> Self {
        let options = ServerOptions::new((Ipv4Addr::LOCALHOST, 0).into());
        let server = Server::bind(options).await.expect("a port that is free");
        let address = server.local_address();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            server.run_until(stop).await.expect("it serves");
        });
        Self {
            address,
            stop,
            served,
        }
    }

    /// Connects by HTTP/2.
    async fn connect(&self) -> SendRequest<Bytes> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    async fn end(self) {
        // A server that has gone already would show in `served`.
        let _ = self.stop.send(());
        self.served.await.expect("no panic");
    }
}

/// Sends this body to an RPC, and returns the code of the answer.
async fn post(
    client: &mut SendRequest<Bytes>,
    path: &str,
    encoding: Option<&str>,
    mut body: Bytes,
) -> Code {
    let mut request = http::Request::post(format!("http://localhost/{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let mut ready = client.clone().ready().await.expect("an open connection");
    let (answer, mut stream) = ready
        .send_request(request.body(()).unwrap(), false)
        .expect("a request");
    // The server may answer, and reset the stream, before it has read everything.
    while !body.is_empty() {
        stream.reserve_capacity(body.len().min(MEBIBYTE));
        let Some(Ok(capacity)) = std::future::poll_fn(|it| stream.poll_capacity(it)).await else {
            break;
        };
        let part = body.split_to(capacity.min(body.len()));
        if stream.send_data(part, body.is_empty()).is_err() {
            break;
        }
    }
    let answer = answer.await.expect("an answer");
    let code = |headers: &http::HeaderMap| {
        let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
        Some(Code::from_i32(code))
    };
    if let Some(code) = code(answer.headers()) {
        return code;
    }
    let mut body = answer.into_body();
    while let Some(Ok(part)) = body.data().await {
        // The window is ours to keep open.
        let _ = body.flow_control().release_capacity(part.len());
    }
    let trailers = body.trailers().await.expect("trailers").unwrap_or_default();
    code(&trailers).expect("a code")
}

/// Returns a message in gRPC's frame.
fn framed(compressed: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.extend_from_slice(&[compressed]);
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame.freeze()
}

fn gzipped(message: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(message).unwrap();
    gzip.finish().unwrap()
}

/// Checks that the server still answers.
async fn is_well(client: &mut SendRequest<Bytes>) {
    let path = format!("{WORKFLOWS}/GetSystemInfo");
    assert_eq!(post(client, &path, None, framed(0, &[])).await, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_refused() {
    let server = Running::new().await;
    let mut client = server.connect().await;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for rpc in [
        "StartWorkflowExecution",
        "PollWorkflowTaskQueue",
        "RespondWorkflowTaskCompleted",
        "RespondActivityTaskCompleted",
        "ListWorkflowExecutions",
        "CreateSchedule",
        "UpdateWorkflowExecution",
        "RegisterNamespace",
    ] {
        for _ in 0..100 {
            let mut message = vec![0; usize::try_from(random.next_u32() % 200).unwrap() + 1];
            random.fill_bytes(&mut message);
            let path = format!("{WORKFLOWS}/{rpc}");
            let code = post(&mut client, &path, None, framed(0, &message)).await;
            assert_ne!(code, Code::Unknown, "{rpc} {message:?}");
        }
    }
    for path in ["nothing.Here/There", &format!("{WORKFLOWS}/Fly"), ""] {
        let code = post(&mut client, path, None, framed(0, &[])).await;
        assert_eq!(code, Code::Unimplemented, "{path}");
    }
    is_well(&mut client).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_lie_are_refused() {
    let server = Running::new().await;
    let mut client = server.connect().await;
    let path = format!("{WORKFLOWS}/StartWorkflowExecution");
    let mut short = framed(0, b"twelve bytes").to_vec();
    short[4] = 200;
    for (what, encoding, body) in [
        ("longer than the message", None, Bytes::from(short)),
        ("compressed, without an encoding", None, framed(1, b"x")),
        (
            "compressed, and no gzip",
            Some("gzip"),
            framed(1, b"no gzip"),
        ),
        ("an encoding nobody has", Some("brotli"), framed(1, b"x")),
        ("a flag that is none", None, framed(7, b"x")),
        ("no frame", None, Bytes::from_static(b"\x00\x00")),
    ] {
        let code = post(&mut client, &path, encoding, body).await;
        assert!(
            code != Code::Ok && code != Code::Unknown,
            "{what}: {code:?}"
        );
    }
    is_well(&mut client).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_four_mebibytes_are_refused_unpacked_or_not() {
    let server = Running::new().await;
    let mut client = server.connect().await;
    let path = format!("{WORKFLOWS}/StartWorkflowExecution");
    let large = vec![0; 100 * MEBIBYTE];
    let code = post(&mut client, &path, None, framed(0, &large)).await;
    assert_eq!(code, Code::ResourceExhausted, "100 MiB as they are");
    let bomb = gzipped(&large);
    assert!(bomb.len() < MEBIBYTE / 4);
    let code = post(&mut client, &path, Some("gzip"), framed(1, &bomb)).await;
    assert_eq!(code, Code::ResourceExhausted, "100 MiB as a bomb");
    let mut other = server.connect().await;
    is_well(&mut other).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_random_bytes_end() {
    let server = Running::new().await;
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for preface in [
        &b""[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
    ] {
        for _ in 0..30 {
            let mut bytes = vec![0; 4_096];
            random.fill_bytes(&mut bytes);
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            // The server may hang up in the middle.
            let _ = stream.write_all(preface).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let read = stream.read_to_end(&mut answer);
            let ended = tokio::time::timeout(Duration::from_secs(20), read).await;
            assert!(ended.is_ok(), "the server hangs up");
        }
    }
    is_well(&mut server.connect().await).await;
    server.end().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_that_go_away_leave_nothing() {
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let server = Running::new().await;
    is_well(&mut server.connect().await).await;
    let before = open_files();
    for round in 0..100 {
        let opened: Vec<_> = (0..100)
            .map(|_| TcpStream::connect(server.address))
            .collect();
        for stream in futures::future::join_all(opened).await {
            let mut stream = stream.unwrap();
            if round % 2 == 0 {
                // Half of a greeting.
                let _ = stream.write_all(b"PRI * HTTP/2.0\r\n").await;
            }
        }
    }
    // The server notices each end on its own time.
    for _ in 0..200 {
        if open_files() <= before + 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(open_files() <= before + 10, "{} of {before}", open_files());
    is_well(&mut server.connect().await).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_the_server_is_told_to_callers_that_compress() {
    let server = Running::new().await;
    let mut client = server.connect().await;
    for (path, answer) in [
        ("grpc.health.v1.Health/Check", Code::Ok),
        // A request that asks nothing is understood, and refused.
        (
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            Code::InvalidArgument,
        ),
    ] {
        let request = framed(1, &gzipped(&[]));
        let code = post(&mut client, path, Some("gzip"), request).await;
        assert_eq!(code, answer, "{path}");
    }
    server.end().await;
}
