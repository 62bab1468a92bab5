//! How strongly the L2 penalty holds each weight.

use std::sync::Arc;

use super::problem::Problem;

/// Added to the magnitude of every log ratio, so that no weight is held without bound.
const ADDED: f32 = 0.3;
/// The sum at which the strength is the one given: those of weights that are worth having are near it.
const TYPICAL: f32 = 3.0;

/// The strengths of the L2 penalty: `strength / 2 w^2` adds to the sum of the losses.
#[derive(Debug, Clone)]
pub(super) struct Ridge {
    /// Shape (features, classes), or (1, classes) where all features have the same.
    strengths: Arc<[f32]>,
    classes: usize,
    /// How far the strengths of one feature are from those of the next.
    stride: usize,
}

impl Ridge {
    /// The same for every weight.
    pub(super) fn uniform(l2: f32, classes: usize) -> Ridge {
        Ridge { strengths: vec![l2; classes].into(), classes, stride: 0 }
    }

    /// The less, the more a feature tells for or against the class: `l2` times the square of 3 / (0.3 + |r|), with r the
    /// log of the share of the class's texts that have the feature over that of all others, each with one text more that
    /// has it and one that has not.
    ///
    /// It is the penalty of a uniform ridge on features that are multiplied by their log ratio (Wang and Manning,
    /// "Baselines and bigrams: simple, good sentiment and topic classification", 2012).
    pub(super) fn naive_bayes(l2: f32, problem: &Problem) -> Ridge {
        let classes = problem.classes();
        let weighed = |texts: &mut dyn Iterator<Item = usize>| {
            let mut of_class = vec![0.0_f32; classes];
            for text in texts {
                of_class[problem.labels()[text] as usize] += problem.weights()[text];
            }
            let all: f32 = of_class.iter().sum();
            (of_class, all)
        };
        let (texts_of_class, texts) = weighed(&mut (0..problem.texts()));
        let mut strengths = Vec::with_capacity(problem.features() * classes);
        for feature in 0..problem.features() as u32 {
            let (of_feature, _) = problem.texts_of(feature);
            let (found_in_class, found) = weighed(&mut of_feature.iter().map(|&text| text as usize));
            strengths.extend(found_in_class.iter().zip(&texts_of_class).map(|(&inside, &texts_inside)| {
                let of_class = (inside + 1.0) / (texts_inside + 2.0);
                let of_others = (found - inside + 1.0) / (texts - texts_inside + 2.0);
                let factor = TYPICAL / (ADDED + libm::logf(of_class / of_others).abs());
                l2 * factor * factor
            }));
        }
        Ridge { strengths: strengths.into(), classes, stride: classes }
    }

    pub(super) fn of(&self, feature: u32, class: u32) -> f32 {
        self.strengths[feature as usize * self.stride + class as usize]
    }

    /// The strengths of a feature's weights, by class.
    pub(super) fn of_feature(&self, feature: usize) -> &[f32] {
        &self.strengths[feature * self.stride..][..self.classes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetBuilder;
    use crate::text::FeatureSpec;

    #[test]
    fn what_tells_classes_apart_is_held_less_and_by_the_ratio_of_its_shares() {
        let mut builder = DatasetBuilder::new(FeatureSpec::default()).unwrap();
        for (class, text) in [("a", "both only"), ("a", "both"), ("b", "both"), ("b", "both")] {
            builder.push(class, text.as_bytes(), 1.0).unwrap();
        }
        let dataset = builder.finish(1).unwrap();
        let problem = Problem::of_all(&dataset, false);
        let ridge = Ridge::naive_bayes(0.5, &problem);
        for (at, ratio) in [("both", 1.0_f32), ("only", 2.0)] {
            let feature = dataset.features().iter().position(|name| name == at).unwrap();
            let factor = 3.0 / (0.3 + ratio.ln());
            for class in 0..2 {
                let strength = ridge.of(feature as u32, class);
                assert!((strength / (0.5 * factor * factor) - 1.0).abs() < 1e-5, "{at}: {strength}");
                assert_eq!(ridge.of_feature(feature)[class as usize], strength);
            }
        }
        let uniform = Ridge::uniform(0.5, 2);
        assert_eq!((uniform.of(1, 1), uniform.of_feature(2)), (0.5, &[0.5, 0.5][..]));
    }
}
