//! Fits and scores of settings, and the race between them.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use super::expected::expected_right;
use super::macro_f1::Tally;
use super::weighed::Weighed;
use super::{Followed, Scored, Search, Trial, best_followed, estimate};
use crate::train::cell::Cell;
use crate::train::path::{self, Effort};
use crate::train::right::predicted;
use crate::train::setting::{Setting, ZeroOne};
use crate::train::{Estimate, Progress};

/// So many standard errors of the best a setting may be behind it on the first trials, and is fitted to all.
const BEHIND: f64 = 0.5;

/// What was fitted to a trial at a size.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// The held-out texts that are right.
    pub right: Weighed,
    /// The weight of those that are expected to be right, where settings are told apart by it.
    pub expected: Option<f64>,
    /// What they are labelled as, where settings are told apart by macro F1.
    pub tally: Option<Tally>,
    /// None where nothing starts from them.
    pub cells: Vec<Cell>,
}

impl Fit {
    /// What is known of it by which texts are right, and nothing else.
    pub(super) fn by_right(right: Weighed) -> Fit {
        Fit { right, expected: None, tally: None, cells: Vec::new() }
    }
}

/// What falls out of the race.
struct Behind {
    /// Which of the settings, and at which size.
    number: usize,
    at: usize,
    /// How much accuracy it is behind.
    lost: f64,
    /// Which of the settings is ahead; if none, the best of the rivals.
    leader: Option<usize>,
}

