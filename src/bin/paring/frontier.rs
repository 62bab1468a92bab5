//! `paring frontier`: accuracy against nonzeros, at a glance.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf, absolute};

use clap::Args;
use indicatif::HumanCount;
use paring::metrics::wilson_interval;
use paring::train::{Candidate, Choice, Estimate, Frontier as Fitted, FrontierPoint, HeldOut};
use serde_json::json;

use crate::common::{
    Failure, Usage, at_least_one, check_folder, check_output, check_standard_streams, print, print_data,
    print_json, tell, write_file,
};
use crate::evaluate::{Evaluation, NO_LABEL_IS_KNOWN, evaluate};
use crate::picture::{self, Mark};
use crate::training::{Training, TrainingBar};

/// Fit a model for each of several budgets, and show what each is worth
#[derive(Debug, Args)]
#[command(after_help = "\
Marked are the knee, from which on accuracy rises more slowly than from the first budget to the last (the point \
farthest above the straight line between them, over the logarithm of nonzeros), and the fewest nonzeros whose accuracy \
is within one standard error of the best, the one without a limit included; both are by cross-validation, with --test \
too. The picture shows accuracy on the test data if there are any, else by cross-validation; its bars are 95 % \
intervals. A budget's fit starts from that of another, so that its model may differ a little from that of `paring \
train --nonzeros`; a budget gets the model of a smaller one that was cross-validated a standard error better.

Examples:
  paring frontier titles.tsv
  paring frontier titles.tsv --test test.tsv --nonzeros 10,100,1000 --svg frontier.svg --save-dir models")]
pub struct Frontier {
    #[command(flatten)]
    training: Training,

    /// Labelled records to measure on, beside cross-validation
    #[arg(long, value_name = "TEST", help_heading = "Output")]
    test: Option<PathBuf>,

    /// The budgets; one above the number of possible weights stands for that number
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        value_parser = at_least_one,
        default_value = "10,20,50,100,200,500,1000,2000,5000",
        help_heading = "Budget"
    )]
    nonzeros: Vec<NonZeroUsize>,

    /// The table with columns separated by tabs
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    tsv: bool,

    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Write a picture
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    svg: Option<PathBuf>,

    /// Keep each model, as DIR/BUDGET.paring, and the one without a limit as DIR/dense.paring
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    save_dir: Option<PathBuf>,
}

/// A row of the table.
struct Row {
    budget: String,
    bytes: usize,
    point: FrontierPoint,
    /// Texts that are right, of the texts of the test.
    tested: Option<(u64, u64)>,
}

