//! The picture of a frontier.

use plotters::coord::ranged1d::{BoldPoints, LightPoints};
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
const FONT: (&str, i32) = ("sans-serif", 15);
/// What a line of text takes, and a character of it at most on average, in the units of the size: no backend knows the
/// font that a reader of SVG has.
const TEXT_HEIGHT: i32 = 16;
const CHARACTER_WIDTH: i32 = 7;
/// More, and plotters puts labels between the powers of ten that overprint each other.
const TICKS: usize = 5;
/// Blue and vermilion of Okabe and Ito: told apart by the colour-blind, and in grey by their lightness. Shapes and
/// dashes say the same without any colour.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);

/// Draws accuracy against nonzeros as SVG. `dense` are the nonzeros and the accuracy of the fit without a limit; `knee`
/// and `one_standard_error` say which points these are, if any; `what` the accuracy is, and `caption` the rest.
///
/// # Errors
/// When nothing can be drawn.
pub fn draw(
    marks: &[Mark],
    dense: (usize, f64),
    knee: Option<usize>,
    one_standard_error: Option<usize>,
    what: &str,
    caption: &str,
) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failure)?;
        let least = marks.first().map_or(1, |mark| mark.nonzeros) as f64;
        let most = marks.last().map_or(1, |mark| mark.nonzeros) as f64;
        let (left, right) = (least / 1.4, most * 1.4);
        let low = marks.iter().map(|mark| mark.interval.0).fold(dense.1, f64::min);
        let high = marks.iter().map(|mark| mark.interval.1).fold(dense.1, f64::max);
        let room = (high - low).max(0.02) * 0.08;
        let (bottom, top) = ((low - room).max(0.0), (high + room).min(1.0));
        // No accuracy is above 1, but the label of one that is nearly 1 may stand there.
        let head = if high + room > 1.0 { 2 * TEXT_HEIGHT } else { 0 };
        // As many as tell a tenth of the height apart.
        let decimals = match top - bottom {
            height if height > 0.1 => 2,
            height if height > 0.01 => 3,
            _ => 4,
        };
        // So short a logarithmic axis has too few round numbers to read it by: the budgets stand there instead.
        let is_short = right / left < 100.0;
        let round: LogCoord<f64> = (left..right).log_scale().into();
        let (ticks, light_ticks) = if is_short {
            (marks.iter().map(|mark| mark.nonzeros as f64).collect(), Vec::new())
        } else {
            (round.key_points(BoldPoints(TICKS)), round.key_points(LightPoints::new(TICKS, 10 * TICKS)))
        };
        let below = root.margin(8, 0, 0, 0).titled(caption, FONT).map_err(failure)?;
        let mut chart = ChartBuilder::on(&below)
            .margin(16)
            .margin_top(8 + head)
            .margin_right(28)
            .x_label_area_size(52)
            .y_label_area_size(72)
            .build_cartesian_2d(
                (left..right).log_scale().with_key_points(ticks).with_light_points(light_ticks),
                bottom..top,
            )
            .map_err(failure)?;
        chart
            .configure_mesh()
            .x_desc("nonzeros allowed (logarithmic)")
            .y_desc(what)
            .x_label_formatter(&|nonzeros| if is_short { String::new() } else { format!("{nonzeros:.0}") })
            .y_label_formatter(&|accuracy| format!("{accuracy:.decimals$}"))
            .label_style(FONT)
            .axis_desc_style(("sans-serif", 17))
            .light_line_style(RGBColor(240, 240, 240))
            .bold_line_style(RGBColor(220, 220, 220))
            .draw()
            .map_err(failure)?;

        let dense_line = [(left, dense.1), (right, dense.1)];
        chart.draw_series(DashedLineSeries::new(dense_line, 8, 5, BLACK.stroke_width(2))).map_err(failure)?;
        if is_short {
            let style = FONT.into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
            let mut free = 0;
            for mark in marks {
                let (x, y) = chart.backend_coord(&(mark.nonzeros as f64, bottom));
                let number = mark.nonzeros.to_string();
                let half = text_width(&number) / 2;
                if x - half >= free {
                    root.draw_text(&number, &style, (x, y + 9)).map_err(failure)?;
                    free = x + half + CHARACTER_WIDTH;
                }
            }
        }
        let place = |mark: &Mark| (mark.nonzeros as f64, mark.accuracy);
        let bar = |mark: &Mark| [mark.interval.0, mark.interval.1].map(|end| (mark.nonzeros as f64, end));
        for mark in marks {
            chart.draw_series([PathElement::new(bar(mark), BLUE.stroke_width(2))]).map_err(failure)?;
        }
        chart.draw_series(LineSeries::new(marks.iter().map(place), BLUE.stroke_width(2))).map_err(failure)?;
        chart
            .draw_series(marks.iter().map(|mark| Circle::new(place(mark), 4, BLUE.filled())))
            .map_err(failure)?;
        let knee = knee.and_then(|at| marks.get(at));
        if let Some(mark) = knee {
            chart.draw_series([TriangleMarker::new(place(mark), 10, VERMILION.filled())]).map_err(failure)?;
        }
        let within = one_standard_error.and_then(|at| marks.get(at));
        if let Some(mark) = within {
            chart.draw_series([Circle::new(place(mark), 9, VERMILION.stroke_width(3))]).map_err(failure)?;
        }

        let at = |point: (f64, f64)| chart.backend_coord(&point);
        let mut plot = Area::between(at((left, bottom)), at((right, top)), 0);
        plot.top -= head;
        let mut labels = Labels::within(plot);
        labels.keep_off(Area::between(at(dense_line[0]), at(dense_line[1]), 2));
        for mark in marks {
            let [low, high] = bar(mark);
            labels.keep_off(Area::between(at(low), at(high), 2));
            labels.keep_off(Area::between(at(place(mark)), at(place(mark)), 5));
        }
        for mark in knee.into_iter().chain(within) {
            labels.keep_off(Area::between(at(place(mark)), at(place(mark)), 11));
        }
        for ends in marks.windows(2) {
            labels.keep_off_line(at(place(&ends[0])), at(place(&ends[1])));
        }
        if let Some(mark) = knee {
            labels.put_beside(format!("knee: {}", mark.nonzeros), at(place(mark)));
        }
        if let Some(mark) = within {
            labels.put_beside(format!("one standard error: {}", mark.nonzeros), at(place(mark)));
        }
        let alone = if within.is_some() { "" } else { ", no budget within one standard error" };
        let dense_label = format!("dense: {} nonzeros, {:.3}{alone}", dense.0, dense.1);
        labels.put_along(dense_label, at(dense_line[0]).1);
        let style = FONT.into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Top));
        for (text, place) in &labels.placed {
            root.draw_text(text, &style, (place.left, place.top)).map_err(failure)?;
        }
        root.present().map_err(failure)?;
    }
    Ok(svg)
}

