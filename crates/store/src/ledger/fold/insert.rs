//! Inserts of many rows in few statements, always of the same sizes, so that the connection has them prepared.

use std::fmt::Write as _;

use sqlx::any::AnyArguments;
use sqlx::error::BoxDynError;
use sqlx::{AnyConnection, AssertSqlSafe};

/// Rows of one statement. A prepared statement of SQLite takes some KiB of memory for each.
const SIZES: [usize; 3] = [32, 4, 1];

/// `INSERT INTO table (columns) VALUES … ending`.
pub(super) struct Insert<'a> {
    pub(super) is_postgres: bool,
    pub(super) table: &'a str,
    pub(super) columns: &'a str,
    pub(super) count: usize,
    pub(super) ending: &'a str,
}

impl Insert<'_> {
    /// Inserts the items; tells how many rows were touched.
    pub(super) async fn run<T>(
        &self,
        connection: &mut AnyConnection,
        mut items: &[T],
        bind: impl Fn(&T, &mut AnyArguments) -> Result<(), BoxDynError>,
    ) -> Result<u64, sqlx::Error> {
        let mut touched = 0;
        for size in SIZES {
            if items.len() < size {
                continue;
            }
            let sql = self.sql(size);
            while let Some((these, rest)) = items.split_at_checked(size) {
                let mut arguments = AnyArguments::default();
                for item in these {
                    bind(item, &mut arguments).map_err(sqlx::Error::Encode)?;
                }
                let query = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments);
                touched += query.execute(&mut *connection).await?.rows_affected();
                items = rest;
            }
        }
        Ok(touched)
    }

    /// SQLite looks named variables (`$1`) up one by one, which takes seconds when there are thousands; `?` costs nothing.
    fn sql(&self, rows: usize) -> String {
        let Self { table, columns, .. } = self;
        let mut sql = format!("INSERT INTO {table} ({columns}) VALUES ");
        let mut variable = 0;
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ",(" });
            for column in 0..self.count {
                if column > 0 {
                    sql.push(',');
                }
                variable += 1;
                if self.is_postgres {
                    let _ = write!(sql, "${variable}");
                } else {
                    sql.push('?');
                }
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(self.ending);
        sql
    }
}
