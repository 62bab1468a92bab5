//! One run of training: which sizes are fitted, and which of them becomes the model.

use std::sync::Mutex;

use rayon::prelude::*;

use super::cell::Cell;
use super::folds;
use super::freeze::{freeze, metadata};
use super::loss::Loss;
use super::path::{self, Course, Effort, Step};
use super::problem::Problem;
use super::select::{self, Scored, Trial};
use super::setting::{BYTES_OF_SCORE, Setting, ZeroOne};
use super::zero_one::ZeroOneFit;
use super::{
    Budget, Candidate, Estimate, Frontier, FrontierPoint, HeldOut, Progress, Report, TrainError, Trained,
    ValidParams,
};
use crate::Model;
use crate::data::Dataset;

/// The smallest and, but for the dense fit, the largest size that is tried where none is asked for.
const SMALLEST: usize = 8;
const LARGEST: usize = 16_384;

/// How often settings are chosen anew for the size that a budget of bytes turns out to allow.
const MOST_ROUNDS: usize = 3;

pub(super) struct Run<'s> {
    params: &'s ValidParams,
    dataset: &'s Dataset,
    trials: Vec<Trial>,
    progress: Mutex<&'s mut (dyn FnMut(Progress) + Send)>,
    pool: rayon::ThreadPool,
    /// What estimates are called in a model's metadata.
    estimate_name: &'static str,
}

