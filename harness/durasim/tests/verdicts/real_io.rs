//! Activities that talk to real sockets, allowed or not.
#![allow(
    clippy::disallowed_methods,
    reason = "the server is a thread of the machine"
)]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
};

use durasim::{advanced::TestOptions, prelude::*, report::FailureCode};
use futures::FutureExt;
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    common::{Greeter, Greetings},
    failing::{failure, report_with},
    greets, on,
};

/// Asks a server.
struct Client;

#[activities]
impl Client {
    #[activity]
    async fn asks(_ctx: ActivityContext, server: SocketAddr) -> Result<String, ActivityError> {
        let mut socket = tokio::net::TcpStream::connect(server).await?;
        socket.write_all(b"?").await?;
        // Tokio's timers are the machine's here.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

#[workflow]
#[derive(Default)]
struct Asks;

#[workflow_methods]
impl Asks {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, server: SocketAddr) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(Client::asks, server, options).await?)
    }
}

/// Starts a server that answers one question after this long, or never.
fn server(after: Option<Duration>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the address of the port");
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut question = [0];
            let _ = socket.read_exact(&mut question);
            std::thread::sleep(after.unwrap_or(Duration::from_hours(1)));
            let _ = socket.write_all(b"yes");
        }
    });
    address
}

async fn asks(env: &TestWorkflowEnvironment, server: SocketAddr) -> TestResult<String> {
    env.worker("shop")
        .workflow::<Asks>()
        .activity(Client::asks)
        .real_io()
        .start()?;
    let client = env.client();
    let handle = client.start_workflow(Asks::run, server, on("shop")).await?;
    Ok(handle
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

#[workflow_test]
async fn virtual_time_stands_still_while_an_activity_talks_to_a_server(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (began, server) = (env.now(), server(Some(Duration::from_millis(30))));
    // A timer of somebody else does not fire meanwhile.
    let other = env.spawn({
        let env = env.clone();
        async move { env.sleep(Duration::from_millis(1)).await }
    });
    assert_eq!(asks(&env, server).await?, "yes");
    assert_eq!(env.now(), began);
    other.await;
    Ok(())
}

#[test]
fn a_failure_beside_real_input_and_output_says_that_it_may_not_come_back() {
    let report = report_with(TestOptions::new(), |env| {
        async move {
            assert_eq!(asks(&env, server(Some(Duration::ZERO))).await?, "no");
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    assert_eq!(report.failure.code, FailureCode::Panic);
    let words = "  real I/O  of Client::asks: this world cannot be repeated exactly\n";
    assert!(report.to_string().contains(words), "{report}");
}

#[test]
fn a_server_that_never_answers_is_a_limit() {
    let limits = Limits {
        max_stall_ms: 300,
        ..Limits::default()
    };
    let report = report_with(TestOptions::new().limits(limits), |env| {
        async move { asks(&env, server(None)).await.map(drop) }.boxed_local()
    });
    assert_eq!(
        report.failure.what,
        "Client::asks has waited for real input or output for 300ms"
    );
}

#[test]
fn an_activity_that_may_not_talk_to_a_server_is_named_with_its_line() {
    let report = report_with(TestOptions::new(), |env| {
        async move {
            env.worker("shop")
                .workflow::<Asks>()
                .activity(Client::asks)
                .start()?;
            let client = env.client();
            let nowhere: SocketAddr = ([127, 0, 0, 1], 9).into();
            let handle = client
                .start_workflow(Asks::run, nowhere, on("shop"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    let line = report.failure.location.as_ref().expect("the line");
    assert!(line.file.ends_with("real_io.rs"), "{report}");
    insta::assert_snapshot!(report);
}

#[test]
fn a_test_and_a_mock_that_talk_to_a_server_are_told_apart() {
    let connects = || tokio::net::TcpStream::connect("127.0.0.1:9");
    let of_test = failure(move |_env| async move { drop(connects().await) }.boxed_local());
    assert_eq!(of_test.code, FailureCode::Escape);
    assert!(of_test.what.starts_with("the test does real"), "{of_test}");
    let of_mock = failure(move |env| {
        async move {
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, move |call| async move {
                    connects().await?;
                    Ok(call.input)
                })
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    });
    assert_eq!(of_mock.code, FailureCode::Escape);
    assert!(
        of_mock
            .what
            .starts_with("the mock of Greetings::greet does"),
        "{of_mock}"
    );
}

#[test]
fn real_io_without_an_activity_is_an_error_of_the_setup() {
    let failure = failure(|env| {
        async move {
            env.worker("shop").workflow::<Asks>().real_io().start()?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    let message = failure.message.expect("the error");
    assert!(
        message.contains("write `.activity(..).real_io()`"),
        "{message}"
    );
}
