//! The fast way is held to the plain one.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::model::ModelParts;
use crate::text::{FeatureKind, INTERCEPT, MAX_TOKEN_BYTES};

/// A model of these features; `steps` gives classes and scores in units of 1/256.
fn model(classes: usize, features: BTreeMap<String, BTreeMap<u32, i16>>) -> Model {
    let mut parts = ModelParts {
        classes: (0..classes).map(|class| format!("{class:05}")).collect(),
        class_counts: alloc::vec![1; classes],
        indptr: alloc::vec![0],
        ..ModelParts::default()
    };
    for (name, column) in features {
        parts.features.push(name);
        for (class, steps) in column {
            parts.indices.push(class);
            parts.data.push(f32::from(steps) / 256.0);
        }
        parts.indptr.push(parts.data.len() as u32);
    }
    Model::from_parts_however_spelt(parts).unwrap()
}

/// Words that are alike, of all lengths around those at which something changes.
fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&["a", "b", "aa", "ab", "nurse", "nurses", "1", "_", "engineer", "engineering"][..])
            .prop_map(String::from),
        2 => (select(&["a", "b", "x1"][..]), 1..24_usize).prop_map(|(part, count)| part.repeat(count)),
        1 => (250..260_usize).prop_map(|count| "a".repeat(count)),
        2 => select(&["été", "e\u{301}te\u{301}", "straße", "東", "京", "дом", "дома", "½", "ñandú", "ไ"][..])
            .prop_map(String::from),
        1 => (select(&["é", "東", "д", "a\u{301}"][..]), 1..40_usize).prop_map(|(part, count)| part.repeat(count)),
    ]
}

fn feature() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => token(),
        1 => (token(), 1..16_usize)
            .prop_map(|(token, count)| format!("{}*", token.chars().take(count).collect::<String>())),
        1 => (token(), 1..16_usize).prop_map(|(token, count)| {
            let skipped = token.chars().count().saturating_sub(count);
            format!("*{}", token.chars().skip(skipped).collect::<String>())
        }),
        2 => prop::collection::vec(token(), 2..=4).prop_map(|tokens| tokens.join(" ")),
        1 => Just(INTERCEPT.to_string()),
    ]
}

fn any_model() -> impl Strategy<Value = Model> {
    let classes = prop_oneof![1..5_usize, Just(16), Just(17), Just(32), Just(33), 34..80_usize];
    let words_only = any::<bool>();
    (classes, words_only).prop_flat_map(|(classes, words_only)| {
        let steps = prop_oneof![-3..=3_i16, -600..600_i16, Just(i16::MAX), Just(-i16::MAX)]
            .prop_filter("a score is not zero", |&steps| steps != 0);
        let column = prop::collection::btree_map(0..classes as u32, steps, 1..5);
        let name = feature().prop_filter("a kind that is wanted", move |name| match FeatureKind::of(name) {
            Some(FeatureKind::Word | FeatureKind::Intercept) => true,
            kind => kind.is_some() && !words_only,
        });
        prop::collection::btree_map(name, column, 0..40).prop_map(move |features| model(classes, features))
    })
}

