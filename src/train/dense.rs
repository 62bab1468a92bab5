//! The dense fit: all weights at once, with an L1 penalty.

use rayon::prelude::*;
use sprs::CsMatI;

use super::cell::{Cell, without_full_rows};
use super::exp_ln::exp;
use super::loss::Loss;
use super::problem::Problem;
use super::ridge::Ridge;
use super::rows::{Odds, WeightedSum, stride};
use crate::infer::Instructions;

/// A proximal step that promises less than this share of the objective has come to rest.
const TOLERANCE: f64 = 5e-5;
const MOST_STEPS: usize = 1000;
/// Of so many steps, one looks at all features and renews the metric; the others leave out those features that the penalty
/// held at zero in it.
const STEPS_PER_SCREENING: usize = 10;

/// No curvature of a text's loss in its scores is above this (Böhning, "Multinomial logistic regression algorithm", 1992).
const LARGEST_CURVATURE: f32 = 0.5;
/// What a metric starts with, as a share of the curvatures: the bounds they are made of are seldom reached all at once.
const FIRST_SCALE: f32 = 0.5;
/// Added to each curvature of a text: probabilities near 0 can grow to many times themselves before the metric is renewed.
const ADDED_CURVATURE: f32 = 0.02;
/// The least curvature in the score of a text's own class whose probability is still to rise beyond 1/2.
const RISING_CURVATURE: f32 = 0.25;
/// What sums of losses may differ by for rounding, as a share of them.
const ROUNDING: f64 = 1e-6;

/// The weights that are not zero at the [`minimum`], in the order of features, then classes. Of two classes, a feature has
/// one for one of them: there, almost every feature has two, so that to cut them one by one would leave pairs, which
/// L2 prefers.
pub(super) fn fit(problem: &Problem, loss: Loss, l1: f32, ridge: &Ridge) -> Vec<Cell> {
    let cells = minimum(problem, loss, l1, ridge);
    if problem.classes() == 2 { without_full_rows(cells, 2) } else { cells }
}

