//! Payloads out of files and pipes of several formats, one step at a time: at most one payload, one line or one
//! block of a capture is in memory.
//!
//! [`Input`] reads whatever it is given as [`std::io::BufRead`]: a file or a pipe of the command line, or a file
//! that was dropped on the page. [`Framer`] makes data frames of what comes out, for the store that tool and page
//! share.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod detect;
mod dlq;
mod found;
mod framer;
mod kcat;
mod line;
mod stream;

pub use detect::Format;
pub use found::{Content, Found, Item, Line, LineFormat, Place};
pub use framer::Framer;
pub use line::Lines;
pub use stream::{EMPTY, Input, Reading, Stop, capture_text, frame_item};