/// Tokens as they come in texts, and what may stand between them.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => token().prop_map(String::into_bytes),
        2 => token().prop_map(|token| token.to_uppercase().into_bytes()),
        8 => select(&[" ", ", ", "\n", "\r\n", "\n\n", "-", "\0"][..]).prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..6),
        1 => select(&[b"\xFF", b"\x80", b"\xC3", b"\xA9"][..]).prop_map(|bytes| bytes.to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Checks every way to classify these lines against the plain one.
fn check(model: Model, block: &[u8]) {
    let classifier = model.into_classifier();
    assert!(classifier.compiled.is_some());
    let texts: Vec<&[u8]> = block.split_inclusive(|&byte| byte == b'\n').collect();
    let mut plain = classifier.plain_scorer();
    let expected: Vec<Prediction> = texts.iter().map(|text| plain.predict(text)).collect();
    let names: Vec<&str> = texts.iter().map(|text| classifier.classify(text)).collect();
    assert_eq!(classifier.classify_batch(&texts), names, "classify_batch");
    let expected_names: Vec<&str> =
        expected.iter().map(|prediction| classifier.class_name(prediction.class)).collect();
    assert_eq!(names, expected_names, "classify");
    let expected_labels: Vec<Label> = expected.iter().map(|&prediction| prediction.into()).collect();
    for instructions in Instructions::available() {
        let name = instructions.name();
        let mut scorer = classifier.scorer_with(instructions);
        let (mut labels, mut predictions) = (Vec::new(), Vec::new());
        scorer.label_lines(block, &mut labels);
        assert_eq!(labels, expected_labels, "label_lines, {name}");
        scorer.predict_lines(block, &mut predictions);
        assert_eq!(predictions, expected, "predict_lines, {name}");
        labels.clear();
        scorer.label_texts(texts.iter().copied(), &mut labels);
        assert_eq!(labels, expected_labels, "label_texts, {name}");
        // One text with line feeds in it.
        labels.clear();
        scorer.label_texts([block, b"", block], &mut labels);
        let whole = plain.predict(block);
        assert_eq!(labels[0], whole.into(), "label_texts with line feeds, {name}");
        assert_eq!(labels[2], whole.into(), "label_texts after a text, {name}");
        predictions.clear();
        scorer.predict_texts([block, b"", block], &mut predictions);
        assert_eq!((predictions[0], predictions[2]), (whole, whole), "predict_texts with line feeds, {name}");
        predictions.clear();
        scorer.predict_texts(texts.iter().copied(), &mut predictions);
        assert_eq!(predictions, expected, "predict_texts, {name}");
        assert_eq!(scorer.predict(block), whole, "predict, {name}");
        assert_eq!(scorer.scores(block), plain.scores(block), "scores, {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_get_the_same_from_the_fast_way_as_from_the_plain_one(
        model in any_model(),
        text in any_text(),
    ) {
        check(model, &text);
    }

    #[test]
    fn texts_longer_than_a_window_get_the_same_wherever_they_are_cut(
        model in any_model(),
        text in any_text(),
        unbroken in any_text(),
        times in 1..200_usize,
    ) {
        let no_lines = |text: &[u8]| text.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }).collect::<Vec<_>>();
        let mut block = text.repeat(1 + times / 10);
        block.extend(no_lines(&unbroken).repeat(times));
        block.extend(&text);
        check(model, &block);
    }
}

fn words(features: &[(&str, &[(u32, i16)])], classes: usize) -> Model {
    let features = features.iter().map(|(name, column)| (name.to_string(), column.iter().copied().collect()));
    model(classes, features.collect())
}

#[test]
fn a_tie_goes_to_the_first_class_however_many_classes_there_are() {
    for classes in [3, 16, 20, 32, 40] {
        let last = classes as u32 - 1;
        let tied = words(&[("x", &[(1, 5), (last, 5)]), ("y", &[(0, -5)])], classes).into_classifier();
        let mut labels = Vec::new();
        tied.scorer().label_lines(b"x\ny\nx x\n\n", &mut labels);
        let found: Vec<u32> = labels.iter().map(|label| label.class).collect();
        assert_eq!(found, [1, 1, 1, 0], "{classes} classes");
    }
}

#[test]
fn sums_past_what_the_vectors_hold_are_exact_too() {
    let model = words(&[(INTERCEPT, &[(2, 1)]), ("x", &[(0, i16::MAX), (1, i16::MAX)]), ("y", &[(1, 1)])], 3);
    for count in [1, 100, 511, 512, 1000, 1023, 1024, 2000, 5000] {
        let mut line = b"x ".repeat(count);
        line.extend(b"y\n");
        check(model.clone(), &line);
        assert_eq!(model.clone().into_classifier().scorer().predict(&line).class, 1, "{count}");
    }
}

