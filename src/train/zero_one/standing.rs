//! How a text's classes stand to each other.

/// A class and its score for a text, as one number: greater is what is chosen first, by score, and in a tie by the order of
/// the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked(i64);

/// A text's own class, and the best and the second best of the others. They are in the scores too, but there they are far
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) own: Ranked,
    pub(super) first: Ranked,
    pub(super) second: Ranked,
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
    pub(super) fn of(row: &[i32], label: u32) -> Standing {
        let own = Ranked::new(label, row[label as usize]);
        let mut standing = Standing { own, first: Ranked::NONE, second: Ranked::NONE };
        for (class, &score) in (0..).zip(row).filter(|&(class, _)| class != label) {
            let ranked = Ranked::new(class, score);
            if ranked > standing.first {
                standing = Standing { own, first: ranked, second: standing.first };
            } else if ranked > standing.second {
                standing.second = ranked;
            }
        }
        standing
    }

    /// Takes in that the score of one class in `row` has risen or fallen.
    pub(super) fn follow(&mut self, row: &[i32], class: u32, has_risen: bool) {
        let moved = Ranked::new(class, row[class as usize]);
        let Standing { own, first, second } = *self;
        if class == own.class() {
            self.own = moved;
        } else if class == first.class() && (has_risen || moved > second) {
            self.first = moved;
        } else if has_risen && moved > first {
            *self = Standing { own, first: moved, second: first };
        } else if has_risen && (class == second.class() || moved > second) {
            self.second = moved;
        } else if class == first.class() || class == second.class() {
            *self = Standing::of(row, own.class());
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
            let mut standing = Standing::of(&row, label);
            for (class, change) in changes {
                let class = class % row.len();
                row[class] += change;
                let is_right = standing.is_right_with(Ranked::new(class as u32, row[class]));
                prop_assert_eq!(is_right, Standing::of(&row, label).is_right());
                if change != 0 {
                    standing.follow(&row, class as u32, change > 0);
                }
                prop_assert_eq!(standing, Standing::of(&row, label));
            }
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by_key(|&class| -row[class]);
            prop_assert_eq!(standing.is_right(), order[0] == label as usize);
            order.retain(|&class| class != label as usize);
            prop_assert_eq!(standing.first.class() as usize, order[0]);
            let second = order.get(1).map_or(Ranked::NONE, |&class| Ranked::new(class as u32, row[class]));
            prop_assert_eq!(standing.second, second);
        }
    }
}
