//! Master keys, sealed credentials and rotation.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use secrecy::SecretString;
use serde_json::json;
use store::{
    AccountFilter, MasterKeySource, MasterKeys, Options, Page, Store, StoreError, VaultError,
    over_both_databases, testing::TestDatabase,
};

use crate::samples::{account, environment, execute, installed, new_account, no_events, texts};

over_both_databases!(
    a_wrong_key_is_refused_and_the_right_one_still_opens,
    a_wrong_key_with_the_right_id_is_refused,
    nothing_secret_stands_in_the_database,
    credentials_moved_to_another_row_do_not_open,
    given_keys_rotate_from_the_old_to_the_new,
    the_key_file_is_made_once_and_read_again,
    a_missing_key_file_is_not_replaced,
    a_second_key_file_is_refused,
    rotation_goes_on_beside_sealing_and_opening,
    other_nodes_seal_under_the_new_data_key,
);

const ONE: &str = "one:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const TWO: &str = "two:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const NOT_ONE: &str = "one:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

async fn connect_given(database: &TestDatabase, keys: &str) -> Result<Store, StoreError> {
    let keys = MasterKeys::parse(&SecretString::from(keys)).unwrap();
    Store::connect(database.url(), Options::new(MasterKeySource::Given(keys))).await
}

/// A key file in a folder of its own.
struct KeyFile {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl KeyFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("decant").join("master.key"), _folder: folder }
    }

    async fn connect(&self, database: &TestDatabase) -> Result<Store, StoreError> {
        Store::connect(database.url(), Options::new(MasterKeySource::File(self.path.clone()))).await
    }

    /// Ids of the keys in it, in order.
    fn ids(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).unwrap();
        text.lines()
            .filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
            .filter(|id| !id.starts_with('#'))
            .collect()
    }
}

