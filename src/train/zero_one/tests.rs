use proptest::prelude::*;

use super::*;
use crate::train::problem::tests::{problem, problem_with};

fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let cell = (0..4_u32, 0..3_u32, -3..4_i32).prop_map(|(feature, class, weight)| Cell {
        feature,
        class,
        weight: weight as f32 / SCORE_STEPS,
    });
    proptest::collection::vec(cell, 0..6).prop_map(|mut cells| {
        cells.sort_by_key(Cell::place);
        cells.dedup_by_key(|cell| cell.place());
        cells
    })
}

/// What is right when all scores are summed anew.
fn naive_right(problem: &Problem, cells: &[Cell]) -> f64 {
    let mut scores = vec![0.0; problem.texts() * problem.classes()];
    for cell in cells {
        let (texts, counts) = problem.texts_of(cell.feature);
        for (&text, &count) in texts.iter().zip(counts) {
            scores[text as usize * problem.classes() + cell.class as usize] += cell.weight * count;
        }
    }
    let argmax = |row: &[f32]| {
        (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("there are classes")
    };
    (0..problem.texts())
        .filter(|&text| {
            let row: Vec<f32> =
                scores[text * problem.classes()..][..problem.classes()].iter().map(|x| x + 0.0).collect();
            argmax(&row) as u32 == problem.labels()[text]
        })
        .map(|text| f64::from(problem.weights()[text]))
        .sum()
}

#[test]
fn a_round_adds_first_what_gains_most_and_nothing_that_gains_no_more_beside_it() {
    let texts = |times: usize, counts: [u16; 4], label: u32| vec![(counts.to_vec(), label, 1); times];
    // By the texts that are wrong the feature 1 could gain 5; it gains 3, and beside the feature 2, which gains 4, nothing.
    let problem = [texts(4, [0, 1, 1, 0], 1), texts(1, [0, 1, 0, 0], 1), texts(2, [0, 1, 0, 0], 0)].concat();
    let problem = problem_with(&problem);
    let mut fit = ZeroOneFit::new(&problem, &[]);
    assert_eq!(fit.add_best(2, &mut Searched::default()), 1);
    assert_eq!((fit.cells[0].feature, fit.right()), (2, 6.0));
}

proptest! {
    #[test]
    fn a_line_search_finds_the_best_of_all_changes(
        (problem, cells) in (problem(), cells()),
        feature in 0..4_u32,
        class in 0..3_u32,
    ) {
        let mut cells = cells;
        cells.retain(|cell| cell.place() != (feature, class));
        cells.push(Cell { feature, class, weight: 1.0 / SCORE_STEPS });
        let mut fit = ZeroOneFit::new(&problem, &cells);
        prop_assert!((fit.right() - naive_right(&problem, &cells)).abs() < 1e-4);
        let most = (-40..40)
            .map(|weight| {
                cells.last_mut().expect("one was pushed").weight = weight as f32 / SCORE_STEPS;
                naive_right(&problem, &cells)
            })
            .fold(0.0, f64::max);
        let before = fit.right();
        let gain = fit.update(cells.len() - 1);
        prop_assert!((fit.right() - most).abs() < 1e-4, "{} found, {most} there", fit.right());
        prop_assert!((fit.right() - before - gain).abs() < 1e-4);
    }

    #[test]
    fn a_removal_costs_what_is_no_longer_right((problem, cells) in (problem(), cells())) {
        let costs = ZeroOneFit::new(&problem, &cells).removal_costs();
        prop_assert_eq!(costs.len(), cells.len());
        for (at, cost) in costs.into_iter().enumerate() {
            let others = [&cells[..at], &cells[at + 1..]].concat();
            prop_assert!((naive_right(&problem, &cells) - naive_right(&problem, &others) - cost).abs() < 1e-4);
        }
    }

    #[test]
    fn no_addition_completes_the_weights_of_a_feature(problem in problem(), feature in 0..4_u32, class in 0..3_u32) {
        let others = (0..3_u32).filter(|&other| other != class);
        let cells: Vec<Cell> = others.map(|class| Cell { feature, class, weight: 1.0 }).collect();
        let mut fit = ZeroOneFit::new(&problem, &cells);
        fit.grow(12);
        prop_assert!(fit.cells.iter().all(|cell| (cell.feature, cell.class) != (feature, class)));
    }

    #[test]
    fn growth_and_exchanges_keep_to_the_size_and_never_lose((problem, cells) in (problem(), cells())) {
        let mut fit = ZeroOneFit::new(&problem, &cells);
        let mut right = fit.right();
        let size = cells.len() + 2;
        fit.grow(size);
        prop_assert!(fit.right() >= right - 1e-6);
        right = fit.right();
        fit.swap(size, 3);
        fit.kick(size, 3, &mut Random::new(1));
        prop_assert!(fit.right() >= right - 1e-6);
        prop_assert!(fit.cells.len() <= size);
        prop_assert!((fit.right() - naive_right(&problem, &fit.cells())).abs() < 1e-4);
    }
}
