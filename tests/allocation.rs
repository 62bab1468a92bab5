//! Classifying a text allocates nothing, and a classifier is shared between threads.

#![cfg(feature = "cli")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use paring::{Classifier, Model};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the allocations of each thread.
struct Counting;

#[allow(unsafe_code)]
// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn classifying_a_text_allocates_nothing() {
    let classifier = paring::builtin::job_titles().into_classifier();
    let mut scorer = classifier.scorer();
    let texts = [
        "",
        "night nurse",
        "Sr. Software Engineer (Backend), Müllabfuhr",
        "看護師 x",
        "a b c d e f g h i j k",
    ];
    let lines = texts.join("\n");
    let mut labels = Vec::with_capacity(1000);
    // The first texts may make room.
    for text in texts {
        scorer.predict(text.as_bytes());
    }
    scorer.label_lines(lines.as_bytes(), &mut labels);
    let before = ALLOCATIONS.get();
    for _ in 0..50 {
        for text in texts {
            scorer.predict(text.as_bytes());
        }
    }
    labels.clear();
    scorer.label_lines(lines.as_bytes(), &mut labels);
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn a_classifier_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Classifier>();
    is_shared::<Model>();
}
