//! Encodes and decodes percent-encoded text by the rules of RFC 3986, as SigV4 applies them. Never treats `+`
//! as a space, because AWS does not.

/// Encodes every byte except the unreserved ones and those in `keep`, with upper-case digits as SigV4
/// requires.
pub(crate) fn encode(text: &str, keep: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || keep.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Decodes `%xx`; a `%` without two hexadecimal digits stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match escape.and_then(hexadecimal) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Returns the decoded pairs of a query string, in their order.
pub(crate) fn query(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(digits[0])? * 16 + digit(digits[1])?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_survives_the_way_there_and_back() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
        assert_eq!(encode(arn, b""), "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af");
        assert_eq!(decode(&encode(arn, b"")), arn);
    }

    #[test]
    fn a_percent_sign_that_begins_nothing_is_for_itself() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%41"), "%zzA");
    }

    #[test]
    fn a_query_keeps_its_order_and_its_repetitions() {
        let pairs = query("tagKeys=b&tagKeys=a%20c&empty");
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("tagKeys", "b"), ("tagKeys", "a c"), ("empty", "")]);
    }
}