#[test]
fn a_class_wins_by_the_least_negative_of_sums_however_low_they_are() {
    for classes in [2, 3, 16, 17, 30, 32, 33] {
        let all: Vec<(u32, i16)> =
            (0..classes).map(|class| (class, -7000 - 10 * (class as i16 - 1).abs())).collect();
        let model = words(&[("low", &all)], classes as usize);
        for times in 0..9 {
            check(model.clone(), "low ".repeat(times).as_bytes());
        }
        assert_eq!(model.into_classifier().classify("low low low low low low"), "00001");
    }
}

#[test]
fn a_run_over_the_bound_is_no_token_at_any_length() {
    let model = words(&[("aaa*", &[(1, 9)]), ("x", &[(2, 1)]), ("x x", &[(2, 3)]), ("ééé*", &[(1, 9)])], 3);
    for length in [255, 256, 257, 4000, 4095, 4096, 4097, 10_000] {
        for character in ["a", "é", "é\u{FF}"] {
            check(model.clone(), format!("x {} x\n", character.repeat(length)).as_bytes());
        }
    }
    check(model, &[b"x ".to_vec(), b"a\xFF".repeat(9000), b"x\n".to_vec()].concat());
}

#[test]
fn blocks_that_are_all_lines_or_all_events_fit() {
    let every_kind: Vec<String> =
        (1..=15).flat_map(|n| [format!("{}*", "a".repeat(n)), format!("*{}", "a".repeat(n))]).collect();
    let mut features: BTreeMap<String, BTreeMap<u32, i16>> =
        every_kind.into_iter().map(|name| (name, BTreeMap::from([(1, 1)]))).collect();
    for words in 1..=8 {
        features.insert(alloc::vec!["a"; words].join(" "), BTreeMap::from([(2, 1)]));
    }
    let dense = model(3, features);
    for length in [1, 63, 64, 4095, 4096, 4097, 8193, 20_000] {
        for pattern in
            ["\n", "a\n", "a ", "a", "\r\n", "aaaaaaaaaaaaaaaa ", "東", "a東", "aaaaaaaaaaaaaaaaaaaa "]
        {
            let block: Vec<u8> = pattern.bytes().cycle().take(length).collect();
            check(dense.clone(), &block);
        }
        let invalid: Vec<u8> = b"a\xFF".iter().copied().cycle().take(length).collect();
        check(dense.clone(), &invalid);
    }
    let mut labels = Vec::new();
    dense.into_classifier().scorer().label_texts(core::iter::repeat_n(&b""[..], 10_000), &mut labels);
    assert_eq!(labels.len(), 10_000);
}

#[test]
fn words_with_the_same_first_bytes_are_told_apart() {
    let names: BTreeSet<String> = (1..60).map(|length| "ab".chars().cycle().take(length).collect()).collect();
    let features = names.iter().map(|name| (name.clone(), BTreeMap::from([(name.len() as u32, 1)])));
    let classifier = model(60, features.collect()).into_classifier();
    let mut scorer = classifier.scorer();
    for name in &names {
        assert_eq!(scorer.predict(name.as_bytes()).class, name.len() as u32);
        let longer = format!("{name}c");
        assert!(!scorer.predict(longer.as_bytes()).known, "{longer}");
    }
}

#[test]
fn features_that_no_table_can_tell_apart_are_looked_up_the_plain_way() {
    let mut classifier = words(&[("x", &[(1, 1)])], 2).into_classifier();
    classifier.compiled = None;
    let mut labels = Vec::new();
    classifier.scorer().label_lines(b"x\ny", &mut labels);
    classifier.scorer().label_texts([&b"x\ny"[..]], &mut labels);
    assert_eq!(labels.iter().map(|label| label.class).collect::<Vec<_>>(), [1, 0, 1]);
}

