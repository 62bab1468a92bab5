//! How good labels are: accuracy, precision, recall, F1, and what is taken for what.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

/// A confusion matrix of shape (classes, classes): how often texts of each class got each label. It keeps what is not
/// zero alone, so that it takes memory for the classes and for the pairs that occur, not for all pairs.
///
/// ```
/// use paring::metrics::Confusion;
/// let mut confusion = Confusion::new(2);
/// for (actual, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
///     confusion.add(actual, predicted);
/// }
/// assert_eq!(confusion.accuracy(), 0.75);
/// assert_eq!(confusion.class(1).precision, 0.5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    /// By actual class and label.
    counts: BTreeMap<(usize, usize), u64>,
    /// Texts of each class.
    support: Vec<u64>,
    /// Texts that got each class's label.
    predicted: Vec<u64>,
}

/// How good the labels of one class are, or of several on average.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Scores {
    /// Of the texts that got the label, the share that it is right for; 0 if none got it.
    pub precision: f64,
    /// Of the texts of the class, the share that got the label; 0 if there are none.
    pub recall: f64,
    /// The harmonic mean of precision and recall; 0 if both are.
    pub f1: f64,
}

impl Confusion {
    /// An empty matrix for so many classes.
    pub fn new(classes: usize) -> Confusion {
        Confusion { counts: BTreeMap::new(), support: vec![0; classes], predicted: vec![0; classes] }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.support.len()
    }

    /// Adds a text of class `actual` that got the label `predicted`.
    ///
    /// # Panics
    /// When either is not less than the number of classes.
    pub fn add(&mut self, actual: usize, predicted: usize) {
        let predicted_texts = &mut self.predicted[predicted];
        self.support[actual] += 1;
        *predicted_texts += 1;
        *self.counts.entry((actual, predicted)).or_default() += 1;
    }

    /// How many texts of class `actual` got the label `predicted`.
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        self.counts.get(&(actual, predicted)).copied().unwrap_or(0)
    }

    /// The number of texts.
    pub fn texts(&self) -> u64 {
        self.support.iter().sum()
    }

    /// The number of texts whose label is right.
    pub fn right(&self) -> u64 {
        (0..self.classes()).map(|class| self.count(class, class)).sum()
    }

    /// The share of texts whose label is right; 0 if there are no texts.
    pub fn accuracy(&self) -> f64 {
        share(self.right(), self.texts())
    }

    /// The number of texts of a class.
    ///
    /// # Panics
    /// When `class` is not less than the number of classes.
    pub fn support(&self, class: usize) -> u64 {
        self.support[class]
    }

    /// The number of texts that got a class's label.
    ///
    /// # Panics
    /// When `class` is not less than the number of classes.
    pub fn predicted(&self, class: usize) -> u64 {
        self.predicted[class]
    }

    /// How good the labels of one class are.
    ///
    /// # Panics
    /// When `class` is not less than the number of classes.
    pub fn class(&self, class: usize) -> Scores {
        let right = self.count(class, class);
        let (support, predicted) = (self.support(class), self.predicted(class));
        Scores {
            precision: share(right, predicted),
            recall: share(right, support),
            f1: share(2 * right, support + predicted),
        }
    }

    /// The mean over the classes that some text has or got, each counting the same.
    pub fn macro_average(&self) -> Scores {
        self.average(|class| u64::from(self.support(class) + self.predicted(class) > 0))
    }

    /// The mean over the classes, each counting as often as it has texts.
    pub fn weighted_average(&self) -> Scores {
        self.average(|class| self.support(class))
    }

    fn average(&self, weight: impl Fn(usize) -> u64) -> Scores {
        let mut sum = Scores::default();
        let mut total = 0;
        for class in 0..self.classes() {
            let (weight, scores) = (weight(class), self.class(class));
            total += weight;
            sum.precision += weight as f64 * scores.precision;
            sum.recall += weight as f64 * scores.recall;
            sum.f1 += weight as f64 * scores.f1;
        }
        let total = total.max(1) as f64;
        Scores { precision: sum.precision / total, recall: sum.recall / total, f1: sum.f1 / total }
    }

    /// The errors that are made most often, as (actual, predicted, count), in a tie by actual, then predicted; at most
    /// `most` of them.
    pub fn largest_confusions(&self, most: usize) -> Vec<(usize, usize, u64)> {
        let mut found: Vec<(usize, usize, u64)> = (self.counts.iter())
            .map(|(&(actual, predicted), &count)| (actual, predicted, count))
            .filter(|(actual, predicted, _)| actual != predicted)
            .collect();
        found.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        found.truncate(most);
        found
    }
}

