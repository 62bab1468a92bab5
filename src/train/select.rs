//! The choice of a setting on texts that a fit has not seen.

mod expected;
mod macro_f1;
mod race;
mod weighed;

use race::Fit;
use weighed::Weighed;

use super::cell::Cell;
use super::folds::Fold;
use super::loss::Loss;
use super::params::PruneBy;
use super::path;
use super::problem::{MOST_COPIES, Problem};
use super::right::predicted;
use super::setting::{Setting, ZeroOne, first_loss};
use super::{Estimate, Objective, Params, Progress, memory, run};
use crate::data::Dataset;

/// The margins that `auto` tries as well where there are too many nonzeros for 0/1 loss.
const WIDER_MARGINS: [f32; 2] = [4.0, 8.0];
/// The L2 strengths that are tried; where an outer one is best, the next beyond is tried as well.
const L2: [f32; 3] = [1.0, 0.3, 3.0];
const L2_BEYOND: [(f32, f32); 2] = [(0.3, 0.1), (3.0, 10.0)];
/// Those that are tried one after the other where the one before is so many standard errors better than all stronger ones,
/// as where there are a few texts of each of very many classes. On other data they were no better ("L2" in
/// `benches/README.md`).
const L2_FAR_BEYOND: [(f32, f32); 4] = [(0.1, 0.03), (0.03, 0.01), (0.01, 0.003), (0.003, 0.001)];
const FAR_AHEAD: f64 = 2.0;

/// The L2 strengths that may be tried.
fn strengths() -> impl Iterator<Item = f32> {
    L2.into_iter().chain(L2_BEYOND.map(|(_, beyond)| beyond))
}

/// The next weaker L2 strength.
fn weaker(l2: f32) -> Option<f32> {
    strengths().filter(|&strength| strength < l2).reduce(f32::max)
}

/// The next stronger L2 strength.
fn stronger(l2: f32) -> Option<f32> {
    strengths().filter(|&strength| strength > l2).reduce(f32::min)
}

/// So many standard errors is what goes on with a naive Bayes penalty to be better than what has none.
const CLEARLY: f64 = 0.5;

/// With fewer texts held out by the first half of the trials, all settings are fitted to all: there, so few say little, and
/// fits take little time.
const ENOUGH_FOR_A_RACE: usize = 4000;

/// With fewer texts held out by all trials, and fewer than so many fitted for each nonzero, expected accuracy tells settings
/// apart.
const ENOUGH_TO_COUNT: usize = 2000;
const TEXTS_PER_COUNTED: usize = 4;

/// What sizes are scored for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sought {
    /// The best setting at each.
    BestAtEach,
    /// The smallest that loses no more of the best accuracy.
    Smallest(Allowed),
}

/// How much of the best accuracy may be lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Allowed {
    StandardError,
    Accuracy(f64),
}

impl Allowed {
    fn of(self, best: Estimate) -> f64 {
        match self {
            Allowed::StandardError => best.standard_error,
            Allowed::Accuracy(lost) => lost,
        }
    }

    /// The accuracy that is enough.
    pub(super) fn least(self, best: Estimate) -> f64 {
        best.accuracy - self.of(best)
    }
}

/// A size is out of reach that is behind the best by more than twice what may be lost and so much more: never was one
/// found that the choices that follow brought from there to no more behind than may be lost.
const OUT_OF_REACH: f64 = 0.01;

/// What one setting scored on held-out texts, at each size.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    pub setting: Setting,
    /// None where the setting does not suit the size.
    pub estimates: Vec<Option<Estimate>>,
    /// Expected accuracy, where settings are told apart by it.
    pub expected: Vec<Option<f64>>,
    /// Macro F1, where they are told apart by that.
    pub macro_f1: Vec<Option<f64>>,
}

impl Scored {
    /// What the choice at a size is by.
    fn merit(&self, at: usize) -> Option<f64> {
        let accuracy = self.estimates[at].map(|estimate| estimate.accuracy);
        self.macro_f1[at].or(self.expected[at]).or(accuracy)
    }
}

/// A problem to fit and a problem to score on.
#[derive(Debug)]
pub(super) struct Trial {
    fitted: Problem,
    held_out: Problem,
    /// The held-out texts' weights as they were given.
    given: Vec<f32>,
    /// All held-out texts.
    all: Weighed,
    /// Whether their classes are to count the same.
    is_balanced: bool,
}

