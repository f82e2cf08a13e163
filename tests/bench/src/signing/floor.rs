//! The hash floor: the compressions a signature cannot do without, and nothing else.

use std::hint::black_box;

use super::Operation;

/// Blocks of a digest over so many bytes: padding takes nine.
pub fn digest(bytes: usize) -> usize {
    (bytes + 9).div_ceil(64)
}

/// Blocks of an HMAC over so many bytes whose keyed state is kept: the message behind the inner key block, which is
/// done, and one for the outer hash.
pub fn hmac(bytes: usize) -> usize {
    digest(64 + bytes) - 1 + 1
}

/// SHA-256 compressions in runs of these lengths.
pub fn sha256<const N: usize>(name: &'static str, runs: [usize; N]) -> Operation {
    let blocks = [[0x5a_u8; 64]; 64];
    Operation::new(name, move || {
        let mut state = [1_u32; 8];
        for run in runs {
            sha2::block_api::compress256(&mut state, &black_box(&blocks)[..run]);
        }
        black_box(state)[0] as usize
    })
}

/// SHA-1 compressions in runs of these lengths.
pub fn sha1<const N: usize>(name: &'static str, runs: [usize; N]) -> Operation {
    let blocks = [[0x5a_u8; 64]; 64];
    Operation::new(name, move || {
        let mut state = [1_u32; 5];
        for run in runs {
            sha1::block_api::compress(&mut state, &black_box(&blocks)[..run]);
        }
        black_box(state)[0] as usize
    })
}