/// The interval that holds the true share with 95% confidence when `right` of `texts`, at most all, are right, as shares
/// (Wilson, "Probable inference, the law of succession, and statistical inference", 1927); all of 0 to 1 for
/// no texts.
pub fn wilson_interval(right: u64, texts: u64) -> (f64, f64) {
    if texts == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054;
    let n = texts as f64;
    let p = right as f64 / n;
    let middle = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    // Rounding would leave a little above 0 or below 1.
    let low = if right == 0 { 0.0 } else { ((middle - reach) / scale).max(0.0) };
    let high = if right == texts { 1.0 } else { ((middle + reach) / scale).min(1.0) };
    (low, high)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are actual classes: a 5 1 0, b 2 3 0, and c, that no text has or got.
    fn confusion() -> Confusion {
        let mut confusion = Confusion::new(3);
        for (actual, predicted, times) in [(0, 0, 5), (0, 1, 1), (1, 0, 2), (1, 1, 3)] {
            (0..times).for_each(|_| confusion.add(actual, predicted));
        }
        confusion
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn classes_are_scored_as_by_hand() {
        let confusion = confusion();
        assert_eq!((confusion.texts(), confusion.right()), (11, 8));
        let a = confusion.class(0);
        assert!(near(a.precision, 5.0 / 7.0) && near(a.recall, 5.0 / 6.0) && near(a.f1, 10.0 / 13.0));
        let b = confusion.class(1);
        assert!(near(b.precision, 3.0 / 4.0) && near(b.recall, 3.0 / 5.0) && near(b.f1, 6.0 / 9.0));
    }

    #[test]
    fn averages_leave_out_a_class_that_no_text_has_or_got() {
        let confusion = confusion();
        assert!(near(confusion.macro_average().f1, (10.0 / 13.0 + 6.0 / 9.0) / 2.0));
        assert!(near(confusion.weighted_average().f1, (6.0 * 10.0 / 13.0 + 5.0 * 6.0 / 9.0) / 11.0));
        assert!(near(confusion.weighted_average().recall, confusion.accuracy()));
    }

    #[test]
    fn the_largest_confusions_come_first() {
        assert_eq!(confusion().largest_confusions(9), [(1, 0, 2), (0, 1, 1)]);
        assert_eq!(confusion().largest_confusions(1), [(1, 0, 2)]);
    }

    #[test]
    fn wilson_intervals_are_as_published() {
        // Agresti and Coull (1998): 0 of 20 gives 0 to 0.161; 10 of 20 gives 0.299 to 0.701.
        let (low, high) = wilson_interval(0, 20);
        assert!(low == 0.0 && (high - 0.1611).abs() < 1e-4);
        let (low, high) = wilson_interval(10, 20);
        assert!((low - 0.2993).abs() < 1e-4 && (high - 0.7007).abs() < 1e-4);
        assert_eq!(wilson_interval(0, 0), (0.0, 1.0));
    }

    #[test]
    fn the_interval_of_none_right_begins_at_exactly_0_and_that_of_all_right_ends_at_exactly_1() {
        for texts in 1..1_000 {
            assert_eq!((wilson_interval(0, texts).0, wilson_interval(texts, texts).1), (0.0, 1.0), "{texts}");
            assert!(
                wilson_interval(1, texts).0 > 0.0 && wilson_interval(texts - 1, texts).1 < 1.0,
                "{texts}"
            );
        }
    }

    #[test]
    fn a_million_classes_cost_what_their_texts_do() {
        let mut confusion = Confusion::new(1_000_000);
        confusion.add(0, 999_999);
        confusion.add(7, 7);
        assert_eq!(confusion.accuracy(), 0.5);
        assert!(near(confusion.macro_average().f1, 1.0 / 3.0));
        assert_eq!(confusion.largest_confusions(3), [(0, 999_999, 1)]);
    }

    #[test]
    fn nothing_at_all_scores_zero() {
        let confusion = Confusion::new(2);
        assert_eq!((confusion.accuracy(), confusion.macro_average()), (0.0, Scores::default()));
    }
}
