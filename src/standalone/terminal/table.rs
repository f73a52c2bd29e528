//! Formats the changes of a plan as a table.
//! Never shortens a value in a log, and never shortens two different values so that they look the same.

use std::iter;

use serde_json::Value;

use super::style::{Symbols, TextStyle};
use super::text::{both_shortened, clean, shortened, width};
use crate::protocol::event::{Change, PlannedStep};
use crate::protocol::secret::MASK;

/// The styled pieces of one line.
pub(super) type Line = Vec<(TextStyle, String)>;

/// Columns before a field: indentation, symbol, space.
const BEFORE: usize = 6;

/// Number of characters of a shortened hash.
const HASH: usize = 12;

/// The lines of the table. `columns` is the width of the terminal; `None` is a log.
pub(super) fn lines(steps: &[PlannedStep], symbols: Symbols, columns: Option<usize>) -> Vec<Line> {
    let rows: Vec<Vec<Row>> = steps
        .iter()
        .map(|step| step.changes.iter().map(|change| Row::of(change, columns.is_some())).collect())
        .collect();
    // A field that is wider than its share of the line does not widen the column.
    let share = columns.map_or(usize::MAX, |columns| columns * 2 / 5);
    let fields = rows.iter().flatten().map(|row| width(&row.field)).filter(|field| *field <= share);
    let fields = fields.max().unwrap_or(0);
    let mut lines = Vec::new();
    for (step, rows) in steps.iter().zip(&rows) {
        let name = step.step.as_str().to_owned();
        lines.push(vec![(TextStyle::Plain, "  ".to_owned()), (TextStyle::Bold, name)]);
        rows.iter().for_each(|row| row.write(fields, symbols, columns, &mut lines));
    }
    lines
}

/// A change as whole texts: its field and both values. `None`: there is no value.
pub(in crate::standalone) fn values(change: &Change) -> (String, Option<String>, Option<String>) {
    let Row { field, from, to } = Row::of(change, false);
    let joined = |items: Option<Items>| items.map(|items| items.join(", "));
    (field, joined(from), joined(to))
}

struct Row {
    field: String,
    from: Option<Items>,
    to: Option<Items>,
}

/// The items of a list. Any other value is a single item.
type Items = Vec<String>;

impl Row {
    fn of(change: &Change, brief: bool) -> Row {
        let field = clean(&change.field);
        let unit = if field.starts_with("alias.") && field.ends_with(".traffic") { " %" } else { "" };
        let known = |value: &Value| {
            items(value).map(|items| items.iter().map(|item| format!("{item}{unit}")).collect())
        };
        let (from, to): (Option<Items>, Option<Items>) = (known(&change.from), known(&change.to));
        let known_by = |items: &Option<Items>| -> Option<Items> {
            Some(items.as_ref()?.iter().map(|item| hash_shortened(&field, item)).collect())
        };
        // Two different values with the same mask.
        if change.from == MASK && change.to == MASK {
            return Row { field, from, to: Some(vec![format!("another {MASK}")]) };
        }
        let (short_from, short_to) = (known_by(&from), known_by(&to));
        if brief && (short_from != short_to || from == to) {
            return Row { field, from: short_from, to: short_to };
        }
        Row { field, from, to }
    }

    fn write(&self, fields: usize, symbols: Symbols, columns: Option<usize>, lines: &mut Vec<Line>) {
        let (mark, style) = match (&self.from, &self.to) {
            (None, Some(_)) => ("+", TextStyle::Good),
            (Some(_), None) => ("-", TextStyle::Bad),
            _ => ("~", TextStyle::Changed),
        };
        let is_both = self.from.is_some() && self.to.is_some();
        let arrow = if is_both { format!("{} ", symbols.arrow) } else { String::new() };
        let old_style = if is_both { TextStyle::Dim } else { TextStyle::Plain };
        let joined = |items: &Option<Items>| items.as_ref().map(|items| items.join(", ")).unwrap_or_default();
        let (from, to) = (joined(&self.from), joined(&self.to));
        let before = if is_both { format!("{from} {arrow}") } else { from };
        let field = width(&self.field).max(fields);
        let fits = columns.is_none_or(|columns| BEFORE + field + 2 + width(&before) + width(&to) <= columns);
        let mut line = vec![(TextStyle::Plain, "    ".to_owned()), (style, format!("{mark} {}", self.field))];
        let start = BEFORE + fields + 2;
        if fits || width(&self.field) <= fields {
            line.push((TextStyle::Plain, " ".repeat(field + 2 - width(&self.field))));
        } else {
            lines.push(std::mem::take(&mut line));
            line.push((TextStyle::Plain, " ".repeat(start)));
        }
        if fits {
            line.extend([(old_style, before), (TextStyle::Plain, to)]);
            lines.push(line);
            return;
        }
        // Below each other, so that the difference is easy to see.
        let available = columns.map_or(usize::MAX, |columns| columns.saturating_sub(start));
        let (from, to) = self.shortened(available, symbols.cut);
        let old = from.iter().map(|item| (old_style, item, ""));
        let arrows = iter::once(arrow.as_str()).chain(iter::repeat(""));
        let new = to.iter().zip(arrows).map(|(item, arrow)| (TextStyle::Plain, item, arrow));
        for (number, (style, item, arrow)) in old.chain(new).enumerate() {
            if number > 0 {
                lines.push(std::mem::take(&mut line));
                line.push((TextStyle::Dim, format!("{}{arrow}", " ".repeat(start - width(arrow)))));
            }
            line.push((style, item.clone()));
        }
        lines.push(line);
    }

    fn shortened(&self, available: usize, cut: &str) -> (Items, Items) {
        if let (Some([from]), Some([to])) = (self.from.as_deref(), self.to.as_deref()) {
            let (from, to) = both_shortened(from, to, available, cut);
            return (vec![from], vec![to]);
        }
        let each = |items: &Option<Items>| {
            items.iter().flatten().map(|item| shortened(item, available, cut)).collect()
        };
        (each(&self.from), each(&self.to))
    }
}

/// A value for display. `None`: it is null.
fn items(value: &Value) -> Option<Items> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() || text.trim() != text => {
            Some(vec![clean(&value.to_string())])
        }
        Value::String(text) => Some(vec![clean(text)]),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            Some(items.iter().filter_map(Value::as_str).map(clean).collect())
        }
        other => Some(vec![clean(&other.to_string())]),
    }
}

/// Shortens a hash: AWS's `CodeSha256`, or the digest of an image.
fn hash_shortened(field: &str, value: &str) -> String {
    let first = |hash: &str| hash.chars().take(HASH).collect::<String>();
    match value.split_once("@sha256:") {
        _ if field == "code_sha256" => first(value),
        Some((image, digest)) if digest.len() == 64 => format!("{image}@sha256:{}", first(digest)),
        _ => value.to_owned(),
    }
}