impl Trial {
    pub(super) fn new(fitted: Problem, held_out: Problem, given: Vec<f32>, is_balanced: bool) -> Trial {
        let all = Weighed::of(&held_out, is_balanced, |_| true);
        Trial { fitted, held_out, given, all, is_balanced }
    }

    pub(super) fn of_fold(dataset: &Dataset, fold: &Fold, balance: bool) -> Trial {
        let given = fold.held_out.iter().map(|&row| dataset.weights()[row as usize]).collect();
        let held_out = Problem::held_out(dataset, &fold.held_out, balance);
        Trial::new(Problem::new(dataset, &fold.fitted, balance), held_out, given, balance)
    }

    /// The weight of the texts that it is scored on.
    fn weight(&self) -> f64 {
        self.all.total()
    }

    /// The held-out texts whose predicted class is their own.
    fn right(&self, predicted: &[u32]) -> Weighed {
        let labels = self.held_out.labels();
        Weighed::of(&self.held_out, self.is_balanced, |text| predicted[text] == labels[text])
    }
}

/// Scores what `params` leave open at each of the `sizes`, one choice after the other: the L2 strength of the first
/// loss; then, with the strength that is best at a size, the naive Bayes penalty, there or at strengths near it;
/// whether to cut from the dense fit, there or at weaker strengths; whether to finish under 0/1 loss, and to leave
/// features out of that end; wider margins; whether to leave features out of the smooth fit, there or at weaker
/// strengths; and wider margins of that. Where settings race, features are left out only of what the other loss is not
/// clearly ahead of.
pub(super) fn score(
    dataset: &Dataset,
    params: &Params,
    trials: &[Trial],
    sizes: &[usize],
    sought: Sought,
    step: &(dyn Fn(Progress) + Sync),
) -> Vec<Scored> {
    let texts = trials[0].fitted.texts();
    let finished = sizes.iter().map(|&size| is_finished(params, texts, size)).collect();
    let expected = sizes.iter().map(|&size| !params.balance && is_expected(trials, size)).collect();
    // Where 0/1 loss is asked for, it says nothing that a smooth fit makes no error.
    let sought = if params.objective == Objective::ZeroOne { Sought::BestAtEach } else { sought };
    let search = Search { dataset, params, trials, sizes, sought, finished, expected, step };
    let smooth = |l2: f32| Setting::plain(first_loss(params), l2);
    let all = trials.len();
    let half = (all / 2).max(1);
    let held_out: usize = trials[..half].iter().map(|trial| trial.held_out.texts()).sum();
    // Accuracy does not tell what is behind in macro F1.
    let half = if held_out < ENOUGH_FOR_A_RACE || params.balance { all } else { half };
    let strengths = params.l2.map_or(L2.to_vec(), |l2| vec![l2 as f32]);
    let everywhere = |&l2: &f32| (smooth(l2), vec![true; sizes.len()]);
    let mut followed = search.follow(strengths.iter().map(everywhere).collect(), &[], half);
    if params.l2.is_none() {
        let beyond = search.derived(&followed, |best, _| {
            let beyond = L2_BEYOND.into_iter().find(|&(outer, _)| best.l2 == outer);
            beyond.map(|(_, l2)| Setting { l2, ..best })
        });
        followed.extend(search.follow(beyond, &followed, half));
        for (from, l2) in L2_FAR_BEYOND {
            let far = search.derived(&followed, |best, at| {
                let (of_best, others): (Vec<_>, Vec<_>) =
                    followed.iter().partition(|followed| followed.scored.setting == best);
                let is_far_ahead = best.l2 == from && is_ahead(of_best, others, at, FAR_AHEAD);
                is_far_ahead.then_some(Setting { l2, ..best })
            });
            followed.extend(search.follow(far, &followed, half));
        }
    }
    let is_auto = params.objective == Objective::Auto && params.prune_by == PruneBy::Cost;
    if is_auto {
        let penalised = |best, _| Some(Setting { naive_bayes: true, ..best });
        search.follow_near(&mut followed, half, penalised, |l2| [weaker(l2), stronger(l2)]);
        let cut = |best, _| Some(Setting { is_cut: true, ..best });
        search.follow_near(&mut followed, half, cut, |l2| [weaker(l2), None]);
    }
    let ends = search.derived(&followed, |best, at| search.ends(best, at));
    // Where 0/1 loss is asked for, the smooth fits are no rivals.
    let mut ended =
        search.follow(ends, &followed, if params.objective == Objective::ZeroOne { all } else { half });
    if params.objective == Objective::ZeroOne {
        return ended.into_iter().map(|ended| ended.scored).collect();
    }
    if is_auto {
        let is_race = half < all;
        let is_given_up =
            |some: &[Followed], others: &[Followed], at| is_race && is_ahead(others, some, at, CLEARLY);
        let copies = search.derived(&followed, |best, at| {
            let finish = Setting { zero_one: ZeroOne::Finish, dropout: true, ..best };
            (search.finished[at] && !is_given_up(&ended, &followed, at)).then_some(finish)
        });
        ended.extend(search.follow(copies, &followed, half));
        search.follow_to_wider(&mut followed, half);
        let is_tried: Vec<bool> = (0..sizes.len()).map(|at| !is_given_up(&followed, &ended, at)).collect();
        // With dropout, what is cut has nearly always been best, and at less L2 than growth wants.
        let dropped = |best: Setting, at: usize| {
            is_tried[at].then(|| Setting { dropout: true, is_cut: search.can_be_cut(at), ..best })
        };
        search.follow_near(&mut followed, half, dropped, |l2| [weaker(l2), None]);
        search.follow_to_wider(&mut followed, half);
    }
    followed.into_iter().chain(ended).map(|followed| followed.scored).collect()
}

