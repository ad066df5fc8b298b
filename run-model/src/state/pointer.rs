//! JSON pointers (RFC 6901), read strictly.

use alloc::borrow::Cow;

use super::POINTER_BYTES_MAX;
use super::fault::Fault;

/// The tokens of a pointer, `~0` and `~1` resolved; none for the whole document.
pub(super) fn tokens(pointer: &str) -> Result<impl Iterator<Item = Cow<'_, str>> + Clone, Fault> {
    if pointer.len() > POINTER_BYTES_MAX {
        return Err(Fault::PointerTooLong);
    }
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(Fault::Pointer);
    }
    let mut tildes = pointer.split('~').skip(1);
    if tildes.any(|after| !after.starts_with(['0', '1'])) {
        return Err(Fault::Pointer);
    }
    Ok(pointer.split('/').skip(1).map(resolved))
}

fn resolved(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        // In this order: "~01" stands for "~1".
        Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(token)
    }
}

/// An array index: digits without leading zeros.
pub(super) fn index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with('0');
    if !canonical || token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    token.parse().ok()
}
