//! Which calls a node makes: one for each record that it depends on. Of several dependencies those records go together that come of the
//! same records; dependencies that have nothing in common are combined each with each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;

/// So many combinations of some of the dependencies are kept on the way to those of all.
const MAX_PARTIAL: usize = 100_000;

/// Which record of which node.
pub(super) type Lineage = BTreeMap<usize, usize>;

/// A record that a node gave.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its JSON.
    pub text: Arc<RawValue>,
    /// The records of other nodes that it was asked for with.
    pub from: Lineage,
}

/// The combinations of the records of `depends_on`, `max` at most, and whether there are more.
pub(super) fn combinations<'r>(
    depends_on: &[usize],
    rows_of: impl Fn(usize) -> &'r [Row],
    max: usize,
) -> (Vec<Lineage>, bool) {
    let mut combined = vec![Lineage::new()];
    let mut is_cut = false;
    for (position, &node) in depends_on.iter().enumerate() {
        let max = if position + 1 == depends_on.len() { max } else { MAX_PARTIAL };
        let rows = rows_of(node);
        let (Some(any), Some(row)) = (combined.first(), rows.first()) else { return (Vec::new(), false) };
        // All records of a node come of the same nodes, and so do all combinations.
        let shared: Vec<usize> =
            any.keys().copied().filter(|other| *other == node || row.from.contains_key(other)).collect();
        let mut by_shared: HashMap<Vec<usize>, Vec<usize>> = HashMap::new();
        for (index, row) in rows.iter().enumerate() {
            let of = |other: &usize| if *other == node { index } else { row.from[other] };
            by_shared.entry(shared.iter().map(of).collect()).or_default().push(index);
        }
        let mut longer = Vec::new();
        'all: for lineage in &combined {
            let key: Vec<usize> = shared.iter().map(|other| lineage[other]).collect();
            for &index in by_shared.get(&key).into_iter().flatten() {
                if longer.len() == max {
                    is_cut = true;
                    break 'all;
                }
                let mut joined = lineage.clone();
                joined.extend(&rows[index].from);
                joined.insert(node, index);
                longer.push(joined);
            }
        }
        combined = longer;
    }
    (combined, is_cut)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(from: &[(usize, usize)]) -> Row {
        Row { text: RawValue::from_string("{}".into()).unwrap().into(), from: from.iter().copied().collect() }
    }

    fn rows(count: usize) -> Vec<Row> {
        (0..count).map(|_| row(&[])).collect()
    }

    fn of(nodes: &[Vec<Row>], depends_on: &[usize], max: usize) -> (Vec<Vec<usize>>, bool) {
        let (lineages, is_cut) = combinations(depends_on, |node| &nodes[node], max);
        let seen = |lineage: Lineage| lineage.into_values().collect();
        (lineages.into_iter().map(seen).collect(), is_cut)
    }

    #[test]
    fn records_of_the_same_records_go_together() {
        // Two orders; the first has two items, the second one.
        let nodes = vec![rows(2), vec![row(&[(0, 0)]), row(&[(0, 0)]), row(&[(0, 1)])]];
        let together = vec![vec![0, 0], vec![0, 1], vec![1, 2]];
        for depends_on in [&[1][..], &[0, 1], &[1, 0]] {
            assert_eq!(of(&nodes, depends_on, 9), (together.clone(), false), "{depends_on:?}");
        }
        // Two branches from the same orders.
        let nodes = vec![rows(2), vec![row(&[(0, 1)]), row(&[(0, 0)])], vec![row(&[(0, 0)]), row(&[(0, 1)])]];
        assert_eq!(of(&nodes, &[1, 2], 9), (vec![vec![1, 0, 1], vec![0, 1, 0]], false));
    }

    proptest! {
        #[test]
        fn what_has_nothing_in_common_is_combined_each_with_each(
            (a, b, max) in (0_usize..6, 0_usize..6, 0_usize..40)
        ) {
            let (found, is_cut) = of(&[rows(a), rows(b)], &[0, 1], max);
            prop_assert_eq!(is_cut, a * b > max);
            prop_assert!(found.len() <= max);
            if !is_cut {
                let each: Vec<Vec<usize>> = (0..a).flat_map(|a| (0..b).map(move |b| vec![a, b])).collect();
                prop_assert_eq!(found, each);
            }
        }
    }

    #[test]
    fn a_node_that_depends_on_nothing_runs_once() {
        assert_eq!(of(&[], &[], 9), (vec![vec![]], false));
    }
}
