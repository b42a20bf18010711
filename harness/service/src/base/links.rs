//! Links between events, as messages of Temporal's and as the URLs that Nexus carries.
//!
//! Source: `temporalio/temporal: common/nexus/link_converter.go`.

use temporalio_protos::temporal::api::{
    common::v1::{
        Link, WorkflowExecution,
        link::{
            Activity, Variant, Workflow, WorkflowEvent,
            workflow_event::{EventReference, Reference, RequestIdReference},
        },
    },
    enums::v1::EventType,
    nexus::v1::Link as NexusLink,
};

/// The type of a link to an event, in Nexus.
const WORKFLOW_EVENT: &str = "temporal.api.common.v1.Link.WorkflowEvent";

/// The type of a link to a standalone activity, in Nexus.
const ACTIVITY: &str = "temporal.api.common.v1.Link.Activity";

/// Returns the link to an event of a run.
pub(crate) fn to_event(
    namespace: &str,
    workflow_id: &str,
    run_id: &str,
    event_id: i64,
    event_type: EventType,
) -> Link {
    let reference = Reference::EventRef(EventReference {
        event_id,
        event_type: event_type.into(),
    });
    of_workflow(namespace, workflow_id, run_id, reference)
}

/// Returns the link to the event of a run that a request left.
pub(crate) fn to_request(
    namespace: &str,
    workflow_id: &str,
    run_id: &str,
    request_id: &str,
    event_type: EventType,
) -> Link {
    let reference = Reference::RequestIdRef(RequestIdReference {
        request_id: request_id.to_owned(),
        event_type: event_type.into(),
    });
    of_workflow(namespace, workflow_id, run_id, reference)
}

/// Returns the link to a run, with the reason for which it leads to no event.
pub(crate) fn to_workflow(namespace: &str, run: WorkflowExecution, reason: &str) -> Link {
    Link {
        variant: Some(Variant::Workflow(Workflow {
            namespace: namespace.to_owned(),
            workflow_id: run.workflow_id,
            run_id: run.run_id,
            reason: reason.to_owned(),
        })),
    }
}

fn of_workflow(namespace: &str, workflow_id: &str, run_id: &str, reference: Reference) -> Link {
    Link {
        variant: Some(Variant::WorkflowEvent(WorkflowEvent {
            namespace: namespace.to_owned(),
            workflow_id: workflow_id.to_owned(),
            run_id: run_id.to_owned(),
            reference: Some(reference),
        })),
    }
}

/// Writes a link to an event as a URL; `None` for another link.
pub(crate) fn to_nexus(link: &Link) -> Option<NexusLink> {
    let Some(Variant::WorkflowEvent(event)) = &link.variant else {
        return None;
    };
    // The parameters are in the order of their names.
    let query = match event.reference.as_ref()? {
        Reference::EventRef(it) => {
            let id = (it.event_id > 0).then(|| format!("eventID={}&", it.event_id));
            let event_type = name_of(it.event_type());
            let id = id.unwrap_or_default();
            format!("{id}eventType={event_type}&referenceType=EventReference")
        }
        Reference::RequestIdRef(it) => format!(
            "eventType={}&referenceType=RequestIdReference&requestID={}",
            name_of(it.event_type()),
            escape(&it.request_id)
        ),
    };
    let [namespace, workflow_id, run_id] =
        [&event.namespace, &event.workflow_id, &event.run_id].map(|part| escape(part));
    Some(NexusLink {
        url: format!(
            "temporal:///namespaces/{namespace}/workflows/{workflow_id}/{run_id}/history?{query}"
        ),
        r#type: WORKFLOW_EVENT.to_owned(),
    })
}

/// Returns the link to a standalone Nexus operation.
pub(crate) fn to_operation(namespace: &str, operation_id: &str, run_id: &str) -> NexusLink {
    let [namespace, operation_id, run_id] = [namespace, operation_id, run_id].map(escape);
    NexusLink {
        url: format!(
            "temporal:///namespaces/{namespace}/nexus-operations/{operation_id}/{run_id}/details"
        ),
        r#type: "temporal.api.common.v1.Link.NexusOperation".to_owned(),
    }
}

/// Reads the links of a handler. The server drops those that it does not know.
pub(crate) fn from_nexus(links: &[NexusLink]) -> Vec<Link> {
    links.iter().filter_map(read).collect()
}

