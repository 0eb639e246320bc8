//! Text in columns, for terminals. Pure.

/// Lines of at most `width` characters; a word that is longer has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && length(&line) + 1 + length(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Cells beside each other, each wrapped to its width, with two blanks between.
pub fn row(cells: &[(&str, usize)]) -> String {
    let columns: Vec<Vec<String>> = cells.iter().map(|(text, width)| wrap(text, *width)).collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = String::new();
    for at in 0..height {
        let mut line = String::new();
        for (column, (_, width)) in columns.iter().zip(cells) {
            let text = column.get(at).map_or("", String::as_str);
            line.push_str(text);
            line.push_str(&" ".repeat(width.saturating_sub(length(text)) + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A paragraph, indented.
pub fn paragraph(text: &str, indent: usize, width: usize) -> String {
    let blanks = " ".repeat(indent);
    wrap(text, width.saturating_sub(indent)).into_iter().map(|line| format!("{blanks}{line}\n")).collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a very-long-word b", 4), ["a", "very-long-word", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn cells_stand_beside_each_other() {
        assert_eq!(row(&[("a b", 1), ("c", 3)]), "a  c\nb\n");
        assert_eq!(paragraph("one two", 2, 6), "  one\n  two\n");
    }
}
