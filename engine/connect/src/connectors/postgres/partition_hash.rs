//! The hash functions that PostgreSQL computes partitions with: Bob Jenkins' lookup3, as in its `hashfn.c`.
//!
//! A server says itself whether it still computes the same; see [`PROBE`].

/// SQL that is true where the server's functions are these, and its texts are UTF-8.
pub const PROBE: &str = "getdatabaseencoding() = 'UTF8' \
    and hashtextextended('engine: is it the same?' collate \"C\", 7) = 4827694290377403531 \
    and hashint4extended(-5, 7) = -1153735631166043584 and hashint8extended(-123456789012, 7) = 1179261493814997099 \
    and uuid_hash_extended('00112233-4455-6677-8899-aabbccddeeff', 7) = -8574076941708933926";

#[derive(Clone, Copy)]
struct State {
    a: u32,
    b: u32,
    c: u32,
}

impl State {
    fn new(len: u32, seed: u64) -> Self {
        let start = 0x9e37_79b9_u32.wrapping_add(len).wrapping_add(3_923_095);
        let mut state = Self { a: start, b: start, c: start };
        if seed != 0 {
            let low = u32::try_from(seed & 0xffff_ffff).expect("32 bits were taken");
            let high = u32::try_from(seed >> 32).expect("32 bits are left");
            state.a = state.a.wrapping_add(high);
            state.b = state.b.wrapping_add(low);
            state.mix();
        }
        state
    }

    fn mix(&mut self) {
        let Self { mut a, mut b, mut c } = *self;
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        *self = Self { a, b, c };
    }

    fn end(self) -> u64 {
        let Self { mut a, mut b, mut c } = self;
        c = (c ^ b).wrapping_sub(b.rotate_left(14));
        a = (a ^ c).wrapping_sub(c.rotate_left(11));
        b = (b ^ a).wrapping_sub(a.rotate_left(25));
        c = (c ^ b).wrapping_sub(b.rotate_left(16));
        a = (a ^ c).wrapping_sub(c.rotate_left(4));
        b = (b ^ a).wrapping_sub(a.rotate_left(14));
        c = (c ^ b).wrapping_sub(b.rotate_left(24));
        u64::from(b) << 32 | u64::from(c)
    }
}

/// `hashtextextended` of a text's bytes, where the collation is deterministic.
pub fn bytes(bytes: &[u8], seed: u64) -> u64 {
    let len = u32::try_from(bytes.len()).expect("no value has 4 GB");
    let mut state = State::new(len, seed);
    let word = |four: &[u8]| four.iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    let mut chunks = bytes.chunks_exact(12);
    for chunk in &mut chunks {
        state.a = state.a.wrapping_add(word(&chunk[..4]));
        state.b = state.b.wrapping_add(word(&chunk[4..8]));
        state.c = state.c.wrapping_add(word(&chunk[8..]));
        state.mix();
    }
    let rest = chunks.remainder();
    let part = |range: std::ops::Range<usize>| word(&rest[range.start.min(rest.len())..range.end.min(rest.len())]);
    state.a = state.a.wrapping_add(part(0..4));
    state.b = state.b.wrapping_add(part(4..8));
    // The lowest byte of c was kept for the length.
    state.c = state.c.wrapping_add(part(8..11) << 8);
    state.end()
}

/// `hashint4extended`.
pub fn int4(number: i32, seed: u64) -> u64 {
    word(number.cast_unsigned(), seed)
}

/// `hashint8extended`, and what times of microseconds are hashed by.
pub fn int8(number: i64, seed: u64) -> u64 {
    let unsigned = number.cast_unsigned();
    let low = u32::try_from(unsigned & 0xffff_ffff).expect("32 bits were taken");
    let high = u32::try_from(unsigned >> 32).expect("32 bits are left");
    word(low ^ if number >= 0 { high } else { !high }, seed)
}

fn word(word: u32, seed: u64) -> u64 {
    let mut state = State::new(4, seed);
    state.a = state.a.wrapping_add(word);
    state.end()
}

#[cfg(test)]
mod tests {
    use super::{bytes, int4, int8};

    #[test]
    fn it_is_what_a_server_says() {
        // `select hashtextextended(left('abcdefghijklmnopqrstuvwxyz', n), n)` of PostgreSQL 15.
        let expected: [i64; 6] = [
            -6_939_563_903_564_495_251,
            3_325_245_193_489_759_299,
            -7_937_498_902_142_064_919,
            -2_023_074_656_684_378_659,
            4_258_039_752_330_599_755,
            3_292_146_429_648_534_394,
        ];
        let all = b"abcdefghijklmnopqrstuvwxyz";
        for (n, hash) in [0_u16, 1, 7, 11, 12, 26].into_iter().zip(expected) {
            assert_eq!(bytes(&all[..n.into()], n.into()).cast_signed(), hash, "{n}");
        }
        assert_eq!(int4(5, 1).cast_signed(), 1_473_811_485_915_220_926);
        assert_eq!(int8(5, 1).cast_signed(), 1_473_811_485_915_220_926);
    }
}
