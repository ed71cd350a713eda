//! Chance from a seed: the value of a cell depends on seed, column and row alone.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The chances of one column.
#[derive(Clone, Copy, Debug)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// Of a column of a generator with this seed; `use_of` parts draws for different purposes.
    pub fn new(seed: u64, column: &str, use_of: &str) -> Self {
        Self(xxh3_64_with_seed(format!("{column}/{use_of}").as_bytes(), seed))
    }

    /// 64 even bits for a row: the finalizer of `SplitMix64` (Steele, Lea, Flood 2014) of row and seed, a good counter generator.
    pub fn bits(self, row: u64) -> u64 {
        let mut z = self.0.wrapping_add(row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from 0 up to, but not including, `n`, by multiplication (Lemire 2019); its bias is below `n` / 2^64.
    pub fn below(self, row: u64, n: u64) -> u64 {
        let wide = u128::from(self.bits(row)) * u128::from(n.max(1));
        u64::try_from(wide >> 64).expect("the upper half of 128 bits")
    }

    /// Evenly from 0 up to, but not including, 1, with 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    pub fn share(self, row: u64) -> f64 {
        (self.bits(row) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A rank from 0 up to, but not including, `n`, by Zipf's law with exponent 1: rank r in proportion to 1 / (r + 1).
///
/// Exactly, and with whole numbers only, so every machine chooses the same: one of the octaves 2ᵏ..2ᵏ⁺¹, evenly a number in
/// it, taken with the chance 2ᵏ / number. That takes about three tries at most, whatever `n` is.
pub fn zipf(chance: SeededRandom, row: u64, n: u64) -> u64 {
    let octaves = u64::from(n.max(1).ilog2()) + 1;
    let tries = SeededRandom(chance.bits(row));
    for draw in (0_u64..).step_by(3) {
        let first = 1_u64 << tries.below(draw, octaves);
        let number = first + tries.below(draw + 1, first);
        if number <= n && tries.below(draw + 2, number) < first {
            return number - 1;
        }
    }
    0
}

/// A bijection of 0..n onto itself, so that the popular ones are not the first ones: a Feistel network of four rounds over
/// the next power of four, walked until it lands inside (Black and Rogaway 2002).
pub fn shuffled(key: u64, i: u64, n: u64) -> u64 {
    if n <= 1 {
        return 0;
    }
    let half = (64 - (n - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut value = i;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..4 {
            (left, right) = (right, left ^ (SeededRandom(key ^ round).bits(right) & mask));
        }
        value = (left << half) | right;
        if value < n {
            return value;
        }
    }
}
