//! The shortest digits that give a floating point number back, as `{:e}` writes them.

#[cfg(not(target_arch = "wasm32"))]
pub(super) use self::core_library::{double, float};
#[cfg(target_arch = "wasm32")]
pub(super) use self::small::{double, float};

#[cfg(any(test, not(target_arch = "wasm32")))]
mod core_library {
    use alloc::format;
    use alloc::string::String;

    pub(in crate::text) fn double(number: f64) -> String {
        format!("{number:e}")
    }

    pub(in crate::text) fn float(number: f32) -> String {
        format!("{number:e}")
    }
}

/// For the browser, which fetches the code before it can do anything: the core library's is 25 KB. This one is
/// slower, and writes only what somebody opened.
#[cfg(any(test, target_arch = "wasm32"))]
mod small {
    use alloc::format;
    use alloc::string::String;
    use core::cmp::Ordering;

    pub(in crate::text) fn double(number: f64) -> String {
        scientific(number.to_bits(), 52, 11)
    }

    pub(in crate::text) fn float(number: f32) -> String {
        scientific(number.to_bits().into(), 23, 8)
    }

    /// Of a finite number, given by its bits.
    fn scientific(bits: u64, fraction_bits: u32, exponent_bits: u32) -> String {
        let fraction = bits & ((1 << fraction_bits) - 1);
        let biased = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
        let is_negative = bits >> (fraction_bits + exponent_bits) != 0;
        let is_normal = biased != 0;
        let mantissa = fraction | u64::from(is_normal) << fraction_bits;
        let bias = (1 << (exponent_bits - 1)) - 1 + fraction_bits.cast_signed();
        let exponent = (biased.max(1) as i32) - bias;
        // The number below a power of two is only half as far away as the one above.
        let is_power = fraction == 0 && biased > 1;
        let (digits, exponent) = shortest(mantissa, exponent, is_power);
        let sign = if is_negative { "-" } else { "" };
        let (whole, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
        let dot = if rest.is_empty() { "" } else { "." };
        format!("{sign}{whole}{dot}{rest}e{exponent}")
    }

    /// Digits of `mantissa * 2^exponent`, and the power of ten of the first one. From the first digit on, each is
    /// the largest that leaves something, until what is left is too little to make it another number (Steele and
    /// White). `left`, `below` and `above` are parts of `unit`: what is left, and how far it is to the numbers that
    /// are rounded to the neighbours.
    fn shortest(mantissa: u64, exponent: i32, is_power: bool) -> (String, i32) {
        if mantissa == 0 {
            return (String::new(), 0);
        }
        let doubled = if is_power { 2 } else { 1 };
        let mut left = Big::from(mantissa).shifted(doubled);
        let mut unit = Big::from(1).shifted(doubled);
        let mut below = Big::from(1);
        let mut above = Big::from(1).shifted(doubled - 1);
        for number in [&mut left, &mut below, &mut above] {
            *number = number.shifted(exponent.max(0).unsigned_abs());
        }
        unit = unit.shifted(exponent.min(0).unsigned_abs());
        let mut power = power_of_ten(63 - mantissa.leading_zeros().cast_signed() + exponent);
        for _ in 0..power {
            unit.multiply(10);
        }
        let ten_times = |numbers: [&mut Big; 3]| numbers.into_iter().for_each(|n| n.multiply(10));
        for _ in power..0 {
            ten_times([&mut left, &mut below, &mut above]);
        }
        // What is halfway between two numbers is read as the even one.
        let halfway = mantissa.is_multiple_of(2);
        let reaches = |sum: &Big, other: &Big| match sum.order(other) {
            Ordering::Less => false,
            Ordering::Equal => halfway,
            Ordering::Greater => true,
        };
        while reaches(&left.plus(&above), &unit) {
            unit.multiply(10);
            power += 1;
        }
        let mut digits = String::new();
        loop {
            ten_times([&mut left, &mut below, &mut above]);
            let mut digit = 0;
            while left.order(&unit).is_ge() {
                left.subtract(&unit);
                digit += 1;
            }
            let (is_low, is_high) = (reaches(&below, &left), reaches(&left.plus(&above), &unit));
            if is_low || is_high {
                let is_nearer_above = left.plus(&left).order(&unit).is_ge();
                digit += u8::from(is_high && (!is_low || is_nearer_above));
            }
            digits.push(char::from(b'0' + digit));
            if is_low || is_high {
                return (digits, power - 1);
            }
        }
    }

    /// The largest power of ten that is at most `2^exponent`.
    fn power_of_ten(exponent: i32) -> i32 {
        // The logarithm of 2, in parts of 2^32.
        ((i64::from(exponent) * 1_292_913_986) >> 32) as i32
    }

    /// A whole number, the lowest limb first. The largest here is below 2^1140: the smallest number's mantissa times
    /// a power of ten, and one more digit.
    #[derive(Clone, Copy)]
    struct Big([u32; 36]);

    impl Big {
        fn from(number: u64) -> Self {
            let mut limbs = [0; 36];
            let [low, high, ..] = &mut limbs;
            (*low, *high) = (number as u32, (number >> 32) as u32);
            Self(limbs)
        }

        fn multiply(&mut self, factor: u32) {
            let mut carry = 0_u64;
            for limb in &mut self.0 {
                carry += u64::from(*limb) * u64::from(factor);
                *limb = carry as u32;
                carry >>= 32;
            }
        }

        fn shifted(mut self, bits: u32) -> Self {
            for _ in 0..bits / 31 {
                self.multiply(1 << 31);
            }
            self.multiply(1 << (bits % 31));
            self
        }

        fn plus(&self, other: &Self) -> Self {
            let mut sum = *self;
            let mut carry = 0_u64;
            for (limb, more) in sum.0.iter_mut().zip(&other.0) {
                carry += u64::from(*limb) + u64::from(*more);
                *limb = carry as u32;
                carry >>= 32;
            }
            sum
        }

        /// `other` must not be larger.
        fn subtract(&mut self, other: &Self) {
            let mut is_borrowed = false;
            for (limb, less) in self.0.iter_mut().zip(&other.0) {
                let (difference, first) = limb.overflowing_sub(*less);
                let (difference, second) = difference.overflowing_sub(is_borrowed.into());
                (*limb, is_borrowed) = (difference, first || second);
            }
        }

        fn order(&self, other: &Self) -> Ordering {
            self.0.iter().rev().cmp(other.0.iter().rev())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bits: u64) {
        let number = f64::from_bits(bits);
        if number.is_finite() {
            assert_eq!(small::double(number), core_library::double(number));
        }
        let number = f32::from_bits((bits >> 32) as u32);
        if number.is_finite() {
            assert_eq!(small::float(number), core_library::float(number));
        }
    }

    #[test]
    fn the_small_one_writes_the_same_digits() {
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            check(seed ^ seed >> 29);
        }
    }

    #[test]
    fn so_it_does_at_powers_and_ends() {
        for exponent in 0..0x7FF_u64 {
            for fraction in [0, 1, 2, (1 << 52) - 1, (1 << 52) - 2] {
                check(exponent << 52 | fraction);
            }
        }
        for exponent in 0..0xFF_u64 {
            for fraction in [0, 1, (1 << 23) - 1] {
                check((exponent << 23 | fraction) << 32);
            }
        }
        for power in -300..300 {
            let number: f64 = std::format!("1e{power}").parse().expect("a number");
            for number in [number, -number, number * 3.0] {
                check(number.to_bits());
            }
        }
        for number in [0.0, 0.1, 0.3, 5e-324, 9_007_199_254_740_993.0, f64::MAX] {
            check(number.to_bits());
        }
    }
}
