//! The checks of completion callbacks.
//!
//! Source: `temporalio/temporal: chasm/lib/callback/{validator,config}.go`.

use tonic::Status;

use crate::{
    api::common::{Callback, Link, callback},
    base::{checks::invalid, nexus_endpoints::CALLBACK_URL},
};

/// The callbacks of one execution (`callback.maxPerExecution`).
const MAX_CALLBACKS: usize = 2000;
/// The length of a URL, in bytes (`frontend.callbackURLMaxLength`).
const MAX_URL_BYTES: usize = 1000;
/// The size of a header, in bytes (`frontend.callbackHeaderMaxLength`).
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// The URL of the server's own components.
const INTERNAL_URL: &str = "temporal://internal";

/// Checks the callbacks of a request, and writes the names in their headers in lower case.
pub(crate) fn check(callbacks: &mut [Callback]) -> Result<(), Status> {
    if callbacks.len() > MAX_CALLBACKS {
        return invalid(format!(
            "cannot attach more than {MAX_CALLBACKS} callbacks to an execution"
        ));
    }
    for callback in callbacks {
        match &mut callback.variant {
            Some(callback::Variant::Nexus(nexus)) => {
                if nexus.url.len() > MAX_URL_BYTES {
                    return invalid(format!(
                        "invalid url: url length longer than max length allowed of {MAX_URL_BYTES}"
                    ));
                }
                allowed(&nexus.url)?;
                check_header(nexus)?;
            }
            Some(callback::Variant::Internal(_)) => {}
            Some(callback::Variant::NexusHandler(_)) => {
                return Err(Status::unimplemented(
                    "unknown callback variant: *common.Callback_NexusHandler_",
                ));
            }
            None => {
                return Err(Status::unimplemented("unknown callback variant: <nil>"));
            }
        }
    }
    Ok(())
}

/// Removes the links of a request that a Nexus callback in it has too.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`dedupLinksFromCallbacks`).
pub(super) fn remove_repeated(links: &mut Vec<Link>, callbacks: &[Callback]) {
    let is_nexus = |callback: &&Callback| {
        let variant = &callback.variant;
        matches!(variant, Some(callback::Variant::Nexus(_)))
    };
    links.retain(|link| {
        let mut callbacks = callbacks.iter().filter(is_nexus);
        !callbacks.any(|callback| callback.links.contains(link))
    });
}

/// Checks that a URL may be called. By default no address outside is allowed
/// (`callback.allowedAddresses`).
fn allowed(url: &str) -> Result<(), Status> {
    if url == CALLBACK_URL || url == INTERNAL_URL {
        return Ok(());
    }
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else {
        return invalid(format!("invalid url: unknown scheme: {url}"));
    };
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return invalid("invalid url: missing host");
    }
    invalid(format!(
        "invalid url: url does not match any configured callback address: {url}"
    ))
}

fn check_header(nexus: &mut callback::Nexus) -> Result<(), Status> {
    let sizes = nexus.header.iter();
    let size: usize = sizes.map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_HEADER_BYTES {
        return invalid(format!(
            "invalid header: header size longer than max allowed size of {MAX_HEADER_BYTES}"
        ));
    }
    let header = std::mem::take(&mut nexus.header).into_iter();
    nexus.header = header
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    Ok(())
}
