//! Text as JSON, many plain bytes at a time: an answer's body is kilobytes of them, and goes into an answer whole.

use serde_json::value::RawValue;

/// Bytes that are looked at together.
const WORD: usize = 8;

/// `text` as a JSON string.
pub(super) fn json_text(text: &str) -> serde_json::Result<Box<RawValue>> {
    let mut json = String::with_capacity(text.len() + text.len() / 8 + 16);
    json.push('"');
    let (bytes, mut start, mut at) = (text.as_bytes(), 0, 0);
    loop {
        at += plain(&bytes[at..]);
        let Some(byte) = bytes.get(at) else { break };
        json.push_str(&text[start..at]);
        match byte {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            control => {
                let digit = |nibble: u8| char::from(nibble + if nibble < 10 { b'0' } else { b'a' - 10 });
                json.push_str("\\u00");
                json.extend([digit(control >> 4), digit(control & 15)]);
            }
        }
        at += 1;
        start = at;
    }
    json.push_str(&text[start..]);
    json.push('"');
    RawValue::from_string(json)
}

/// How many bytes there are before the first that JSON escapes.
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (at, word) in words.iter().enumerate() {
        let found = escapes(u64::from_le_bytes(*word));
        if found != 0 {
            return WORD * at + found.trailing_zeros() as usize / 8;
        }
    }
    let escapes = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    WORD * words.len() + rest.iter().position(escapes).unwrap_or(rest.len())
}

/// The highest bit of the first byte of `word` that JSON escapes, and perhaps of some after it; nothing if there is none.
fn escapes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    // What a byte below the limit borrows comes from those after it.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_text_is() {
        let mut texts: Vec<String> = (0..=0x2ff).filter_map(char::from_u32).map(String::from).collect();
        texts
            .extend(["", "plain and long enough for a word", "\u{10ffff}\u{2028}ü\u{7f}"].map(str::to_owned));
        let every: String = texts.concat();
        for (at, _) in every.char_indices() {
            texts.push(every[at..].chars().take(20).collect());
        }
        texts.push(every);
        for text in texts {
            let json = json_text(&text).unwrap();
            assert_eq!(serde_json::from_str::<String>(json.get()).unwrap(), text, "{json}");
        }
    }
}