fn text_width(text: &str) -> i32 {
    CHARACTER_WIDTH * text.chars().count() as i32
}

/// A rectangle of the picture.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Area {
    /// What two opposite corners span, and `reach` more on every side.
    fn between(one: (i32, i32), other: (i32, i32), reach: i32) -> Area {
        Area {
            left: one.0.min(other.0) - reach,
            top: one.1.min(other.1) - reach,
            right: one.0.max(other.0) + reach,
            bottom: one.1.max(other.1) + reach,
        }
    }

    fn of_text(text: &str, (left, top): (i32, i32)) -> Area {
        Area { left, top, right: left + text_width(text), bottom: top + TEXT_HEIGHT }
    }

    fn shared(&self, other: &Area) -> i32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0) * height.max(0)
    }
}

/// Where labels stand, so that each can be read.
struct Labels {
    plot: Area,
    taken: Vec<Area>,
    placed: Vec<(String, Area)>,
}

impl Labels {
    fn within(plot: Area) -> Labels {
        Labels { plot, taken: Vec::new(), placed: Vec::new() }
    }

    fn keep_off(&mut self, area: Area) {
        self.taken.push(area);
    }

    fn keep_off_line(&mut self, (x, y): (i32, i32), end: (i32, i32)) {
        let steps = ((end.0 - x).abs().max((end.1 - y).abs()) / 4).max(1);
        let step = |at: i32| (x + (end.0 - x) * at / steps, y + (end.1 - y) * at / steps);
        self.taken.extend((0..steps).map(|at| Area::between(step(at), step(at + 1), 2)));
    }