impl<'s> Run<'s> {
    pub(super) fn new(
        params: &'s ValidParams,
        dataset: &'s Dataset,
        validation: Option<HeldOut<'_>>,
        progress: &'s mut (dyn FnMut(Progress) + Send),
    ) -> Result<Run<'s>, TrainError> {
        let balance = params.balance;
        check_memory(params, dataset)?;
        let trials = match validation {
            Some([]) => return Err(TrainError::NoValidation),
            Some(texts) => {
                let (held_out, unknown) = Problem::of_texts(dataset, texts, balance);
                if held_out.texts() == 0 {
                    return Err(TrainError::UnknownValidation { texts: unknown });
                }
                let fitted = Problem::of_all(dataset, balance);
                vec![Trial { fitted, held_out, unknown: unknown as f64 }]
            }
            None => folds::stratified(dataset, params.folds, params.seed)
                .iter()
                .map(|fold| Trial::of_fold(dataset, fold, balance))
                .collect(),
        };
        let pool = pool(params)?;
        let estimate_name =
            if validation.is_some() { "validation_accuracy" } else { "cross_validated_accuracy" };
        Ok(Run { params, dataset, trials, progress: Mutex::new(progress), pool, estimate_name })
    }

    pub(super) fn run<T: Send>(self, job: impl FnOnce(&Run<'s>) -> T + Send) -> T {
        self.pool.install(|| job(&self))
    }

    fn step(&self, step: Step) {
        let Step { stage, done, loss, nonzeros } = step;
        if let Ok(mut progress) = self.progress.lock() {
            progress(Progress { stage, done, loss, nonzeros });
        }
    }

    fn score(&self, sizes: &[usize]) -> Vec<Scored> {
        select::score(self.dataset, self.params, &self.trials, sizes, &|step| self.step(step))
    }

    fn all_texts(&self) -> Problem {
        Problem::of_all(self.dataset, self.params.balance)
    }

    /// The cells of one setting at the last of `sizes`, fitted to all texts.
    fn fit(&self, problem: &Problem, setting: Setting, sizes: &[usize]) -> Vec<Cell> {
        self.fit_with(problem, setting, sizes, &mut |step| self.step(step))
    }

    fn fit_with(
        &self,
        problem: &Problem,
        setting: Setting,
        sizes: &[usize],
        step: &mut dyn FnMut(Step),
    ) -> Vec<Cell> {
        let mut cells = Vec::new();
        if setting.zero_one != ZeroOne::Alone {
            let course = setting.course(self.params, problem.texts());
            let is_last = |at| at + 1 == sizes.len();
            path::follow(problem, course, sizes, &is_last, step, &mut |_, found| cells = found.to_vec());
        }
        self.finished(problem, setting, &cells, sizes[sizes.len() - 1])
    }

    fn finished(&self, problem: &Problem, setting: Setting, cells: &[Cell], size: usize) -> Vec<Cell> {
        match setting.zero_one {
            ZeroOne::No => cells.to_vec(),
            _ => path::finish(problem, setting.dropout, cells, size, Effort::Final, self.params.seed),
        }
    }

    pub(super) fn train(&self) -> Result<Trained, TrainError> {
        let problem = self.all_texts();
        match self.params.budget {
            Budget::Nonzeros(size) => {
                let sizes = [size.min(self.possible())];
                // Where nothing has to be chosen, the model need not wait for its estimate.
                let given = Setting::given(self.params);
                let early = || given.map(|setting| self.fit_with(&problem, setting, &sizes, &mut |_| ()));
                let (early, scored) = rayon::join(early, || self.score(&sizes));
                let (setting, estimate) = select::best(&scored, 0);
                let cells = early.unwrap_or_else(|| self.fit(&problem, setting, &sizes));
                Ok(self.trained(&problem, setting, estimate, &cells, candidates(&scored, &sizes)))
            }
            Budget::Bytes(bytes) => self.train_to_bytes(&problem, bytes),
            Budget::AccuracyLoss(points) => Ok(self.train_to_accuracy(&problem, |_| points / 100.0)),
            Budget::OneStandardError => Ok(self.train_to_accuracy(&problem, |best| best.standard_error)),
        }
    }

    fn possible(&self) -> usize {
        possible(self.dataset)
    }

    /// The sizes that are tried where none is asked for: doubling, and the dense fit.
    fn doubling(&self) -> Vec<usize> {
        let possible = self.possible();
        let mut sizes: Vec<usize> = std::iter::successors(Some(SMALLEST), |size| Some(2 * size))
            .take_while(|&size| size <= LARGEST && size < possible)
            .collect();
        sizes.push(possible);
        sizes
    }

    /// The fewest nonzeros that lose no more than `allowed` of the best accuracy.
    fn train_to_accuracy(&self, problem: &Problem, allowed: impl Fn(Estimate) -> f64) -> Trained {
        let mut sizes = self.doubling();
        let scored = self.score(&sizes);
        let found: Vec<(Setting, Estimate)> = (0..sizes.len()).map(|at| select::best(&scored, at)).collect();
        let best =
            found.iter().map(|&(_, estimate)| estimate).max_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
        let best = best.expect("at least one size is tried");
        let least = best.accuracy - allowed(best);
        let is_within = |estimate: &Estimate| estimate.accuracy >= least;
        let mut at = found.iter().position(|(_, estimate)| is_within(estimate)).expect("the best is within");
        let (setting, mut estimate) = found[at];
        let mut all = candidates(&scored, &sizes);
        if at > 0 && sizes[at] <= LARGEST {
            // Between the last size that falls short and the first that does not, with the setting of the latter.
            let (low, high) = (sizes[at - 1], sizes[at]);
            let between = [low + (high - low) / 4, (low + high) / 2, high - (high - low) / 4];
            let finer: Vec<usize> = sizes[..at].iter().copied().chain(between).collect();
            let scored = self.score_setting(setting, &finer, at);
            let first = (at..finer.len()).find_map(|at| Some((at, scored.estimates[at].filter(is_within)?)));
            if let Some(first) = first {
                all.extend(candidates(&[scored], &finer));
                sizes = finer;
                (at, estimate) = first;
            }
        }
        let cells = self.fit(problem, setting, &sizes[..=at]);
        self.trained(problem, setting, estimate, &cells, all)
    }

    /// As many nonzeros as a file of `bytes` holds.
    fn train_to_bytes(&self, problem: &Problem, bytes: u64) -> Result<Trained, TrainError> {
        let quick = Setting {
            loss: Loss { q: 0.0, margin: 0.0 },
            l2: 1.0,
            naive_bayes: false,
            is_cut: false,
            dropout: false,
            zero_one: ZeroOne::No,
        };
        let needed = self.file_length(quick, &[]);
        if needed > bytes {
            return Err(TrainError::Bytes { allowed: bytes, needed });
        }
        let mut room = Room { bytes, needed };
        let possible = self.possible();
        let mut size = possible.min(256);
        for _ in 0..2 {
            let cells = self.fit(problem, quick, &[size]);
            size = room.guess(size, self.file_length(quick, &cells)).min(possible);
        }
        let mut all = Vec::new();
        let mut rounds = 0;
        loop {
            let scored = self.score(&[size]);
            let (setting, _) = select::best(&scored, 0);
            all.extend(candidates(&scored, &[size]));
            let Some((fitting, cells)) = self.largest_within(problem, setting, size, room) else {
                let estimate = select::score_nothing(self.dataset, self.params, &self.trials);
                let trained = self.trained(problem, setting, estimate, &[], all);
                let needed = trained.model.to_bytes().len() as u64;
                let fits = needed <= bytes;
                return if fits { Ok(trained) } else { Err(TrainError::Bytes { allowed: bytes, needed }) };
            };
            rounds += 1;
            // What is best at another size need not be so at this one.
            if rounds < MOST_ROUNDS && size.abs_diff(fitting) * 20 > fitting {
                size = fitting;
                continue;
            }
            let scored = self.score_setting(setting, &[fitting], 0);
            let estimate = scored.estimates[0].expect("it is scored at its size");
            all.extend(candidates(&[scored], &[fitting]));
            let trained = self.trained(problem, setting, estimate, &cells, all.clone());
            let over = (trained.model.to_bytes().len() as u64).saturating_sub(bytes);
            if over == 0 {
                return Ok(trained);
            }
            // The estimate does not deflate as the one did that lengths were found with.
            room.bytes = room.bytes.saturating_sub(over);
            size = fitting;
        }
    }

    /// The most nonzeros that were found to fit, and what they are; the search begins with `size`.
    fn largest_within(
        &self,
        problem: &Problem,
        setting: Setting,
        mut size: usize,
        room: Room,
    ) -> Option<(usize, Vec<Cell>)> {
        let possible = self.possible();
        // The largest that was found to fit, and the smallest that was found not to, with their lengths.
        let mut fitting: Option<(usize, u64, Vec<Cell>)> = None;
        let mut too_large: Option<(usize, u64)> = None;
        for _ in 0..8 {
            let cells = self.fit(problem, setting, &[size]);
            let length = self.file_length(setting, &cells);
            if length <= room.bytes {
                fitting = Some((size, length, cells));
            } else {
                too_large = Some((size, length));
            }
            size = match (&fitting, too_large) {
                (None, _) => room.guess(size, length).min(size - 1),
                (Some((low, length, _)), None) => {
                    room.guess(*low, *length).clamp(low + 1, possible.max(low + 1))
                }
                (Some((low, of_low, _)), Some((high, of_high))) => {
                    let share = (room.bytes - of_low) as f64 / (of_high - of_low) as f64;
                    // A little less: lengths vary, and only what fits counts.
                    low + (0.97 * share * high.saturating_sub(*low) as f64) as usize
                }
            };
            let is_full = fitting.as_ref().is_some_and(|(low, length, _)| {
                room.bytes - length <= room.bytes / 64 || size == *low || *low == possible
            });
            if is_full || size == 0 {
                break;
            }
        }
        fitting.map(|(size, _, cells)| (size, cells))
    }

    /// What a setting scores at each of the sizes on its path but the first `from`.
    fn score_setting(&self, setting: Setting, sizes: &[usize], from: usize) -> Scored {
        let (dataset, params, trials) = (self.dataset, self.params, &self.trials);
        select::score_setting(dataset, params, setting, trials, (sizes, from), &|step| self.step(step))
    }

    /// The bytes of the file of a model of these cells, but for what deflating makes of the digits of its estimate.
    fn file_length(&self, setting: Setting, cells: &[Cell]) -> u64 {
        // Before the estimate is known, one of as many digits.
        let some = Estimate { accuracy: 0.5, standard_error: 0.0 };
        self.frozen(setting, some, cells).to_bytes().len() as u64
    }

    fn frozen(&self, setting: Setting, estimate: Estimate, cells: &[Cell]) -> Model {
        freeze(
            self.dataset,
            cells,
            metadata(self.dataset, self.params, &setting, Some((self.estimate_name, estimate))),
        )
    }

    /// Freezes the cells, with what is known about how they were found.
    fn trained(
        &self,
        problem: &Problem,
        setting: Setting,
        estimate: Estimate,
        cells: &[Cell],
        candidates: Vec<Candidate>,
    ) -> Trained {
        let model = self.frozen(setting, estimate, cells);
        let training_accuracy = ZeroOneFit::new(problem, cells).right() / problem.total_weight();
        Trained {
            model,
            report: Report { choice: setting.choice(), estimate, candidates, training_accuracy },
        }
    }

    pub(super) fn frontier(&self, budgets: &[usize]) -> Result<Frontier, TrainError> {
        let possible = self.possible();
        let mut sizes: Vec<usize> = budgets.iter().map(|&size| size.clamp(1, possible)).collect();
        sizes.push(possible);
        sizes.sort_unstable();
        sizes.dedup();
        let scored = self.score(&sizes);
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
                self.step(Step { stage: "refinement", done, loss: 1.0 - estimate.accuracy, nonzeros });
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
        let (knee, one_standard_error) = (knee(&points), one_standard_error(&points));
        let candidates = candidates(&scored, &sizes);
        Ok(Frontier { points, dense, knee, one_standard_error, candidates })
    }
}

