//! The command line.
//!
//! Source of the two foreign spellings: `temporalio-sdk-core: src/ephemeral_server/mod.rs`.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use durasim::FaultKind;
use durasim_server::{IndexedValueType, Time};

use self::{dynamic_config::Setting, without_effect::WithoutEffect};

/// The namespace of those who name none. Temporal's development server always has it.
const DEFAULT_NAMESPACE: &str = "default";

/// A command, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve(Serving),
    Outline(Outlining),
    Show(Showing),
    Pull(Box<Pulling>),
}

/// The histories to fetch, and their server.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pulling {
    /// The address of the server.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "localhost:7233",
        env = "TEMPORAL_ADDRESS"
    )]
    pub(crate) address: String,
    /// The namespace of the runs.
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = DEFAULT_NAMESPACE,
        env = "TEMPORAL_NAMESPACE"
    )]
    pub(crate) namespace: String,
    /// The runs, as a list filter: `WorkflowType = "Order" AND ExecutionStatus = "Running"`. All of
    /// the namespace without it.
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) query: String,
    /// The folder for the files, one for each run. It is made if it is missing.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// The number of runs to fetch at most.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// The payloads: `keep` writes them as they are; `redact` replaces their values, keeping the
    /// shape of JSON, and with them the words of failures and the names of machines.
    #[arg(long, value_enum, default_value_t = Payloads::Keep)]
    pub(crate) payloads: Payloads,
    /// Connects with TLS. A certificate or an API key implies it.
    #[arg(long)]
    pub(crate) tls: bool,
    /// The file of the certificate authority of the server, as PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca_path: Option<PathBuf>,
    /// The file of the client's certificate, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key_path")]
    pub(crate) tls_cert_path: Option<PathBuf>,
    /// The file of the client's private key, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert_path")]
    pub(crate) tls_key_path: Option<PathBuf>,
    /// The name that the certificate of the server must have, if it is not that of the address.
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// The API key.
    #[arg(
        long,
        value_name = "KEY",
        env = "TEMPORAL_API_KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,
}

/// The treatment of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payloads {
    Keep,
    Redact,
}

/// The histories to print.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outlining {
    /// A file of JSON or of protocol buffers, a folder of such files, a pattern, or `-` for the
    /// standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// The histories to show.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Showing {
    /// A file of JSON or of protocol buffers, a folder of such files, a pattern, or `-` for the
    /// standard input.
    #[arg(value_name = "HISTORY", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The HTML file to draw them in; without one, their story is printed.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The server to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) time: Time,
    /// The first is the one that clients are told to use.
    pub(crate) namespaces: Vec<String>,
    /// The custom search attributes of every namespace.
    pub(crate) search_attributes: Vec<SearchAttribute>,
    /// The time for which closed executions are kept, if it is not the default.
    pub(crate) retention: Option<Duration>,
    /// The limits that differ from the server's defaults.
    pub(crate) settings: Vec<Setting>,
    /// True if a request to an unknown namespace registers it.
    pub(crate) registers_namespaces: bool,
    /// True if the server ends when its parent process does: an SDK started it.
    pub(crate) ends_with_parent: bool,
    pub(crate) weather: Weather,
}

/// The faults that may strike.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// The faults that may strike messages: `all`, `crashes`, `activities`, `messages`, or names of
    /// faults, such as `signal_delay`, separated by commas.
    #[arg(long, value_name = "PRESET", value_delimiter = ',')]
    pub(crate) faults: Vec<FaultName>,
    /// The seed that the faults are drawn from; another one for each run, which is printed, unless
    /// it is given.
    #[arg(long, value_name = "N", requires = "faults")]
    pub(crate) seed: Option<u64>,
    /// Prints each call and its answer.
    #[arg(long)]
    pub(crate) log: bool,
}

/// A preset of faults, or one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultName {
    All,
    Crashes,
    Activities,
    Messages,
    Kind(FaultKind),
}

