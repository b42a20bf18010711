use super::*;

fn trace(texts: &[u32]) -> Trace {
    let mut trace = Trace::new(Keep::Entries);
    for (at_ms, text) in texts.iter().enumerate() {
        trace.record(at_ms as u64, "step", format_args!("number {text}"));
    }
    trace
}

#[test]
fn the_hash_is_the_same_whatever_is_kept() {
    let mut hashed = Trace::new(Keep::Hash);
    for at_ms in 0..5 {
        hashed.record(at_ms, "step", format_args!("number {at_ms}"));
    }
    let kept = trace(&[0, 1, 2, 3, 4]);
    assert_eq!(hashed.hash(), kept.hash());
    assert_eq!((hashed.len(), hashed.entries().len()), (5, 0));
    assert_eq!((kept.len(), kept.entries().len()), (5, 5));
}

#[test]
fn the_hash_covers_every_part_of_an_entry_and_the_boundaries_between_them() {
    let hash = |at_ms, kind, text: &str| {
        let mut trace = Trace::new(Keep::Hash);
        trace.record(at_ms, kind, format_args!("{text}"));
        trace.hash()
    };
    let all = [
        hash(1, "a", "bc"),
        hash(2, "a", "bc"),
        hash(1, "ab", "c"),
        hash(1, "a", "b"),
        hash(1, "b", "bc"),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[index + 1..].contains(one));
    }
}

#[test]
fn formatted_and_literal_text_have_the_same_hash() {
    let (mut left, mut right) = (Trace::new(Keep::Entries), Trace::new(Keep::Entries));
    left.record(0, "step", format_args!("text"));
    right.record(0, "step", format_args!("{}", "text"));
    assert_eq!(left.entries(), right.entries());
}

#[test]
fn the_first_divergence_is_found_wherever_it_is() {
    let whole: Vec<u32> = (0..100).collect();
    let left = trace(&whole);
    for at in 0..100 {
        let mut other = whole.clone();
        other[at] = 1_000;
        assert_eq!(
            first_divergence(left.entries(), trace(&other).entries()),
            Some(at)
        );
    }
    assert_eq!(
        first_divergence(left.entries(), trace(&whole).entries()),
        None
    );
}

#[test]
fn a_trace_that_ends_early_differs_at_its_end() {
    let (long, short) = (trace(&[1, 2, 3]), trace(&[1, 2]));
    assert_eq!(first_divergence(long.entries(), short.entries()), Some(2));
    assert_eq!(first_divergence(short.entries(), long.entries()), Some(2));
    assert_eq!(first_divergence(&[], &[]), None);
}

#[test]
fn hashes_print_as_32_digits_and_are_fixed() {
    assert_eq!(
        TraceHash(255).to_string(),
        "000000000000000000000000000000ff"
    );
    assert_eq!(
        trace(&[1, 2, 3]).hash().to_string(),
        "cd8fab18eb523c19e412653132038cc7"
    );
    assert_eq!(trace(&[1]).entries()[0].to_string(), "+0s  step  number 1");
}
