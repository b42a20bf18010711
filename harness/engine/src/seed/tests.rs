//! Draws are fixed, so these tests pass always or never. Their bounds are those of five standard
//! deviations.

use super::*;
use crate::point::Point;

const ARITIES: [u32; 8] = [2, 3, 4, 5, 7, 10, 64, 1_000];

fn point(key: u32, occurrence: u32) -> u64 {
    Point::new("worker.crash", format!("payments#{key}"), occurrence).hash64()
}

/// Checks that every value below `cells` is equally frequent.
#[track_caller]
fn assert_uniform(values: impl IntoIterator<Item = u32>, cells: u32, what: &str) {
    let mut counts = vec![0_u32; cells as usize];
    let mut total = 0_u32;
    for value in values {
        counts[value as usize] += 1;
        total += 1;
    }
    let expected = f64::from(total) / f64::from(cells);
    let chi_square: f64 = counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum();
    // The mean of the distribution is the number of degrees of freedom, its variance twice that.
    let freedom = f64::from(cells - 1);
    let bound = freedom + 5.0 * (2.0 * freedom).sqrt();
    assert!(chi_square < bound, "{what}: {chi_square} >= {bound}");
}

#[test]
fn every_answer_is_equally_likely_over_seeds() {
    for arity in ARITIES {
        let draw = |number| Seed::new(number).draw(point(0, 0), arity, Odds::Uniform);
        assert_uniform((0..100_000).map(draw), arity, &format!("arity {arity}"));
    }
}

#[test]
fn every_answer_is_equally_likely_over_points() {
    for arity in ARITIES {
        let seed = Seed::new(7);
        let draw = |number: u32| {
            let point = point(number % 10, number / 10);
            seed.draw(point, arity, Odds::Uniform)
        };
        assert_uniform((0..100_000).map(draw), arity, &format!("arity {arity}"));
    }
}

#[test]
fn the_answers_of_neighbouring_seeds_at_one_point_are_independent() {
    for key in 0..10 {
        for distance in [1, 2, 64, 1 << 32] {
            let draw = |number| Seed::new(number).draw(point(key, 0), 4, Odds::Uniform);
            let pairs = (0..20_000).map(|number| 4 * draw(number) + draw(number + distance));
            assert_uniform(pairs, 16, &format!("key {key}, seeds {distance} apart"));
        }
    }
}

#[test]
fn the_answers_of_one_seed_at_neighbouring_points_are_independent() {
    for number in 0..10 {
        let seed = Seed::new(number);
        let draw = |occurrence| seed.draw(point(0, occurrence), 4, Odds::Uniform);
        let pairs = (0..20_000).map(|number| 4 * draw(number) + draw(number + 1));
        assert_uniform(pairs, 16, &format!("seed {number}"));
    }
}

/// Points are hashes, but no draw may rely on it.
#[test]
fn the_answers_at_hashes_that_differ_little_are_independent() {
    for bit in 0..64 {
        let draw = |seed, hash: u64| Seed::new(seed).draw(hash, 4, Odds::Uniform);
        let pairs = (0..5_000).map(|seed| 4 * draw(seed, seed) + draw(seed, seed ^ (1 << bit)));
        assert_uniform(pairs, 16, &format!("bit {bit}"));
    }
}

#[test]
fn each_bit_of_the_seed_and_of_the_point_changes_half_of_the_drawn_bits() {
    let draw = |seed, hash| Seed::new(seed).bits(hash).draw();
    for bit in 0..64 {
        let (mut by_seed, mut by_point) = (0, 0);
        for number in 0..1_000 {
            let hash = point(0, u32::try_from(number).unwrap());
            let drawn = draw(number, hash);
            by_seed += (drawn ^ draw(number ^ (1 << bit), hash)).count_ones();
            by_point += (drawn ^ draw(number, hash ^ (1 << bit))).count_ones();
        }
        // 64,000 coins: the standard deviation is 127.
        for changed in [by_seed, by_point] {
            assert!((31_365..32_635).contains(&changed), "bit {bit}: {changed}");
        }
    }
}

#[test]
fn rare_answers_are_as_rare_as_their_odds() {
    const DRAWS: u32 = 200_000;
    for probability in [0.001, 0.01, 0.03, 0.1, 0.5, 0.9] {
        let draw = |number| Seed::new(number).draw(point(1, 0), 3, Odds::Rarely(probability));
        let count = (0..u64::from(DRAWS)).filter(|number| draw(*number) != 0);
        let found = f64::from(u32::try_from(count.count()).unwrap());
        let expected = f64::from(DRAWS) * probability;
        let deviation = (expected * (1.0 - probability)).sqrt();
        assert!(
            (found - expected).abs() < 5.0 * deviation,
            "{probability}: {found} of {expected}"
        );
    }
}

#[test]
fn odds_of_0_and_1_are_certain() {
    let draw = |number, probability| {
        let seed = Seed::new(number);
        seed.draw(point(2, 0), 3, Odds::Rarely(probability))
    };
    assert!((0..10_000).all(|number| draw(number, 0.0) == 0));
    assert!((0..10_000).all(|number| draw(number, 1.0) != 0));
}

#[test]
fn every_rare_answer_is_equally_likely() {
    for probability in [0.02, 0.3, 1.0] {
        let draw = |number| Seed::new(number).draw(point(3, 0), 6, Odds::Rarely(probability));
        let rare = (0..200_000).map(draw).filter(|value| *value != 0);
        assert_uniform(rare.map(|value| value - 1), 5, &format!("{probability}"));
    }
}

#[test]
fn two_points_of_one_seed_are_rare_together_as_often_as_their_odds_say() {
    // A failure that takes two faults is found only if they are independent.
    let draw = |number, key| Seed::new(number).draw(point(key, 0), 2, Odds::Rarely(0.1));
    let both = (0..200_000).filter(|number| draw(*number, 4) != 0 && draw(*number, 5) != 0);
    // 200,000 at 0.01: the standard deviation is 44.
    let both = both.count();
    assert!((1_780..2_220).contains(&both), "{both}");
}
