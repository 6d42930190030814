//! The order in which the targets of a pool are tried.

/// Orders targets by weight: each place is drawn from the targets still left, with a chance in proportion to its weight.
/// Targets of weight 0 come last, in their own order. `chance` gives numbers in `0.0..1.0`.
///
/// The order is complete, so that fail-over reaches every target; the first place gets the traffic split that the weights say.
pub fn weighted_order(weights: &[u32], mut chance: impl FnMut() -> f64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0).collect();
    let mut order = Vec::with_capacity(weights.len());
    while left.len() > 1 {
        let sum: f64 = left.iter().map(|&i| f64::from(weights[i])).sum();
        let mut mark = chance() * sum;
        let place = left.iter().position(|&i| {
            mark -= f64::from(weights[i]);
            mark < 0.0
        });
        order.push(left.remove(place.unwrap_or(left.len() - 1)));
    }
    order.append(&mut left);
    order.extend((0..weights.len()).filter(|&i| weights[i] == 0));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_place_is_shared_out_by_weight() {
        let mut step = 0;
        let firsts = (0..1000).filter(|_| {
            weighted_order(&[1, 9], || {
                step += 1;
                f64::from(step % 1000) / 1000.0
            })[0]
                == 1
        });
        assert!((880..=920).contains(&firsts.count()));
    }

    #[test]
    fn weight_zero_is_for_fail_over_only() {
        assert_eq!(weighted_order(&[0, 5, 0], || 0.0), [1, 0, 2]);
        assert_eq!(weighted_order(&[], || 0.0), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn every_target_comes_exactly_once(weights in proptest::collection::vec(0u32..50, 0..12), c in 0.0f64..1.0) {
            let mut order = weighted_order(&weights, || c);
            order.sort_unstable();
            prop_assert_eq!(order, (0..weights.len()).collect::<Vec<_>>());
        }
    }
}