pub(super) fn possible(dataset: &Dataset) -> usize {
    usize::try_from(dataset.possible_weights()).unwrap_or(usize::MAX)
}

/// Whether the scores that every fit keeps for all texts fit into the memory that is allowed.
pub(super) fn check_memory(params: &ValidParams, dataset: &Dataset) -> Result<(), TrainError> {
    let needed = BYTES_OF_SCORE * dataset.texts() as u64 * dataset.classes().len() as u64;
    if needed > params.max_memory {
        return Err(TrainError::Memory { allowed: params.max_memory, needed });
    }
    Ok(())
}

pub(super) fn pool(params: &ValidParams) -> Result<rayon::ThreadPool, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(params.threads).build();
    pool.map_err(|error| TrainError::Threads(error.to_string()))
}

/// The bytes that a file may have, and those of one without a nonzero.
#[derive(Debug, Clone, Copy)]
struct Room {
    bytes: u64,
    needed: u64,
}

impl Room {
    /// The size that fills it if `size` makes a file of `length`.
    fn guess(self, size: usize, length: u64) -> usize {
        let taken = length.saturating_sub(self.needed).max(1);
        let room = self.bytes.saturating_sub(self.needed) as f64;
        ((size as f64 * room / taken as f64) as usize).max(1)
    }
}

