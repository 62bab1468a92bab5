//! The picture of a frontier.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::common::Failure;

/// A point of the picture.
pub struct Mark {
    /// How many it may have.
    pub nonzeros: usize,
    /// A share.
    pub accuracy: f64,
    /// Where the true accuracy lies with 95% confidence.
    pub interval: (f64, f64),
}

const SIZE: (u32, u32) = (880, 560);
/// What a number of nonzeros takes on an axis, at most, in the units of the size.
const WIDEST_NUMBER: i32 = 60;
/// Blue and vermilion of Okabe and Ito: told apart by the colour-blind, and in grey by their lightness. Shapes and
/// dashes say the same without any colour.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);

/// Draws accuracy against nonzeros as SVG. `dense` are the nonzeros and the accuracy of the fit without a limit; `knee`
/// and `one_standard_error` say which points these are, if any.
///
/// # Errors
/// When nothing can be drawn.
pub fn draw(
    marks: &[Mark],
    dense: (usize, f64),
    knee: usize,
    one_standard_error: Option<usize>,
    what: &str,
) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failure)?;
        let least = marks.first().map_or(1, |mark| mark.nonzeros) as f64;
        let most = marks.last().map_or(1, |mark| mark.nonzeros) as f64;
        let (left, right) = (least / 1.4, (most * 1.4).max(least * 2.0));
        let low = marks.iter().map(|mark| mark.interval.0).fold(dense.1, f64::min);
        let high = marks.iter().map(|mark| mark.interval.1).fold(dense.1, f64::max);
        let room = (high - low).max(0.02) * 0.08;
        let (bottom, top) = ((low - room).max(0.0), (high + room).min(1.0));
        // As many as tell a tenth of the height apart.
        let decimals = match top - bottom {
            height if height > 0.1 => 2,
            height if height > 0.01 => 3,
            _ => 4,
        };
        // So short a logarithmic axis has too few round numbers to read it by: the budgets stand there instead.
        let is_short = right / left < 50.0;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .margin_right(28)
            .x_label_area_size(52)
            .y_label_area_size(72)
            .build_cartesian_2d((left..right).log_scale(), bottom..top)
            .map_err(failure)?;
        chart
            .configure_mesh()
            .x_desc("nonzeros allowed (logarithmic)")
            .y_desc(what)
            .x_label_formatter(&|nonzeros| if is_short { String::new() } else { format!("{nonzeros:.0}") })
            .y_label_formatter(&|accuracy| format!("{accuracy:.decimals$}"))
            .label_style(("sans-serif", 15))
            .axis_desc_style(("sans-serif", 17))
            .light_line_style(RGBColor(240, 240, 240))
            .bold_line_style(RGBColor(220, 220, 220))
            .draw()
            .map_err(failure)?;

        let dense_line = [(left, dense.1), (right, dense.1)];
        chart.draw_series(DashedLineSeries::new(dense_line, 8, 5, BLACK.stroke_width(2))).map_err(failure)?;
        let label = |text: String, vertical: VPos, horizontal: HPos| {
            let style = ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(horizontal, vertical));
            move |at: (f64, f64)| {
                EmptyElement::at(at)
                    + Text::new(
                        text.clone(),
                        (0, if matches!(vertical, VPos::Top) { 9 } else { -7 }),
                        style.clone(),
                    )
            }
        };
        let alone = match one_standard_error {
            Some(_) => "",
            None => ", no budget within one standard error",
        };
        let dense_label =
            label(format!("dense: {} nonzeros, {:.3}{alone}", dense.0, dense.1), VPos::Bottom, HPos::Left);
        chart.draw_series([dense_label((left * 1.05, dense.1))]).map_err(failure)?;

        if is_short {
            let style = ("sans-serif", 15).into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
            let mut free = 0;
            for mark in marks {
                let (x, y) = chart.backend_coord(&(mark.nonzeros as f64, bottom));
                if x >= free {
                    root.draw_text(&mark.nonzeros.to_string(), &style, (x, y + 9)).map_err(failure)?;
                    free = x + WIDEST_NUMBER;
                }
            }
        }
        let place = |mark: &Mark| (mark.nonzeros as f64, mark.accuracy);
        for mark in marks {
            let bar = [(mark.nonzeros as f64, mark.interval.0), (mark.nonzeros as f64, mark.interval.1)];
            chart.draw_series([PathElement::new(bar, BLUE.stroke_width(2))]).map_err(failure)?;
        }
        chart.draw_series(LineSeries::new(marks.iter().map(place), BLUE.stroke_width(2))).map_err(failure)?;
        chart
            .draw_series(marks.iter().map(|mark| Circle::new(place(mark), 4, BLUE.filled())))
            .map_err(failure)?;
        if let Some(mark) = marks.get(knee) {
            let named = label(format!("knee: {}", mark.nonzeros), VPos::Top, HPos::Left);
            chart.draw_series([TriangleMarker::new(place(mark), 10, VERMILION.filled())]).map_err(failure)?;
            chart.draw_series([named(place(mark))]).map_err(failure)?;
        }
        if let Some(mark) = one_standard_error.and_then(|at| marks.get(at)) {
            let named = label(format!("one standard error: {}", mark.nonzeros), VPos::Bottom, HPos::Right);
            chart.draw_series([Circle::new(place(mark), 9, VERMILION.stroke_width(3))]).map_err(failure)?;
            chart.draw_series([named(place(mark))]).map_err(failure)?;
        }
        root.present().map_err(failure)?;
    }
    Ok(svg)
}

fn failure(error: impl std::fmt::Display) -> Failure {
    format!("the picture cannot be drawn: {error}").into()
}
