//! Code that keeps the thread of its world for seconds: said, once.

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durasim_engine::Watch;

use crate::{words::duration_words, world::diagnosis::name_of_task};

/// The real time after which code is slow. The whole test waits for it, in every world.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// Returns the watch over a world, which gives it up after `patience`, and says what is slow.
pub(super) fn watch(patience: Option<Duration>) -> Watch<'static> {
    Watch {
        patience,
        slow_after: SLOW_AFTER,
        is_slow: &say_once,
    }
}

/// Says that code is slow, unless this process has said so of it.
fn say_once(code: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if is_new(code, &SAID) {
        // Not by `eprintln!`, which the test runner keeps to itself if the test passes.
        let _ = writeln!(std::io::stderr(), "{}", words(code));
    }
}

fn is_new(code: &str, said: &Mutex<BTreeSet<String>>) -> bool {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.insert(code.to_owned())
}

fn words(code: &str) -> String {
    let (code, after) = (name_of_task(code), SLOW_AFTER.as_secs() * 1_000);
    format!(
        "durasim: {code} has kept the thread of its world for {}, and goes on; everything else in \
         its world waits. Let blocking work run in `tokio::task::spawn_blocking`, or mock it",
        duration_words(after)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_code_is_named_once_with_a_remedy() {
        let said = Mutex::default();
        let is_new = |code| is_new(code, &said);
        assert_eq!((is_new("test"), is_new("test")), (true, false));
        assert_eq!(
            words("Greeter#1/Greetings::greet"),
            "durasim: Greeter#1/Greetings::greet has kept the thread of its world for 2s, and goes \
             on; everything else in its world waits. Let blocking work run in \
             `tokio::task::spawn_blocking`, or mock it"
        );
    }
}
