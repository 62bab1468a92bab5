//! What training keeps in memory, and how much of it is allowed.

use super::{Params, TrainError};
use crate::data::Dataset;

/// What a weight of a dense fit takes, about: 12 bytes, and 20 in the table of those taken. Of two or three
/// classes it takes more: rows are as long as a vector, and a fit on its way down is kept beside what is cut from it.
pub(super) const BYTES_OF_WEIGHT: u64 = 32;

/// What a text's score for a class takes.
const BYTES_OF_SCORE: u64 = 4;

/// The bytes of the scores of all texts, which every fit keeps.
pub(super) fn of_scores(dataset: &Dataset) -> u64 {
    let scores = (dataset.texts() as u64).saturating_mul(dataset.classes().len() as u64);
    scores.saturating_mul(BYTES_OF_SCORE)
}

/// The bytes of all possible weights, which a dense fit keeps.
pub(super) fn of_weights(dataset: &Dataset) -> u64 {
    dataset.possible_weights().saturating_mul(BYTES_OF_WEIGHT)
}

/// The most weights that are allowed.
pub(super) fn most_weights(params: &Params) -> usize {
    usize::try_from(params.max_memory / BYTES_OF_WEIGHT).unwrap_or(usize::MAX).max(1)
}

/// Whether the scores of all texts fit into the memory that is allowed.
pub(super) fn check_scores(params: &Params, dataset: &Dataset) -> Result<(), TrainError> {
    let needed = of_scores(dataset);
    let allowed = params.max_memory;
    if needed > allowed { Err(TrainError::Memory { allowed, needed }) } else { Ok(()) }
}

/// Whether all possible weights fit into the memory that is allowed.
pub(super) fn check_weights(params: &Params, dataset: &Dataset) -> Result<(), TrainError> {
    let needed = of_weights(dataset);
    let allowed = params.max_memory;
    if needed > allowed { Err(TrainError::DenseMemory { allowed, needed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_weights_are_allowed_as_memory_holds_and_one_at_least() {
        let most = |max_memory| most_weights(&Params { max_memory, ..Params::default() });
        assert_eq!([0, 63, 64, 96].map(most), [1, 1, 2, 3]);
    }
}
