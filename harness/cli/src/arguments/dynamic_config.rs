//! Settings of Temporal's dynamic configuration: the limits of the service, by the server's names.
//!
//! Source: `temporalio/temporal: common/dynamicconfig/constants.go`.

use std::str::FromStr;

use durasim_server::ServerOptions;

/// A setting, as `limit.blobSize.error=1000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    name: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or("expected NAME=VALUE, such as `limit.blobSize.error=1000`")?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl Setting {
    /// Sets the limit of this name, if there is one: the server has many settings that would change
    /// nothing here.
    ///
    /// # Errors
    ///
    /// The text of a value that is no number.
    pub(crate) fn apply(&self, options: &mut ServerOptions) -> Result<(), String> {
        let limits = &mut options.service.limits;
        let value = &self.value;
        let is_set = match self.name.as_str() {
            "limit.historyCount.error" => set(&mut limits.history_events, value),
            "limit.historySize.error" => set(&mut limits.history_bytes, value),
            "limit.historyCount.suggestContinueAsNew" => {
                set(&mut limits.suggest_continue_as_new_events, value)
            }
            "limit.historySize.suggestContinueAsNew" => {
                set(&mut limits.suggest_continue_as_new_bytes, value)
            }
            "limit.numPendingActivities.error" => set(&mut limits.pending_activities, value),
            "limit.numPendingChildExecutions.error" => set(&mut limits.pending_children, value),
            "limit.numPendingSignals.error" => set(&mut limits.pending_signals, value),
            "limit.numPendingCancelRequests.error" => {
                set(&mut limits.pending_cancel_requests, value)
            }
            "limit.blobSize.error" => set(&mut limits.payload_bytes, value),
            "limit.memoSize.error" => set(&mut limits.memo_bytes, value),
            "limit.maxIDLength" => set(&mut limits.id_length, value),
            "history.maximumSignalsPerExecution" => set(&mut limits.signals, value),
            _ => true,
        };
        is_set
            .then_some(())
            .ok_or_else(|| format!("{} is no number: {value}", self.name))
    }
}

/// Returns `false` if the value does not fit the limit.
fn set<T: FromStr>(limit: &mut T, value: &str) -> bool {
    value.parse().map(|value| *limit = value).is_ok()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn options() -> ServerOptions {
        ServerOptions::new(([127, 0, 0, 1], 0).into())
    }

    #[test]
    fn a_setting_changes_the_limit_of_its_name() {
        let mut options = options();
        for text in [
            "limit.blobSize.error=1000",
            "limit.historyCount.suggestContinueAsNew=50",
            "frontend.activityAPIsEnabled=true",
        ] {
            let setting: Setting = text.parse().expect("a setting");
            setting.apply(&mut options).expect("a number, or no limit");
        }
        let limits = &options.service.limits;
        assert_eq!(limits.payload_bytes, 1000);
        assert_eq!(limits.suggest_continue_as_new_events, 50);
    }

    #[test]
    fn a_limit_that_is_no_number_is_an_error() {
        let setting: Setting = "limit.blobSize.error=much".parse().expect("a setting");
        let refused = setting.apply(&mut options());
        assert_eq!(
            refused,
            Err("limit.blobSize.error is no number: much".to_owned())
        );
        assert!("limit.blobSize.error".parse::<Setting>().is_err());
    }
}
