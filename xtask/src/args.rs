//! The words after a command. Unknown ones are refused, so that a typing error is never ignored.

use std::{fmt::Display, str::FromStr};

use anyhow::{Result, bail};

pub(crate) struct Args(Vec<String>);

/// The command line was wrong; the exit code says so.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

impl Args {
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().collect())
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() != before
    }

    /// `--name value` or `--name=value`.
    pub(crate) fn value<T>(&mut self, name: &str) -> Result<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(error) => bail!(Usage(format!("{name} {text}: {error}"))),
        }
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            Some(word) => bail!(Usage(format!("{word} is not known here"))),
            None => Ok(()),
        }
    }

    pub(crate) fn rest(self) -> Vec<String> {
        self.0
    }

    fn take(&mut self, name: &str) -> Result<Option<String>> {
        let joined = format!("{name}=");
        if let Some(at) = self.0.iter().position(|word| word.starts_with(&joined)) {
            return Ok(Some(self.0.remove(at).split_off(joined.len())));
        }
        let Some(at) = self.0.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.0.remove(at);
        if at == self.0.len() {
            bail!(Usage(format!("{name} needs a value")));
        }
        Ok(Some(self.0.remove(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(String::from))
    }

    #[test]
    fn both_spellings_of_a_value() {
        for line in ["--install --rate 5", "--rate=5 --install"] {
            let mut args = args(line);
            assert_eq!(args.value::<u32>("--rate").unwrap(), Some(5));
            assert!(args.flag("--install"));
            args.finish().unwrap();
        }
    }

    #[test]
    fn mistakes_are_refused() {
        assert!(args("--rate").value::<u32>("--rate").is_err());
        assert!(args("--rate many").value::<u32>("--rate").is_err());
        assert!(args("--rtae 5").finish().is_err());
    }
}
