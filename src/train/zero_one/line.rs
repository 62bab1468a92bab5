//! The best change of one weight under 0/1 loss.

use super::LARGEST;
use crate::model::SCORE_STEPS;

/// How far inside an interval without an end a weight is put: a score of 1.
const INSIDE: i32 = SCORE_STEPS as i32;
/// Sums that differ by less differ by what was rounded.
const EQUAL: f64 = 1e-6;

/// Of so many events it is worth a look which of them matter, by spans of a quarter of a score; the last span on each
/// way has no end.
const MANY: usize = 256;
const SPAN: i32 = SCORE_STEPS as i32 / 4;
const SPANS: usize = 128;

/// A change of the weight from which on so much more is right.
pub(super) type Event = (i32, f32);

/// The best interval of one weight: what it gains over the weight as it is, and how to get to its middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best {
    pub gain: f64,
    pub change: i32,
}

/// The best of all changes of a `weight`, in the middle of its interval: of equal gains the widest, and of those the
/// lowest. What may be an event comes with whether it is one: it takes as long if it is not, as that cannot be
/// foreseen. `room` is for them.
#[inline]
pub(super) fn best(
    weight: i32,
    events: impl ExactSizeIterator<Item = (Event, bool)>,
    room: &mut Vec<Event>,
) -> Best {
    if room.len() < events.len() {
        room.resize(events.len(), (0, 0.0));
    }
    let mut found = 0;
    for (event, is_event) in events {
        room[found] = event;
        found += usize::from(is_event);
    }
    let events = &mut room[..found];
    let within = (-LARGEST - weight, LARGEST - weight);
    let events = if found < MANY { events } else { that_matter(events) };
    best_within(within, events)
}

/// The events up to where, on each way, all that is still ahead could not make up for what has been lost; they move to
/// the front.
fn that_matter(events: &mut [Event]) -> &mut [Event] {
    // The spans on the way down are the first half, turned around; the two ways part at the weight as it is.
    let span = |at: i32| {
        (at.saturating_sub(1).div_euclid(SPAN) + SPANS as i32).clamp(0, 2 * SPANS as i32 - 1) as usize
    };
    // Of each span, what is right with a greater weight alone, and with a lower one alone.
    let mut rights = [[0.0_f64; 2]; 2 * SPANS];
    for &(at, gain) in &*events {
        rights[span(at)][usize::from(gain < 0.0)] += f64::from(gain.abs());
    }
    let (down, up) = rights.split_at(SPANS);
    let high = SPANS + last_that_matters(up.iter().map(|&[above, below]| (above, below)));
    let low = SPANS - 1 - last_that_matters(down.iter().rev().map(|&[above, below]| (below, above)));
    let mut kept = 0;
    for at in 0..events.len() {
        let event = events[at];
        events[kept] = event;
        kept += usize::from((low..=high).contains(&span(event.0)));
    }
    &mut events[..kept]
}

/// The last span that matters of those on one way, with what each of them gains and loses.
fn last_that_matters(spans: impl Iterator<Item = (f64, f64)> + Clone) -> usize {
    let mut ahead: f64 = spans.clone().map(|(gain, _)| gain).sum();
    let (mut here, mut best) = (0.0, 0.0_f64);
    for (at, (gain, loss)) in spans.enumerate() {
        here += gain - loss;
        ahead -= gain;
        best = best.max(here);
        if here + ahead < best - EQUAL {
            return at;
        }
    }
    SPANS - 1
}

