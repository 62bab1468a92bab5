//! A model for each of several budgets, and which of them are worth marking.

use std::sync::Mutex;

use rayon::prelude::*;

use super::{Run, candidates};
use crate::train::cell::Cell;
use crate::train::path::{self, Course};
use crate::train::select::{self, Sought, first_best};
use crate::train::setting::{Setting, ZeroOne};
use crate::train::{Estimate, Frontier, FrontierPoint, Progress, TrainError};

/// What rounding may put a point above a line that it is on.
const ROUNDED: f64 = 1e-9;

impl Run<'_> {
    pub(in crate::train) fn frontier(&self, budgets: &[usize]) -> Result<Frontier, TrainError> {
        let possible = self.possible();
        let mut sizes: Vec<usize> = budgets.iter().map(|&size| size.clamp(1, possible)).collect();
        sizes.push(possible);
        sizes.sort_unstable();
        sizes.dedup();
        let scored = self.score(&sizes, Sought::BestAtEach);
        let chosen: Vec<(Setting, Estimate)> = (0..sizes.len()).map(|at| select::best(&scored, at)).collect();
        let (serves, last) = (serving(&chosen), sizes.len() - 1);
        let problem = self.all_texts();
        // Each path, and the sizes on it; what is grown under 0/1 loss has none.
        let mut paths: Vec<(Option<Course>, Vec<usize>)> = Vec::new();
        for at in (0..sizes.len()).filter(|at| *at == last || serves.contains(at)) {
            let (setting, _) = chosen[at];
            let is_alone = setting.zero_one == ZeroOne::Alone;
            let course = (!is_alone).then(|| setting.course(self.params, problem.texts()));
            match paths.iter_mut().find(|(other, _)| *other == course && course.is_some()) {
                Some((_, on_path)) => on_path.push(at),
                None => paths.push((course, vec![at])),
            }
        }
        let points = Mutex::new(vec![None; sizes.len()]);
        let take = |at: usize, cells: &[Cell]| {
            let (setting, estimate) = chosen[at];
            let cells = self.finished(&problem, setting, cells, sizes[at]);
            let (choice, nonzeros) = (setting.choice(), sizes[at]);
            let model = self.frozen(setting, estimate, &cells);
            let point = FrontierPoint { model, nonzeros, choice, cross_validated: estimate };
            if let Ok(mut points) = points.lock() {
                points[at] = Some(point);
                let done = points.iter().flatten().count() as f64 / sizes.len() as f64;
                self.step(Progress { stage: "refinement", done, loss: 1.0 - estimate.accuracy, nonzeros });
            }
        };
        paths.par_iter().for_each(|(course, on_path)| match *course {
            Some(course) => {
                let is_on = |at: usize| on_path.contains(&at);
                path::follow(&problem, course, &sizes, &is_on, &mut |_| (), &mut |at, cells| take(at, cells));
            }
            None => on_path.iter().for_each(|&at| take(at, &[])),
        });
        let points = points.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dense = points[last].clone().expect("the dense fit is always made");
        let point =
            |(&at, &nonzeros): (&usize, &usize)| Some(FrontierPoint { nonzeros, ..points[at].clone()? });
        let mut points: Vec<FrontierPoint> = serves.iter().zip(&sizes).filter_map(point).collect();
        if points.len() > 1 && budgets.iter().all(|&budget| budget < possible) {
            points.pop();
        }
        let (knee, one_standard_error) = (knee(&points), one_standard_error(&points, &dense));
        let candidates = candidates(&scored, &sizes);
        Ok(Frontier { points, dense, knee, one_standard_error, candidates })
    }
}

/// Which size each size gets its model from: the smaller one that scored best, where that is a standard error better. Of
/// many sizes one scores best by chance, and more so where texts are few.
fn serving(chosen: &[(Setting, Estimate)]) -> Vec<usize> {
    let accuracy = |at: usize| chosen[at].1.accuracy;
    let server = |at: usize| {
        let best = first_best(0..at, |&smaller| accuracy(smaller));
        best.filter(|&best| accuracy(best) - chosen[best].1.standard_error > accuracy(at)).unwrap_or(at)
    };
    (0..chosen.len()).map(server).collect()
}

/// The point farthest above the chord from the first point to the last, over the logarithm of nonzeros, if any is above it.
fn knee(points: &[FrontierPoint]) -> Option<usize> {
    let place = |point: &FrontierPoint| (libm::log(point.nonzeros as f64), point.cross_validated.accuracy);
    let ((x0, y0), (x1, y1)) = (place(points.first()?), place(points.last()?));
    let slope = if x1 > x0 { (y1 - y0) / (x1 - x0) } else { 0.0 };
    let above = |point: &FrontierPoint| {
        let (x, y) = place(point);
        y - y0 - slope * (x - x0)
    };
    first_best(0..points.len(), |&at| above(&points[at])).filter(|&at| above(&points[at]) > ROUNDED)
}

fn one_standard_error(points: &[FrontierPoint], dense: &FrontierPoint) -> Option<usize> {
    let estimates = points.iter().chain([dense]).map(|point| point.cross_validated);
    let best = estimates.max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))?;
    let least = best.accuracy - best.standard_error;
    points.iter().position(|point| point.cross_validated.accuracy >= least)
}

