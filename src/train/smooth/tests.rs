use proptest::prelude::*;

use super::*;
use crate::train::problem::tests::{problem, problem_of, problem_with};

fn loss() -> impl Strategy<Value = Loss> {
    (prop_oneof![Just(0.0_f32), Just(0.3), Just(1.0)], prop_oneof![Just(0.0_f32), Just(2.0)])
        .prop_map(|(q, margin)| Loss { q, margin })
}

/// The objective from the definition of softmax.
fn naive_objective(problem: &Problem, loss: Loss, l2: f32, cells: &[Cell]) -> f64 {
    let classes = problem.classes();
    let mut scores = vec![0.0_f64; problem.texts() * classes];
    for cell in cells {
        let (texts, shares) = problem.shares_of(cell.feature);
        for (&text, &share) in texts.iter().zip(shares) {
            scores[text as usize * classes + cell.class as usize] += f64::from(cell.weight * share);
        }
    }
    let mut sum = 0.0;
    for (text, row) in scores.chunks_exact_mut(classes).enumerate() {
        let label = problem.labels()[text] as usize;
        row[label] -= f64::from(loss.margin);
        let total: f64 = row.iter().map(|score| score.exp()).sum();
        let p = row[label].exp() / total;
        let q = f64::from(loss.q);
        let psi = if q == 0.0 { -p.ln() } else { (1.0 - p.powf(q)) / q };
        sum += f64::from(problem.weights()[text]) * psi;
    }
    sum + cells.iter().map(|cell| f64::from(l2 / 2.0 * cell.weight * cell.weight)).sum::<f64>()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-3 * (1.0 + a.abs())
}

