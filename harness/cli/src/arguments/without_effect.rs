//! The options of `temporal server start-dev` that change nothing here: those of its database, its
//! own web UI, its ports for other protocols, and its logs.
//!
//! Source: `temporalio/cli: internal/temporalcli/commands.yaml, cliext/option-sets.yaml`.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

const OPTIONS: &[&str] = &[
    "client-connect-timeout",
    "color",
    "command-timeout",
    "config-file",
    "db-filename",
    "env",
    "env-file",
    "http-port",
    "log-format",
    "log-level",
    "metrics-port",
    "output",
    "profile",
    "sqlite-pragma",
    "time-format",
    "ui-asset-path",
    "ui-codec-endpoint",
    "ui-ip",
    "ui-port",
    "ui-public-path",
];

const FLAGS: &[&str] = &[
    "disable-config-env",
    "disable-config-file",
    "headless",
    "log-config",
    "no-json-shorthand-payloads",
    "ui-disable-news-fetch",
];

/// Options that are accepted, and forgotten.
#[derive(Debug)]
pub(super) struct WithoutEffect;

impl Args for WithoutEffect {
    fn augment_args(command: Command) -> Command {
        let option = |name: &&'static str| hidden(name).action(ArgAction::Append);
        let flag = |name: &&'static str| hidden(name).action(ArgAction::Count);
        command
            .args(OPTIONS.iter().map(option))
            .args(FLAGS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn hidden(name: &'static str) -> Arg {
    let argument = Arg::new(name).long(name).hide(true);
    match name {
        "db-filename" => argument.short('f'),
        "output" => argument.short('o'),
        _ => argument,
    }
}

impl FromArgMatches for WithoutEffect {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}
