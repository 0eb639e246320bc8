//! Tables whose rows are lines of files.

use crate::parse::MAX_ROWS;
use crate::resource::{Asked, Cell, NoAnswer, Property, Row, Table};
use crate::value::{Value, lossless};

/// How many lines that were not understood are named.
const MAX_NAMED: usize = 100;

/// A table while it is read.
pub(super) struct Lines {
    table: Table,
    values: usize,
}

impl Lines {
    /// Without rows yet.
    pub(super) fn new(columns: &[Property]) -> Lines {
        Lines { table: Table::new(columns), values: 0 }
    }

    /// Adds a row that stands in a line of a file.
    ///
    /// Errors: more rows, or more elements of lists in them, than are kept.
    pub(super) fn row(&mut self, path: &[u8], line: usize, cells: Vec<Value>) -> Asked<()> {
        self.cells(path, line, cells.into_iter().map(Ok).collect())
    }

    /// The same, where some cells may not be known.
    pub(super) fn cells(&mut self, path: &[u8], line: usize, cells: Vec<Cell>) -> Asked<()> {
        let elements = |cell: &Cell| if let Ok(Value::List(items)) = cell { items.len() } else { 0 };
        self.values += 1 + cells.iter().map(elements).sum::<usize>();
        if self.values > MAX_ROWS {
            return Err(NoAnswer::parse(path, &format_args!("line {line}: more than {MAX_ROWS} entries in all")));
        }
        self.table.rows.push(Row { cells, place: place(path, line) });
        Ok(())
    }

    /// Says that a line could not be made out: the table is not whole.
    pub(super) fn odd(&mut self, path: &[u8], line: usize, why: &str) {
        if self.table.incomplete.len() < MAX_NAMED {
            self.table.incomplete.push(format!("{}: {why}", place(path, line)));
        }
    }

    /// The table that was read.
    pub(super) fn table(self) -> Table {
        self.table
    }
}

/// `/etc/x:7`.
pub(super) fn place(path: &[u8], line: usize) -> String {
    format!("{}:{line}", lossless(path))
}
