use super::*;

const SITES: [&str; 3] = ["worker.crash", "schedule.next", "message.delay"];

/// Asks 300 questions of three sites about ten subjects each.
fn ask(choices: &mut Choices) -> Vec<u32> {
    let question = |number: usize| (SITES[number % 3], format!("key{}", number % 10));
    (0..300)
        .map(|number| {
            let (site, key) = question(number);
            let odds = if number % 2 == 0 {
                Odds::Uniform
            } else {
                Odds::Rarely(0.3)
            };
            choices.choose(site, &key, 4, odds)
        })
        .collect()
}

#[test]
fn benign_choices_are_all_0() {
    let mut choices = Choices::benign();
    assert!(ask(&mut choices).iter().all(|value| *value == 0));
    assert!(choices.taken().is_empty());
}

#[test]
fn a_seed_draws_the_same_answers_every_time_and_another_seed_draws_others() {
    let answers = |seed| ask(&mut Choices::seeded(seed));
    assert_eq!(answers(1), answers(1));
    assert_ne!(answers(1), answers(2));
}

/// Seeds are written down in bug reports: their draws must not change from one version to the next.
#[test]
fn the_draws_of_a_seed_are_fixed() {
    let mut choices = Choices::seeded(42);
    let drawn: Vec<u32> = (0..12)
        .map(|_| choices.choose("schedule.next", "a", 1_000, Odds::Uniform))
        .collect();
    assert_eq!(
        drawn,
        [51, 759, 117, 977, 939, 200, 937, 264, 198, 257, 339, 833]
    );
}

#[test]
fn a_draw_depends_on_its_point_and_not_on_earlier_draws() {
    let mut alone = Choices::seeded(9);
    let expected: Vec<u32> = (0..20)
        .map(|_| alone.choose("a", "x", 100, Odds::Uniform))
        .collect();

    let mut among_others = Choices::seeded(9);
    let mut found = Vec::new();
    for number in 0..20 {
        for other in 0..number % 4 {
            among_others.choose("b", &other.to_string(), 7, Odds::Rarely(0.5));
            among_others.choose("a", "y", 7, Odds::Uniform);
        }
        found.push(among_others.choose("a", "x", 100, Odds::Uniform));
    }
    assert_eq!(found, expected);
}

#[test]
fn answers_are_below_the_arity_and_reach_all_of_it() {
    let mut choices = Choices::seeded(3);
    let mut seen = [0; 5];
    for _ in 0..2_000 {
        seen[choices.choose("a", "", 5, Odds::Uniform) as usize] += 1;
    }
    assert!(
        seen.iter().all(|count| (300..500).contains(count)),
        "{seen:?}"
    );
}

#[test]
fn rare_answers_are_as_rare_as_asked_for() {
    let mut choices = Choices::seeded(3);
    let mut count = |probability| {
        (0..10_000)
            .filter(|_| choices.choose("a", "", 3, Odds::Rarely(probability)) != 0)
            .count()
    };
    assert_eq!(count(0.0), 0);
    assert!((900..1_100).contains(&count(0.1)));
    assert_eq!(count(1.0), 10_000);
}

#[test]
fn a_question_with_one_answer_is_not_drawn_but_counts() {
    let mut choices = Choices::seeded(5);
    choices.record_offers();
    assert_eq!(choices.choose("a", "", 1, Odds::Rarely(1.0)), 0);
    assert_eq!(choices.choose("a", "", 0, Odds::Uniform), 0);
    assert_eq!(choices.choose("a", "", 2, Odds::Rarely(1.0)), 1);
    assert_eq!(
        choices.offers(),
        [Offer {
            point: Point::new("a", "", 2),
            arity: 2,
            rank: None,
        }]
    );
    assert_eq!(choices.taken().entries[0].point, Point::new("a", "", 2));
}