/// The weights that are not zero where the sum of losses, plus `l1` times the sum of their magnitudes, plus the penalties
/// of the ridge, is least; every feature and class has one. In the order of features, then classes.
///
/// FISTA (Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009), restarted whenever its momentum
/// points uphill (O'Donoghue and Candes, "Adaptive restart for accelerated gradient schemes", 2015), in a metric of one
/// curvature for each weight, which are renewed as probabilities move (see [`set_spreads`]). Where the losses turn out
/// higher than the metric allows for, it is doubled, until it is a bound that holds everywhere: Beck and Teboulle's
/// backtracking, but that a step is not taken back. The losses with q above 0 are concave in the negative log-likelihood,
/// so that what bounds log loss, times what a text pulls, bounds them too.
///
/// The penalty holds the weights of most features at zero: those that it does are left out of the next steps, and looked at
/// again after some and before the end (screening: Tibshirani and others, "Strong rules for discarding predictors in
/// lasso-type problems", 2012).
///
/// Takes memory for three matrices of shape (features, classes) and two of shape (texts, classes), with rows of a
/// [`stride`].
fn minimum(problem: &Problem, loss: Loss, l1: f32, ridge: &Ridge) -> Vec<Cell> {
    let stride = stride(problem.classes());
    let by_text = problem.shares_by_text();
    let lengths: Vec<f32> = by_text.outer_iterator().map(|text| text.data().iter().sum()).collect();
    let mut here = vec![0.0_f32; problem.features() * stride];
    let mut ahead = here.clone();
    let mut curvatures = here.clone();
    // Whether the penalty holds all weights of a feature at zero, here and ahead, and the entries of the other features.
    let mut is_held = vec![true; problem.features()];
    let mut unheld_by_text = unheld(&by_text, &is_held);
    let mut residuals = vec![0.0_f32; problem.texts() * stride];
    let mut spreads = residuals.clone();
    let mut scale = FIRST_SCALE;
    // What the metric allows the losses to be.
    let mut allowed = f64::INFINITY;
    let mut momentum = 1.0_f32;
    let instructions = Instructions::best();
    let mut until_screening = 0;
    for _ in 0..MOST_STEPS {
        let mut text_losses =
            set_residuals(instructions, problem, &unheld_by_text, loss, &ahead, &mut residuals);
        let mut losses = total(&text_losses);
        if losses > allowed + ROUNDING * losses {
            scale *= 2.0;
            until_screening = 0;
            momentum = 1.0;
            ahead.copy_from_slice(&here);
            text_losses = set_residuals(instructions, problem, &unheld_by_text, loss, &ahead, &mut residuals);
            losses = total(&text_losses);
        }
        let next_momentum = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
        let carry = (momentum - 1.0) / next_momentum;
        let is_screening = until_screening == 0;
        if is_screening {
            set_spreads(problem, &lengths, &text_losses, scale, &residuals, &mut spreads);
        }
        let steps: Vec<Step> = here
            .par_chunks_mut(stride)
            .zip(ahead.par_chunks_mut(stride))
            .zip(curvatures.par_chunks_mut(stride))
            .zip(&mut is_held)
            .enumerate()
            .map_init(
                || vec![0.0; stride],
                |gradient, (feature, (((here, ahead), curvatures), is_held))| {
                    if *is_held && !is_screening {
                        return Step::default();
                    }
                    let (rows, weights) = problem.shares_of(feature as u32);
                    let set_sum = |matrix: &[f32], sum: &mut [f32]| {
                        instructions.run(WeightedSum { rows, weights, matrix, sum })
                    };
                    set_sum(&residuals, gradient);
                    let is_empty = || here.iter().chain(&*ahead).all(|&weight| weight == 0.0);
                    if is_screening {
                        *is_held = gradient.iter().all(|slope| slope.abs() <= l1) && is_empty();
                    }
                    if *is_held {
                        return Step::default();
                    }
                    if is_screening {
                        set_sum(&spreads, curvatures);
                    }
                    let penalty = Penalty { l1, l2: ridge.of_feature(feature) };
                    Step::take(here, ahead, gradient, curvatures, penalty, carry)
                },
            )
            .collect();
        // Summed in order, so that the number of threads changes nothing.
        let sum = |part: fn(&Step) -> f32| steps.iter().map(|step| f64::from(part(step))).sum::<f64>();
        let is_at_rest = sum(|step| step.decrease) <= TOLERANCE * (losses + sum(|step| step.penalty));
        if is_at_rest && is_screening {
            break;
        }
        if is_screening {
            unheld_by_text = unheld(&by_text, &is_held);
        }
        until_screening = match until_screening {
            _ if is_at_rest => 0,
            0 => STEPS_PER_SCREENING - 1,
            steps => steps - 1,
        };
        momentum = next_momentum;
        allowed = losses + sum(|step| step.rise_ahead);
        if sum(|step| step.uphill) > 0.0 {
            momentum = 1.0;
            allowed = losses + sum(|step| step.rise_here);
            ahead.copy_from_slice(&here);
        }
    }
    let weights = here.iter().enumerate().filter(|&(_, &weight)| weight != 0.0);
    let cell = |(at, &weight): (usize, &f32)| Cell {
        feature: (at / stride) as u32,
        class: (at % stride) as u32,
        weight: weight.clamp(-super::smooth::LARGEST_WEIGHT, super::smooth::LARGEST_WEIGHT),
    };
    weights.map(cell).collect()
}

/// The entries of the features that are not held.
fn unheld(by_text: &CsMatI<f32, u32, usize>, is_held: &[bool]) -> CsMatI<f32, u32, usize> {
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for text in by_text.outer_iterator() {
        let unheld = text.iter().filter(|&(feature, _)| !is_held[feature]);
        for (feature, &share) in unheld {
            indices.push(feature as u32);
            data.push(share);
        }
        indptr.push(indices.len());
    }
    CsMatI::new(by_text.shape(), indptr, indices, data)
}

/// What one text has to do with the losses.
#[derive(Debug, Clone, Copy)]
struct TextLoss {
    /// Its part of their sum.
    loss: f64,
    /// Its weight times the slope of the loss in the negative log-likelihood.
    pull: f32,
}

fn total(losses: &[TextLoss]) -> f64 {
    losses.iter().map(|text| text.loss).sum()
}

