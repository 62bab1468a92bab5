//! The exact line search: one weight of a smooth loss, all others fixed.

use super::exp_ln::{exp, ln};

/// The texts that one weight bears on, gathered; arrays of equal length.
///
/// With all other weights fixed, changing the weight of (feature, class) by `d` takes the class's
/// probability `p` in a text of which the feature has a share of `x` to `p e^(dx) / s`, `s = 1 + p (e^(dx) - 1)`,
/// and every other class's probability to its `1 / s`.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The class's probability in each text.
    p: Vec<f32>,
    /// The feature's share of the text.
    shares: Vec<f32>,
    /// How much the text pulls: its weight times the slope of the loss in the negative log-likelihood.
    pulls: Vec<f32>,
    /// 1 where the class is the text's own, or else 0.
    is_own: Vec<f32>,
}

/// The furthest that one step of a search goes.
const LONGEST_STEP: f32 = 2.0;

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
    fn add(&mut self, lane: usize, p: f32, growth: f32, share: f32, pull: f32, own: f32) {
        let moved = p * growth / (1.0 + p * (growth - 1.0));
        self.slopes[lane] += pull * share * (moved - own);
        self.curvatures[lane] += pull * share * share * moved * (1.0 - moved);
    }
}

impl Line {
    /// Gathers these texts, given their shares, and by text the class's probability, the pull, and whether the class is
    /// its own.
    #[inline(always)]
    pub(super) fn gather(
        &mut self,
        texts: &[u32],
        shares: &[f32],
        p: impl Fn(usize) -> f32,
        pull: impl Fn(usize) -> f32,
        is_own: impl Fn(usize) -> bool,
    ) {
        let texts = || texts.iter().map(|&text| text as usize);
        self.p.clear();
        self.p.extend(texts().map(p));
        self.shares.clear();
        self.shares.extend_from_slice(shares);
        self.pulls.clear();
        self.pulls.extend(texts().map(pull));
        self.is_own.clear();
        self.is_own.extend(texts().map(|text| f32::from(u8::from(is_own(text)))));
    }

    /// Calls `f` with each text's lane, `p`, share, pull, and whether the class is its own: whole rows of lanes, then the rest.
    #[inline(always)]
    fn for_each(&self, mut f: impl FnMut(usize, f32, f32, f32, f32)) {
        let (p, p_rest) = self.p.as_chunks::<LANES>();
        let (shares, shares_rest) = self.shares.as_chunks::<LANES>();
        let (pulls, pulls_rest) = self.pulls.as_chunks::<LANES>();
        let (is_own, own_rest) = self.is_own.as_chunks::<LANES>();
        for (((p, shares), pulls), is_own) in p.iter().zip(shares).zip(pulls).zip(is_own) {
            for lane in 0..LANES {
                f(lane, p[lane], shares[lane], pulls[lane], is_own[lane]);
            }
        }
        for (lane, (((&p, &share), &pull), &own)) in
            p_rest.iter().zip(shares_rest).zip(pulls_rest).zip(own_rest).enumerate()
        {
            f(lane, p, share, pull, own);
        }
    }

    /// The first and second derivative of the pulled negative log-likelihood at a change of `d`.
    pub(super) fn derivatives(&self, d: f32) -> (f32, f32) {
        let mut sums = Sums::default();
        self.for_each(|lane, p, share, pull, own| {
            sums.add(lane, p, exp((d * share).clamp(-80.0, 80.0)), share, pull, own);
        });
        (sums.slopes.iter().sum(), sums.curvatures.iter().sum())
    }

    /// The change that minimises the pulled negative log-likelihood plus `l2 / 2 (weight + d)^2`, or that comes nearer to
    /// it: at most `steps` Newton steps, and where one goes too far, a secant step back. What it gives is never behind the
    /// minimum by more than half the slope at the start.
    pub(super) fn minimise(&self, weight: f32, l2: f32, steps: usize) -> f32 {
        let mut here = self.point(weight, 0.0, l2);
        let start = here;
        let mut nearest_before = here;
        for _ in 0..steps {
            if here.slope == 0.0 {
                break;
            }
            let step = (-here.slope / here.curvature).clamp(-LONGEST_STEP, LONGEST_STEP);
            let mut next = self.point(weight, here.d + step, l2);
            if next.slope * nearest_before.slope < 0.0 {
                // Past the minimum.
                let share = nearest_before.slope / (nearest_before.slope - next.slope);
                let d = nearest_before.d + share * (next.d - nearest_before.d);
                next = self.point(weight, d, l2);
            }
            if next.slope * start.slope >= 0.0 {
                nearest_before = next;
            }
            here = next;
            if here.slope.abs() <= 1e-2 * start.slope.abs() || step.abs() < 1e-3 * (0.1 + here.d.abs()) {
                break;
            }
        }
        let is_past = here.slope * start.slope < 0.0;
        if is_past && here.slope.abs() > 0.5 * start.slope.abs() { nearest_before.d } else { here.d }
    }

    fn point(&self, weight: f32, d: f32, l2: f32) -> Point {
        let (slope, curvature) = self.derivatives(d);
        Point { d, slope: slope + l2 * (weight + d), curvature: (curvature + l2).max(1e-9) }
    }

    /// What the sum of losses with this `q` rises by when the weight changes by `d`.
    pub(super) fn rise(&self, d: f32, q: f32) -> f64 {
        // The logarithm of what the text's own class's probability is multiplied by.
        let log_ratio = |p: f32, share: f32, own: f32| {
            let shift = (d * share).clamp(-80.0, 80.0);
            own * shift - ln((1.0 + p * (exp(shift) - 1.0)).max(1e-30))
        };
        let mut sums = [0.0_f64; LANES];
        if q == 0.0 {
            self.for_each(|lane, p, share, pull, own| {
                sums[lane] -= f64::from(pull * log_ratio(p, share, own))
            });
        } else {
            // (p^q - (p r)^q) / q, and the text's pull is its weight times p^q, near enough.
            self.for_each(|lane, p, share, pull, own| {
                sums[lane] += f64::from(pull * (1.0 - exp(q * log_ratio(p, share, own))) / q);
            });
        }
        sums.iter().sum()
    }
}
