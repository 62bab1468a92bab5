//! One run of training: which sizes are fitted, and which of them becomes the model.

mod frontier;

use std::sync::Mutex;

use super::cell::Cell;
use super::folds;
use super::freeze::{freeze, metadata};
use super::loss::Loss;
use super::memory;
use super::path::{self, Effort};
use super::problem::Problem;
use super::right::training_accuracy;
use super::select::{self, Allowed, Scored, Sought, Trial, first_best};
use super::setting::{Setting, ZeroOne};
use super::{
    Budget, Candidate, Estimate, HeldOut, Progress, PruneBy, Report, TrainError, Trained, ValidParams,
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
    /// Whether the one trial is on validation data, and fitted to all texts.
    is_validated: bool,
}

impl<'s> Run<'s> {
    pub(super) fn new(
        params: &'s ValidParams,
        dataset: &'s Dataset,
        validation: Option<HeldOut<'_>>,
        progress: &'s mut (dyn FnMut(Progress) + Send),
    ) -> Result<Run<'s>, TrainError> {
        let balance = params.balance;
        memory::check_scores(params, dataset)?;
        if params.l1.is_some() || params.prune_by == PruneBy::Magnitude {
            memory::check_weights(params, dataset)?;
        }
        let trials = match validation {
            Some([]) => return Err(TrainError::NoValidation),
            Some(texts) => {
                let held_out = Problem::of_texts(dataset, texts, balance);
                if held_out.labels().iter().all(|&label| label as usize >= held_out.classes()) {
                    return Err(TrainError::UnknownValidation { texts: texts.len() });
                }
                let given = vec![1.0; held_out.texts()];
                vec![Trial::new(Problem::of_all(dataset, balance), held_out, given, balance)]
            }
            None => folds::stratified(dataset, params.folds, params.seed)
                .iter()
                .map(|fold| Trial::of_fold(dataset, fold, balance))
                .collect(),
        };
        let pool = pool(params)?;
        let is_validated = validation.is_some();
        Ok(Run { params, dataset, trials, progress: Mutex::new(progress), pool, is_validated })
    }

    pub(super) fn run<T: Send>(self, job: impl FnOnce(&Run<'s>) -> T + Send) -> T {
        self.pool.install(|| job(&self))
    }

    fn step(&self, step: Progress) {
        if let Ok(mut progress) = self.progress.lock() {
            progress(step);
        }
    }

    fn score(&self, sizes: &[usize], sought: Sought) -> Vec<Scored> {
        let step = |step| self.step(step);
        select::score(self.dataset, self.params, &self.trials, sizes, sought, &step)
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
        step: &mut dyn FnMut(Progress),
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
                let (early, scored) = rayon::join(early, || self.score(&sizes, Sought::BestAtEach));
                let (setting, estimate) = select::best(&scored, 0);
                let cells = early.unwrap_or_else(|| self.fit(&problem, setting, &sizes));
                Ok(self.trained(&problem, setting, estimate, &cells, candidates(&scored, &sizes)))
            }
            Budget::Bytes(bytes) => self.train_to_bytes(&problem, bytes),
            Budget::AccuracyLoss(points) => {
                Ok(self.train_to_accuracy(&problem, Allowed::Accuracy(points / 100.0)))
            }
            Budget::OneStandardError => Ok(self.train_to_accuracy(&problem, Allowed::StandardError)),
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
    fn train_to_accuracy(&self, problem: &Problem, allowed: Allowed) -> Trained {
        let mut sizes = self.doubling();
        let scored = self.score(&sizes, Sought::Smallest(allowed));
        let tried = |at: usize| {
            scored.iter().filter_map(move |scored| Some((at, scored.setting, scored.estimates[at]?)))
        };
        let best = first_best((0..sizes.len()).flat_map(tried), |(_, _, estimate)| estimate.accuracy);
        let best = best.expect("at least one setting is tried");
        let least = allowed.least(best.2);
        let is_within = |estimate: &Estimate| estimate.accuracy >= least;
        // Where it is not accuracy that settings are told apart by, what is best by that may be less accurate.
        let found = (0..sizes.len()).map(|at| (at, select::best(&scored, at)));
        let first = found.into_iter().find(|(_, (_, estimate))| is_within(estimate));
        let (mut at, setting, mut estimate) =
            first.map_or(best, |(at, (setting, estimate))| (at, setting, estimate));
        let mut all = candidates(&scored, &sizes);
        if at > 0 && sizes[at] <= LARGEST {
            // Between the last size that falls short and the first that does not, with the setting of the latter.
            let (low, high) = (sizes[at - 1], sizes[at]);
            let between = [low + (high - low) / 4, (low + high) / 2, high - (high - low) / 4];
            let between = between.into_iter().filter(|size| (low + 1..high).contains(size));
            let finer: Vec<usize> = sizes[..at].iter().copied().chain(between).collect();
            let scored = self.score_setting(setting, &finer, at);
            let first = (at..finer.len()).find_map(|at| Some((at, scored.estimates[at].filter(is_within)?)));
            all.extend(candidates(&[scored], &finer));
            if let Some(first) = first {
                sizes = finer;
                (at, estimate) = first;
            }
        }
        let cells = self.fit(problem, setting, &sizes[..=at]);
        self.trained(problem, setting, estimate, &cells, all)
    }

    /// As many nonzeros as a file of `bytes` holds.
    fn train_to_bytes(&self, problem: &Problem, bytes: u64) -> Result<Trained, TrainError> {
        let quick = Setting::plain(Loss { q: 0.0, margin: 0.0 }, 1.0);
        let nothing = select::score_cells(&self.trials, &[]);
        let needed = self.frozen(quick, nothing, &[]).to_bytes().len() as u64;
        if needed > bytes {
            return Err(TrainError::Bytes { allowed: bytes, needed });
        }
        let mut room = Room { bytes, needed };
        let possible = self.possible();
        let mut size = possible.min(256);
        for _ in 0..2 {
            let cells = self.fit(problem, quick, &[size]);
            size = room.guess(size, self.file_length(quick, nothing, &cells)).min(possible);
        }
        let mut all = Vec::new();
        let mut rounds = 0;
        loop {
            let scored = self.score(&[size], Sought::BestAtEach);
            let (setting, mut estimate) = select::best(&scored, 0);
            all.extend(candidates(&scored, &[size]));
            let Some((fitting, cells)) = self.largest_within(problem, (setting, estimate), size, room) else {
                // What has no weights was fitted by no setting.
                return Ok(self.trained(problem, quick, nothing, &[], all));
            };
            rounds += 1;
            // What is best at another size need not be so at this one.
            if rounds < MOST_ROUNDS && size.abs_diff(fitting) * 20 > fitting {
                size = fitting;
                continue;
            }
            if fitting != size {
                let scored = self.score_setting(setting, &[fitting], 0);
                estimate = scored.estimates[0].expect("it is scored at its size");
                all.extend(candidates(&[scored], &[fitting]));
            }
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

    /// The most nonzeros that were found to fit, and what they are; the search begins with `size`. The estimate is one that
    /// files are to hold about the like of.
    fn largest_within(
        &self,
        problem: &Problem,
        (setting, estimate): (Setting, Estimate),
        mut size: usize,
        room: Room,
    ) -> Option<(usize, Vec<Cell>)> {
        let possible = self.possible();
        // The largest that was found to fit, and the smallest that was found not to, with their lengths.
        let mut fitting: Option<(usize, u64, Vec<Cell>)> = None;
        let mut too_large: Option<(usize, u64)> = None;
        // What steps down are multiplied with: twice as much after each size in a row that was too large.
        let mut haste: usize = 1;
        for fits in 1.. {
            let cells = self.fit(problem, setting, &[size]);
            let length = self.file_length(setting, estimate, &cells);
            if length <= room.bytes {
                fitting = Some((size, length, cells));
                haste = 1;
            } else {
                too_large = Some((size, length));
            }
            // The more nonzeros there are, the fewer bytes each takes: a guess from a size that is too large is too large
            // itself, and after several the steps down have to grow, up to halves of what is left.
            let down_from = |high: usize, low: usize, guess: usize| {
                let step = high.saturating_sub(guess).max(1);
                let further = high.saturating_sub(step.saturating_mul(haste)).max(low.midpoint(high));
                further.min(high.saturating_sub(step)).max(low)
            };
            size = match (&fitting, too_large) {
                (None, _) => down_from(size, 0, room.guess(size, length)),
                (Some((low, length, _)), None) => {
                    room.guess(*low, *length).clamp(low + 1, possible.max(low + 1))
                }
                (Some((low, of_low, _)), Some((high, of_high))) => {
                    let share = (room.bytes - of_low) as f64 / (of_high - of_low) as f64;
                    // A little less: lengths vary, and only what fits counts.
                    let guess = low + (0.97 * share * high.saturating_sub(*low) as f64) as usize;
                    down_from(high, *low, guess)
                }
            };
            if length > room.bytes {
                haste *= 2;
            }
            let is_full = fitting.as_ref().is_some_and(|(low, length, _)| {
                room.bytes - length <= room.bytes / 64 || size == *low || *low == possible
            });
            if is_full || size == 0 || fitting.is_some() && fits >= 8 {
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

    /// The bytes of the file of a model of these cells, but for what deflating makes of the digits of an estimate that is
    /// not this one.
    fn file_length(&self, setting: Setting, estimate: Estimate, cells: &[Cell]) -> u64 {
        self.frozen(setting, estimate, cells).to_bytes().len() as u64
    }

    fn frozen(&self, setting: Setting, estimate: Estimate, cells: &[Cell]) -> Model {
        let name = match (self.is_validated, self.params.balance) {
            (false, false) => "cross_validated_accuracy",
            (false, true) => "cross_validated_balanced_accuracy",
            (true, false) => "validation_accuracy",
            (true, true) => "validation_balanced_accuracy",
        };
        freeze(self.dataset, cells, metadata(self.dataset, self.params, &setting, Some((name, estimate))))
    }

    /// Freezes the cells, with what is known about how they were found.
    fn trained(
        &self,
        problem: &Problem,
        setting: Setting,
        estimate: Estimate,
        cells: &[Cell],
        all: Vec<Candidate>,
    ) -> Trained {
        let mut candidates: Vec<Candidate> = Vec::new();
        for candidate in all {
            let is_same =
                |other: &Candidate| (other.choice, other.nonzeros) == (candidate.choice, candidate.nonzeros);
            if !candidates.iter().any(is_same) {
                candidates.push(candidate);
            }
        }
        candidates.sort_by_key(|candidate| candidate.nonzeros);
        // What settings are told apart by is fitted with less effort than the model.
        let estimate = if self.is_validated { select::score_cells(&self.trials, cells) } else { estimate };
        let model = self.frozen(setting, estimate, cells);
        let training_accuracy = training_accuracy(self.dataset, problem, cells, self.params.balance);
        Trained {
            model,
            report: Report { choice: setting.choice(), estimate, candidates, training_accuracy },
        }
    }
}

pub(super) fn possible(dataset: &Dataset) -> usize {
    usize::try_from(dataset.possible_weights()).unwrap_or(usize::MAX)
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
                macro_f1: scored.macro_f1[at],
            })
        })
    };
    (0..sizes.len()).flat_map(of_size).collect()
}

#[cfg(test)]
mod tests;
