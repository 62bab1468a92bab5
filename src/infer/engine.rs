//! The fast way: texts in windows, each window in passes.
//!
//! 1. [`Window::push`] marks where words start and end, and where lines end, and lowers letters.
//! 2. [`Finder::find`] looks each word up and keeps the columns of those that are known.
//! 3. [`Tally`] adds the columns of each line up, and takes the largest sum.
//!
//! Each pass is a loop without branches that depend on the text, and what it hands on stays in the
//! fastest cache.

#![forbid(unsafe_code)]

use super::find::{Finder, Hits};
use super::lexicon::Lexicon;
use super::scan::{Instructions, Kernel, Scan};
use super::tally::{Tally, Totals, Touched};
use super::window::{self, Lines, Window};
use super::{Label, Prediction};
use crate::Model;

/// A model as the fast way wants it.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    lexicon: Lexicon,
    tally: Tally,
}

impl Compiled {
    /// Compiles `model`, or returns `None` if its features were made not to be told apart fast.
    pub(super) fn new(model: &Model) -> Option<Compiled> {
        Some(Compiled { lexicon: Lexicon::new(model)?, tally: Tally::new(model) })
    }
}

/// Classifies with a compiled model; holds the buffers that this takes.
#[derive(Debug, Clone)]
pub(super) struct Engine<'c> {
    model: &'c Model,
    compiled: &'c Compiled,
    instructions: Instructions,
    window: Window,
    finder: Finder,
    hits: Hits,
    totals: Totals,
    /// Made when first needed: only a sparse tally needs it.
    touched: Option<Touched>,
}

impl<'c> Engine<'c> {
    pub(super) fn new(model: &'c Model, compiled: &'c Compiled, instructions: Instructions) -> Engine<'c> {
        Engine {
            model,
            compiled,
            instructions,
            window: Window::default(),
            finder: Finder::new(&compiled.lexicon),
            hits: Finder::hits(&compiled.lexicon),
            totals: Totals::new(model),
            touched: None,
        }
    }

    /// The scores of one text.
    pub(super) fn totals(&mut self, text: &[u8]) -> &Totals {
        self.totals.clear();
        self.finder.start_line();
        let mut rest = text;
        while rest.len() > window::SIZE {
            rest = self.add_part(rest);
        }
        self.window.clear();
        self.push(rest, Lines::Part);
        self.add_window();
        &self.totals
    }

    /// Adds the features of the first part of a text that is too long for a window, and returns the rest.
    fn add_part<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let is_separator = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'_';
        if let Some(last) = text[..window::SIZE].iter().rposition(is_separator) {
            let (part, rest) = text.split_at(last + 1);
            self.window.clear();
            self.push(part, Lines::Part);
            self.add_window();
            return rest;
        }
        let end = text.iter().position(is_separator).unwrap_or(text.len());
        let (run, rest) = text.split_at(end);
        let Engine { model, compiled, finder, totals, .. } = self;
        // A run of ASCII alone that is as long as this is passed over.
        if !run.is_ascii() {
            finder.find_in_text(model, &compiled.lexicon, run, |column| totals.add(model, column));
        }
        rest
    }

    fn add_window(&mut self) {
        self.find();
        for &column in self.hits.all() {
            self.totals.add(self.model, column);
        }
    }

    /// Calls `emit` with the prediction for each line of a block.
    pub(super) fn predict_lines(&mut self, block: &[u8], mut emit: impl FnMut(Prediction)) {
        for_each_piece(block, |piece| match piece {
            Piece::Lines(lines) => {
                self.window.clear();
                self.push(lines, Lines::Many);
                self.finder.start_line();
                self.find();
                let Engine { model, hits, totals, .. } = self;
                for line in hits.lines() {
                    emit(totals.of(model, hits.columns(line)).prediction());
                }
            }
            Piece::LongLine(line) => emit(self.totals(line).prediction()),
        });
    }

    /// Calls `emit` with the label of each line of a block.
    pub(super) fn label_lines(&mut self, block: &[u8], mut emit: impl FnMut(Label)) {
        for_each_piece(block, |piece| match piece {
            Piece::Lines(lines) => {
                self.window.clear();
                self.push(lines, Lines::Many);
                self.label_window(&mut emit);
            }
            Piece::LongLine(line) => emit(self.totals(line).prediction().into()),
        });
    }

    /// Calls `emit` with the label of each text.
    pub(super) fn label_texts<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t [u8]>,
        mut emit: impl FnMut(Label),
    ) {
        self.window.clear();
        for text in texts {
            if !self.window.takes(text.len()) {
                self.label_window(&mut emit);
                self.window.clear();
            }
            if self.window.takes(text.len()) {
                self.push(text, Lines::One);
            } else {
                emit(self.totals(text).prediction().into());
                self.window.clear();
            }
        }
        self.label_window(&mut emit);
    }

    fn push(&mut self, text: &[u8], lines: Lines) {
        self.instructions.run(Push { window: &mut self.window, text, lines });
    }

    /// Finds the features in the window.
    fn find(&mut self) {
        let Engine { model, compiled, instructions, window, finder, hits, .. } = self;
        instructions.run(Find { model, lexicon: &compiled.lexicon, window, finder, hits });
    }

    fn label_window(&mut self, emit: impl FnMut(Label)) {
        self.finder.start_line();
        self.find();
        let Engine { model, compiled, instructions, hits, totals, touched, .. } = self;
        instructions.run(LabelHits { model, tally: &compiled.tally, hits, totals, touched, emit });
    }
}

enum Piece<'b> {
    /// Whole lines that fit a window together.
    Lines(&'b [u8]),
    /// A line that does not, without its end.
    LongLine(&'b [u8]),
}

fn for_each_piece<'b>(block: &'b [u8], mut take: impl FnMut(Piece<'b>)) {
    let mut rest = block;
    while rest.len() > window::SIZE {
        if let Some(last) = memchr::memrchr(b'\n', &rest[..window::SIZE]) {
            let (lines, behind) = rest.split_at(last + 1);
            take(Piece::Lines(lines));
            rest = behind;
        } else {
            let end = memchr::memchr(b'\n', rest);
            let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
            take(Piece::LongLine(line));
            rest = behind.get(1..).unwrap_or_default();
        }
    }
    if !rest.is_empty() {
        take(Piece::Lines(rest));
    }
}

struct Push<'a> {
    window: &'a mut Window,
    text: &'a [u8],
    lines: Lines,
}

impl Kernel for Push<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, scan: impl Scan) {
        self.window.push(scan, self.text, self.lines);
    }
}

struct Find<'a> {
    model: &'a Model,
    lexicon: &'a Lexicon,
    window: &'a Window,
    finder: &'a mut Finder,
    hits: &'a mut Hits,
}

impl Kernel for Find<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Scan) {
        self.finder.find(self.model, self.lexicon, self.window, self.hits);
    }
}

struct LabelHits<'a, F> {
    model: &'a Model,
    tally: &'a Tally,
    hits: &'a Hits,
    totals: &'a mut Totals,
    touched: &'a mut Option<Touched>,
    emit: F,
}

impl<F: FnMut(Label)> Kernel for LabelHits<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self, scan: impl Scan) {
        let LabelHits { model, tally, hits, totals, touched, emit } = self;
        tally.label(scan, model, hits, totals, touched, emit);
    }
}
