//! Both databases have the same tables, columns and indexes.

use store::testing::TestDatabase;

use crate::samples::texts;

const SQLITE: &str = "
    SELECT t.name || '.' || c.name || ' ' || lower(c.type) || CASE c.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END
    FROM sqlite_master t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'
    UNION ALL
    SELECT name || ' on ' || tbl_name || CASE WHEN sql LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END
    FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
    ORDER BY 1";

const POSTGRES: &str = "
    SELECT c.table_name || '.' || c.column_name || ' ' || replace(c.data_type, 'jsonb', 'text')
        || CASE c.is_nullable WHEN 'NO' THEN ' not null' ELSE '' END COLLATE \"C\"
    FROM information_schema.columns c
    WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\\_sqlx%'
    UNION ALL
    SELECT indexname || ' on ' || tablename || CASE WHEN indexdef LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END
    FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'
    ORDER BY 1";

#[tokio::test]
#[ignore = "needs PostgreSQL: `cargo xtask test`"]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres().await);
    sqlite.open().await.close().await;
    let (mut sqlite, mut postgres) = (texts(&sqlite, SQLITE).await, texts(&postgres, POSTGRES).await);
    sqlite.sort();
    postgres.sort();
    assert!(sqlite.contains(&"integrated_account.context text not null".to_owned()), "{sqlite:#?}");
    assert!(sqlite.contains(&"api_token_hash on api_token unique".to_owned()), "{sqlite:#?}");
    assert_eq!(sqlite, postgres);
}

/// [`store::StoreError::Conflict`] tells the same name on both databases only because of this.
#[tokio::test]
async fn unique_indexes_are_named_after_their_table_and_columns() {
    let database = TestDatabase::sqlite();
    database.open().await.close().await;
    let named = "SELECT name || '=' || tbl_name || '_' || (SELECT group_concat(name, '_') FROM pragma_index_info(i.name)) \
                 FROM sqlite_master i WHERE type = 'index' AND sql LIKE 'CREATE UNIQUE%'";
    let named = texts(&database, named).await;
    assert!(named.len() >= 4, "{named:?}");
    for pair in named {
        let (name, expected) = pair.split_once('=').unwrap();
        assert_eq!(name, expected);
    }
}
