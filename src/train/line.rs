//! The exact line search: one weight of a smooth loss, all others fixed.

use super::exp_ln::{exp, ln};
use crate::infer::Instructions;
use crate::infer::scan::{Kernel, Scan};

/// The texts that one weight bears on, gathered: those of its feature once for all of its classes. Arrays of equal length.
///
/// With all other weights fixed, changing the weight of (feature, class) by `d` takes the class's
/// probability `p` in a text of which the feature has a share of `x` to `p e^(dx) / s`, `s = 1 - p + p e^(dx)`,
/// and every other class's probability to its `1 / s`.
#[derive(Debug)]
pub(super) struct Line {
    instructions: Instructions,
    /// The feature whose texts these are.
    feature: Option<u32>,
    /// The sum of each text's odds.
    totals: Vec<f64>,
    labels: Vec<u32>,
    /// The class's probability in each text.
    p: Vec<f32>,
    /// That of all other classes together: 1 less `p` would lose it where `p` rounds to 1.
    rest: Vec<f32>,
    /// The feature's share of the text.
    shares: Vec<f32>,
    largest_share: f32,
    /// How much the text pulls: its weight times the slope of the loss in the negative log-likelihood.
    pulls: Vec<f32>,
    /// 1 where the class is the text's own, or else 0.
    is_own: Vec<f32>,
}

/// What a line has of one text.
#[derive(Debug, Clone, Copy)]
struct Text {
    p: f32,
    rest: f32,
    share: f32,
    pull: f32,
    own: f32,
}

/// The furthest that one step of a search goes.
const LONGEST_STEP: f32 = 2.0;

/// A step that changes no score by more than this leads near enough to where it aims: curvatures change little on the way.
const SHORT_STEP: f32 = 0.02;

/// A change, and what the objective does there.
#[derive(Debug, Clone, Copy)]
struct Point {
    d: f32,
    slope: f32,
    curvature: f32,
}

/// So many texts are summed side by side: a single sum would have each wait for the one before.
const LANES: usize = 8;

#[derive(Debug, Default)]
struct Sums {
    slopes: [f32; LANES],
    curvatures: [f32; LANES],
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, lane: usize, text: Text, growth: f32) {
        let Text { p, rest, share, pull, own } = text;
        let over_sum = 1.0 / (rest + p * growth);
        let (moved, others) = (p * growth * over_sum, rest * over_sum);
        self.slopes[lane] += pull * share * ((1.0 - own) * moved - own * others);
        self.curvatures[lane] += pull * share * share * moved * others;
    }
}

impl Line {
    pub(super) fn new() -> Line {
        Line {
            instructions: Instructions::best(),
            feature: None,
            totals: Vec::new(),
            labels: Vec::new(),
            p: Vec::new(),
            rest: Vec::new(),
            shares: Vec::new(),
            largest_share: 0.0,
            pulls: Vec::new(),
            is_own: Vec::new(),
        }
    }

    /// Gathers the texts of a feature, given their shares, unless they were the last that were; by text, the sum of all
    /// odds, the pull and the label.
    pub(super) fn enter(
        &mut self,
        feature: u32,
        (texts, shares): (&[u32], &[f32]),
        totals: &[f64],
        pulls: &[f32],
        labels: &[u32],
    ) {
        if self.feature == Some(feature) {
            return;
        }
        self.feature = Some(feature);
        self.shares.clear();
        self.shares.extend_from_slice(shares);
        self.largest_share = shares.iter().copied().fold(0.0, f32::max);
        self.pulls.clear();
        self.pulls.extend(texts.iter().map(|&text| pulls[text as usize]));
        self.labels.clear();
        self.labels.extend(texts.iter().map(|&text| labels[text as usize]));
        self.set_totals(texts, totals);
    }

    fn set_totals(&mut self, texts: &[u32], totals: &[f64]) {
        self.totals.clear();
        self.totals.extend(texts.iter().map(|&text| totals[text as usize]));
    }