fn candidates(scored: &[Scored], sizes: &[usize]) -> Vec<Candidate> {
    let of_size = |at: usize| {
        scored.iter().filter_map(move |scored| {
            Some(Candidate {
                choice: scored.setting.choice(),
                nonzeros: sizes[at],
                estimate: scored.estimates[at]?,
                expected_accuracy: scored.expected[at],
            })
        })
    };
    (0..sizes.len()).flat_map(of_size).collect()
}

/// Which size each size gets its model from: the smaller one that scored best, where that is a standard error better. Of
/// many sizes one scores best by chance, and more so where texts are few.
fn serving(chosen: &[(Setting, Estimate)]) -> Vec<usize> {
    let accuracy = |at: usize| chosen[at].1.accuracy;
    let serving = |at: usize| {
        let best = (0..at).rev().max_by(|&a, &b| accuracy(a).total_cmp(&accuracy(b)));
        best.filter(|&best| accuracy(best) - chosen[best].1.standard_error > accuracy(at)).unwrap_or(at)
    };
    (0..chosen.len()).map(serving).collect()
}

/// The point farthest above the chord from the first point to the last, over the logarithm of nonzeros.
fn knee(points: &[FrontierPoint]) -> usize {
    let place = |point: &FrontierPoint| ((point.nonzeros as f64).ln(), point.cross_validated.accuracy);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0 };
    let ((x0, y0), (x1, y1)) = (place(first), place(last));
    let slope = if x1 > x0 { (y1 - y0) / (x1 - x0) } else { 0.0 };
    let above = |point: &FrontierPoint| {
        let (x, y) = place(point);
        y - y0 - slope * (x - x0)
    };
    (0..points.len()).rev().max_by(|&a, &b| above(&points[a]).total_cmp(&above(&points[b]))).unwrap_or(0)
}

fn one_standard_error(points: &[FrontierPoint]) -> usize {
    let estimates = || points.iter().map(|point| point.cross_validated);
    let Some(best) = estimates().max_by(|a, b| a.accuracy.total_cmp(&b.accuracy)) else { return 0 };
    let least = best.accuracy - best.standard_error;
    estimates().position(|estimate| estimate.accuracy >= least).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::data::{Dataset, DatasetBuilder};
    use crate::text::FeatureSpec;
    use crate::train::setting::Setting;
    use crate::train::{Candidate, Estimate, Objective, Params};

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
