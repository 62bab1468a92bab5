//! The exact line search: one weight of a smooth loss, all others fixed.

/// The texts that one weight bears on, gathered; arrays of equal length.
///
/// With all other weights fixed, changing the weight of (feature, class) by `d` takes the class's
/// probability `p` in a text that has the feature `x` times to `p e^(dx) / s`, `s = 1 + p (e^(dx) - 1)`,
/// and every other class's probability to its `1 / s`.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The class's probability in each text.
    p: Vec<f32>,
    /// How often the text has the feature.
    counts: Vec<f32>,
    /// How much the text pulls: its weight times the slope of the loss in the negative log-likelihood.
    pulls: Vec<f32>,
    /// 1 where the class is the text's own, or else 0.
    is_own: Vec<f32>,
    all_once: bool,
}

/// The furthest that one step of a search goes.
const LONGEST_STEP: f32 = 2.0;
/// The furthest that a search goes.
const FURTHEST: f32 = 40.0;

fn soft_threshold(x: f32, by: f32) -> f32 {
    if x > by {
        x - by
    } else if x < -by {
        x + by
    } else {
        0.0
    }
}

impl Line {
    pub(super) fn clear(&mut self) {
        self.p.clear();
        self.counts.clear();
        self.pulls.clear();
        self.is_own.clear();
        self.all_once = true;
    }

    #[inline(always)]
    pub(super) fn push(&mut self, p: f32, count: f32, pull: f32, is_own: bool) {
        self.p.push(p);
        self.counts.push(count);
        self.pulls.push(pull);
        self.is_own.push(f32::from(u8::from(is_own)));
        self.all_once &= count == 1.0;
    }

    /// The first and second derivative of the pulled negative log-likelihood at a change of `d`.
    pub(super) fn derivatives(&self, d: f32) -> (f32, f32) {
        let Line { p, counts, pulls, is_own, .. } = self;
        let (mut slope, mut curvature) = (0.0, 0.0);
        if self.all_once {
            let growth = libm::expf(d);
            for ((&p, &pull), &own) in p.iter().zip(pulls).zip(is_own) {
                let moved = p * growth / (1.0 + p * (growth - 1.0));
                slope += pull * (moved - own);
                curvature += pull * moved * (1.0 - moved);
            }
        } else {
            for (((&p, &count), &pull), &own) in p.iter().zip(counts).zip(pulls).zip(is_own) {
                let growth = libm::expf((d * count).clamp(-80.0, 80.0));
                let moved = p * growth / (1.0 + p * (growth - 1.0));
                slope += pull * count * (moved - own);
                curvature += pull * count * count * moved * (1.0 - moved);
            }
        }
        (slope, curvature)
    }

    /// The change that minimises the pulled negative log-likelihood plus `l1 |weight + d| + l2 / 2 (weight + d)^2`,
    /// by at most `steps` proximal Newton steps kept inside the bracket that the slopes' signs give.
    pub(super) fn minimise(&self, weight: f32, l1: f32, l2: f32, steps: usize) -> f32 {
        let (mut low, mut high) = (-FURTHEST, FURTHEST);
        let mut d = 0.0_f32;
        for _ in 0..steps {
            let (slope, curvature) = self.derivatives(d);
            let at = weight + d;
            let slope = slope + l2 * at;
            let curvature = (curvature + l2).max(1e-9);
            let target = soft_threshold(at - slope / curvature, l1 / curvature);
            let step = (target - at).clamp(-LONGEST_STEP, LONGEST_STEP);
            if step < 0.0 {
                high = d;
            } else {
                low = d;
            }
            let mut next = d + step;
            if next <= low.min(d) || next >= high.max(d) {
                next = (low.max(d - LONGEST_STEP) + high.min(d + LONGEST_STEP)) / 2.0;
            }
            d = next;
            if step.abs() < 1e-3 * (0.1 + d.abs()) {
                break;
            }
        }
        d
    }

    /// For every text, what its own class's probability is multiplied by when the weight changes by `d`: in
    /// logarithms.
    pub(super) fn for_each_log_ratio(&self, d: f32, mut f: impl FnMut(usize, f32)) {
        let Line { p, counts, is_own, .. } = self;
        let once = libm::expf(d);
        for (at, ((&p, &count), &own)) in p.iter().zip(counts).zip(is_own).enumerate() {
            let shift = (d * count).clamp(-80.0, 80.0);
            let growth = if count == 1.0 { once } else { libm::expf(shift) };
            f(at, own * shift - libm::logf((1.0 + p * (growth - 1.0)).max(1e-30)));
        }
    }
}
