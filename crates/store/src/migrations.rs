//! Bringing the tables up to date: two folders of SQL with equal names, embedded in the program.

use include_dir::{Dir, include_dir};
use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{StoreError, database::Database};

static SQLITE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite");
static POSTGRES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres");

/// Applies what the database lacks. Nodes that start together wait for each other: PostgreSQL by an advisory lock,
/// SQLite by the write lock.
pub(crate) async fn run(database: &Database) -> Result<(), StoreError> {
    match database {
        Database::Sqlite { write, .. } => {
            let mut transaction = write.begin_with("BEGIN IMMEDIATE").await?;
            migrator(&SQLITE).run_direct(None, &mut *transaction, false).await.map_err(explain)?;
            transaction.commit().await?;
        }
        Database::Postgres(pool) => {
            let mut connection = pool.acquire().await?;
            migrator(&POSTGRES).run_direct(None, &mut *connection, false).await.map_err(explain)?;
        }
    }
    Ok(())
}

/// Reads `0001_start.sql` as version 1, description "start".
fn migrator(folder: &Dir<'_>) -> Migrator {
    let migrations = folder.files().filter_map(|file| {
        let name = file.path().file_stem()?.to_str()?;
        let (version, description) = name.split_once('_')?;
        let text = file.contents_utf8()?.to_owned();
        Some(Migration::new(
            version.parse().ok()?,
            description.replace('_', " ").into(),
            MigrationType::Simple,
            // Safe: a file of the program itself.
            AssertSqlSafe(text).into_sql_str(),
            false,
        ))
    });
    Migrator::with_migrations(migrations.collect())
}

/// The text of PostgreSQL's migrations, for the template of test databases.
#[cfg(feature = "testing")]
pub(crate) fn postgres_texts() -> impl Iterator<Item = String> {
    migrator(&POSTGRES)
        .iter()
        .map(|migration| migration.sql.as_str().to_owned())
        .collect::<Vec<_>>()
        .into_iter()
}

fn explain(source: MigrateError) -> StoreError {
    let reason = match &source {
        MigrateError::VersionMissing(_) => {
            "they were made by a newer version of this program; start that version, or restore a backup from before it"
        }
        MigrateError::VersionMismatch(_) => {
            "they were made by a different build of this program; start that build, or restore a backup"
        }
        _ => "the database refused; the log says why",
    };
    StoreError::Migration { reason, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_folders_have_the_same_names_and_every_file_is_read() {
        let names = |folder: &Dir<'_>| {
            let mut names: Vec<_> = folder.files().map(|file| file.path().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert_eq!(migrator(&SQLITE).iter().count(), SQLITE.files().count());
        assert_eq!(migrator(&POSTGRES).iter().count(), POSTGRES.files().count());
    }
}