/// A fit of log loss to one text of class 1, which has each of the four features once.
fn with_fit_to_one_text(cells: Vec<Cell>, test: impl FnOnce(SmoothFit<'_>, &dyn Fn(&[Cell]) -> f64)) {
    let (problem, loss) = (problem_with(&[(vec![1; 4], 1, 1)]), Loss { q: 0.0, margin: 0.0 });
    let fit = SmoothFit::new(&problem, loss, Ridge::uniform(0.0, 3), cells);
    test(fit, &|cells| naive_objective(&problem, loss, 0.0, cells));
}

#[test]
fn classes_whose_scores_rise_side_by_side_beyond_what_odds_can_hold_are_told_apart() {
    with_fit_to_one_text(Vec::new(), |mut fit, naive| {
        for feature in 0..4 {
            fit.add(Cell { feature, class: 0, weight: 30.0 });
            fit.add(Cell { feature, class: 1, weight: 25.0 });
        }
        assert!(near(fit.objective(), naive(&fit.cells)), "{}", fit.objective());
    });
}

#[test]
fn a_class_that_had_nearly_all_odds_of_a_text_gives_them_back_to_the_others() {
    with_fit_to_one_text(Vec::new(), |mut fit, naive| {
        for feature in 0..2 {
            fit.add(Cell { feature, class: 1, weight: 20.0 });
        }
        for at in 0..2 {
            fit.shift(at as u32, 1, -20.0);
            fit.cells[at].weight = 0.0;
        }
        assert!(near(fit.objective(), naive(&fit.cells)), "{}", fit.objective());
    });
}

#[test]
fn a_weight_that_makes_a_text_all_but_certain_costs_to_remove_what_it_has_gained() {
    let cells = vec![Cell { feature: 0, class: 1, weight: 40.0 }];
    with_fit_to_one_text(cells.clone(), |mut fit, naive| {
        let cost = fit.removal_costs()[0];
        assert!(near(cost, naive(&[]) - naive(&cells)), "{cost}");
    });
}

/// Once, or over and over.
fn repeated() -> impl Strategy<Value = u16> {
    prop_oneof![4 => Just(0_u16), 3 => Just(1), 2 => 2..60_u16]
}

proptest! {
    #[test]
    fn the_objective_is_that_of_the_definition_however_it_was_come_to(
        problem in problem(),
        loss in loss(),
        changes in proptest::collection::vec((0..4_u32, 0..3_u32, -3.0..3.0_f32), 1..12),
    ) {
        let mut fit = SmoothFit::new(&problem, loss, Ridge::uniform(0.1, 3), Vec::new());
        for (feature, class, change) in changes {
            match fit.cells.iter().position(|cell| cell.place() == (feature, class)) {
                Some(at) => {
                    fit.shift(feature, class, change);
                    fit.cells[at].weight += change;
                }
                None => fit.add(Cell { feature, class, weight: change }),
            }
        }
        let naive = naive_objective(&problem, loss, 0.1, &fit.cells);
        prop_assert!(near(fit.objective(), naive), "{} kept, {naive} by definition", fit.objective());
        fit.refresh();
        prop_assert!(near(fit.objective(), naive));
    }

    #[test]
    fn sweeps_never_raise_the_objective(problem in problem(), loss in loss()) {
        let cells = (0..4).flat_map(|feature| (0..3).map(move |class| Cell { feature, class, weight: 0.0 }));
        let mut fit = SmoothFit::new(&problem, loss, Ridge::uniform(0.1, 3), cells.collect());
        let mut before = fit.objective();
        for _ in 0..10 {
            fit.reweigh();
            fit.sweep(8);
            let after = fit.objective();
            prop_assert!(after <= before + 1e-4 * (1.0 + before));
            before = after;
        }
    }

    #[test]
    fn what_is_kept_up_to_date_stays_so_where_words_are_repeated(
        problem in problem_of(prop_oneof![2 => Just(0_u16), 2 => Just(1), 1 => 2..20_u16]),
        loss in loss(),
        l2 in prop_oneof![Just(0.3_f32), Just(3.0)],
    ) {
        let mut fit = SmoothFit::new(&problem, loss, Ridge::uniform(l2, 3), Vec::new());
        fit.grow(8);
        let kept = fit.objective();
        fit.refresh();
        // Probabilities below e^-85 are not told apart.
        let anew = fit.objective();
        prop_assert!((kept - anew).abs() <= 0.01 * (1.0 + anew), "{kept} kept, {anew} anew");
    }

    #[test]
    fn no_sweep_raises_log_loss_where_words_are_repeated(
        problem in problem_of(repeated()),
        margin in prop_oneof![Just(0.0_f32), Just(2.0), Just(8.0)],
    ) {
        let cells = (0..4).flat_map(|feature| (0..3).map(move |class| Cell { feature, class, weight: 0.0 }));
        let loss = Loss { q: 0.0, margin };
        let mut fit = SmoothFit::new(&problem, loss, Ridge::uniform(0.3, 3), cells.collect());
        let mut before = fit.objective();
        for _ in 0..10 {
            fit.sweep(2);
            // By definition: what is kept up to date has a least probability.
            let after = naive_objective(&problem, loss, 0.3, &fit.cells);
            prop_assert!(after <= before + 0.05 * (1.0 + before), "{after} after {before}");
            before = after;
        }
    }

    #[test]
    fn an_added_cell_gains_what_was_promised_and_costs_it_to_remove(problem in problem(), margin in 0..3_u8) {
        let loss = Loss { q: 0.0, margin: f32::from(margin) };
        let mut fit = SmoothFit::new(&problem, loss, Ridge::uniform(0.1, 3), Vec::new());
        let before = fit.objective();
        let Some(addition) = fit.additions(1).first().copied() else { return Ok(()) };
        fit.add(addition.cell);
        prop_assert!(near(before - fit.objective(), addition.gain));
        prop_assert!(near(fit.removal_costs()[0], addition.gain));
    }

    #[test]
    fn one_class_of_each_feature_does_without(problem in problem(), loss in loss()) {
        let mut fit = SmoothFit::new(&problem, loss, Ridge::uniform(0.1, 3), Vec::new());
        fit.grow(12);
        fit.swap(2);
        fit.cells.sort_unstable_by_key(Cell::place);
        prop_assert!(fit.cells.chunk_by(|a, b| a.feature == b.feature).all(|row| row.len() < problem.classes()));
    }

    #[test]
    fn pruning_keeps_to_the_size_under_a_mask(problem in problem(), by_cost in any::<bool>()) {
        let mut fit = SmoothFit::new(&problem, Loss { q: 0.0, margin: 0.0 }, Ridge::uniform(0.1, 3), Vec::new());
        fit.grow(8);
        let grown: Vec<_> = fit.cells.iter().map(Cell::place).collect();
        fit.prune(3, if by_cost { PruneBy::Cost } else { PruneBy::Magnitude });
        prop_assert!(fit.cells.len() <= 3);
        prop_assert!(fit.cells.iter().all(|cell| grown.contains(&cell.place())));
    }
}
