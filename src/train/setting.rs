//! What there is to choose of a fit.

use super::loss::Loss;
use super::params::PruneBy;
use super::path::{self, Course};
use super::{Choice, Objective, Params, memory};

/// The margin of the softmax-margin loss that `auto` tries and that 0/1 fits start from.
pub(super) const MARGIN: f32 = 2.0;

/// So many texts there must be for each nonzero for a fit to be grown under 0/1 loss, or finished under it unless that
/// is asked for: with fewer, it has always been found to fit noise. Where there are fewer for a fit to be grown,
/// dropout and the naive Bayes penalty are tried.
const TEXTS_PER_GROWN: usize = 50;
const TEXTS_PER_FINISHED: usize = 10;

/// The L2 strength where none is given or chosen.
const L2_WITHOUT_CHOICE: f64 = 1.0;

/// A way to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub loss: Loss,
    pub l2: f32,
    /// Whether the L2 strength of a weight depends on how much its feature tells.
    pub naive_bayes: bool,
    /// Whether budgets that would be grown from nothing are cut from the dense fit instead.
    pub is_cut: bool,
    /// Whether fits are to copies of the texts with features left out; of what ends under 0/1 loss, that end alone.
    pub dropout: bool,
    pub zero_one: ZeroOne,
}

/// What 0/1 loss has to do with a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroOne {
    /// Nothing.
    No,
    /// The fit ends under it.
    Finish,
    /// The fit is grown under it from nothing.
    Alone,
}

impl Setting {
    /// A smooth fit, and nothing special about it.
    pub(super) fn plain(loss: Loss, l2: f32) -> Setting {
        Setting { loss, l2, naive_bayes: false, is_cut: false, dropout: false, zero_one: ZeroOne::No }
    }

    /// The setting that `params` ask for, or the first that would be tried.
    pub(super) fn without_choice(params: &Params) -> Setting {
        let zero_one = if params.objective == Objective::ZeroOne { ZeroOne::Finish } else { ZeroOne::No };
        let l2 = params.l2.unwrap_or(L2_WITHOUT_CHOICE) as f32;
        Setting { zero_one, ..Setting::plain(first_loss(params), l2) }
    }

    /// The setting that `params` ask for, if they leave nothing to choose.
    pub(super) fn given(params: &Params) -> Option<Setting> {
        let is_given = params.l2.is_some() && params.objective != Objective::Auto;
        is_given.then(|| Setting::without_choice(params))
    }

    /// The setting whose fits are grown under 0/1 loss from nothing, if `params` allow it.
    pub(super) fn alone(params: &Params) -> Option<Setting> {
        let is_open = matches!(params.objective, Objective::Auto | Objective::ZeroOne)
            && params.prune_by == PruneBy::Cost
            && params.l2.is_none();
        let loss = Loss { q: 0.0, margin: 0.0 };
        is_open.then_some(Setting { zero_one: ZeroOne::Alone, ..Setting::plain(loss, 0.0) })
    }

    /// The setting of the fit that it ends, or itself.
    pub(super) fn smooth(self) -> Setting {
        let dropout = self.dropout && self.zero_one == ZeroOne::No;
        Setting { zero_one: ZeroOne::No, dropout, ..self }
    }

    pub(super) fn choice(&self) -> Choice {
        let Setting { l2, naive_bayes, is_cut, dropout, .. } = *self;
        Choice { objective: self.objective(), l2: widened(l2), naive_bayes, is_cut, dropout }
    }

    pub(super) fn objective(&self) -> Objective {
        let Loss { q, margin } = self.loss;
        if self.zero_one != ZeroOne::No {
            Objective::ZeroOne
        } else if q > 0.0 {
            Objective::GeneralisedCrossEntropy(widened(q))
        } else if margin > 0.0 {
            Objective::SoftmaxMargin(widened(margin))
        } else {
            Objective::LogLoss
        }
    }