/// # Errors
/// When an argument is out of range, the data cannot be learnt from, or a file cannot be written.
pub fn run(arguments: &Frontier) -> Result<(), Failure> {
    let params = arguments.training.params().check()?;
    let inputs = || arguments.training.files.iter().chain(&arguments.test);
    check_standard_streams(inputs())?;
    if let Some(folder) = &arguments.save_dir {
        check_folder(folder)?;
    }
    if let Some(svg) = &arguments.svg {
        if arguments.save_dir.as_ref().is_some_and(|folder| is_same_place(svg, folder)) {
            let told =
                format!("{}: expected another name for the picture than for the folder", svg.display());
            return Err(Usage(told).into());
        }
        let is_to_be_made = |folder: &PathBuf| {
            svg.parent().is_some_and(|parent| is_same_place(parent, folder)) && !folder.exists()
        };
        if !arguments.save_dir.as_ref().is_some_and(is_to_be_made) {
            check_output(svg, inputs())?;
        }
    }
    let dataset = arguments.training.dataset()?;
    let possible = usize::try_from(dataset.possible_weights()).unwrap_or(usize::MAX);
    let budgets: Vec<usize> = arguments.nonzeros.iter().map(|budget| budget.get().min(possible)).collect();
    if let Some(folder) = &arguments.save_dir {
        for name in budgets.iter().map(usize::to_string).chain(["dense".into()]) {
            let model = model_path(folder, &name);
            if arguments.svg.as_ref().is_some_and(|svg| is_same_place(svg, &model)) {
                let told =
                    format!("{}: expected another file for the picture than for a model", model.display());
                return Err(Usage(told).into());
            }
            if model.exists() {
                check_output(&model, inputs())?;
            }
        }
    }
    let test = match &arguments.test {
        Some(test) => Some(arguments.training.texts(test)?),
        None => None,
    };
    let mut bar = TrainingBar::start("preparing");
    let fitted = params.frontier(&dataset, &budgets, &mut |progress| bar.show(progress));
    bar.finish();
    let fitted = fitted.map_err(|error| arguments.training.failed(error))?;
    arguments.training.tell_of_no_features(&dataset);
    arguments.training.tell_of_single_texts(&dataset);
    let rows = rows(test.as_deref(), &fitted);
    if let Some(test) = &test
        && !test.iter().any(|(label, _)| dataset.classes().contains(label))
    {
        tell(NO_LABEL_IS_KNOWN);
    }
    let measure = arguments.training.measure();
    if let Some(folder) = &arguments.save_dir {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: cannot be made: {error}", folder.display()))?;
        for row in &rows {
            row.point.model.save(model_path(folder, &row.budget))?;
        }
    }
    // A picture that cannot be written does not cost the table.
    let drawn = match &arguments.svg {
        Some(svg) => picture(&rows, &fitted, measure, dataset.texts())
            .and_then(|drawn| write_file(svg, drawn.as_bytes())),
        None => Ok(()),
    };
    if arguments.json {
        print_json(&as_json(&rows, &fitted, measure))?;
    } else if arguments.tsv {
        print_data(&as_table(&rows, &fitted, "\t"))?;
    } else {
        print(&as_table(&rows, &fitted, ""))?;
        if let Some(measure) = measure.strip_prefix(", ") {
            print(&format!("cross-validated accuracies are {measure}\n"))?;
        }
    }
    drawn
}

/// Whether two names are of one place, which need not be there yet.
fn is_same_place(one: &Path, other: &Path) -> bool {
    absolute(one).is_ok_and(|one| absolute(other).is_ok_and(|other| one == other))
}

fn model_path(folder: &Path, budget: &str) -> PathBuf {
    folder.join(format!("{budget}.paring"))
}

fn rows(test: Option<HeldOut<'_>>, fitted: &Fitted) -> Vec<Row> {
    let budgets = fitted.points.iter().map(|point| (point.nonzeros.to_string(), point));
    let dense = std::iter::once(("dense".to_string(), &fitted.dense));
    let tested = |point: &FrontierPoint| {
        let test = test?;
        let Ok(Evaluation { confusion, .. }) = evaluate(&point.model, |take| {
            test.iter().for_each(|(label, text)| take(label, text));
            Ok::<(), Infallible>(())
        });
        Some((confusion.right(), confusion.texts()))
    };
    let row = |(budget, point): (String, &FrontierPoint)| Row {
        budget,
        bytes: point.model.to_bytes().len(),
        tested: tested(point),
        point: point.clone(),
    };
    budgets.chain(dense).map(row).collect()
}

fn note(at: usize, rows: &[Row], fitted: &Fitted) -> String {
    let mut notes = Vec::new();
    if at + 1 < rows.len() && Some(at) == fitted.knee {
        notes.push("knee");
    }
    if at == fitted.one_standard_error.unwrap_or(rows.len() - 1) {
        notes.push("one standard error");
    }
    notes.join(", ")
}

fn as_table(rows: &[Row], fitted: &Fitted, separator: &str) -> String {
    let mut table = vec![
        ["budget", "nonzeros", "bytes", "fit", "cross-validated", "standard error", "test", "note"]
            .map(String::from),
    ];
    for (at, row) in rows.iter().enumerate() {
        let estimate = row.point.cross_validated;
        let is_for_people = separator.is_empty();
        let count = |number: usize| {
            if is_for_people { HumanCount(number as u64).to_string() } else { number.to_string() }
        };
        table.push([
            row.budget.clone(),
            count(row.point.model.nonzeros()),
            count(row.bytes),
            row.point.choice.to_string(),
            format!("{:.4}", estimate.accuracy),
            format!("{:.4}", estimate.standard_error),
            row.tested.map_or(String::new(), |(right, texts)| format!("{:.4}", right as f64 / texts as f64)),
            note(at, rows, fitted),
        ]);
    }
    if !separator.is_empty() {
        return table.iter().map(|row| row.join(separator) + "\n").collect();
    }
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table[0].len()).map(width).collect();
    let padded = |row: &[String; 8]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    table.iter().map(padded).collect()
}

