//! Microseconds of the Unix epoch as the text the schema export carries.

const SECOND_US: u64 = 1_000_000;
const DAY_S: u64 = 86_400;

/// RFC 3339 in UTC with nanoseconds: `2026-11-22T03:56:25.736370000+00:00`.
pub(crate) fn rfc3339(time_us: u64) -> String {
    let seconds = time_us / SECOND_US;
    let (year, month, day) = civil(seconds / DAY_S);
    let of_day = seconds % DAY_S;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:09}+00:00",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        time_us % SECOND_US * 1000,
    )
}

/// Year, month and day of a day count, by eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000000+00:00"),
            (951_827_696_000_001, "2000-02-29T12:34:56.000001000+00:00"),
            (1_795_319_785_736_370, "2026-11-22T03:56:25.736370000+00:00"),
            (4_107_542_399_999_999, "2100-02-28T23:59:59.999999000+00:00"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000000+00:00"),
        ];
        for (time_us, expected) in cases {
            assert_eq!(rfc3339(time_us), expected);
        }
    }
}