/// Scores one setting at each of the `sizes` but the first `from`, which are on its path.
pub(super) fn score_setting(
    dataset: &Dataset,
    params: &Params,
    setting: Setting,
    trials: &[Trial],
    (sizes, from): (&[usize], usize),
    step: &(dyn Fn(Progress) + Sync),
) -> Scored {
    let finished = vec![setting.zero_one == ZeroOne::Finish; sizes.len()];
    let expected = vec![false; sizes.len()];
    let sought = Sought::BestAtEach;
    let search = Search { dataset, params, trials, sizes, sought, finished, expected, step };
    let is_scored: Vec<bool> = (0..sizes.len()).map(|at| at >= from).collect();
    let follow = |setting, starts: &[Followed]| {
        search.follow(vec![(setting, is_scored.clone())], starts, trials.len()).swap_remove(0)
    };
    let followed = match setting.zero_one {
        ZeroOne::Finish => follow(setting, &[follow(setting.smooth(), &[])]),
        ZeroOne::No | ZeroOne::Alone => follow(setting, &[]),
    };
    followed.scored
}

/// What settings are scored by, at some sizes.
struct Search<'s> {
    dataset: &'s Dataset,
    params: &'s Params,
    trials: &'s [Trial],
    sizes: &'s [usize],
    sought: Sought,
    /// Whether fits of each size are finished under 0/1 loss.
    finished: Vec<bool>,
    /// Whether expected accuracy tells fits of each size apart.
    expected: Vec<bool>,
    step: &'s (dyn Fn(Progress) + Sync),
}

/// A setting's scores, and its fits.
struct Followed {
    scored: Scored,
    /// By trial, then by size; where it fell out of the race before, what it is taken to have right.
    fits: Vec<Vec<Option<Fit>>>,
}