    /// Takes note that the odds of a feature's texts have changed.
    pub(super) fn note_change(&mut self, feature: u32, texts: &[u32], totals: &[f64]) {
        if self.feature == Some(feature) {
            self.set_totals(texts, totals);
        } else {
            self.feature = None;
        }
    }

    /// Forgets the texts: what was known of them holds no longer.
    pub(super) fn leave(&mut self) {
        self.feature = None;
    }

    /// Sets the line of a class, given its odds by text, in the feature that was entered. Where the sum less the class's own
    /// odds has lost its digits, `others` sums up those of all other classes.
    pub(super) fn set_class(
        &mut self,
        class: u32,
        texts: &[u32],
        odds: &[f32],
        others: impl Fn(usize) -> f64,
    ) {
        self.p.clear();
        self.p.extend(texts.iter().map(|&text| odds[text as usize]));
        self.rest.resize(texts.len(), 0.0);
        self.is_own.resize(texts.len(), 0.0);
        let (totals, labels) = (&self.totals, &self.labels);
        let (p, rest, is_own) = (&mut self.p, &mut self.rest, &mut self.is_own);
        if self.instructions.run(Probabilities { class, totals, labels, p, rest, is_own }) {
            for ((rest, &total), &text) in self.rest.iter_mut().zip(&self.totals).zip(texts) {
                let text = text as usize;
                if has_lost_digits(total - f64::from(odds[text]), total) {
                    *rest = (others(text) / total) as f32;
                }
            }
        }
    }

    /// Calls `f` with each text and its lane: whole rows of lanes, then the rest.
    #[inline(always)]
    fn for_each(&self, mut f: impl FnMut(usize, Text)) {
        let (p, p_rest) = self.p.as_chunks::<LANES>();
        let (rest, rest_rest) = self.rest.as_chunks::<LANES>();
        let (shares, shares_rest) = self.shares.as_chunks::<LANES>();
        let (pulls, pulls_rest) = self.pulls.as_chunks::<LANES>();
        let (is_own, own_rest) = self.is_own.as_chunks::<LANES>();
        for ((((p, rest), shares), pulls), is_own) in p.iter().zip(rest).zip(shares).zip(pulls).zip(is_own) {
            for lane in 0..LANES {
                let (p, rest, share) = (p[lane], rest[lane], shares[lane]);
                f(lane, Text { p, rest, share, pull: pulls[lane], own: is_own[lane] });
            }
        }
        for (lane, ((((&p, &rest), &share), &pull), &own)) in
            p_rest.iter().zip(rest_rest).zip(shares_rest).zip(pulls_rest).zip(own_rest).enumerate()
        {
            f(lane, Text { p, rest, share, pull, own });
        }
    }

    /// The first and second derivative of the pulled negative log-likelihood at a change of `d`.
    pub(super) fn derivatives(&self, d: f32) -> (f32, f32) {
        if d == 0.0 {
            self.instructions.run(DerivativesHere { line: self })
        } else {
            self.instructions.run(Derivatives { line: self, d })
        }
    }

