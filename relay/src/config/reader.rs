//! Reads options one after the other and keeps every mistake, not only the first.

/// An option's field and what is wrong with its text.
pub(super) struct Mistake {
    pub field: &'static str,
    pub problem: String,
}

#[derive(Default)]
pub(super) struct Reader {
    pub mistakes: Vec<Mistake>,
}

impl Reader {
    /// The value, or `None` and one more mistake.
    pub(super) fn read<T>(&mut self, field: &'static str, result: Result<T, String>) -> Option<T> {
        result
            .map_err(|problem| self.mistakes.push(Mistake { field, problem }))
            .ok()
    }
}
