//! One weight of the score matrix, and the places of several.

use hashbrown::HashSet;

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
