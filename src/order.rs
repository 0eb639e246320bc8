//! Sorting, in one piece of code for all types: the standard library's has 5 KB for each type and each order.

use std::cmp::Ordering;

/// Sorts a list; what is equal keeps its order.
pub fn sort<T>(list: &mut [T], compare: &dyn Fn(&T, &T) -> Ordering) {
    let swaps = swaps(list.len(), &|a, b| match (list.get(a), list.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    for (place, with) in swaps.into_iter().enumerate() {
        list.swap(place, with);
    }
}

/// With which place each place is swapped, from the first to the last.
fn swaps(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut swaps: Vec<usize> = (0..length).collect();
    swaps.sort_by(|a, b| compare(*a, *b));
    for place in 0..length {
        let at = |place: usize| swaps.get(place).copied().unwrap_or(place);
        let mut from = at(place);
        // What stood there was swapped before.
        while from < place {
            from = at(from);
        }
        if let Some(swap) = swaps.get_mut(place) {
            *swap = from;
        }
    }
    swaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_keeps_its_order() {
        // All lists of up to seven numbers below three, with their places.
        for length in 0..8_u32 {
            for which in 0..3_u32.pow(length) {
                let mut list: Vec<(u32, u32)> = (0..length).map(|at| (which / 3_u32.pow(at) % 3, at)).collect();
                let mut expected = list.clone();
                expected.sort_by_key(|(number, _)| *number);
                sort(&mut list, &|a, b| a.0.cmp(&b.0));
                assert_eq!(list, expected);
            }
        }
    }
}
