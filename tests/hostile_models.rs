//! Model files that nobody vouches for: each kind of damage has its own error, and none costs much memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use paring::model::format::{FormatError, MAGIC, MEMORY_PER_BYTE, VERSION};
use paring::model::{ModelError, ModelParts};
use paring::{Classifier, Model};
use proptest::prelude::*;
use serde::Serialize;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST_HELD: Cell<i64> = const { Cell::new(0) };
}

/// Counts what each thread holds.
struct Counting;

fn count(change: i64) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + change);
        let _ = MOST_HELD.try_with(|most| most.set(most.get().max(held.get())));
    });
}

#[allow(unsafe_code)]
// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes that `work` held at once, at most.
fn memory_of(work: impl FnOnce()) -> u64 {
    let before = HELD.get();
    MOST_HELD.set(before);
    work();
    (MOST_HELD.get() - before) as u64
}

/// The payload as the docs of the format describe it.
#[derive(Clone, Serialize)]
struct Payload {
    classes: String,
    class_counts: Vec<u64>,
    shared_lengths: Vec<u8>,
    features: String,
    column_lengths: Vec<u64>,
    class_indices: Vec<u64>,
    scores: Vec<u8>,
    metadata: String,
}

fn payload() -> Payload {
    Payload {
        classes: "Health\nKitchen".into(),
        class_counts: vec![3, 2],
        shared_lengths: vec![0, 0],
        features: "cook\nnurse".into(),
        column_lengths: vec![1, 2],
        class_indices: vec![1, 0, 1],
        scores: vec![2, 1, 255, 0, 0, 0],
        metadata: "texts\t5".into(),
    }
}

fn framed(version: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

fn encoded<T: Serialize>(payload: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(payload, bincode::config::standard()).unwrap()
}

/// Deflated, but as it is.
fn stored(payload: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(payload, 0)
}

fn file(payload: &Payload) -> Vec<u8> {
    framed(VERSION, &stored(&encoded(payload)))
}

/// The payload of version 1.
#[derive(Serialize)]
struct PayloadV1 {
    classes: String,
    class_counts: Vec<u64>,
    features: String,
    column_lengths: Vec<u64>,
    class_indices: Vec<u64>,
    scores: Vec<u8>,
    metadata: String,
}

fn payload_v1() -> PayloadV1 {
    let Payload { classes, class_counts, features, column_lengths, class_indices, metadata, .. } = payload();
    let scores = vec![0, 2, 0, 1, 0, 255];
    PayloadV1 { classes, class_counts, features, column_lengths, class_indices, scores, metadata }
}

fn error(change: impl FnOnce(&mut Payload)) -> FormatError {
    let mut payload = payload();
    change(&mut payload);
    Model::from_bytes(&file(&payload)).expect_err("tampered with")
}

fn model_error(change: impl FnOnce(&mut Payload)) -> ModelError {
    match error(change) {
        FormatError::Model(error) => error,
        other => panic!("{other:?}"),
    }
}

fn use_it(classifier: &Classifier, text: &[u8]) {
    let mut scorer = classifier.scorer();
    let prediction = scorer.predict(text);
    assert!((prediction.class as usize) < classifier.model().classes().len());
    assert!(prediction.score.is_finite());
    assert_eq!(prediction, classifier.plain_scorer().predict(text));
    classifier.explain(text);
}

#[test]
fn the_files_made_here_are_models_unless_tampered_with() {
    let classifier = Model::from_bytes(&file(&payload())).unwrap().into_classifier();
    assert_eq!(classifier.classify("nurse"), "Health");
    assert_eq!(classifier.classify("cook"), "Kitchen");
    let of_v1 = Model::from_bytes(&framed(1, &encoded(&payload_v1()))).unwrap();
    assert_eq!(&of_v1, classifier.model());
}

#[test]
fn every_truncation_and_every_flipped_bit_is_refused() {
    let bytes = file(&payload());
    for length in 0..bytes.len() {
        assert!(Model::from_bytes(&bytes[..length]).is_err(), "cut to {length}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Model::from_bytes(&damaged).is_err(), "bit {bit} of byte {at}");
        }
    }
    let longer = [bytes, vec![0]].concat();
    assert!(matches!(Model::from_bytes(&longer), Err(FormatError::Length { .. })));
}

#[test]
fn each_damage_of_the_frame_has_its_error() {
    assert!(matches!(Model::from_bytes(b""), Err(FormatError::NotAModel)));
    assert!(matches!(Model::from_bytes(b"__label__a x\n"), Err(FormatError::NotAModel)));
    assert!(matches!(Model::from_bytes(&framed(3, b"")), Err(FormatError::Version(3))));
    let mut damaged = file(&payload());
    damaged[30] ^= 1;
    assert!(matches!(Model::from_bytes(&damaged), Err(FormatError::Checksum { .. })));
    let encoded = encoded(&payload());
    let behind = framed(VERSION, &stored(&[&encoded[..], b"?"].concat()));
    assert!(matches!(Model::from_bytes(&behind), Err(FormatError::Field("end"))));
    assert!(matches!(Model::from_bytes(&framed(VERSION, &stored(&[255; 40]))), Err(FormatError::Payload(_))));
    assert!(matches!(Model::from_bytes(&framed(1, &[255; 40])), Err(FormatError::Payload(_))));
    assert!(matches!(Model::from_bytes(&framed(VERSION, &[255; 40])), Err(FormatError::Deflated)));
    let whole = file(&payload());
    assert!(matches!(Model::from_bytes_up_to(&whole, 9), Err(FormatError::TooLarge { max_bytes: 9 })));
    assert!(matches!(Model::from_bytes_up_to(b"no model", 3), Err(FormatError::NotAModel)));
}

#[test]
fn what_inflates_to_very_much_is_refused_before_it_has() {
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; 64 << 20], 9);
    let bytes = framed(VERSION, &bomb);
    let memory = memory_of(|| assert!(matches!(Model::from_bytes(&bytes), Err(FormatError::Deflated))));
    assert!(memory < MEMORY_PER_BYTE * bytes.len() as u64, "{memory} bytes for {}", bytes.len());
}