#[test]
fn a_rank_is_that_of_the_last_decision_if_it_is_offered() {
    let mut choices = Choices::benign();
    choices.record_offers();
    choices.choose("a", "", 2, Odds::Uniform);
    choices.choose("b", "", 2, Odds::Uniform);
    choices.rank(7);
    choices.choose("c", "", 1, Odds::Uniform);
    choices.rank(9);
    choices.impose("d", "", 2, 1);
    choices.rank(9);
    let ranks: Vec<_> = choices.offers().iter().map(|offer| offer.rank).collect();
    assert_eq!(ranks, [None, Some(7)]);
}

#[test]
fn a_tape_brings_every_answer_back() {
    let mut seeded = Choices::seeded(11);
    let answers = ask(&mut seeded);
    let tape = seeded.taken();
    assert_eq!(tape.seed, Some(11));
    let mut replayed = Choices::tape(&tape);
    assert_eq!(ask(&mut replayed), answers);
    assert!(replayed.drift().is_empty());
    assert_eq!(replayed.taken().entries, tape.entries);
}

#[test]
fn entries_that_no_longer_match_are_answered_with_0_and_returned_as_drift() {
    let entry = |site: &'static str, occurrence, arity, value| TapeEntry {
        point: Point::new(site, "k", occurrence),
        arity,
        value,
        at_ms: 0,
        words: String::new(),
    };
    let tape = Tape {
        seed: None,
        entries: vec![
            entry("a", 1, 2, 1),
            entry("gone", 0, 2, 1),
            entry("smaller", 0, 9, 8),
        ],
    };
    let mut choices = Choices::tape(&tape);
    assert_eq!(choices.choose("a", "k", 2, Odds::Uniform), 0);
    assert_eq!(choices.choose("a", "k", 2, Odds::Uniform), 1);
    assert_eq!(choices.choose("smaller", "k", 8, Odds::Uniform), 0);
    assert_eq!(choices.drift(), tape.entries[1..]);
}

#[test]
fn words_can_be_added_to_an_earlier_decision() {
    let mut choices = Choices::seeded(1);
    for (key, words) in [("a", "first"), ("b", "second")] {
        choices.impose("site", key, 2, 1);
        choices.describe(7, || words.to_owned());
    }
    choices.add_words(0, || ", and more".to_owned());
    choices.add_words(2, || unreachable!("there is no such decision"));
    let words: Vec<_> = choices
        .taken_entries()
        .iter()
        .map(|it| &*it.words)
        .collect();
    assert_eq!(words, ["first, and more", "second"]);
}

#[test]
fn words_belong_to_the_last_decision_if_it_was_not_benign() {
    let mut choices = Choices::seeded(1);
    choices.choose("a", "", 2, Odds::Rarely(1.0));
    choices.describe(7, || "left 0".to_owned());
    choices.choose("a", "", 2, Odds::Rarely(0.0));
    choices.describe(8, || unreachable!("benign decisions need no words"));
    choices.choose("a", "", 1, Odds::Uniform);
    choices.describe(9, || unreachable!("nothing was decided"));
    let tape = choices.taken();
    assert_eq!(
        (tape.len(), tape.entries[0].at_ms, &*tape.entries[0].words),
        (1, 7, "left 0")
    );
}

#[test]
fn an_imposed_answer_has_its_place_on_the_tape_and_counts() {
    let mut choices = Choices::benign();
    choices.impose("fault", "payments", 3, 2);
    choices.describe(5, || "as written".to_owned());
    choices.choose("fault", "payments", 3, Odds::Uniform);
    let tape = choices.taken();
    assert_eq!(tape.entries.len(), 1);
    assert_eq!(
        (tape.entries[0].value, tape.entries[0].words.as_str()),
        (2, "as written")
    );

    let mut again = Choices::tape(&tape);
    again.impose("fault", "payments", 3, 2);
    assert_eq!(again.drift(), Vec::new());
    assert_eq!(again.choose("fault", "payments", 3, Odds::Uniform), 0);
}