    /// The change that minimises the pulled negative log-likelihood plus `l2 / 2 (weight + d)^2`, or that comes nearer to
    /// it: at most `steps` Newton steps, and where one goes too far, a secant step back. What it gives is no higher than
    /// where it starts.
    pub(super) fn minimise(&self, weight: f32, l2: f32, steps: usize) -> f32 {
        let mut here = self.point(weight, 0.0, l2);
        let start = here;
        // The minimum is between these.
        let mut before = here;
        let mut past: Option<Point> = None;
        for _ in 0..steps {
            if here.slope == 0.0 {
                break;
            }
            let step = (-here.slope / here.curvature).clamp(-LONGEST_STEP, LONGEST_STEP);
            let mut d = here.d + step;
            if step.abs() * self.largest_share < SHORT_STEP && past.is_none() {
                return d;
            }
            if let Some(past) = past
                && (d - before.d) * (d - past.d) >= 0.0
            {
                d = (before.d + past.d) / 2.0;
            }
            let mut next = self.point(weight, d, l2);
            if next.slope * start.slope < 0.0 {
                past = Some(next);
                let share = before.slope / (before.slope - next.slope);
                next = self.point(weight, before.d + share * (next.d - before.d), l2);
            }
            if next.slope * start.slope < 0.0 {
                past = Some(next);
            } else {
                before = next;
            }
            here = next;
            if here.slope.abs() <= 1e-2 * start.slope.abs() || step.abs() < 1e-3 * (0.1 + here.d.abs()) {
                break;
            }
        }
        let is_past = here.slope * start.slope < 0.0;
        if !is_past {
            return here.d;
        }
        let rise = |d: f32| {
            let penalty = |weight: f32| 0.5 * f64::from(l2) * f64::from(weight) * f64::from(weight);
            self.rise(d, 0.0) + penalty(weight + d) - penalty(weight)
        };
        if rise(here.d) <= rise(before.d) { here.d } else { before.d }
    }

    fn point(&self, weight: f32, d: f32, l2: f32) -> Point {
        let (slope, curvature) = self.derivatives(d);
        Point { d, slope: slope + l2 * (weight + d), curvature: (curvature + l2).max(1e-9) }
    }

    /// What the sum of losses with this `q` rises by when the weight changes by `d`.
    pub(super) fn rise(&self, d: f32, q: f32) -> f64 {
        self.instructions.run(Rise { line: self, d, q })
    }
}

/// What a change of a weight by `d` multiplies the class's odds by in a text of which the feature has this share.
#[inline(always)]
fn growth(d: f32, share: f32) -> f32 {
    exp((d * share).clamp(-80.0, 80.0))
}

/// Sets `growths` to those of texts with these shares; both are of equal length.
pub(super) struct Growths<'l> {
    pub d: f32,
    pub shares: &'l [f32],
    pub growths: &'l mut [f32],
}

impl Kernel for Growths<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Scan) {
        for (to, &share) in self.growths.iter_mut().zip(self.shares) {
            *to = growth(self.d, share);
        }
    }
}

/// Whether the difference of two sums of odds, the larger of them `total`, says nothing.
#[inline(always)]
fn has_lost_digits(difference: f64, total: f64) -> bool {
    difference < 1e-9 * total
}

/// The work of [`Line::set_class`]: `p` holds the class's odds before, and its probabilities after. Gives whether digits
/// were lost.
struct Probabilities<'l> {
    class: u32,
    totals: &'l [f64],
    labels: &'l [u32],
    p: &'l mut [f32],
    rest: &'l mut [f32],
    is_own: &'l mut [f32],
}

impl Kernel for Probabilities<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self, _: impl Scan) -> bool {
        let mut lost = false;
        for ((p, rest), &total) in self.p.iter_mut().zip(self.rest).zip(self.totals) {
            let difference = total - f64::from(*p);
            lost |= has_lost_digits(difference, total);
            *rest = (difference / total) as f32;
            *p /= total as f32;
        }
        for (is_own, &label) in self.is_own.iter_mut().zip(self.labels) {
            *is_own = f32::from(u8::from(label == self.class));
        }
        lost
    }
}

/// The work of [`Line::derivatives`]. Wider vectors change no bit of it, nor of the next: their lanes are those of the sums.
struct Derivatives<'l> {
    line: &'l Line,
    d: f32,
}

impl Kernel for Derivatives<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run(self, _: impl Scan) -> (f32, f32) {
        let mut sums = Sums::default();
        self.line.for_each(|lane, text| sums.add(lane, text, growth(self.d, text.share)));
        (sums.slopes.iter().sum(), sums.curvatures.iter().sum())
    }
}

/// The same with no change, which takes no exponentials.
struct DerivativesHere<'l> {
    line: &'l Line,
}

impl Kernel for DerivativesHere<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run(self, _: impl Scan) -> (f32, f32) {
        let mut sums = Sums::default();
        self.line.for_each(|lane, text| sums.add(lane, text, 1.0));
        (sums.slopes.iter().sum(), sums.curvatures.iter().sum())
    }
}