/// Sets each text's residuals, its probabilities less 1 for its own class, times what the text pulls.
fn set_residuals(
    instructions: Instructions,
    problem: &Problem,
    by_text: &CsMatI<f32, u32, usize>,
    loss: Loss,
    weights: &[f32],
    residuals: &mut [f32],
) -> Vec<TextLoss> {
    let classes = problem.classes();
    residuals
        .par_chunks_mut(stride(classes))
        .zip(problem.labels())
        .zip(problem.weights())
        .enumerate()
        .map(|(text, ((row, &label), &text_weight))| {
            let range = by_text.indptr().outer_inds_sz(text);
            let (features, shares) = (&by_text.indices()[range.clone()], &by_text.data()[range]);
            instructions.run(WeightedSum { rows: features, weights: shares, matrix: weights, sum: row });
            row[label as usize] -= loss.margin;
            let own = row[label as usize];
            row[classes..].fill(f32::NEG_INFINITY);
            let (highest, total) = instructions.run(Odds { scores: row });
            row[classes..].fill(0.0);
            let u = libm::logf(total) - (own - highest);
            let pull = text_weight * if loss.q == 0.0 { 1.0 } else { exp(-loss.q * u) };
            row.iter_mut().for_each(|odds| *odds *= pull / total);
            row[label as usize] -= pull;
            TextLoss { loss: f64::from(text_weight) * loss.of(u), pull }
        })
        .collect()
}

/// Sets what each text adds to the curvature of a weight, for each class and unit of the feature's share of the text:
/// the sums of these times shares are the metric.
///
/// In the scores of a text, log loss curves like diag(p) - p p', which is at most diag(p), and at most diag(2 p (1 -
/// p)), as the rows of the one subtracted from the other show by Gershgorin's theorem. The square of the sum of a
/// text's shares times weights is at most the sum of its shares, its length, times the sum of shares times squared
/// weights. Probabilities move before the next renewal: therefore something is added, and all of it is scaled, up to
/// the bound that holds for any probabilities.
fn set_spreads(
    problem: &Problem,
    lengths: &[f32],
    text_losses: &[TextLoss],
    scale: f32,
    residuals: &[f32],
    spreads: &mut [f32],
) {
    let stride = stride(problem.classes());
    let texts = lengths.par_iter().zip(text_losses).zip(problem.labels());
    spreads.par_chunks_mut(stride).zip(residuals.par_chunks(stride)).zip(texts).for_each(
        |((spreads, residuals), ((&length, &TextLoss { pull, .. }), &label))| {
            // Of a text that pulls nothing, residuals tell nothing, and its spreads are 0 whatever they are.
            let unit = if pull > 0.0 { 1.0 / pull } else { 0.0 };
            let spread = |curvature: f32| {
                (scale * (curvature + ADDED_CURVATURE)).min(LARGEST_CURVATURE) * pull * length
            };
            for (to, &residual) in spreads.iter_mut().zip(residuals) {
                *to = spread(curvature(residual * unit));
            }
            let label = label as usize;
            let own = 1.0 + residuals[label] * unit;
            let least = if own < 0.5 { RISING_CURVATURE } else { 0.0 };
            spreads[label] = spread(curvature(own).max(least));
        },
    );
}

/// A bound on what log loss curves by in the score of a class of this probability, beside any changes of other scores.
#[inline(always)]
fn curvature(probability: f32) -> f32 {
    let p = probability.clamp(0.0, 1.0);
    p.min(2.0 * p * (1.0 - p))
}

/// What bears on the weights of one feature besides the losses.
#[derive(Debug, Clone, Copy)]
struct Penalty<'r> {
    l1: f32,
    /// By class.
    l2: &'r [f32],
}

/// What a proximal step did to the weights of one feature.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// What the step lowers the objective by, about.
    decrease: f32,
    /// The penalties before it.
    penalty: f32,
    /// Above 0 where the step goes against the momentum.
    uphill: f32,
    /// What the losses may rise by on the way to where it leads, and beyond to the next place ahead.
    rise_here: f32,
    rise_ahead: f32,
}

