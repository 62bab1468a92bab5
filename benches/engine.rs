//! Tokenizing, classifying, loading and training, on the project's own data.
//!
//!     cargo bench

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paring::data::{Dataset, ReadOptions};
use paring::infer::Instructions;
use paring::text::{AffixLengths, FeatureSpec};
use paring::train::{Budget, Objective, Params};
use paring::{Classifier, Model};

fn titles() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/titles.txt");
    std::fs::read(path).expect("titles").repeat(100)
}

fn dataset(spec: FeatureSpec) -> Dataset {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/titles.tsv");
    Dataset::from_files(&[path], &ReadOptions::default(), spec, 1).expect("labelled titles").0
}

fn trained(spec: FeatureSpec, nonzeros: usize) -> Model {
    let (budget, objective) = (Budget::Nonzeros(nonzeros), Objective::SoftmaxMargin(2.0));
    let params = Params { budget, objective, l2: Some(0.3), folds: 2, threads: 1, ..Params::default() };
    let trained = params.check().expect("in range").train(&dataset(spec), None, &mut |_| ());
    trained.expect("a model").model
}

fn tokenize(criterion: &mut Criterion) {
    let titles = titles();
    let mut group = criterion.benchmark_group("tokenize");
    group.throughput(Throughput::Bytes(titles.len() as u64));
    let wide = FeatureSpec { ngrams: 2, affixes: Some(AffixLengths::default()) };
    for (name, spec) in [("words", FeatureSpec::default()), ("words, bigrams, affixes", wide)] {
        let mut extractor = spec.extractor().expect("in range");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut features = 0;
                extractor.for_each_feature(&titles, |feature| features += feature.len());
                features
            });
        });
    }
}

fn classify(criterion: &mut Criterion) {
    let titles = titles();
    let lines = titles.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let wide = FeatureSpec { ngrams: 2, affixes: Some(AffixLengths::default()) };
    let models = [
        ("50 nonzeros", trained(FeatureSpec::default(), 50)),
        ("built-in model", paring::builtin::job_titles()),
        ("200 nonzeros, bigrams, affixes", trained(wide, 200)),
    ];
    for (unit, throughput) in
        [("bytes", Throughput::Bytes(titles.len() as u64)), ("titles", Throughput::Elements(lines))]
    {
        let mut group = criterion.benchmark_group(format!("classify, {unit}"));
        group.throughput(throughput);
        for (name, model) in &models {
            let classifier: Classifier = model.clone().into_classifier();
            for instructions in Instructions::available() {
                let mut scorer = classifier.scorer_with(instructions);
                let mut labels = Vec::new();
                group.bench_function(format!("{name}, {}", instructions.name()), |bencher| {
                    bencher.iter(|| {
                        labels.clear();
                        scorer.label_lines(black_box(&titles), &mut labels);
                        labels.len()
                    });
                });
            }
        }
    }
}

fn load(criterion: &mut Criterion) {
    let small = trained(FeatureSpec::default(), 200).to_bytes();
    let mut group = criterion.benchmark_group("load");
    for (name, bytes) in [("200 nonzeros", &small[..]), ("built-in model", paring::builtin::JOB_TITLES)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Model::from_bytes(black_box(bytes)).expect("a model").into_classifier());
        });
    }
}

fn train(criterion: &mut Criterion) {
    let dataset = dataset(FeatureSpec::default());
    let mut group = criterion.benchmark_group("train");
    group.sample_size(10);
    for objective in [Objective::SoftmaxMargin(2.0), Objective::ZeroOne, Objective::Auto] {
        let params = Params { budget: Budget::Nonzeros(60), objective, threads: 1, ..Params::default() };
        let params = params.check().expect("in range");
        group.bench_function(format!("60 nonzeros, {objective}"), |bencher| {
            bencher.iter(|| params.train(&dataset, None, &mut |_| ()).expect("a model"));
        });
    }
}

criterion_group!(benches, tokenize, classify, load, train);
criterion_main!(benches);