/// The best of all changes within these, given all events that matter, which it puts in order.
fn best_within((lowest, highest): (i32, i32), events: &mut [Event]) -> Best {
    events.sort_unstable_by_key(|&(at, _)| at);
    // What is right when the weight is lowest, and as it is, but for what the same is with all changes.
    let mut right: f64 = events.iter().map(|&(_, gain)| f64::from((-gain).max(0.0))).sum();
    let mut right_now = right;
    let mut best = (f64::NEG_INFINITY, i64::MIN, 0_i32);
    let mut start = i32::MIN;
    let mut next = 0;
    loop {
        let end = events.get(next).map_or(i32::MAX, |&(at, _)| at);
        if start <= 0 {
            right_now = right;
        }
        if end > start {
            // The changes from `start` up to `end` give `right`.
            let low = start.max(lowest);
            let high = if end == i32::MAX { highest } else { (end - 1).min(highest) };
            if low <= high {
                let middle = match (start == i32::MIN, end == i32::MAX) {
                    (true, true) => 0,
                    (true, false) => (high - INSIDE).max(low),
                    (false, true) => (low + INSIDE).min(high),
                    (false, false) => low + (high - low) / 2,
                };
                let width = (i64::from(high) - i64::from(low)).min(2 * i64::from(INSIDE));
                if right > best.0 + EQUAL || (right > best.0 - EQUAL && width > best.1) {
                    best = (right, width, middle);
                }
            }
        }
        if next == events.len() {
            break;
        }
        start = end;
        while next < events.len() && events[next].0 == start {
            right += f64::from(events[next].1);
            next += 1;
        }
    }
    Best { gain: best.0 - right_now, change: best.2 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Many of them, or few, make what is right less on their way from the weight as it is.
    fn events() -> impl Strategy<Value = Vec<Event>> {
        (1..40_000_i32, 0..2 * MANY, 0.0..1.0).prop_flat_map(move |(most, events, losses)| {
            let event = (-most..=most, 1..4_u8, proptest::bool::weighted(losses));
            let event = event.prop_map(|(at, size, is_loss)| {
                (at, f32::from(size) * if (at > 0) == is_loss { -1.0 } else { 1.0 })
            });
            proptest::collection::vec(event, events)
        })
    }

    #[test]
    fn of_equal_gains_the_widest_interval_is_taken_and_a_score_inside_one_without_an_end() {
        let change =
            |events: &[Event]| best(0, events.iter().map(|&event| (event, true)), &mut Vec::new()).change;
        assert_eq!(change(&[]), 0);
        assert_eq!(change(&[(10, 1.0)]), 10 + INSIDE);
        assert_eq!(change(&[(-10, -1.0)]), -11 - INSIDE);
        assert_eq!(change(&[(10, 1.0), (20, -1.0)]), 14);
        assert_eq!(change(&[(10, 1.0), (20, -1.0), (30, 1.0), (50, -1.0)]), 39);
        // Beyond two scores no interval is wider than another.
        assert_eq!(change(&[(10, 1.0), (1010, -1.0), (2000, 1.0), (9000, -1.0)]), 509);
    }

    proptest! {
        #[test]
        fn the_best_of_all_changes_is_found_among_few_events_and_many(
            events in events(),
            weight in prop_oneof![Just(0), -LARGEST..=LARGEST],
        ) {
            let all = || events.iter().map(|&event| (event, true));
            let found = best(weight, all(), &mut Vec::new());
            let right = |change: i32| -> f32 {
                let is_right = |&&(at, gain): &&Event| (at <= change) == (gain > 0.0);
                events.iter().filter(is_right).map(|&(_, gain)| gain.abs()).sum()
            };
            let (lowest, highest) = (-LARGEST - weight, LARGEST - weight);
            let starts = events.iter().map(|&(at, _)| at).filter(|at| (lowest..=highest).contains(at));
            let most = starts.chain([lowest]).map(right).fold(0.0, f32::max);
            prop_assert!((lowest..=highest).contains(&found.change));
            prop_assert_eq!(right(found.change), most);
            prop_assert_eq!(found.gain, f64::from(most - right(0)));
            let of_all = best_within((lowest, highest), &mut events.clone());
            prop_assert_eq!(found, of_all);
        }

        #[test]
        fn what_is_no_event_makes_no_difference(events in events(), others in events()) {
            let mixed = events.iter().map(|&event| (event, true)).zip(others.iter().map(|&event| (event, false)));
            let mixed: Vec<(Event, bool)> = mixed.flat_map(|(event, other)| [other, event]).collect();
            let few = events.iter().take(mixed.len() / 2).map(|&event| (event, true));
            prop_assert_eq!(best(0, mixed.into_iter(), &mut Vec::new()), best(0, few, &mut Vec::new()));
        }
    }
}