/// Names that are all but the same deflate to next to nothing, and what is added to them must still add to the file.
#[test]
fn a_model_with_more_scores_makes_no_shorter_file() {
    let classes: Vec<String> = (0..500).map(|at| format!("class number {at:09}")).collect();
    let mut last = 0;
    for nonzeros in (0..2000).step_by(100) {
        let features: Vec<String> = (0..nonzeros).map(|at| format!("word{at:05}")).collect();
        let model = Model::from_parts(ModelParts {
            class_counts: vec![1; classes.len()],
            classes: classes.clone(),
            features,
            indptr: (0..=nonzeros).collect(),
            indices: (0..nonzeros).map(|at| at * 7 % 500).collect(),
            data: (0..nonzeros).map(|at| 1.0 + (at * 37 % 256) as f32 / 256.0).collect(),
            ..ModelParts::default()
        })
        .unwrap();
        let bytes = model.to_bytes();
        assert!(bytes.len() > last, "{nonzeros} nonzeros: {} bytes after {last}", bytes.len());
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model);
        last = bytes.len();
    }
}

/// One class of very many whose counts and names are all but the same would inflate to more than is taken.
#[test]
fn a_model_that_would_inflate_to_very_much_comes_back_all_the_same() {
    let many = 20_000;
    let model = Model::from_parts(ModelParts {
        classes: (0..many).map(|at| format!("class number {at:09}")).collect(),
        class_counts: vec![1; many],
        indptr: vec![0],
        ..ModelParts::default()
    })
    .unwrap();
    assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
}