/// The work of [`Line::rise`].
struct Rise<'l> {
    line: &'l Line,
    d: f32,
    q: f32,
}

impl Kernel for Rise<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self, _: impl Scan) -> f64 {
        let Rise { line, d, q } = self;
        // The logarithm of what the text's own class's probability is multiplied by.
        let log_ratio = |Text { p, rest, share, own, .. }: Text| {
            let shift = (d * share).clamp(-80.0, 80.0);
            own * shift - ln((rest + p * exp(shift)).max(1e-37))
        };
        let mut sums = [0.0_f64; LANES];
        if q == 0.0 {
            line.for_each(|lane, text| sums[lane] -= f64::from(text.pull * log_ratio(text)));
        } else {
            // (p^q - (p r)^q) / q, and the text's pull is its weight times p^q, near enough.
            line.for_each(|lane, text| {
                sums[lane] += f64::from(text.pull * (1.0 - exp(q * log_ratio(text))) / q);
            });
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_step_that_takes_a_score_far_is_looked_at_again() {
        let (texts, shares, l2) = ([0, 1], [1.0, 300.0], 15.0);
        let mut line = Line::new();
        line.enter(0, (&texts, &shares), &[1.0; 2], &[1.0; 2], &[0, 1]);
        line.set_class(0, &texts, &[0.5, 1e-4], |_| 0.0);
        let newton_step = 0.0194_f32;
        let rise = |d: f32| line.rise(d, 0.0) + f64::from(l2 / 2.0 * d * d);
        assert!(newton_step < SHORT_STEP && rise(newton_step) > 0.02);
        let d = line.minimise(0.0, l2, 2);
        assert!(d > 0.0 && rise(d) < 0.0, "{d}");
    }

    #[test]
    fn a_search_that_ends_higher_than_it_began_goes_back() {
        // The second text bends the line so far out that neither the first step nor the way back from it sees where.
        let (texts, shares) = ([0, 1], [1.0, 300.0]);
        let mut line = Line::new();
        line.enter(0, (&texts, &shares), &[1.0; 2], &[12.0, 1.0], &[0, 1]);
        line.set_class(0, &texts, &[1e-6, 2e-9], |_| 0.0);
        let past = 12.0 / 288.0 * LONGEST_STEP;
        assert!(line.rise(past, 0.0) > 3.0 && line.derivatives(past).0 > 0.0);
        let d = line.minimise(0.0, 0.0, 1);
        assert!(line.rise(d, 0.0) <= 0.0, "{d}");
    }

    proptest! {
        #[test]
        fn no_bit_depends_on_the_instructions_that_the_machine_has(
            texts in proptest::collection::vec((0.0..1.0_f32, 0.1..3.0_f32, 0.0..2.0_f32, 0..2_u8), 0..40),
            d in -9.0..9.0_f32,
            q in prop_oneof![Just(0.0), 0.1..1.0_f32],
        ) {
            let bits = |instructions| {
                let line = Line {
                    instructions,
                    p: texts.iter().map(|text| text.0).collect(),
                    rest: texts.iter().map(|text| 1.0 - text.0).collect(),
                    shares: texts.iter().map(|text| text.1).collect(),
                    pulls: texts.iter().map(|text| text.2).collect(),
                    is_own: texts.iter().map(|text| f32::from(text.3)).collect(),
                    ..Line::new()
                };
                let bits = |(slope, curvature): (f32, f32)| (slope.to_bits(), curvature.to_bits());
                let here = bits(line.derivatives(0.0));
                assert_eq!(here, bits(instructions.run(Derivatives { line: &line, d: 0.0 })));
                (here, bits(line.derivatives(d)), line.rise(d, q).to_bits())
            };
            let mut all = Instructions::available().map(bits);
            let portable = all.next().unwrap();
            all.for_each(|bits| assert_eq!(bits, portable));
        }
    }
}