    /// Below a point or above, on the right or the left: as near as is free.
    fn put_beside(&mut self, text: String, (x, y): (i32, i32)) {
        let left = x - text_width(&text) - 4;
        let places = (12..120).step_by(12).flat_map(|away| {
            let (above, below) = (y - away - TEXT_HEIGHT, y + away);
            [(x + 4, below), (left, above), (x + 4, above), (left, below)]
        });
        self.put(text, places);
    }

    /// On a level line or under it: as far to the left as is free.
    fn put_along(&mut self, text: String, y: i32) {
        let from = self.plot.left + 6;
        let places = [y - TEXT_HEIGHT - 4, y + 5]
            .into_iter()
            .flat_map(|top| (from..self.plot.right).step_by(10).map(move |left| (left, top)));
        let places: Vec<_> = places.collect();
        self.put(text, places);
    }

    /// At the first of the places that is free, or where the least is in the way.
    fn put(&mut self, text: String, places: impl IntoIterator<Item = (i32, i32)>) {
        let in_the_way = |place: &Area| {
            let outside = place.shared(place) - place.shared(&self.plot);
            // What is cut off is worse than what can still be read over a line.
            4 * outside + self.taken.iter().map(|taken| place.shared(taken)).sum::<i32>()
        };
        let places = places.into_iter().map(|place| Area::of_text(&text, place));
        if let Some(place) = places.min_by_key(in_the_way) {
            self.taken.push(place);
            self.placed.push((text, place));
        }
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    format!("the picture cannot be drawn: {error}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
        tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
    }

    fn number(tag: &str, name: &str) -> i32 {
        attribute(tag, name).unwrap().parse().unwrap()
    }

    /// The texts that begin where they are put, or are centred there.
    fn texts(svg: &str, anchor: &str) -> Vec<(String, (i32, i32))> {
        let lines: Vec<&str> = svg.lines().collect();
        let texts = lines.windows(2).filter(|pair| attribute(pair[0], "text-anchor") == Some(anchor));
        texts.map(|pair| (pair[1].into(), (number(pair[0], "x"), number(pair[0], "y")))).collect()
    }

    /// Level and upright lines, circles and triangles, without the axes and their grid.
    fn shapes(svg: &str) -> Vec<Area> {
        let is_drawn =
            |tag: &&str| ["#000000", "#0072B2", "#D55E00"].iter().any(|colour| tag.contains(colour));
        let shape = |tag: &str| {
            if tag.starts_with("<circle") {
                let (middle, reach) = ((number(tag, "cx"), number(tag, "cy")), number(tag, "r"));
                return Some(Area::between(middle, middle, reach));
            }
            let corner = |corner: &str| {
                let (x, y) = corner.split_once(',').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            };
            let corners: Vec<(i32, i32)> = attribute(tag, "points")?.split_whitespace().map(corner).collect();
            let (first, last) = (corners[0], corners[corners.len() - 1]);
            let is_straight = corners.len() == 2 && (first.0 == last.0 || first.1 == last.1);
            is_straight.then(|| Area::between(first, last, 1))
        };
        let thick = svg.lines().filter(is_drawn).filter(|tag| attribute(tag, "stroke-width") != Some("1"));
        let points = svg.lines().filter(|tag| tag.starts_with("<circle"));
        thick.chain(points).filter_map(shape).collect()
    }

    fn mark(nonzeros: usize, accuracy: f64, reach: f64) -> Mark {
        let interval = ((accuracy - reach).max(0.0), (accuracy + reach).min(1.0));
        Mark { nonzeros, accuracy, interval }
    }

    #[test]
    fn every_label_of_a_picture_can_be_read_wherever_its_points_are() {
        for (accuracies, dense, knee, within) in [
            (&[1.0, 1.0][..], 1.0, None, Some(0)),
            (&[1.0], 1.0, None, Some(0)),
            (&[0.999, 1.0, 1.0], 1.0, Some(1), Some(1)),
            (&[0.4, 0.6, 0.99, 0.99, 0.99], 0.99, Some(2), Some(2)),
            (&[0.4, 0.6, 0.7, 0.75], 0.76, Some(1), Some(3)),
            (&[0.4, 0.6, 0.7, 0.71], 0.95, Some(1), None),
            (&[0.01, 0.0, 0.0], 0.0, Some(0), Some(0)),
        ] {
            for (reach, factor) in [(0.0, 2), (0.004, 2), (0.05, 2), (0.02, 10)] {
                let nonzeros = |at: usize| 5 * usize::pow(factor, at as u32);
                let marks: Vec<Mark> = accuracies
                    .iter()
                    .enumerate()
                    .map(|(at, &accuracy)| mark(nonzeros(at), accuracy, reach))
                    .collect();
                let svg = draw(&marks, (203_110, dense), knee, within, "accuracy", "bars").unwrap();
                let labels: Vec<Area> =
                    texts(&svg, "start").iter().map(|(text, place)| Area::of_text(text, *place)).collect();
                assert_eq!(labels.len(), 1 + usize::from(knee.is_some()) + usize::from(within.is_some()));
                let whole = Area::between((72, 16), (SIZE.0 as i32, SIZE.1 as i32 - 60), 0);
                for (at, label) in labels.iter().enumerate() {
                    assert_eq!(
                        label.shared(&whole),
                        label.shared(label),
                        "{accuracies:?} {reach}: {label:?}"
                    );
                    let mut others = shapes(&svg);
                    assert!(others.len() > marks.len());
                    others.extend(&labels[..at]);
                    let covered = others.iter().find(|other| label.shared(other) > 0);
                    assert!(covered.is_none(), "{accuracies:?} {reach}: {label:?} over {covered:?}");
                }
            }
        }
    }

    #[test]
    fn a_short_axis_has_one_tick_with_its_number_for_each_budget_and_no_other() {
        let svg = |budgets: &[usize]| {
            let marks: Vec<Mark> = budgets.iter().map(|&budget| mark(budget, 0.5, 0.1)).collect();
            draw(&marks, (999, 0.6), None, None, "accuracy", "bars").unwrap()
        };
        for budgets in [&[7][..], &[1, 2], &[5, 20, 80, 200], &[100, 150, 225, 340, 500]] {
            let svg = svg(budgets);
            let (found, places): (Vec<String>, Vec<i32>) = texts(&svg, "middle")
                .into_iter()
                .filter(|(text, _)| text.parse::<usize>().is_ok())
                .map(|(text, (x, _))| (text, x))
                .unzip();
            assert_eq!(found, budgets.iter().map(usize::to_string).collect::<Vec<_>>());
            let axis = svg.lines().filter(|tag| attribute(tag, "stroke-width") == Some("1"));
            let below =
                axis.filter_map(|tag| attribute(tag, "points")?.strip_suffix(",497 ")?.split(',').next());
            assert_eq!(below.map(|x| x.parse::<i32>().unwrap()).collect::<Vec<_>>(), places);
        }
    }
}
