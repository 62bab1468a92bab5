//! One weight of the score matrix.

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