fn as_json(rows: &[Row], fitted: &Fitted, measure: &str) -> serde_json::Value {
    let choice = |choice: &Choice| {
        json!({
            "objective": choice.objective.to_string(),
            "l2": choice.l2,
            "naive_bayes": choice.naive_bayes,
            "cut": choice.is_cut,
            "dropout": choice.dropout,
        })
    };
    let point = |row: &Row| {
        json!({
            "budget": row.point.nonzeros,
            "nonzeros": row.point.model.nonzeros(),
            "bytes": row.bytes,
            "fit": choice(&row.point.choice),
            "cross_validated": row.point.cross_validated.accuracy,
            "standard_error": row.point.cross_validated.standard_error,
            "test": row.tested.map(|(right, texts)| right as f64 / texts as f64),
        })
    };
    let candidate = |candidate: &Candidate| {
        json!({
            "budget": candidate.nonzeros,
            "fit": choice(&candidate.choice),
            "cross_validated": candidate.estimate.accuracy,
            "standard_error": candidate.estimate.standard_error,
            "expected_accuracy": candidate.expected_accuracy,
            "macro_f1": candidate.macro_f1,
        })
    };
    let (dense, points) = rows.split_last().expect("the dense fit is always there");
    json!({
        "measure": measure.strip_prefix(", ").unwrap_or("plain"),
        "points": points.iter().map(point).collect::<Vec<_>>(),
        "dense": point(dense),
        "knee": fitted.knee.map(|at| fitted.points[at].nonzeros),
        "one_standard_error": fitted.one_standard_error.map(|at| fitted.points[at].nonzeros),
        "tried": fitted.candidates.iter().map(candidate).collect::<Vec<_>>(),
    })
}

fn picture(rows: &[Row], fitted: &Fitted, measure: &str, texts: usize) -> Result<String, Failure> {
    let (dense, points) = rows.split_last().expect("the dense fit is always there");
    let accuracy = |row: &Row| match row.tested {
        Some((right, texts)) => right as f64 / texts as f64,
        None => row.point.cross_validated.accuracy,
    };
    // A share of as many texts has this standard error; where all are right, or none, others tell how many.
    let texts_of = |row: &Row| {
        let Estimate { accuracy, standard_error, .. } = row.point.cross_validated;
        let varies = accuracy > 0.0 && accuracy < 1.0;
        varies.then(|| (accuracy * (1.0 - accuracy) / standard_error.powi(2)).round())
    };
    let of_others = rows.iter().find_map(texts_of).unwrap_or(texts as f64);
    let interval = |row: &Row| match row.tested {
        Some((right, texts)) => wilson_interval(right, texts),
        None => {
            let texts = texts_of(row).unwrap_or(of_others);
            wilson_interval((accuracy(row) * texts).round() as u64, texts as u64)
        }
    };
    let marks: Vec<Mark> = points
        .iter()
        .map(|row| Mark { nonzeros: row.point.nonzeros, accuracy: accuracy(row), interval: interval(row) })
        .collect();
    let (what, caption) = match dense.tested {
        Some(_) => (
            "accuracy on the test data".to_string(),
            "bars: 95 % intervals; knee and one standard error: by cross-validation",
        ),
        None => (format!("cross-validated accuracy{measure}"), "bars: 95 % intervals"),
    };
    let full = (dense.point.model.nonzeros(), accuracy(dense));
    picture::draw(&marks, full, fitted.knee, fitted.one_standard_error, &what, caption)
}
