//! Why credentials are refused, as far as that can be told.

use integration::Refusal::{AppNotInstalled, CredentialsRefused, UnknownAccount};
use serde_json::json;

use crate::support::commerce7;

#[test]
fn what_is_known_of_the_account_and_of_others_tells_why() {
    let commerce7 = commerce7();
    let diagnosis = commerce7.diagnosis.as_ref().unwrap();
    for (is_known, open_others, refusal) in [
        (Some(false), false, UnknownAccount),
        (Some(false), true, UnknownAccount),
        (Some(true), true, AppNotInstalled),
        (Some(true), false, CredentialsRefused),
        (None, true, CredentialsRefused),
    ] {
        assert_eq!(diagnosis.refusal(is_known, open_others), refusal, "{is_known:?} {open_others}");
    }
}

#[test]
fn mistakes_are_told() {
    for (diagnosis, reason) in [
        (
            json!({"known_account": {"resource": "setting", "method": "get_for_wed"}}),
            "did you mean \"get_for_web\"?",
        ),
        (json!({"known_account": {"resource": "customer", "method": "list"}}), "no_auth"),
        (
            json!({"known_account": {"resource": "setting", "method": "get_for_web"}, "shared_credentials": ["app_ids"]}),
            "did you mean \"app_id\"?",
        ),
    ] {
        // `null` takes what is declared away first.
        let without = commerce7().overridden(&[&json!({"diagnosis": null})]).unwrap();
        let refused = without.overridden(&[&json!({"diagnosis": diagnosis})]).unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}