impl Step {
    /// Takes `here` to where a proximal step from `ahead` leads, and `ahead` beyond it.
    fn take(
        here: &mut [f32],
        ahead: &mut [f32],
        gradient: &[f32],
        curvatures: &[f32],
        penalty: Penalty<'_>,
        carry: f32,
    ) -> Step {
        let l1 = penalty.l1;
        let mut step = Step::default();
        let weights = here.iter_mut().zip(ahead).zip(gradient).zip(curvatures).zip(penalty.l2);
        for ((((here, ahead), &gradient), &of_losses), &l2) in weights {
            let curvature = of_losses + l2;
            if curvature == 0.0 {
                // None of these texts has the feature.
                continue;
            }
            let from = *ahead;
            let target = from - (gradient + l2 * from) / curvature;
            let to = (target.abs() - l1 / curvature).max(0.0).copysign(target);
            let next = to + carry * (to - *here);
            let rise = |change: f32| change * (gradient + of_losses / 2.0 * change);
            step.decrease += curvature / 2.0 * (from - to) * (from - to);
            step.penalty += l1 * from.abs() + l2 / 2.0 * from * from;
            step.uphill += curvature * (from - to) * (to - *here);
            step.rise_here += rise(to - from);
            step.rise_ahead += rise(next - from);
            *ahead = next;
            *here = to;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::train::problem::tests::problem;
    use crate::train::smooth::SmoothFit;

    proptest! {
        #[test]
        fn no_weight_can_be_changed_to_lower_the_objective(
            problem in problem(),
            l1 in 0.05..0.5_f32,
            margin in 0..3_u8,
            is_uniform in any::<bool>(),
            at in 0..12_u32,
            change in -0.5..0.5_f32,
        ) {
            let loss = Loss { q: 0.0, margin: f32::from(margin) };
            let ridge = if is_uniform { Ridge::uniform(0.05, 3) } else { Ridge::naive_bayes(0.02, &problem) };
            let objective = |cells: Vec<Cell>| {
                let l1_penalty: f32 = cells.iter().map(|cell| l1 * cell.weight.abs()).sum();
                SmoothFit::new(&problem, loss, ridge.clone(), cells).objective() + f64::from(l1_penalty)
            };
            let cells = minimum(&problem, loss, l1, &ridge);
            let place = (at / 3, at % 3);
            let mut moved = cells.clone();
            match moved.iter_mut().find(|cell| cell.place() == place) {
                Some(cell) => cell.weight += change,
                None => moved.push(Cell { feature: place.0, class: place.1, weight: change }),
            }
            let (best, other) = (objective(cells), objective(moved));
            prop_assert!(best <= other + 2e-3 * best, "{best} at rest, {other} beside it");
        }

        #[test]
        fn with_a_faint_penalty_sweeps_over_all_weights_lower_the_minimum_hardly_further(
            problem in problem(),
            q in prop_oneof![Just(0.0_f32), Just(0.3)],
            margin in 0..9_u8,
        ) {
            let loss = Loss { q, margin: if q == 0.0 { f32::from(margin) } else { 0.0 } };
            let ridge = Ridge::uniform(0.05, 3);
            let cells = minimum(&problem, loss, 1e-6, &ridge);
            let weight = |place| cells.iter().find(|cell| cell.place() == place).map_or(0.0, |cell| cell.weight);
            let cell = |(feature, class)| Cell { feature, class, weight: weight((feature, class)) };
            let all = (0..12).map(|at| cell((at / 3, at % 3))).collect();
            let mut fit = SmoothFit::new(&problem, loss, ridge.clone(), all);
            let (fitted, swept) = (fit.objective(), fit.optimise(1e-7, 1000));
            // With a q above 0 the way down is flat in places, and may end anywhere on it.
            let start = SmoothFit::new(&problem, loss, ridge.clone(), Vec::new()).objective();
            let most = if q == 0.0 { 1.03 * swept } else { 1.001 * start };
            prop_assert!(fitted <= most, "{fitted}, {swept} after sweeps, {start} before all");
        }

        #[test]
        fn one_class_of_each_feature_has_no_weight_and_no_probability_tells(problem in problem(), l1 in 0.0..0.1_f32) {
            let loss = Loss { q: 0.0, margin: 2.0 };
            let all = fit(&problem, loss, l1, &Ridge::uniform(0.05, 3));
            let fewer = without_full_rows(all.clone(), problem.classes());
            prop_assert!(fewer.chunk_by(|a, b| a.feature == b.feature).all(|row| row.len() < problem.classes()));
            let losses = |cells| SmoothFit::new(&problem, loss, Ridge::uniform(0.0, 3), cells).objective();
            let (all, fewer) = (losses(all), losses(fewer));
            prop_assert!((all - fewer).abs() <= 1e-4 * all, "{all} {fewer}");
        }

        #[test]
        fn a_stronger_penalty_leaves_all_weights_at_zero(problem in problem()) {
            let cells = fit(&problem, Loss { q: 0.0, margin: 0.0 }, 1e3, &Ridge::uniform(0.0, 3));
            prop_assert!(cells.is_empty());
        }
    }
}