#[test]
fn each_damage_of_the_payload_has_its_error() {
    use ModelError::*;
    assert_eq!(model_error(|it| (it.classes, it.class_counts) = (String::new(), vec![])), NoClasses);
    assert_eq!(model_error(|it| it.classes = "a\na".into()), ClassName("a".into()));
    assert_eq!(model_error(|it| it.classes = "a\n".into()), ClassName(String::new()));
    assert_eq!(model_error(|it| it.classes = "a\nb\rc".into()), ClassName("b\rc".into()));
    assert_eq!(model_error(|it| it.class_counts = vec![2, 3]), ClassCounts);
    assert_eq!(model_error(|it| it.class_counts = vec![3]), ClassCounts);
    assert_eq!(model_error(|it| it.features = "cook\ncook".into()), FeatureOrder("cook".into()));
    assert_eq!(model_error(|it| it.features = "nurse\ncook".into()), FeatureOrder("cook".into()));
    assert_eq!(model_error(|it| it.features = "cook\n".into()), FeatureName(String::new()));
    assert_eq!(model_error(|it| it.column_lengths = vec![3, 0]), Indptr);
    assert_eq!(model_error(|it| it.column_lengths = vec![1, 1]), Indptr);
    assert_eq!(model_error(|it| it.column_lengths = vec![1, 3]), Indptr);
    assert_eq!(model_error(|it| it.class_indices = vec![1, 1, 0]), ClassIndex("nurse".into()));
    assert_eq!(model_error(|it| it.class_indices = vec![1, 0, 0]), ClassIndex("nurse".into()));
    assert_eq!(model_error(|it| it.class_indices = vec![2, 0, 1]), ClassIndex("cook".into()));
    assert_eq!(model_error(|it| it.scores[..2].fill(0)), Score("cook".into()));
    assert!(matches!(error(|it| it.scores.truncate(5)), FormatError::Field("scores")));
    assert!(matches!(error(|it| it.shared_lengths = vec![0]), FormatError::Field("shared lengths")));
    assert!(matches!(error(|it| it.shared_lengths = vec![0, 5]), FormatError::Field("shared lengths")));
    let sharing = |shared: u8| {
        error(|it| {
            it.features = format!("{}\ny", "x".repeat(70));
            it.shared_lengths = vec![0, shared];
            it.metadata = "no tab".into();
        })
    };
    assert!(matches!(sharing(63), FormatError::Field("metadata")));
    assert!(matches!(sharing(64), FormatError::Field("shared lengths")));
    assert!(matches!(error(|it| it.metadata = "no tab".into()), FormatError::Field("metadata")));
    assert!(matches!(error(|it| it.column_lengths = vec![u64::from(u32::MAX), 2]), FormatError::Field(_)));
    assert!(matches!(error(|it| it.column_lengths = vec![1 << 33, 2]), FormatError::Payload(_)));
}

#[test]
fn scores_that_are_no_numbers_or_off_the_grid_are_refused_in_parts() {
    let parts = |score: f32| ModelParts {
        classes: vec!["a".into()],
        class_counts: vec![1],
        features: vec!["x".into()],
        indptr: vec![0, 1],
        indices: vec![0],
        data: vec![score],
        metadata: Vec::new(),
    };
    assert!(Model::from_parts(parts(0.5)).is_ok());
    for score in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 0.3, 1e30] {
        assert_eq!(Model::from_parts(parts(score)).unwrap_err(), ModelError::Score("x".into()), "{score}");
    }
}

#[test]
fn what_is_known_about_training_holds_no_line_breaks_and_its_names_no_tabs() {
    for entry in [("a\nb", ""), ("a", "b\rc"), ("a\tb", "c")] {
        let parts = ModelParts {
            classes: vec!["a".into()],
            class_counts: vec![1],
            indptr: vec![0],
            metadata: vec![(entry.0.into(), entry.1.into())],
            ..ModelParts::default()
        };
        assert_eq!(Model::from_parts(parts).unwrap_err(), ModelError::Metadata(entry.0.into()));
    }
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let mut encoded = encoded(&payload());
    let at = encoded.windows(4).position(|four| four == b"cook").unwrap();
    encoded[at] = 0xff;
    assert!(matches!(Model::from_bytes(&framed(VERSION, &stored(&encoded))), Err(FormatError::Payload(_))));
}

#[test]
fn errors_say_what_was_found_and_what_to_do() {
    let told = |bytes: &[u8]| Model::from_bytes(bytes).unwrap_err().to_string();
    assert!(told(b"x").contains("model"));
    assert!(told(&framed(9, b"")).contains('9'));
    let mut damaged = file(&payload());
    damaged[30] ^= 1;
    assert!(told(&damaged).contains("copy it again"));
}