impl Search<'_> {
    /// Fits and scores settings, each at the sizes where it is wanted. A setting that is behind the best of these and the
    /// `rivals` on the `first` trials is not fitted to the others: it is taken to be as far behind there (a race, as of
    /// Maron and Moore, "Hoeffding races", 1994). What ends under 0/1 loss starts from the best of the rivals.
    pub(super) fn follow(
        &self,
        mut settings: Vec<(Setting, Vec<bool>)>,
        rivals: &[Followed],
        first: usize,
    ) -> Vec<Followed> {
        let (trials, sizes) = (self.trials.len(), self.sizes.len());
        let nothing = |&(setting, _): &(Setting, _)| Followed {
            scored: unscored(setting),
            fits: vec![vec![None; sizes]; trials],
        };
        let mut followed: Vec<Followed> = settings.iter().map(nothing).collect();
        self.fit(&settings, rivals, 0..first, &mut followed);
        let behind = if first < trials { self.race(&followed, rivals, first) } else { Vec::new() };
        for &Behind { number, at, .. } in &behind {
            settings[number].1[at] = false;
        }
        self.fit(&settings, rivals, first..trials, &mut followed);
        for Behind { number, at, lost, leader } in behind {
            for trial in first..trials {
                let ahead = leader.map_or_else(|| best_followed(rivals, at), |leader| &followed[leader]);
                let fit = ahead.fits[trial][at].as_ref();
                followed[number].fits[trial][at] =
                    fit.map(|fit| Fit::by_right(fit.right.less(lost, &self.trials[trial].all)));
            }
        }
        for followed in &mut followed {
            followed.scored = self.scored(followed);
        }
        followed
    }

    /// What falls out of the race after the `first` trials.
    fn race(&self, followed: &[Followed], rivals: &[Followed], first: usize) -> Vec<Behind> {
        let mut behind = Vec::new();
        for at in 0..self.sizes.len() {
            let reached = |followed: &Followed| estimate(&self.trials[..first], &followed.fits[..first], at);
            let of_rivals = || reached(best_followed(rivals, at)).expect("rivals are fitted to all trials");
            let mut best = (!rivals.is_empty()).then(of_rivals);
            let mut leader = None;
            let reached: Vec<Option<Estimate>> = followed.iter().map(reached).collect();
            for (number, reached) in reached.iter().enumerate() {
                let is_ahead = |reached: &Estimate| best.is_none_or(|best| reached.accuracy > best.accuracy);
                if let Some(reached) = reached.filter(is_ahead) {
                    (best, leader) = (Some(reached), Some(number));
                }
            }
            let Some(best) = best else { continue };
            for (number, reached) in reached.iter().enumerate() {
                let lost = reached.map_or(0.0, |reached| best.accuracy - reached.accuracy);
                if lost > BEHIND * best.standard_error {
                    behind.push(Behind { number, at, lost, leader });
                }
            }
        }
        behind
    }

    /// Fits settings to some trials, in parallel over both.
    fn fit(
        &self,
        settings: &[(Setting, Vec<bool>)],
        rivals: &[Followed],
        trials: Range<usize>,
        followed: &mut [Followed],
    ) {
        let tasks: Vec<(usize, usize)> = (0..settings.len())
            .filter(|&number| settings[number].1.contains(&true))
            .flat_map(|number| trials.clone().map(move |trial| (number, trial)))
            .collect();
        let fits = self.in_parallel(tasks.len(), |task| {
            let ((setting, is_wanted), trial) = (&settings[tasks[task].0], tasks[task].1);
            let is_wanted = |at: usize| is_wanted[at];
            match setting.zero_one {
                ZeroOne::No => self.fit_smooth(setting, trial, &is_wanted),
                _ => self.fit_zero_one(setting, trial, &is_wanted, rivals),
            }
        });
        for ((number, trial), fits) in tasks.into_iter().zip(fits) {
            for (at, fit) in fits {
                followed[number].fits[trial][at] = Some(fit);
            }
        }
    }

    fn fit_smooth(
        &self,
        setting: &Setting,
        trial: usize,
        is_wanted: &dyn Fn(usize) -> bool,
    ) -> (Vec<(usize, Fit)>, Progress) {
        let trial = &self.trials[trial];
        let mut last = Progress { stage: "", done: 0.0, loss: 0.0, nonzeros: 0 };
        let mut fits = Vec::new();
        let course = setting.course(self.params, trial.fitted.texts());
        path::follow(
            &trial.fitted,
            course,
            self.sizes,
            is_wanted,
            &mut |step| last = step,
            &mut |at, cells| {
                let kept = if self.finished[at] { cells.to_vec() } else { Vec::new() };
                let expected = self.expected[at].then(|| expected_right(&trial.held_out, cells));
                let (right, tally) = self.right(trial, cells);
                fits.push((at, Fit { right, expected, tally, cells: kept }));
            },
        );
        (fits, last)
    }

    fn fit_zero_one(
        &self,
        setting: &Setting,
        trial: usize,
        is_wanted: &dyn Fn(usize) -> bool,
        smooth: &[Followed],
    ) -> (Vec<(usize, Fit)>, Progress) {
        let on = &self.trials[trial];
        let mut last = Progress { stage: "", done: 0.0, loss: 0.0, nonzeros: 0 };
        let fit = |at: usize| {
            let start = match setting.zero_one {
                ZeroOne::Alone => &[][..],
                _ => best_followed(smooth, at).fits[trial][at].as_ref().map_or(&[][..], |fit| &fit.cells),
            };
            let (size, seed) = (self.sizes[at], self.params.seed);
            let cells = path::finish(&on.fitted, setting.dropout, start, size, Effort::Trial, seed);
            let (right, tally) = self.right(on, &cells);
            // Weights far below the others' are zero: a fold may weigh nothing.
            last.loss = (on.weight() - right.total()) / on.weight().max(f64::MIN_POSITIVE);
            last.nonzeros = cells.len();
            (at, Fit { tally, ..Fit::by_right(right) })
        };
        let fits = (0..self.sizes.len()).filter(|&at| is_wanted(at)).map(fit).collect();
        (fits, last)
    }

    /// Does tasks, and tells how far it is.
    fn in_parallel<T: Send>(&self, tasks: usize, task: impl Fn(usize) -> (T, Progress) + Sync) -> Vec<T> {
        let done = Mutex::new(0);
        let run = |number: usize| {
            let (result, last) = task(number);
            if let Ok(mut done) = done.lock() {
                *done += 1;
                let share = f64::from(*done) / tasks as f64;
                (self.step)(Progress { stage: "cross-validation", done: share, ..last });
            }
            result
        };
        (0..tasks).into_par_iter().map(run).collect()
    }

    /// The held-out texts that are right, and what F1 is made of, where settings are told apart by it.
    fn right(&self, trial: &Trial, cells: &[Cell]) -> (Weighed, Option<Tally>) {
        let predicted = predicted(&trial.held_out, cells);
        let tally = self.params.balance.then(|| Tally::of(&trial.held_out, &trial.given, &predicted));
        (trial.right(&predicted), tally)
    }

    /// What comes of each trial's fits, at each size.
    fn scored(&self, Followed { scored, fits }: &Followed) -> Scored {
        let sizes = 0..self.sizes.len();
        let total: f64 = self.trials.iter().map(Trial::weight).sum();
        let expected_accuracy = |at: usize| {
            let expected: Option<f64> = fits.iter().map(|fits| fits[at].as_ref()?.expected).sum();
            Some(expected? / total)
        };
        let macro_f1 = |at: usize| {
            let tallies: Option<Vec<&Tally>> =
                fits.iter().map(|fits| fits[at].as_ref()?.tally.as_ref()).collect();
            Some(Tally::macro_f1(tallies?.into_iter()))
        };
        Scored {
            setting: scored.setting,
            estimates: sizes.clone().map(|at| estimate(self.trials, fits, at)).collect(),
            expected: sizes.clone().map(expected_accuracy).collect(),
            macro_f1: sizes.map(macro_f1).collect(),
        }
    }
}