impl FromStr for FaultName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = || FaultKind::ALL.into_iter().find(|kind| kind.name() == text);
        match text {
            "all" => Ok(Self::All),
            "crashes" => Ok(Self::Crashes),
            "activities" => Ok(Self::Activities),
            "messages" => Ok(Self::Messages),
            _ => kind().map(Self::Kind).ok_or_else(|| {
                let names: Vec<_> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
                format!(
                    "no such fault; one of all, crashes, activities, messages, {}",
                    names.join(", ")
                )
            }),
        }
    }
}

/// Reads the command line.
///
/// # Errors
///
/// Clap's, which knows how to print itself: also for `--help` and `--version`.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let port = arguments
        .get(1)
        .and_then(|first| first.to_str()?.parse::<u16>().ok());
    if port.is_some() {
        return TestServer::try_parse_from(arguments).map(|it| Command::Serve(it.into()));
    }
    let line = CommandLine::try_parse_from(arguments)?;
    Ok(match line.command {
        Subcommands::Serve(serve) => Command::Serve(serve.into()),
        Subcommands::Server {
            command: ServerCommand::StartDev(start),
        } => Command::Serve(start.into()),
        Subcommands::Outline(outlining) => Command::Outline(outlining),
        Subcommands::Show(showing) => Command::Show(showing),
        Subcommands::Pull(pulling) => Command::Pull(pulling),
    })
}

/// The simulated Temporal service for workers and clients of every SDK, and histories from real
/// ones.
#[derive(Debug, Parser)]
#[command(name = "durasim", version, after_help = AS_TEST_SERVER)]
struct CommandLine {
    #[command(subcommand)]
    command: Subcommands,
}

const AS_TEST_SERVER: &str = "\
`durasim PORT` runs as Temporal's test server: time skips, once a client unlocks it. Give the path \
of this program to an SDK's time-skipping test environment.";

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Serves Temporal's API on a port.
    Serve(Serve),
    /// Runs as the development server of the `temporal` command line, for SDKs that start one.
    Server {
        #[command(subcommand)]
        command: ServerCommand,
    },
    /// Prints histories, one event a line.
    Outline(Outlining),
    /// Draws histories in an HTML file, or tells their story on the terminal.
    Show(Showing),
    /// Fetches the histories of runs from a server into files.
    Pull(Box<Pulling>),
}

#[derive(Debug, Subcommand)]
enum ServerCommand {
    /// Serves Temporal's API on a port, in real time by default.
    StartDev(StartDev),
}

#[derive(Debug, Args)]
struct Serve {
    /// The port to listen on; 0 for any that is free.
    #[arg(long, default_value_t = 7233)]
    port: u16,
    /// The address to listen on. Others than the loopback address let other machines in.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// The way in which time passes.
    #[arg(long, value_enum, default_value_t = TimeArgument::Real)]
    time: TimeArgument,
    /// A namespace that exists from the beginning.
    #[arg(long = "namespace", value_name = "NAME", default_value = DEFAULT_NAMESPACE)]
    namespaces: Vec<String>,
    /// A custom search attribute of every namespace.
    #[arg(long = "search-attribute", value_name = "NAME=TYPE")]
    search_attributes: Vec<SearchAttribute>,
    /// The time for which closed executions are kept, such as `72h`. In real time it is a day
    /// unless it is given; if time skips, nothing is dropped unless it is given.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    retention: Option<Duration>,
    /// A limit, by its name in the server's dynamic configuration: `limit.blobSize.error=1000`.
    #[arg(long = "dynamic-config-value", value_name = "NAME=VALUE")]
    settings: Vec<Setting>,
    #[command(flatten)]
    weather: Weather,
}

/// A search attribute, as `Customer=Keyword`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchAttribute {
    pub(crate) name: String,
    pub(crate) value_type: IndexedValueType,
}