/// A claim of very many elements, with few bytes to hold them.
#[test]
fn lengths_that_are_claimed_cost_no_memory() {
    for claim in [vec![252, 255, 255, 255, 255], vec![253, 255, 255, 255, 255, 255, 255, 255, 255]] {
        for field in 0..8 {
            let mut bytes = Vec::new();
            // Empty fields before it, and plenty behind.
            bytes.extend(vec![0; field]);
            bytes.extend(&claim);
            bytes.extend([1; 64]);
            for bytes in [framed(1, &bytes), framed(VERSION, &stored(&bytes))] {
                let memory = memory_of(|| assert!(Model::from_bytes(&bytes).is_err()));
                assert!(memory < 4 << 20, "{memory} bytes for field {field}");
            }
        }
    }
}

#[test]
fn reading_takes_memory_in_proportion_to_the_bytes() {
    let many = 200_000;
    let mut names: Vec<String> = (0..many).map(|at| format!("{at:x}")).collect();
    names.sort();
    let of_features = Payload {
        shared_lengths: vec![0; many],
        features: names.join("\n"),
        column_lengths: vec![1; many],
        class_indices: vec![0; many],
        scores: vec![1; 2 * many],
        ..payload()
    };
    // As long as few bytes can make them.
    let digits: Vec<String> = (0..many).map(|at| format!("{at:05}")).collect();
    let of_long_features = Payload {
        shared_lengths: std::iter::once(0).chain(vec![63; many]).collect(),
        features: format!("{}\n{}", "x".repeat(63), digits.join("\n")),
        column_lengths: vec![1; many + 1],
        class_indices: vec![0; many + 1],
        scores: vec![1; 2 * many + 2],
        ..payload()
    };
    let of_classes = Payload { classes: names.join("\n"), class_counts: vec![1; many], ..payload() };
    let of_metadata = Payload { metadata: "\t\n".repeat(many) + "\t", ..payload() };
    for payload in [of_features, of_long_features, of_classes, of_metadata] {
        let encoded = encoded(&payload);
        let deflated = miniz_oxide::deflate::compress_to_vec(&encoded, 9);
        for bytes in [framed(VERSION, &stored(&encoded)), framed(VERSION, &deflated)] {
            let memory = memory_of(|| {
                if let Ok(model) = Model::from_bytes(&bytes) {
                    let classifier = model.into_classifier();
                    classifier.classify("1f");
                }
            });
            let most = MEMORY_PER_BYTE * bytes.len() as u64 + (4 << 20);
            assert!(memory <= most, "{memory} bytes of memory for {} of a file", bytes.len());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_model_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Model::from_bytes(&bytes);
        let _ = Model::from_bytes(&framed(1, &bytes));
        let _ = Model::from_bytes(&framed(VERSION, &bytes));
        let _ = Model::from_bytes(&framed(VERSION, &stored(&bytes)));
    }

    #[test]
    fn what_is_read_after_tampering_never_fails_on_any_text(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        text in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let tampered_with = |mut encoded: Vec<u8>| {
            for &(at, byte) in &changes {
                let length = encoded.len();
                encoded[at % length] = byte;
            }
            encoded
        };
        for bytes in [
            framed(1, &tampered_with(encoded(&payload_v1()))),
            framed(VERSION, &stored(&tampered_with(encoded(&payload())))),
        ] {
            if let Ok(model) = Model::from_bytes(&bytes) {
                let classifier = model.into_classifier();
                use_it(&classifier, &text);
                use_it(&classifier, b"nurse and cook");
            }
        }
    }

    #[test]
    fn a_model_comes_back_from_its_bytes(scores in proptest::collection::vec(1..i16::MAX, 1..20)) {
        let many = scores.len();
        let names: Vec<String> = (0..many).map(|at| format!("w{at:02}é")).collect();
        let model = Model::from_parts(ModelParts {
            classes: vec!["a".into(), "b".into()],
            class_counts: vec![2, 1],
            features: names,
            indptr: (0..=many as u32).collect(),
            indices: (0..many as u32).map(|at| at % 2).collect(),
            data: scores.iter().map(|&score| f32::from(score) / 256.0).collect(),
            metadata: vec![("texts".into(), "3".into())],
        })
        .unwrap();
        prop_assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
    }
}