impl Search<'_> {
    /// The texts that a setting has to suit: those of the first trial, so that it suits all trials or none.
    fn texts(&self) -> usize {
        self.trials[0].fitted.texts()
    }

    /// Whether all possible weights may be in memory.
    fn has_room_for_all(&self) -> bool {
        memory::of_weights(self.dataset) <= self.params.max_memory
    }

    /// Whether a size that would be grown can be cut from the dense fit instead.
    fn can_be_cut(&self, at: usize) -> bool {
        let Search { params, dataset, .. } = self;
        let is_grown = path::is_grown(self.sizes[at], run::possible(dataset));
        params.l1.is_none() && is_grown && self.has_room_for_all()
    }

    /// Whether a setting makes sense for a size.
    fn suits(&self, setting: &Setting, at: usize) -> bool {
        let Search { params, dataset, .. } = self;
        let of_copies = memory::of_scores(dataset).saturating_mul(MOST_COPIES as u64);
        setting.suits(self.texts(), self.sizes[at], params)
            && (!setting.naive_bayes || self.has_room_for_all())
            && (!setting.is_cut || self.can_be_cut(at))
            && (!setting.dropout || of_copies <= params.max_memory)
    }

    /// Settings that are made of those that are best at a size, and for each of them the sizes where it is, suits, and has
    /// not been followed to, of those that are gone on with.
    fn derived<D: IntoIterator<Item = Setting>>(
        &self,
        followed: &[Followed],
        derive: impl Fn(Setting, usize) -> D,
    ) -> Vec<(Setting, Vec<bool>)> {
        let mut derived: Vec<(Setting, Vec<bool>)> = Vec::new();
        let is_open = self.open(followed);
        for at in (0..self.sizes.len()).filter(|&at| is_open[at]) {
            let best = &best_followed(followed, at).scored;
            for setting in derive(best.setting, at) {
                let is_followed = followed.iter().any(|Followed { scored, .. }| {
                    scored.setting == setting && scored.estimates[at].is_some()
                });
                if self.suits(&setting, at) && !is_followed {
                    let place =
                        derived.iter().position(|&(other, _)| other == setting).unwrap_or_else(|| {
                            derived.push((setting, vec![false; self.sizes.len()]));
                            derived.len() - 1
                        });
                    derived[place].1[at] = true;
                }
            }
        }
        derived
    }

    /// Which sizes are gone on with: all, or where the smallest that is accurate enough is sought, those that may
    /// become it or decide what is enough, by what has been followed to them.
    fn open(&self, followed: &[Followed]) -> Vec<bool> {
        let sizes = 0..self.sizes.len();
        let Sought::Smallest(allowed) = self.sought else { return sizes.map(|_| true).collect() };
        let reached = |at: usize| best_followed(followed, at).scored.estimates[at].expect("it was followed");
        let reached: Vec<Estimate> = sizes.clone().map(reached).collect();
        let best = first_best(sizes.clone(), |&at| reached[at].accuracy);
        let best_at = best.expect("at least one size is tried");
        let best = reached[best_at];
        let (behind, lost) = (|at: usize| best.accuracy - reached[at].accuracy, allowed.of(best));
        // By a half of it: what is best has yet to become better.
        let enough = sizes.clone().find(|&at| behind(at) <= lost / 2.0).unwrap_or(best_at);
        // The dense fit is soon made, and mostly the best in the end.
        let is_decisive = |at: usize| at == enough || at == best_at || at + 1 == reached.len();
        let is_open = |at: usize| {
            let may_change = at < enough || best.accuracy < 1.0 && is_decisive(at);
            may_change && behind(at) <= 2.0 * lost + OUT_OF_REACH
        };
        sizes.map(is_open).collect()
    }

    /// Follows what the best settings are made into, at their L2 strength and those near it, and goes on while these are
    /// better: what has been through an L1 penalty, or fitted to texts without some of their features, often wants less.
    fn follow_near(
        &self,
        followed: &mut Vec<Followed>,
        first: usize,
        made: impl Fn(Setting, usize) -> Option<Setting>,
        near: impl Fn(f32) -> [Option<f32>; 2],
    ) {
        loop {
            let derived = self.derived(followed, |best, at| {
                made(best, at).into_iter().flat_map(|made| {
                    let near = near(made.l2).into_iter().flatten().filter(|_| self.params.l2.is_none());
                    std::iter::once(made).chain(near.map(move |l2| Setting { l2, ..made }))
                })
            });
            if derived.is_empty() {
                break;
            }
            let further = self.follow(derived, followed, first);
            followed.extend(further);
        }
    }

    /// Follows the best settings with wider margins than theirs.
    fn follow_to_wider(&self, followed: &mut Vec<Followed>, first: usize) {
        let wider = self.derived(followed, |best, _| {
            let margins = WIDER_MARGINS.into_iter().filter(move |&margin| margin > best.loss.margin);
            margins.map(move |margin| Setting { loss: Loss { q: 0.0, margin }, ..best })
        });
        followed.extend(self.follow(wider, followed, first));
    }

    /// What there is to end under 0/1 loss at a size: the smooth setting that is best there, and what is grown under it from
    /// nothing.
    fn ends(&self, smooth: Setting, at: usize) -> impl Iterator<Item = Setting> {
        let finish = Setting { zero_one: ZeroOne::Finish, ..smooth };
        self.finished[at].then_some(finish).into_iter().chain(Setting::alone(self.params))
    }
}