#[cfg(test)]
mod tests {
    use crate::data::{Dataset, DatasetBuilder};
    use crate::text::FeatureSpec;
    use crate::train::setting::Setting;
    use crate::train::{Candidate, Estimate, FrontierPoint, Objective, Params};

    #[test]
    fn a_size_is_served_by_the_best_of_the_smaller_ones_if_that_is_a_standard_error_better() {
        let serving = |accuracies: &[f64]| {
            let setting = Setting::without_choice(&Params::default());
            let estimate = |&accuracy: &f64| (setting, Estimate { accuracy, standard_error: 0.01 });
            super::serving(&accuracies.iter().map(estimate).collect::<Vec<_>>())
        };
        assert_eq!(serving(&[0.5, 0.7, 0.692, 0.688, 0.6]), [0, 1, 2, 1, 1]);
        assert_eq!(serving(&[0.7, 0.7, 0.68]), [0, 1, 0]);
    }

    /// Texts of a word that says the class three times in four, and of four words that say nothing.
    fn noisy() -> Dataset {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for at in 0..200_usize {
            let class = at % 2;
            let said = if at % 8 < 2 { 1 - class } else { class };
            let noise = |by: usize| at * by % 61 % 40;
            let text = format!("said{said} a{} b{} c{} d{}", noise(7), noise(11), noise(13), noise(17));
            builder.push(["x", "y"][class], text.as_bytes(), 1.0).unwrap();
        }
        builder.finish(1).unwrap()
    }

    #[test]
    fn the_knee_is_farthest_above_the_chord_over_the_logarithm_of_nonzeros() {
        let dataset = noisy();
        let params = Params { objective: Objective::LogLoss, l2: Some(1.0), ..Params::default() };
        let frontier = params.check().unwrap().frontier(&dataset, &[1], &mut |_| ()).unwrap();
        let knee = |places: &[(usize, f64)]| {
            let point = |&(nonzeros, accuracy): &(usize, f64)| {
                let cross_validated = Estimate { accuracy, standard_error: 0.0 };
                FrontierPoint { nonzeros, cross_validated, ..frontier.points[0].clone() }
            };
            super::knee(&places.iter().map(point).collect::<Vec<_>>())
        };
        // Over the nonzeros themselves it would be the third.
        assert_eq!(knee(&[(1, 0.5), (10, 0.64), (100, 0.7), (1000, 0.74)]), Some(1));
        assert_eq!(knee(&[(1, 0.5), (10, 0.55), (100, 0.7), (1000, 0.74)]), Some(2));
        // On a line or below it there is none.
        for line in
            [&[(3, 0.5), (30, 0.6), (300, 0.7), (3000, 0.8)][..], &[(1, 0.5), (1000, 0.7)], &[(5, 0.5)]]
        {
            assert_eq!(knee(line), None);
        }
        assert_eq!(knee(&[(1, 0.5), (10, 0.5), (100, 0.9)]), None);
    }

    #[test]
    fn with_many_nonzeros_for_few_texts_the_choice_is_by_expected_accuracy_and_else_by_accuracy() {
        // Fits to 160 texts.
        let params = Params { objective: Objective::LogLoss, ..Params::default() }.check().unwrap();
        let frontier = params.frontier(&noisy(), &[40, 100], &mut |_| ()).unwrap();
        let tried = |size: usize| frontier.candidates.iter().filter(move |tried| tried.nonzeros == size);
        assert!(tried(40).all(|tried| tried.expected_accuracy.is_none()));
        let by_accuracy = |tried: &&Candidate| (tried.estimate.accuracy * 1e9) as u64;
        let by_expected = |tried: &&Candidate| (tried.expected_accuracy.unwrap() * 1e9) as u64;
        let found = |at: usize| Some(frontier.points[at].choice);
        assert_eq!(found(0), tried(40).rev().max_by_key(by_accuracy).map(|tried| tried.choice));
        assert_eq!(found(1), tried(100).rev().max_by_key(by_expected).map(|tried| tried.choice));
        assert_ne!(found(1), tried(100).rev().max_by_key(by_accuracy).map(|tried| tried.choice));
    }

    #[test]
    fn a_budget_gets_the_model_of_a_smaller_one_that_scored_clearly_better() {
        let dataset = noisy();
        let params = Params { objective: Objective::LogLoss, l2: Some(0.01), ..Params::default() };
        let params = params.check().unwrap();
        let frontier = params.frontier(&dataset, &[2, 8, 32, usize::MAX], &mut |_| ()).unwrap();
        let points = &frontier.points;
        assert_eq!(
            points.iter().map(|point| point.nonzeros).collect::<Vec<_>>(),
            [2, 8, 32, frontier.dense.nonzeros]
        );
        assert_eq!(points[0].model.nonzeros(), 2);
        assert!(points.iter().all(|point| point.model.to_bytes() == points[0].model.to_bytes()));
        assert!(frontier.dense.model.nonzeros() > 100);
        assert!(frontier.dense.cross_validated.accuracy < points[3].cross_validated.accuracy);
    }
}
