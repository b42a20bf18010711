//! Pulls from the simulated service behind a port.

use std::net::{Ipv4Addr, SocketAddr};

use durasim_server::{Server, ServerOptions};
use pretty_assertions::assert_eq;
use temporalio_client::{UntypedSignal, WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};

use super::*;

fn raw(text: &str) -> RawValue {
    RawValue::from_value(&text.to_owned(), &PayloadConverter::default())
}

fn pulling(address: SocketAddr, output: &Path) -> Pulling {
    Pulling {
        address: address.to_string(),
        namespace: "default".to_owned(),
        query: "WorkflowType = 'Order'".to_owned(),
        output: output.to_owned(),
        limit: None,
        payloads: Payloads::Keep,
        tls: false,
        tls_ca_path: None,
        tls_cert_path: None,
        tls_key_path: None,
        tls_server_name: None,
        api_key: None,
    }
}

async fn start(client: &Client, workflow_type: &str, id: &str) {
    let workflow = UntypedWorkflow::new(workflow_type);
    let options = WorkflowStartOptions::new("orders", id).build();
    let started = client.start_workflow(workflow, raw("a secret"), options);
    started.await.expect("the workflow starts");
}

fn outlines(folder: &Path) -> String {
    let histories = History::from_path(folder).expect("every file is whole");
    let outlines: Vec<_> = histories.iter().map(History::outline).collect();
    outlines.join("\n")
}

fn pulled(written: usize, skipped: usize) -> Pulled {
    Pulled {
        written,
        skipped,
        failed: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_pulled_once_and_again_when_they_have_grown() {
    let server = Server::bind(ServerOptions::new((Ipv4Addr::LOCALHOST, 0).into()))
        .await
        .expect("a free port");
    let address = server.local_address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("runs");
    let pulling = pulling(address, &folder);
    let client = connect(&pulling).await.expect("the server is there");
    for id in ["order-1", "../order/2", "order-3"] {
        start(&client, "Order", id).await;
    }
    start(&client, "Other", "other").await;

    // Each run of the query is written, and no other.
    assert_eq!(fetch(&pulling).await.expect("a pull"), pulled(3, 0));
    let histories = History::from_path(&folder).expect("every file is whole");
    let mut ids: Vec<_> = histories.iter().map(History::workflow_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["../order/2", "order-1", "order-3"]);
    assert_eq!(fetch(&pulling).await.expect("a pull"), pulled(0, 3));

    // A file that is cut, and a run that has gone on, are fetched again.
    let files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder")
        .map(|it| it.expect("an entry").path())
        .collect();
    let mut files = files.iter();
    let first = files.find(|path| path.to_string_lossy().contains("order-1"));
    let first = first.expect("its file");
    let text = fs::read_to_string(first).expect("its text");
    fs::write(first, &text[..text.len() / 2]).expect("the file can be written");
    let third = client.get_workflow_handle::<UntypedWorkflow>("order-3");
    let signal = UntypedSignal::new("packed");
    third
        .signal(signal, raw("a box"), WorkflowSignalOptions::default())
        .await
        .expect("the run is open");
    assert_eq!(fetch(&pulling).await.expect("a pull"), pulled(2, 1));
    assert!(outlines(&folder).contains("packed(\"a box\")"));

    // Nothing else is left in the folder, and redacted payloads are not there.
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 3);
    let redacted = Pulling {
        payloads: Payloads::Redact,
        output: folder.join("redacted"),
        limit: Some(2),
        ..pulling.clone()
    };
    assert_eq!(fetch(&redacted).await.expect("a pull"), pulled(2, 0));
    let shown = outlines(&redacted.output);
    assert!(
        shown.contains("Order(\"redacted-1\")") && !shown.contains("secret"),
        "{shown}"
    );

    // Errors say what is wrong.
    let error = |pulling: Pulling| async move {
        let error = fetch(&pulling).await.expect_err("it cannot be pulled");
        error.to_string()
    };
    let query = "WorkflowType is Order".to_owned();
    let refused = error(Pulling {
        query,
        ..pulling.clone()
    })
    .await;
    assert!(
        refused.starts_with("cannot list the runs of default: "),
        "{refused}"
    );
    let tls = error(Pulling {
        tls: true,
        ..pulling.clone()
    })
    .await;
    if !cfg!(feature = "tls") {
        assert!(tls.contains("--features tls"), "{tls}");
    }
    let _ = stop.send(());
    let _ = serving.await;
}

#[test]
fn a_file_is_named_for_its_run() {
    assert_eq!(file_name("../a b/ü", "run-1"), "_a_b__.run-1.json");
    assert_eq!(file_name(&"x".repeat(900), "run-1").len(), MAX_ID + 11);
}
