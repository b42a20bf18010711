//! `durasim pull`: the histories of runs from a server, one file each.
//!
//! A pull may be broken off and begun again: a file is written as a whole or not at all, and a run
//! whose file is there and whole is not fetched again.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use durasim::History;
use futures::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use prost::Message;
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, NamespacedClient,
    TlsOptions, Url, WorkflowCountOptions, WorkflowExecution, WorkflowExecutionInfo,
    WorkflowFetchHistoryOptions, WorkflowListOptions,
};
use temporalio_protos::temporal::api::history::v1::History as HistoryProto;

use crate::{
    arguments::{Payloads, Pulling},
    redact::redacted,
};

/// The number of histories that are fetched at a time.
const AT_A_TIME: usize = 8;

/// The length of a workflow id in the name of a file, in characters.
const MAX_ID: usize = 80;

/// The number of runs, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pulled {
    /// The runs whose history was written.
    pub(crate) written: usize,
    /// The runs whose history was there.
    pub(crate) skipped: usize,
    /// The runs whose history could not be fetched.
    pub(crate) failed: usize,
}

/// Fetches the histories, and says how many.
///
/// # Errors
///
/// If the server cannot be reached, the folder cannot be written, or any run failed.
pub(crate) fn pull(pulling: &Pulling) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let pulled = runtime.block_on(fetch(pulling))?;
    let Pulled {
        written,
        skipped,
        failed,
    } = pulled;
    let folder = pulling.output.display();
    println!("{written} histories written to {folder}, {skipped} were there already");
    match failed {
        0 => Ok(()),
        count => Err(format!("{count} runs could not be fetched; pull again to try them").into()),
    }
}

/// Fetches the histories that are not there yet.
///
/// # Errors
///
/// If the server cannot be reached or refuses the query, or the folder cannot be written.
pub(crate) async fn fetch(pulling: &Pulling) -> Result<Pulled, Box<dyn Error>> {
    fs::create_dir_all(&pulling.output)
        .map_err(|error| format!("cannot make {}: {error}", pulling.output.display()))?;
    let client = connect(pulling).await?;
    let progress = progress(&client, pulling).await;
    let options = WorkflowListOptions::builder()
        .maybe_limit(pulling.limit)
        .build();
    let runs = client.list_workflows(pulling.query.as_str(), options);
    let fetched = runs
        .map_ok(|run| one(&client, pulling, run, &progress))
        .try_buffer_unordered(AT_A_TIME)
        .try_fold(Pulled::default(), |mut pulled, what| async move {
            match what {
                Done::Written => pulled.written += 1,
                Done::Skipped => pulled.skipped += 1,
                Done::Failed => pulled.failed += 1,
            }
            Ok(pulled)
        })
        .await
        .map_err(|error| format!("cannot list the runs of {}: {error}", pulling.namespace))?;
    progress.finish_and_clear();
    Ok(fetched)
}

/// The end of one run's fetch.
enum Done {
    Written,
    Skipped,
    Failed,
}

/// Connects the official client.
async fn connect(pulling: &Pulling) -> Result<Client, Box<dyn Error>> {
    let needs_tls = pulling.tls
        || pulling.api_key.is_some()
        || pulling.tls_ca_path.is_some()
        || pulling.tls_cert_path.is_some();
    if needs_tls && !cfg!(feature = "tls") {
        return Err("this build of durasim has no TLS; install it with `--features tls`".into());
    }
    let scheme = if needs_tls { "https" } else { "http" };
    let target: Url = format!("{scheme}://{}", pulling.address)
        .parse()
        .map_err(|error| format!("{} is no address: {error}", pulling.address))?;
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let tls = needs_tls
        .then(|| -> Result<TlsOptions, String> {
            let client = match (&pulling.tls_cert_path, &pulling.tls_key_path) {
                (Some(cert), Some(key)) => Some(
                    ClientTlsOptions::builder()
                        .client_cert(read(cert)?)
                        .client_private_key(read(key)?)
                        .build(),
                ),
                _ => None,
            };
            let authority = pulling.tls_ca_path.as_ref().map(read).transpose()?;
            Ok(TlsOptions::builder()
                .maybe_server_root_ca_cert(authority)
                .maybe_domain(pulling.tls_server_name.clone())
                .maybe_client_tls_options(client)
                .build())
        })
        .transpose()?;
    let options = ConnectionOptions::new(target)
        .identity("durasim pull")
        .maybe_tls_options(tls)
        .maybe_api_key(pulling.api_key.clone())
        .build();
    let connection = Connection::connect(options)
        .await
        .map_err(|error| format!("cannot connect to {}: {error}", pulling.address))?;
    let options = ClientOptions::new(pulling.namespace.clone()).build();
    Ok(Client::new(connection, options)?)
}

/// Returns a progress bar with the number of runs, or one without if the server does not count.
async fn progress(client: &Client, pulling: &Pulling) -> ProgressBar {
    let counted = client.count_workflows(pulling.query.as_str(), WorkflowCountOptions::default());
    let Ok(count) = counted.await else {
        return ProgressBar::new_spinner();
    };
    let limit = pulling.limit.map_or(u64::MAX, |limit| limit as u64);
    let bar = ProgressBar::new(u64::try_from(count.count()).unwrap_or(0).min(limit));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} histories, {eta} left {msg}");
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

/// Fetches one run, unless its file is there and whole. A failure is told, and does not end the
/// pull.
async fn one(
    client: &Client,
    pulling: &Pulling,
    run: WorkflowExecution,
    progress: &ProgressBar,
) -> Result<Done, temporalio_client::errors::ClientError> {
    let path = pulling.output.join(file_name(run.id(), run.run_id()));
    let done = if is_whole(&path, run.history_length()) {
        Done::Skipped
    } else {
        match write(client, pulling.payloads, &run, &path).await {
            Ok(()) => Done::Written,
            Err(error) => {
                let (id, run_id) = (run.id(), run.run_id());
                progress.suspend(|| eprintln!("error: {id} (run {run_id}): {error}"));
                Done::Failed
            }
        }
    };
    progress.inc(1);
    Ok(done)
}

async fn write(
    client: &Client,
    payloads: Payloads,
    run: &WorkflowExecution,
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let info = WorkflowExecutionInfo::builder()
        .namespace(client.namespace())
        .workflow_id(run.id())
        .run_id(run.run_id())
        .build();
    let events = info
        .bind_untyped(client.clone())
        .fetch_history(WorkflowFetchHistoryOptions::default())
        .into_events()
        .await?;
    // What cannot be read again is not kept.
    let history = History::from_protobuf(HistoryProto { events }.encode_to_vec())?;
    let text = match payloads {
        Payloads::Keep => history.to_json(),
        Payloads::Redact => redacted(&history)?,
    };
    write_whole(path, &text)?;
    Ok(())
}

/// Writes a file as a whole or not at all.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Returns `true` if a file holds the history of a run that has so many events.
fn is_whole(path: &Path, events: i64) -> bool {
    path.exists()
        && History::from_file(path).is_ok_and(|history| {
            i64::try_from(history.events().len()).is_ok_and(|there| there >= events)
        })
}

/// Returns the name of a run's file: the workflow id as far as file systems take it, and the run
/// id, which tells runs apart.
fn file_name(workflow_id: &str, run_id: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
            letter
        } else {
            '_'
        }
    };
    let id: String = workflow_id.chars().take(MAX_ID).map(plain).collect();
    format!("{}.{run_id}.json", id.trim_start_matches('.'))
}

#[cfg(test)]
mod tests;
