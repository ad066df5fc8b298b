//! In which of its codings a file is sent: as it is, with gzip, or with brotli. The codings were made when the page was
//! built; nothing is compressed while somebody waits.

use hyper::http::{HeaderMap, header};

/// How the bytes of an answer are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// What is added to the name of a file that is coded so.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
        }
    }

    /// Its name in `Content-Encoding`, which is left out where nothing was done.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }
}

/// One file in the codings that there are of it.
#[derive(Clone, Debug)]
pub struct Coded<B> {
    /// As it is.
    pub identity: B,
    /// With gzip, where that is smaller.
    pub gzip: Option<B>,
    /// With brotli, where that is smaller.
    pub brotli: Option<B>,
}

impl<B> Coded<B> {
    /// The one that these headers of a request like best, the smaller one where they like two equally; nothing
    /// where they refuse all.
    pub fn choose(&self, headers: &HeaderMap) -> Option<(Coding, &B)> {
        let accepted = Accepted::read(headers);
        let all = [
            (Coding::Brotli, self.brotli.as_ref()),
            (Coding::Gzip, self.gzip.as_ref()),
            (Coding::Identity, Some(&self.identity)),
        ];
        let mut best: Option<(u16, Coding, &B)> = None;
        for (coding, bytes) in all {
            let Some(bytes) = bytes else { continue };
            let weight = accepted.weight(coding);
            if weight > best.map_or(0, |(weight, ..)| weight) {
                best = Some((weight, coding, bytes));
            }
        }
        best.map(|(_, coding, bytes)| (coding, bytes))
    }
}

/// `Accept-Encoding`, with weights in thousandths.
#[derive(Default)]
struct Accepted {
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Accepted {
    fn read(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let values = headers.get_all(header::ACCEPT_ENCODING).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        for part in values.flat_map(|value| value.split(',')) {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "br" => &mut accepted.brotli,
                "gzip" | "x-gzip" => &mut accepted.gzip,
                "identity" => &mut accepted.identity,
                "*" => &mut accepted.any,
                _ => continue,
            };
            *place = Some(weight(parameters));
        }
        accepted
    }

    /// Whoever says nothing of it takes a file as it is, though rather in any coding that was asked for.
    fn weight(&self, coding: Coding) -> u16 {
        match coding {
            Coding::Brotli => self.brotli.or(self.any).unwrap_or(0),
            Coding::Gzip => self.gzip.or(self.any).unwrap_or(0),
            Coding::Identity => self.identity.or(self.any).unwrap_or(1),
        }
    }
}

/// `q=0.5` in thousandths; what cannot be read refuses, as the plain file is always right.
fn weight(parameters: &str) -> u16 {
    let Some((name, value)) = parameters.split_once('=') else {
        return if parameters.trim().is_empty() {
            WEIGHT_MAX
        } else {
            0
        };
    };
    let value = value.trim();
    let is_short = value.len() <= "0.000".len();
    match value.parse::<f32>() {
        Ok(weight) if name.trim().eq_ignore_ascii_case("q") && is_short => {
            (weight.clamp(0.0, 1.0) * f32::from(WEIGHT_MAX)).round() as u16
        }
        _ => 0,
    }
}

const WEIGHT_MAX: u16 = 1000;

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn chosen(file: &Coded<u8>, accept: Option<&'static str>) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accept));
        }
        file.choose(&headers).map(|(coding, _)| coding)
    }

    #[test]
    fn the_best_liked_coding_is_chosen() {
        let file = Coded {
            identity: 0,
            gzip: Some(1),
            brotli: Some(2),
        };
        for (accept, expected) in [
            (None, Some(Coding::Identity)),
            (Some(""), Some(Coding::Identity)),
            (Some("gzip, deflate, br, zstd"), Some(Coding::Brotli)),
            (Some("gzip, deflate"), Some(Coding::Gzip)),
            (Some("GZIP"), Some(Coding::Gzip)),
            (Some("x-gzip"), Some(Coding::Gzip)),
            (Some("br;q=0.5, gzip;q=0.8"), Some(Coding::Gzip)),
            (Some("br ; q=0.9 , gzip;Q=0.8"), Some(Coding::Brotli)),
            (Some("br;q=0, gzip"), Some(Coding::Gzip)),
            (Some("gzip;q=0.001"), Some(Coding::Gzip)),
            (Some("gzip;q=0.5, identity"), Some(Coding::Identity)),
            (Some("*"), Some(Coding::Brotli)),
            (Some("*;q=0.1, br;q=0"), Some(Coding::Gzip)),
            (Some("identity"), Some(Coding::Identity)),
            (Some("deflate"), Some(Coding::Identity)),
            (Some("br;q=many"), Some(Coding::Identity)),
            (Some("br;q=NaN"), Some(Coding::Identity)),
            (Some("br;level=1"), Some(Coding::Identity)),
            (Some("identity;q=0"), None),
            (Some("*;q=0"), None),
            (Some("gzip, *;q=0"), Some(Coding::Gzip)),
        ] {
            assert_eq!(chosen(&file, accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn what_was_not_made_is_not_chosen() {
        let file = Coded {
            identity: 0,
            gzip: None,
            brotli: None,
        };
        assert_eq!(chosen(&file, Some("gzip, br")), Some(Coding::Identity));
        assert_eq!(chosen(&file, Some("gzip, br, identity;q=0")), None);
    }
}
