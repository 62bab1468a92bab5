//! How a text's classes stand to each other.

/// A class and its score for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ranked {
    pub(super) class: u32,
    pub(super) score: i32,
}

/// A text's own class, and the best and the second best of the others; where there is no second, the own class stands
/// for it. They are in the scores too, but there they are far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) own: Ranked,
    pub(super) first: Ranked,
    pub(super) second: Ranked,
}

impl Ranked {
    /// Whether it is chosen before another: by score, and in a tie by the order of the classes.
    pub(super) fn beats(self, other: Ranked) -> bool {
        (self.score > other.score) | ((self.score == other.score) & (self.class < other.class))
    }
}

impl Standing {
    pub(super) fn of(row: &[i32], label: u32) -> Standing {
        let own = Ranked { class: label, score: row[label as usize] };
        let none = Ranked { class: label, score: i32::MIN };
        let mut standing = Standing { own, first: none, second: none };
        for (class, &score) in (0..).zip(row).filter(|&(class, _)| class != label) {
            let ranked = Ranked { class, score };
            if standing.first == none || ranked.beats(standing.first) {
                standing = Standing { own, first: ranked, second: standing.first };
            } else if standing.second == none || ranked.beats(standing.second) {
                standing.second = ranked;
            }
        }
        standing
    }

    /// Takes in that the score of one class in `row` has risen or fallen.
    pub(super) fn follow(&mut self, row: &[i32], class: u32, has_risen: bool) {
        let moved = Ranked { class, score: row[class as usize] };
        let Standing { own, first, second } = *self;
        if class == own.class {
            self.own = moved;
        } else if class == first.class && (has_risen || moved.beats(second)) {
            self.first = moved;
        } else if has_risen && moved.beats(first) {
            *self = Standing { own, first: moved, second: first };
        } else if has_risen && (class == second.class || moved.beats(second)) {
            self.second = moved;
        } else if class == first.class || class == second.class {
            *self = Standing::of(row, own.class);
        }
    }

    pub(super) fn is_right(&self) -> bool {
        self.own.beats(self.first)
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
                if change != 0 {
                    standing.follow(&row, class as u32, change > 0);
                }
                prop_assert_eq!(standing, Standing::of(&row, label));
            }
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by_key(|&class| -row[class]);
            prop_assert_eq!(standing.is_right(), order[0] == label as usize);
            order.retain(|&class| class != label as usize);
            prop_assert_eq!(standing.first.class as usize, order[0]);
            prop_assert_eq!(standing.second.class as usize, *order.get(1).unwrap_or(&(label as usize)));
        }
    }
}
