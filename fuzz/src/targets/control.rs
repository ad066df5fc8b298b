//! Control messages: whatever is read is written and read again without loss.

use session::control::{parse_client, parse_relay};

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match parse_client(text) {
        Ok(message) => assert_eq!(parse_client(&message.to_text()).as_ref(), Ok(&message)),
        Err(error) => {
            assert!(!error.code.code().is_empty());
            assert!(error.invalid_partitions.len() + error.invalid_offsets.len() <= 32);
        }
    }
    if let Ok(Some(message)) = parse_relay(text) {
        let again = parse_relay(&message.to_text()).expect("our own text");
        assert_eq!(again, Some(message));
    }
}