/// Whether fits of a size are finished under 0/1 loss where nothing is decided.
fn is_finished(params: &Params, texts: usize, size: usize) -> bool {
    let is_open =
        matches!(params.objective, Objective::Auto | Objective::ZeroOne) && params.prune_by == PruneBy::Cost;
    let finish = Setting { zero_one: ZeroOne::Finish, ..Setting::without_choice(params) };
    is_open && finish.suits(texts, size, params)
}

/// Whether expected accuracy tells fits of a size apart: few texts say little of which are right, and with many nonzeros
/// for each text all settings do much alike.
fn is_expected(trials: &[Trial], size: usize) -> bool {
    let held_out: usize = trials.iter().map(|trial| trial.held_out.texts()).sum();
    held_out < ENOUGH_TO_COUNT && trials[0].fitted.texts() / TEXTS_PER_COUNTED < size
}

/// What a model of these cells scores on held-out texts.
pub(super) fn score_cells(trials: &[Trial], cells: &[Cell]) -> Estimate {
    let right = |trial: &Trial| trial.right(&predicted(&trial.held_out, cells));
    let right: Vec<Weighed> = trials.iter().map(right).collect();
    weighed::estimate(trials.iter().map(|trial| &trial.all), right.iter())
}

/// The accuracy at one size of fits by trial, then by size. None where a trial has none.
fn estimate(trials: &[Trial], fits: &[Vec<Option<Fit>>], at: usize) -> Option<Estimate> {
    let fits: Option<Vec<&Fit>> = fits.iter().map(|fits| fits[at].as_ref()).collect();
    Some(weighed::estimate(trials.iter().map(|trial| &trial.all), fits?.into_iter().map(|fit| &fit.right)))
}

/// The best followed to a size, to go on from; among equals the first. A naive Bayes penalty has to be clearly
/// better: with dropout, which does some of what it does, it often is not.
fn best_followed(followed: &[Followed], at: usize) -> &Followed {
    let standing = |Followed { scored, .. }: &Followed| {
        let handicap = if scored.setting.naive_bayes { CLEARLY } else { 0.0 };
        let standard_error = scored.estimates[at].map_or(0.0, |estimate| estimate.standard_error);
        scored.merit(at).map_or(f64::NEG_INFINITY, |merit| merit - handicap * standard_error)
    };
    let best = first_best(followed.iter(), |followed| standing(followed));
    best.expect("at least one strength is tried")
}

/// The item of the greatest merit; among equals the first.
pub(super) fn first_best<T>(
    items: impl DoubleEndedIterator<Item = T>,
    merit: impl Fn(&T) -> f64,
) -> Option<T> {
    items.rev().max_by(|a, b| merit(a).total_cmp(&merit(b)))
}

/// Whether the best of some is so many standard errors better at a size than the best of the others.
fn is_ahead<'f>(
    some: impl IntoIterator<Item = &'f Followed>,
    others: impl IntoIterator<Item = &'f Followed>,
    at: usize,
    standard_errors: f64,
) -> bool {
    fn best<'f>(followed: impl IntoIterator<Item = &'f Followed>, at: usize) -> Option<Estimate> {
        let estimates = followed.into_iter().filter_map(|Followed { scored, .. }| scored.estimates[at]);
        estimates.max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))
    }
    let (Some(ahead), Some(other)) = (best(some, at), best(others, at)) else { return false };
    ahead.accuracy - standard_errors * ahead.standard_error > other.accuracy
}

/// The setting that scored best at a size; among equals the first.
pub(super) fn best(scored: &[Scored], at: usize) -> (Setting, Estimate) {
    let best = first_best(scored.iter(), |scored| scored.merit(at).unwrap_or(f64::NEG_INFINITY));
    let found = best.and_then(|scored| Some((scored.setting, scored.estimates[at]?)));
    found.expect("one of the settings suits every size")
}

#[cfg(test)]
mod tests;
