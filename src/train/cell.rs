//! One weight of the score matrix, and the places of several.

use hashbrown::HashSet;

use super::problem::INTERCEPT;

/// Weights less than one over this say nothing.
const MOST_MAGNIFIED: f32 = 65_536.0;

/// The place of a weight in the score matrix, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub feature: u32,
    pub class: u32,
    pub weight: f32,
}

impl Cell {
    pub(super) fn place(&self) -> (u32, u32) {
        (self.feature, self.class)
    }

    /// The class that a text gets which has no weight but this one: the first has it without any. Of two weights that do as
    /// much for the loss, the one that takes a text from there does more.
    pub(super) fn class_alone(&self) -> u32 {
        if self.weight >= 0.0 { self.class } else { u32::from(self.class == 0) }
    }
}

/// The places that have a weight.
///
/// To add one number to a feature's weights for all classes changes no argmax and no probability, so that one class of
/// each feature can do without: a weight for the last class that has none would say nothing new.
#[derive(Debug, Clone)]
pub(super) struct Places {
    classes: u32,
    taken: HashSet<(u32, u32)>,
}

impl Places {
    pub(super) fn new(classes: usize, taken: impl Iterator<Item = (u32, u32)>) -> Places {
        Places { classes: classes as u32, taken: taken.collect() }
    }

    /// Whether a weight there would say something new.
    pub(super) fn is_open(&self, feature: u32, class: u32) -> bool {
        let is_free = |class| !self.taken.contains(&(feature, class));
        is_free(class) && (0..self.classes).any(|other| other != class && is_free(other))
    }

    pub(super) fn insert(&mut self, feature: u32, class: u32) {
        self.taken.insert((feature, class));
    }

    pub(super) fn remove(&mut self, feature: u32, class: u32) {
        self.taken.remove(&(feature, class));
    }
}

/// The cells times a power of two, where the largest weight but the intercepts' is less than 1: that of two which brings it
/// to 1 or more, unless an intercept would leave what a model can hold. No argmax depends on it, but in steps of 1/256 the
/// weights of very long texts would be next to nothing.
pub(super) fn magnified(cells: &[Cell]) -> Vec<Cell> {
    let largest = |is_intercept: bool| {
        let cells = cells.iter().filter(|cell| (cell.feature as usize == INTERCEPT) == is_intercept);
        cells.map(|cell| cell.weight.abs()).fold(0.0, f32::max)
    };
    let (word, intercept) = (largest(false), largest(true));
    let mut factor = 1.0;
    while word > 0.0 && word * factor < 1.0 && intercept * factor < 32.0 && factor < MOST_MAGNIFIED {
        factor *= 2.0;
    }
    cells.iter().map(|&cell| Cell { weight: cell.weight * factor, ..cell }).collect()
}

/// The cells, in the order of features, with the weights of each feature that has one for all classes shifted by the one
/// of the least magnitude, so that one class fewer needs one.
pub(super) fn without_full_rows(mut cells: Vec<Cell>, classes: usize) -> Vec<Cell> {
    for row in cells.chunk_by_mut(|a, b| a.feature == b.feature).filter(|row| row.len() == classes) {
        let magnitude = |cell: &&Cell| cell.weight.abs();
        let shift =
            row.iter().min_by(|a, b| magnitude(a).total_cmp(&magnitude(b))).map_or(0.0, |cell| cell.weight);
        row.iter_mut().for_each(|cell| cell.weight -= shift);
    }
    cells.retain(|cell| cell.weight != 0.0);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(cells: &[(u32, f32)]) -> Vec<f32> {
        let cell = |&(feature, weight): &(u32, f32)| Cell { feature, class: 0, weight };
        let cells: Vec<Cell> = cells.iter().map(cell).collect();
        magnified(&cells).iter().map(|cell| cell.weight).collect()
    }

    #[test]
    fn small_weights_are_magnified_together_as_far_as_an_intercept_stays_in_range() {
        let intercept = INTERCEPT as u32;
        assert_eq!(weights(&[(1, 0.004), (2, -0.001)]), [1.024, -0.256]);
        assert_eq!(weights(&[(intercept, 0.5), (1, 0.25), (2, 0.125)]), [2.0, 1.0, 0.5]);
        assert_eq!(weights(&[(intercept, -3.0), (1, 0.001)]), [-48.0, 0.016]);
        for kept in [&[(1, 1.0), (2, 0.001)][..], &[(intercept, 0.01)], &[(intercept, 40.0), (1, 0.01)], &[]]
        {
            assert_eq!(weights(kept), kept.iter().map(|&(_, weight)| weight).collect::<Vec<_>>());
        }
        assert!(weights(&[(1, 1e-30)])[0] < 1e-20);
    }

    #[test]
    fn all_of_a_full_row_is_shifted_by_its_weight_of_the_least_magnitude() {
        let cell = |feature, class, weight| Cell { feature, class, weight };
        let cells = vec![cell(1, 0, 2.0), cell(1, 1, -0.5), cell(2, 0, 1.0)];
        assert_eq!(without_full_rows(cells, 2), [cell(1, 0, 2.5), cell(2, 0, 1.0)]);
    }
}
