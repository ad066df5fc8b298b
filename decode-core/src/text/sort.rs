//! Sorting in place. The standard library's sorts are faster and ten times the code, which the browser has to
//! fetch; here only the entries of one map are sorted.

/// Heap sort: takes no memory, and equal items do not keep their order.
pub(super) fn heap_sort<T>(items: &mut [T], mut is_less: impl FnMut(&T, &T) -> bool) {
    let len = items.len();
    // First every subtree is made a heap, then what is largest goes to the end, again and again.
    for step in (0..len / 2 + len).rev() {
        let (mut root, end) = match step.checked_sub(len) {
            Some(root) => (root, len),
            None => {
                items.swap(0, step);
                (0, step)
            }
        };
        loop {
            let heap = items.get(..end).unwrap_or_default();
            let children = [2 * root + 1, 2 * root + 2].map(|at| Some((at, heap.get(at)?)));
            let largest = match children {
                [Some((_, left)), Some((at, right))] if is_less(left, right) => Some((at, right)),
                [left, _] => left,
            };
            match (heap.get(root), largest) {
                (Some(parent), Some((at, child))) if is_less(parent, child) => {
                    items.swap(root, at);
                    root = at;
                }
                _ => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn it_sorts_as_the_standard_library_does() {
        let mut seed = 1_u32;
        for len in (0..300).chain([5_000]) {
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed >> 20
            };
            let items: Vec<u32> = (0..len).map(|_| next()).collect();
            for mut ours in [items.clone(), items.iter().map(|item| item % 7).collect()] {
                let mut theirs = ours.clone();
                theirs.sort_unstable();
                heap_sort(&mut ours, |a, b| a < b);
                assert_eq!(ours, theirs, "{len}");
            }
        }
    }
}