fn vault_error(result: Result<Store, StoreError>) -> VaultError {
    match result {
        Err(StoreError::Vault(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn a_wrong_key_is_refused_and_the_right_one_still_opens(database: &TestDatabase) {
    let store = connect_given(database, ONE).await.unwrap();
    let made = account(&store).await;
    store.close().await;
    let before = texts(database, "SELECT id || wrapped FROM data_key").await;

    let error = vault_error(connect_given(database, TWO).await);
    assert!(matches!(&error, VaultError::UnknownMasterKey { needed, .. } if needed == "one"), "{error:?}");
    assert_eq!(
        error.to_string(),
        "this database's credentials are sealed under the master key \"one\", but DECANT_MASTER_KEY holds only \
         \"two\". Give the key they were sealed with; nothing was changed and nothing is lost"
    );
    assert_eq!(texts(database, "SELECT id || wrapped FROM data_key").await, before);

    let store = connect_given(database, ONE).await.unwrap();
    assert_eq!(store.open_account_secrets(&made).await.unwrap().get("app_secret"), Some(&json!("s3cr3t")));
}

async fn a_wrong_key_with_the_right_id_is_refused(database: &TestDatabase) {
    connect_given(database, ONE).await.unwrap().close().await;
    let error = vault_error(connect_given(database, NOT_ONE).await);
    assert!(matches!(&error, VaultError::WrongMasterKey { id, .. } if id == "one"), "{error:?}");
}

async fn nothing_secret_stands_in_the_database(database: &TestDatabase) {
    let store = connect_given(database, ONE).await.unwrap();
    account(&store).await;
    let stored = texts(
        database,
        "SELECT id || context || secrets || integration_override || unified_model_override FROM integrated_account",
    )
    .await;
    assert!(!stored.concat().contains("s3cr3t") && !stored.concat().contains("t0k3n"), "{stored:?}");
}

async fn credentials_moved_to_another_row_do_not_open(database: &TestDatabase) {
    let store = connect_given(database, ONE).await.unwrap();
    let installed = installed(&store, &environment(&store).await, "winery").await;
    let victim =
        store.create_integrated_account(&new_account(&installed, "victim"), no_events).await.unwrap();
    let thief = store.create_integrated_account(&new_account(&installed, "thief"), no_events).await.unwrap();
    execute(
        database,
        "UPDATE integrated_account SET secrets = (SELECT secrets FROM integrated_account WHERE tenant_id = 'victim') \
         WHERE tenant_id = 'thief'",
    )
    .await;
    let thief = store.get_integrated_account(&thief.environment_id, &thief.id).await.unwrap();
    let error = store.open_account_secrets(&thief).await.unwrap_err();
    assert!(matches!(error, StoreError::Vault(VaultError::Tampered)), "{error:?}");
    store.open_account_secrets(&victim).await.unwrap();
}

async fn given_keys_rotate_from_the_old_to_the_new(database: &TestDatabase) {
    let old = connect_given(database, ONE).await.unwrap();
    let made = account(&old).await;
    let both = connect_given(database, &format!("{TWO},{ONE}")).await.unwrap();
    let rotation = both.rotate_keys().await.unwrap();
    assert_eq!((rotation.master_key_id.as_str(), rotation.rewrapped), ("two", 1));

    // The process that has only the old key keeps serving, and says clearly what it can't open.
    old.open_account_secrets(&made).await.unwrap();
    old.changes_since(0).await.unwrap();
    let installed = both.get_environment_integration(&made.environment_id, &made.environment_integration_id);
    let newer = both
        .create_integrated_account(&new_account(&installed.await.unwrap(), "new"), no_events)
        .await
        .unwrap();
    let error = old.open_account_secrets(&newer).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Vault(VaultError::UnknownMasterKey { needed, .. }) if needed == "two"),
        "{error:?}"
    );

    let error = vault_error(connect_given(database, ONE).await);
    assert!(matches!(error, VaultError::UnknownMasterKey { .. }), "{error:?}");
    let new = connect_given(database, TWO).await.unwrap();
    for account in [&made, &newer] {
        assert_eq!(
            new.open_account_secrets(account).await.unwrap().get("app_secret"),
            Some(&json!("s3cr3t"))
        );
    }
}

async fn the_key_file_is_made_once_and_read_again(database: &TestDatabase) {
    let file = KeyFile::new();
    let made = account(&file.connect(database).await.unwrap()).await;
    let mode = fs::metadata(&file.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ids = file.ids();
    assert_eq!(ids.len(), 1);

    let again = file.connect(database).await.unwrap();
    again.open_account_secrets(&made).await.unwrap();
    assert_eq!(file.ids(), ids);
    assert_eq!(fs::read_dir(file.path.parent().unwrap()).unwrap().count(), 1, "no draft is left");

    fs::set_permissions(&file.path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = vault_error(file.connect(database).await);
    assert!(matches!(error, VaultError::KeyFileExposed { mode: 0o640, .. }), "{error:?}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

async fn a_missing_key_file_is_not_replaced(database: &TestDatabase) {
    let file = KeyFile::new();
    file.connect(database).await.unwrap().close().await;
    fs::remove_file(&file.path).unwrap();
    let error = vault_error(file.connect(database).await);
    assert!(matches!(error, VaultError::KeyFileMissing { .. }), "{error:?}");
    assert!(!file.path.exists());
}

/// As on another host that shares the database but not the file.
async fn a_second_key_file_is_refused(database: &TestDatabase) {
    let (here, there) = (KeyFile::new(), KeyFile::new());
    here.connect(database).await.unwrap();
    fs::create_dir_all(there.path.parent().unwrap()).unwrap();
    fs::write(&there.path, ONE).unwrap();
    fs::set_permissions(&there.path, fs::Permissions::from_mode(0o600)).unwrap();
    let error = vault_error(there.connect(database).await);
    assert!(matches!(error, VaultError::UnknownMasterKey { .. }), "{error:?}");
}

async fn rotation_goes_on_beside_sealing_and_opening(database: &TestDatabase) {
    let file = KeyFile::new();
    let (serving, rotating) = (file.connect(database).await.unwrap(), file.connect(database).await.unwrap());
    let installed = installed(&serving, &environment(&serving).await, "winery").await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let seal = {
        let (serving, rotating, installed) = (serving.clone(), rotating.clone(), installed.clone());
        tokio::spawn(async move {
            let mut head = serving.change_head().await.unwrap();
            let mut sealed = 0;
            while !*stopped.borrow_and_update() || sealed < 20 {
                // Sealed on either node, opened on the other.
                let [seals, opens] =
                    if sealed % 2 == 0 { [&serving, &rotating] } else { [&rotating, &serving] };
                let made = seals
                    .create_integrated_account(&new_account(&installed, "acme"), no_events)
                    .await
                    .unwrap();
                opens.open_account_secrets(&made).await.unwrap();
                head = serving.changes_since(head).await.unwrap().head;
                sealed += 1;
            }
            sealed
        })
    };
    for count in 1..=4 {
        assert_eq!(rotating.rotate_keys().await.unwrap().rewrapped, count);
    }
    stop.send(true).unwrap();
    let sealed = seal.await.unwrap();

    assert_eq!(file.ids().len(), 5);
    let masters = texts(database, "SELECT DISTINCT master_key_id FROM data_key").await;
    assert_eq!(masters, file.ids()[..1]);
    let fresh = file.connect(database).await.unwrap();
    let accounts = fresh
        .list_integrated_accounts(&installed.environment_id, &AccountFilter::default(), &Page::first(10_000))
        .await
        .unwrap();
    assert_eq!(accounts.items.len(), sealed);
    for account in &accounts.items {
        for node in [&fresh, &serving, &rotating] {
            node.open_account_secrets(account).await.unwrap();
        }
    }
}

async fn other_nodes_seal_under_the_new_data_key(database: &TestDatabase) {
    let file = KeyFile::new();
    let (here, there) = (file.connect(database).await.unwrap(), file.connect(database).await.unwrap());
    let head = there.change_head().await.unwrap();
    let rotation = here.rotate_keys().await.unwrap();
    there.changes_since(head).await.unwrap();
    account(&there).await;
    let sealed = texts(database, "SELECT secrets FROM integrated_account").await;
    assert!(sealed[0].starts_with(&format!("v1.{}.", rotation.data_key_id)), "{sealed:?}");
}
