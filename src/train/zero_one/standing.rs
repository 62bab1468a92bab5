//! How a text's classes stand to each other.

/// A class and its score for a text, as one number: greater is what is chosen first, by score, and in a tie by the order of
/// the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked(i64);

/// What a line needs of a text beside a score, in one place in memory: its own class, and the best and the second best
/// of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    pub(super) own: Ranked,
    pub(super) first: Ranked,
    pub(super) second: Ranked,
    /// No class beside these has a higher score.
    rest: i32,
    /// What the text weighs.
    pub(super) weight: f32,
}

impl Ranked {
    /// What any class is chosen before; its class is that of none.
    const NONE: Ranked = Ranked(i64::MIN);

    pub(super) fn new(class: u32, score: i32) -> Ranked {
        Ranked(i64::from(score) << 32 | i64::from(!class))
    }

    pub(super) fn class(self) -> u32 {
        !(self.0 as u32)
    }

    pub(super) fn score(self) -> i32 {
        (self.0 >> 32) as i32
    }
}

impl Standing {
    pub(super) fn of(scores: impl Iterator<Item = i32>, label: u32, weight: f32) -> Standing {
        let none = Ranked::NONE;
        let mut standing = Standing { own: none, first: none, second: none, rest: i32::MIN, weight };
        for (class, score) in (0..).zip(scores) {
            let ranked = Ranked::new(class, score);
            if class == label {
                standing.own = ranked;
            } else {
                standing.take_in(ranked);
            }
        }
        standing
    }

    /// Takes in the score of a class that is neither the text's own, nor the first, nor the second.
    fn take_in(&mut self, other: Ranked) {
        let Standing { first, second, rest, .. } = *self;
        if other > first {
            (self.first, self.second, self.rest) = (other, first, rest.max(second.score()));
        } else if other > second {
            (self.second, self.rest) = (other, rest.max(second.score()));
        } else {
            self.rest = rest.max(other.score());
        }
    }

    /// Takes in that the score of one class has changed; `scores` are those of all classes, for when it has fallen so far
    /// that another may be ahead of it.
    pub(super) fn follow<S: Iterator<Item = i32>>(&mut self, moved: Ranked, scores: impl FnOnce() -> S) {
        let Standing { own, first, second, rest, weight } = *self;
        let class = moved.class();
        let is_before_rest = moved.score() > rest;
        if class == own.class() {
            self.own = moved;
        } else if class == first.class() && moved > second {
            self.first = moved;
        } else if class == first.class() && is_before_rest {
            (self.first, self.second) = (second, moved);
        } else if class == second.class() && moved > first {
            (self.first, self.second) = (moved, first);
        } else if class == second.class() && (moved > second || is_before_rest) {
            self.second = moved;
        } else if class == first.class() || class == second.class() {
            *self = Standing::of(scores(), own.class(), weight);
        } else {
            self.take_in(moved);
        }
    }

    /// The best of the classes but the text's own and this one.
    #[inline]
    pub(super) fn best_beside(&self, class: u32) -> Ranked {
        if self.first.class() == class { self.second } else { self.first }
    }

    pub(super) fn is_right(&self) -> bool {
        self.own > self.first
    }

    /// Whether it is right if one class is moved there.
    pub(super) fn is_right_with(&self, moved: Ranked) -> bool {
        if moved.class() == self.own.class() {
            moved > self.first
        } else {
            self.own > moved && self.own > self.best_beside(moved.class())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_standing_that_follows_each_change_is_that_of_the_scores(
            row in proptest::collection::vec(-2..3_i32, 2..7),
            label in 0..7_usize,
            changes in proptest::collection::vec((0..7_usize, -2..3_i32), 1..20),
        ) {
            let (mut row, label) = (row.clone(), (label % row.len()) as u32);
            let of = |row: &[i32]| Standing::of(row.iter().copied(), label, 1.0);
            let mut standing = of(&row);
            for (class, change) in changes {
                let class = class % row.len();
                row[class] += change;
                let moved = Ranked::new(class as u32, row[class]);
                let anew = of(&row);
                prop_assert_eq!(standing.is_right_with(moved), anew.is_right());
                standing.follow(moved, || row.iter().copied());
                prop_assert!(standing.rest >= anew.rest);
                prop_assert_eq!(Standing { rest: anew.rest, ..standing }, anew);
            }
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by_key(|&class| -row[class]);
            prop_assert_eq!(standing.is_right(), order[0] == label as usize);
            order.retain(|&class| class != label as usize);
            prop_assert_eq!(standing.first.class() as usize, order[0]);
            let second = order.get(1).map_or(Ranked::NONE, |&class| Ranked::new(class as u32, row[class]));
            prop_assert_eq!(standing.second, second);
            prop_assert_eq!(of(&row).rest, order.get(2).map_or(i32::MIN, |&class| row[class]));
        }
    }
}
