//! `Debug` text of the SDK's errors, shortened to the chain of their messages.
//!
//! `unwrap` and `expect` print an error with `Debug`. For an error of the SDK these are about a
//! thousand characters of protobuf, in which each message of the chain appears several times.

/// The shortest `Debug` text that is shortened.
const LONG: usize = 200;

/// The words with which a message of a failure begins in `Debug` text.
const MESSAGE: &str = "message: \"";

/// Returns a line with the `Debug` text of an SDK error in it replaced by the chain of the error's
/// messages: `Failed(Activity task failed: card declined)`.
pub(super) fn shortened(line: &str) -> String {
    let short = || {
        let start = value_start(line)?;
        let end = start + value_end(&line[start..])?;
        let value = &line[start..end];
        if value.len() < LONG || !value.contains("failure_info: ") {
            return None;
        }
        let name = value.split('(').next()?;
        let chain = messages(value).join(": ");
        Some(format!("{}{name}({chain}){}", &line[..start], &line[end..]))
    };
    short().unwrap_or_else(|| line.to_owned())
}

/// Returns the place of the first name of a variant with a value in it: `Failed(`.
fn value_start(line: &str) -> Option<usize> {
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.chars().all(|letter| letter.is_ascii_alphanumeric())
    };
    line.match_indices('(').find_map(|(open, _)| {
        let name = line[..open].rsplit(|letter: char| !letter.is_ascii_alphanumeric());
        let start = open - name.into_iter().next()?.len();
        is_name(&line[start..open]).then_some(start)
    })
}

/// Returns the end of the value that begins a text: where its first bracket closes.
fn value_end(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (index, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns the messages of the failures in a `Debug` text, outermost first, each once.
fn messages(value: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for (place, _) in value.match_indices(MESSAGE) {
        let message = quoted(&value[place + MESSAGE.len()..]);
        if !message.is_empty() && !messages.contains(&message) {
            messages.push(message);
        }
    }
    messages
}

/// Returns the text up to the closing quote, without escapes.
fn quoted(text: &str) -> String {
    let mut message = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('n') => message.push(' '),
                Some(escaped) => message.push(escaped),
                None => break,
            },
            letter => message.push(letter),
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use temporalio_client::errors::WorkflowUpdateError;
    use temporalio_protos::temporal::api::failure::v1::{
        ApplicationFailureInfo, Failure, failure::FailureInfo,
    };

    use super::*;

    fn failure(message: &str, cause: Option<Failure>) -> Failure {
        Failure {
            message: message.to_owned(),
            cause: cause.map(Box::new),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo::default(),
            )),
            ..Failure::default()
        }
    }

    #[test]
    fn the_debug_text_of_an_sdk_error_becomes_its_messages() {
        let cause = failure("card \"declined\" (code 7)", None);
        let error = WorkflowUpdateError::Failed(Box::new(failure("no payment", Some(cause))));
        let line = format!("called `Result::unwrap()` on an `Err` value: {error:?}, says it");
        assert_eq!(
            shortened(&line),
            "called `Result::unwrap()` on an `Err` value: \
             Failed(no payment: card \"declined\" (code 7)), says it"
        );
    }

    #[test]
    fn other_text_stays_as_it_is() {
        let long = format!("Found({})", "item, ".repeat(60));
        for line in ["", "(", "Some(1)", "an error (unclosed", "Ä(", &long] {
            assert_eq!(shortened(line), line);
        }
    }
}