/// A setting that has scored nothing yet.
fn unscored(setting: Setting) -> Scored {
    Scored { setting, estimates: Vec::new(), expected: Vec::new(), macro_f1: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;
    use crate::train::select::Sought;
    use crate::train::{Params, folds};

    #[test]
    fn half_a_standard_error_behind_on_the_first_trials_falls_out_of_the_race() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for at in 0..800 {
            builder.push(["a", "b"][at % 2], b"word", 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let folds = folds::stratified(&dataset, 2, 1);
        let trials: Vec<Trial> = folds.iter().map(|fold| Trial::of_fold(&dataset, fold, false)).collect();
        let search = Search {
            dataset: &dataset,
            params: &Params::default(),
            trials: &trials,
            sizes: &[20],
            sought: Sought::BestAtEach,
            finished: vec![false],
            expected: vec![false],
            step: &|_| (),
        };
        // Of 400 texts in the first trial, 200 right have a standard error of ten.
        let followed = |right: f64| {
            let setting = Setting::without_choice(&Params::default());
            let scored = unscored(setting);
            let of_first = |trial: &Trial| Weighed::of(&trial.held_out, false, |text| (text as f64) < right);
            let fits = trials.iter().map(|trial| vec![Some(Fit::by_right(of_first(trial)))]).collect();
            Followed { scored, fits }
        };
        let behind = |followed: &[Followed], rivals: &[Followed]| -> Vec<(usize, Option<usize>)> {
            let behind = search.race(followed, rivals, 1);
            behind.iter().map(|behind| (behind.number, behind.leader)).collect()
        };
        let racing = [196.0, 200.0, 194.0].map(followed);
        assert_eq!(behind(&racing, &[]), [(2, Some(1))]);
        let mut ahead = followed(206.0);
        ahead.scored.estimates = vec![Some(Estimate { accuracy: 0.515, standard_error: 0.02 })];
        ahead.scored.expected = vec![None];
        ahead.scored.macro_f1 = vec![None];
        assert_eq!(behind(&racing, &[ahead]), [(0, None), (1, None), (2, None)]);
    }
}