impl FromStr for SearchAttribute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, type_name) = text
            .split_once('=')
            .ok_or("expected NAME=TYPE, such as `Customer=Keyword`")?;
        let (_, value_type) = TYPES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(type_name))
            .ok_or_else(|| {
                let known: Vec<_> = TYPES.iter().map(|(known, _)| *known).collect();
                format!("no such type: {type_name}; one of {}", known.join(", "))
            })?;
        Ok(Self {
            name: name.to_owned(),
            value_type: *value_type,
        })
    }
}

/// The types of search attributes, as the `temporal` command line names them.
const TYPES: &[(&str, IndexedValueType)] = &[
    ("Text", IndexedValueType::Text),
    ("Keyword", IndexedValueType::Keyword),
    ("Int", IndexedValueType::Int),
    ("Double", IndexedValueType::Double),
    ("Bool", IndexedValueType::Bool),
    ("Datetime", IndexedValueType::Datetime),
    ("KeywordList", IndexedValueType::KeywordList),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TimeArgument {
    /// As outside.
    Real,
    /// Time jumps to the next timer whenever no worker has a task and no client holds it up.
    Skipping,
}

impl From<TimeArgument> for Time {
    fn from(time: TimeArgument) -> Self {
        match time {
            TimeArgument::Real => Self::Real,
            TimeArgument::Skipping => Self::Skipping { locked: false },
        }
    }
}

/// The options of `temporal server start-dev`.
#[derive(Debug, Args)]
struct StartDev {
    #[arg(long, short, default_value_t = 7233)]
    port: u16,
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    #[arg(
        long = "namespace",
        short,
        value_name = "NAME",
        default_value = DEFAULT_NAMESPACE
    )]
    namespaces: Vec<String>,
    #[arg(long = "search-attribute", value_name = "NAME=TYPE")]
    search_attributes: Vec<SearchAttribute>,
    #[arg(long = "dynamic-config-value", value_name = "NAME=VALUE")]
    settings: Vec<Setting>,
    /// The way in which time passes. `temporal` has no such option.
    #[arg(long, value_enum, default_value_t = TimeArgument::Real)]
    time: TimeArgument,
    #[command(flatten)]
    weather: Weather,
    #[command(flatten)]
    _without_effect: WithoutEffect,
}

/// The command line of Temporal's test server.
#[derive(Debug, Parser)]
#[command(name = "durasim", version)]
struct TestServer {
    /// The port to listen on.
    port: u16,
    /// Lets time skip from the beginning.
    #[arg(long)]
    enable_time_skipping: bool,
    #[command(flatten)]
    weather: Weather,
}

impl From<Serve> for Serving {
    fn from(serve: Serve) -> Self {
        Self {
            address: SocketAddr::new(serve.ip, serve.port),
            time: serve.time.into(),
            namespaces: serve.namespaces,
            search_attributes: serve.search_attributes,
            retention: serve.retention,
            settings: serve.settings,
            registers_namespaces: false,
            ends_with_parent: false,
            weather: serve.weather,
        }
    }
}

impl From<StartDev> for Serving {
    fn from(start: StartDev) -> Self {
        let mut namespaces = start.namespaces;
        if !namespaces.iter().any(|name| name == DEFAULT_NAMESPACE) {
            namespaces.push(DEFAULT_NAMESPACE.to_owned());
        }
        Self {
            address: SocketAddr::new(start.ip, start.port),
            time: start.time.into(),
            namespaces,
            search_attributes: start.search_attributes,
            retention: None,
            settings: start.settings,
            registers_namespaces: false,
            ends_with_parent: true,
            weather: start.weather,
        }
    }
}

impl From<TestServer> for Serving {
    fn from(server: TestServer) -> Self {
        Self {
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), server.port),
            time: Time::Skipping {
                locked: !server.enable_time_skipping,
            },
            namespaces: vec![DEFAULT_NAMESPACE.to_owned()],
            search_attributes: Vec::new(),
            retention: None,
            settings: Vec::new(),
            registers_namespaces: true,
            ends_with_parent: true,
            weather: server.weather,
        }
    }
}

mod dynamic_config;
mod without_effect;

#[cfg(test)]
mod tests;