fn read(link: &NexusLink) -> Option<Link> {
    let url = link.url.strip_prefix("temporal://")?;
    match link.r#type.as_str() {
        WORKFLOW_EVENT => read_event(url),
        ACTIVITY => read_activity(url),
        _ => None,
    }
}

fn read_activity(url: &str) -> Option<Link> {
    let path = url.split('?').next()?;
    let parts: Vec<&str> = path.split('/').collect();
    let [
        "",
        "namespaces",
        namespace,
        "activities",
        activity_id,
        run_id,
        "details",
    ] = parts[..]
    else {
        return None;
    };
    Some(Link {
        variant: Some(Variant::Activity(Activity {
            namespace: unescape(namespace)?,
            activity_id: unescape(activity_id)?,
            run_id: unescape(run_id)?,
        })),
    })
}

fn read_event(url: &str) -> Option<Link> {
    let (path, query) = url.split_once('?')?;
    let parts: Vec<&str> = path.split('/').collect();
    let [
        "",
        "namespaces",
        namespace,
        "workflows",
        workflow_id,
        run_id,
        "history",
    ] = parts[..]
    else {
        return None;
    };
    let parameter = |name: &str| {
        let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = parameters.find(|(key, _)| *key == name)?;
        unescape(&value.replace('+', " "))
    };
    let event_type = named(&parameter("eventType")?)?.into();
    let reference = match parameter("referenceType")?.as_str() {
        "EventReference" => Reference::EventRef(EventReference {
            event_id: parameter("eventID").map_or(Ok(0), |id| id.parse()).ok()?,
            event_type,
        }),
        "RequestIdReference" => Reference::RequestIdRef(RequestIdReference {
            request_id: parameter("requestID").unwrap_or_default(),
            event_type,
        }),
        _ => return None,
    };
    Some(of_workflow(
        &unescape(namespace)?,
        &unescape(workflow_id)?,
        &unescape(run_id)?,
        reference,
    ))
}

/// Returns the short name of an event type: `NexusOperationScheduled`.
fn name_of(event_type: EventType) -> String {
    let name = event_type.as_str_name();
    let words = name.strip_prefix("EVENT_TYPE_").unwrap_or(name).split('_');
    words
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next();
            first
                .into_iter()
                .chain(letters.map(|it| it.to_ascii_lowercase()))
        })
        .collect()
}

fn named(name: &str) -> Option<EventType> {
    EventType::from_str_name(name).or_else(|| {
        let mut all = (0..256).filter_map(|number| EventType::try_from(number).ok());
        all.find(|event_type| name_of(*event_type) == name)
    })
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&byte);
    let mut escaped = String::new();
    for byte in text.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from_digit(half.into(), 16);
            let digits = [digit(byte >> 4), digit(byte & 0xf)];
            escaped.push('%');
            escaped.extend(
                digits
                    .into_iter()
                    .flatten()
                    .map(|it| it.to_ascii_uppercase()),
            );
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_survives_its_url() {
        let links = [
            to_event(
                "default",
                "order 1/ä",
                "run",
                5,
                EventType::NexusOperationScheduled,
            ),
            to_request(
                "default",
                "order",
                "run",
                "a b",
                EventType::WorkflowExecutionSignaled,
            ),
        ];
        let urls: Vec<_> = links.iter().filter_map(to_nexus).collect();
        assert_eq!(
            urls[0].url,
            "temporal:///namespaces/default/workflows/order%201%2F%C3%A4/run/history\
             ?eventID=5&eventType=NexusOperationScheduled&referenceType=EventReference"
        );
        assert_eq!(from_nexus(&urls), links);
    }

    #[test]
    fn a_link_to_an_activity_is_read_from_its_url() {
        let link = NexusLink {
            url: "temporal:///namespaces/default/activities/charge%201/run/details".to_owned(),
            r#type: ACTIVITY.to_owned(),
        };
        let activity = Activity {
            namespace: "default".to_owned(),
            activity_id: "charge 1".to_owned(),
            run_id: "run".to_owned(),
        };
        let variant = Some(Variant::Activity(activity));
        assert_eq!(from_nexus(&[link]), [Link { variant }]);
    }

    #[test]
    fn unknown_links_are_dropped() {
        for url in [
            "",
            "https://example.com",
            "temporal:///namespaces/a?eventType=b",
        ] {
            let link = NexusLink {
                url: url.to_owned(),
                r#type: WORKFLOW_EVENT.to_owned(),
            };
            assert_eq!(from_nexus(&[link]), []);
        }
    }
}