    /// Whether it makes sense for a fit of so many weights to so many texts.
    pub(super) fn suits(&self, texts: usize, size: usize, params: &Params) -> bool {
        let is_auto = params.objective == Objective::Auto;
        if (self.naive_bayes || self.dropout) && (!is_auto || texts / TEXTS_PER_GROWN >= size) {
            return false;
        }
        match self.zero_one {
            ZeroOne::No => !is_auto || self.loss.margin <= MARGIN || texts / TEXTS_PER_FINISHED < size,
            ZeroOne::Finish => params.objective == Objective::ZeroOne || texts / TEXTS_PER_FINISHED >= size,
            ZeroOne::Alone => texts / TEXTS_PER_GROWN >= size,
        }
    }

    /// What a path to so many texts lowers.
    pub(super) fn course(&self, params: &Params, texts: usize) -> Course {
        Course {
            loss: self.loss,
            l2: self.l2,
            naive_bayes: self.naive_bayes,
            l1: params.l1.map(|l1| (l1 * texts as f64) as f32).or(self.is_cut.then_some(path::L1_OF_FEW)),
            prune_by: params.prune_by,
            dropout: self.smooth().dropout,
            most_cells: memory::most_weights(params),
        }
    }
}

/// The shortest `f64` that prints as the `f32` does.
pub(super) fn widened(x: f32) -> f64 {
    x.to_string().parse().expect("a number prints as a number")
}

/// The smooth loss that `params` ask for, or that is tried first.
pub(super) fn first_loss(params: &Params) -> Loss {
    let (q, margin) = match params.objective {
        _ if params.prune_by == PruneBy::Magnitude => (0.0, 0.0),
        Objective::Auto | Objective::ZeroOne => (0.0, MARGIN),
        Objective::LogLoss => (0.0, 0.0),
        Objective::SoftmaxMargin(margin) => (0.0, margin as f32),
        Objective::GeneralisedCrossEntropy(q) => (q as f32, 0.0),
    };
    Loss { q, margin }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it suits each of these sizes, of 1,000 texts.
    fn suits(setting: Setting, objective: Objective, sizes: [usize; 2]) -> [bool; 2] {
        sizes.map(|size| setting.suits(1000, size, &Params { objective, ..Params::default() }))
    }

    #[test]
    fn of_zero_one_loss_fits_grow_with_fifty_texts_for_each_nonzero_and_end_with_ten() {
        let plain = Setting::plain(Loss { q: 0.0, margin: MARGIN }, 1.0);
        let alone = Setting { zero_one: ZeroOne::Alone, ..plain };
        let finish = Setting { zero_one: ZeroOne::Finish, ..plain };
        assert_eq!(suits(alone, Objective::Auto, [20, 21]), [true, false]);
        assert_eq!(suits(finish, Objective::Auto, [100, 101]), [true, false]);
        assert_eq!(suits(alone, Objective::ZeroOne, [20, 21]), [true, false]);
        assert_eq!(suits(finish, Objective::ZeroOne, [100, 101]), [true, true]);
    }

    #[test]
    fn what_overfits_less_is_tried_where_there_are_fewer_texts_and_by_auto_alone() {
        let plain = Setting::plain(Loss { q: 0.0, margin: MARGIN }, 1.0);
        for setting in [Setting { naive_bayes: true, ..plain }, Setting { dropout: true, ..plain }] {
            assert_eq!(suits(setting, Objective::Auto, [20, 21]), [false, true]);
            assert_eq!(suits(setting, Objective::SoftmaxMargin(2.0), [20, 21]), [false, false]);
        }
        let wide = Setting::plain(Loss { q: 0.0, margin: 4.0 }, 1.0);
        assert_eq!(suits(wide, Objective::Auto, [100, 101]), [false, true]);
        assert_eq!(suits(wide, Objective::SoftmaxMargin(4.0), [20, 100]), [true, true]);
        assert_eq!(suits(plain, Objective::Auto, [20, 101]), [true, true]);
    }
}
