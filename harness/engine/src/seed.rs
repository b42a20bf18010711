//! Seeds: the source of answers that are drawn.
//!
//! A draw is a function of the seed and the point alone. Both are mixed by the finisher of
//! SplitMix64, which costs a few instructions; a generator with a stream for each point costs a
//! thousand.

/// The probabilities with which a seed draws an answer. Tapes and benign choices ignore them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Odds {
    /// Every answer below the arity is equally likely.
    Uniform,
    /// An answer other than 0 has this probability (from 0 to 1), shared equally by all of them.
    Rarely(f64),
}

/// A seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    number: u64,
    /// The number, mixed: neighbouring seeds have keys with nothing in common.
    key: u64,
}

impl Seed {
    pub(crate) fn new(number: u64) -> Self {
        let key = mix(number.wrapping_add(STEP));
        Self { number, key }
    }

    /// Returns the number of the seed.
    pub(crate) fn number(self) -> u64 {
        self.number
    }

    /// Draws the answer at a point, given by its hash: a number below `arity`.
    ///
    /// `arity` must be at least 2.
    pub(crate) fn draw(self, point_hash: u64, arity: u32, odds: Odds) -> u32 {
        let mut bits = self.bits(point_hash);
        match odds {
            Odds::Uniform => below(bits.draw(), arity),
            Odds::Rarely(probability) => {
                if unit(bits.draw()) < probability {
                    1 + below(bits.draw(), arity - 1)
                } else {
                    0
                }
            }
        }
    }

    /// Returns the random bits of a point.
    fn bits(self, point_hash: u64) -> Bits {
        Bits(mix(self.key ^ point_hash))
    }
}

/// A sequence of random bits: the generator SplitMix64.
struct Bits(u64);

impl Bits {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }
}

/// The step of SplitMix64: an odd number whose bits have no pattern, the golden ratio's.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes a number, one to one: each bit of the result depends on each bit of the number.
///
/// This is the finisher of SplitMix64, variant 13 of <https://zimbry.blogspot.com/2011/09/>.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Scales 64 random bits to a number below `bound`.
fn below(bits: u64, bound: u32) -> u32 {
    let scaled = (u128::from(bits) * u128::from(bound)) >> 64;
    u32::try_from(scaled).expect("a product of 64 and 32 bits, shifted by 64, has 32 bits")
}

/// Scales 64 random bits to a number from 0 up to but not including 1.
fn unit(bits: u64) -> f64 {
    let high = u32::try_from(bits >> 32).expect("the upper half has 32 bits");
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests;