#[test]
fn a_word_with_the_hash_of_another_is_not_taken_for_it() {
    // Made so: the second eight bytes of each are what the hash of the other's first eight is multiplied with.
    let (known, other) = ("dtb6baaa03niindlx", "147edaaarcm80245x");
    let key_of = |name: &str| key::of_name(key::parts(name));
    assert_eq!(key_of(known), key_of(other));
    let model = words(&[(known, &[(1, 1)])], 2);
    check(model.clone(), format!("{known}\n{other}\n").as_bytes());
    let classifier = model.into_classifier();
    assert!(classifier.scorer().predict(known.as_bytes()).known);
    assert!(!classifier.scorer().predict(other.as_bytes()).known);
    // Where a model has both, it is looked up the plain way.
    let both = words(&[(known, &[(1, 1)]), (other, &[(2, 1)])], 3).into_classifier();
    assert!(both.compiled.is_none());
    assert_eq!((both.classify(known), both.classify(other)), ("00001", "00002"));
}

#[test]
fn an_affix_does_not_reach_past_the_end_of_a_text_into_the_one_before() {
    let classifier = words(&[("nurse*", &[(1, 1)])], 2).into_classifier();
    for instructions in Instructions::available() {
        let mut scorer = classifier.scorer_with(instructions);
        // Texts of whole chunks, with nothing behind them to part words.
        for length in [64, 128, 192] {
            let (longer, short) = (length + 3, format!("{:>length$}", "nu"));
            assert!(scorer.predict(format!("{:>longer$}", "nurse").as_bytes()).known);
            assert!(!scorer.predict(short.as_bytes()).known, "{length} {}", instructions.name());
        }
    }
}

#[test]
fn words_that_the_sieve_cannot_tell_apart_are_looked_up() {
    // Of the same first eight bytes, in every kind of feature.
    let features = ["engineer", "engineering", "engineeri*", "*engineering", "engineering of"];
    let features: Vec<(&str, &[(u32, i16)])> = features.iter().map(|&name| (name, &[(1, 1)][..])).collect();
    let texts =
        "engineer\nengineers\nengineerin\nengineering of\nengineering\nreengineering\nof engineering of of\n";
    check(words(&features, 2), texts.as_bytes());
}

#[test]
fn ngrams_reach_across_what_is_passed_over_and_not_across_unknown_words_or_lines() {
    let model = words(&[("a b", &[(1, 1)]), ("a b c", &[(2, 2)]), ("b", &[(3, 1)])], 4);
    let passed_over = "x".repeat(MAX_TOKEN_BYTES + 1);
    let lines =
        format!("a b c\na x b c\na {passed_over} b\na {passed_over} x b\na\nb c\na \u{FF} b\na ½ b\nA B\n");
    let unknown = format!("a {} b\na {} b\na é b\na {} b\n", "x".repeat(20), "x".repeat(250), "é".repeat(20));
    check(model.clone(), unknown.as_bytes());
    check(model.clone(), lines.as_bytes());
    check(model.clone(), lines.replace('\n', " ").repeat(200).as_bytes());
    assert_eq!(model.into_classifier().classify(format!("a {passed_over} b")), "00001");
}

#[test]
fn a_window_of_which_all_passes_the_sieve_fits() {
    let all: Vec<String> = (1..=15)
        .flat_map(|length| [format!("{}*", "a".repeat(length)), format!("*{}", "b".repeat(length))])
        .collect();
    for affixes in [&all[..0], &all[..1], &all[1..2], &all[..2], &all[..4], &all] {
        // So many words that next to nothing fails the sieve.
        let names = (0..200_000).map(|n| format!("w{n}")).chain(affixes.iter().cloned());
        let classifier =
            model(2, names.map(|name| (name, BTreeMap::from([(1, 1)]))).collect()).into_classifier();
        assert!(classifier.compiled.is_some());
        let mut scorer = classifier.scorer();
        for line in
            ["\n", "a\n", "b \n", "ab\n", "w1\n", "é\n", "abc abc\n", "aaaaaaaaaaaaaaabbbbbbbbbbbbbbb\n"]
        {
            let mut labels = Vec::new();
            scorer.label_lines(line.repeat(10_000).as_bytes(), &mut labels);
            let expected: Label = classifier.plain_scorer().predict(line.as_bytes()).into();
            assert_eq!(labels, alloc::vec![expected; 10_000], "{line:?} {affixes:?}");
        }
    }
}
