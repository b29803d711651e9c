//! What a person fills in to connect an account.

use serde_json::{Value, json};

use crate::support::{commerce7, object};

fn problems(format: &str, given: Value, partial: bool) -> Vec<(String, String)> {
    let problems = commerce7().check_credentials(format, &object(given), partial, &[]).unwrap_err();
    problems.into_iter().map(|problem| (problem.field, problem.message)).collect()
}

#[test]
fn good_credentials_are_tidied_and_split() {
    let given =
        object(json!({"tenant": " Silver-Oak ", "app_id": "decant", "app_secret": "s3cret", "other": "x"}));
    let checked = commerce7().check_credentials("api_key", &given, false, &[]).unwrap();
    assert_eq!(Value::Object(checked.context), json!({"tenant": "silver-oak", "app_id": "decant"}));
    assert_eq!(checked.secrets.expose(), &json!({"app_secret": "s3cret"}));
    assert_eq!(format!("{:?}", checked.secrets), "Credentials(***)");
    assert_eq!(commerce7().secret_fields().collect::<Vec<_>>(), ["app_secret"]);
}

#[test]
fn every_problem_is_named_at_once_and_none_repeats_what_was_given() {
    let given = json!({"tenant": "https://acme.example", "app_id": 7, "app_secret": "  "});
    let expected = [
        ("tenant", "Tenant may hold letters, digits and hyphens only"),
        ("app_id", "App ID has to be text"),
        ("app_secret", "App secret key is required"),
    ];
    let found = problems("api_key", given, false);
    assert_eq!(found, expected.map(|(field, message)| (field.to_owned(), message.to_owned())));
    let found = problems("api_key", json!({"tenant": "a", "app_id": "b", "app_secret": "c d"}), false);
    assert_eq!(found[0].1, "App secret key may not hold blanks or special characters");
    assert_eq!(found.len(), 1);
}

#[test]
fn an_update_may_leave_fields_out_but_not_empty_them() {
    let kept = commerce7().check_credentials("api_key", &object(json!({"tenant": "b"})), true, &[]).unwrap();
    assert_eq!(Value::Object(kept.context), json!({"tenant": "b"}));
    assert_eq!(kept.secrets.expose(), &json!({}));
    for empty in [json!({"app_secret": ""}), json!({"app_secret": null})] {
        assert_eq!(problems("api_key", empty, true)[0].1, "App secret key is required");
    }
}

#[test]
fn an_unknown_format_is_named_with_the_nearest() {
    let found = problems("apikey", json!({}), false);
    let message = r#"unknown authentication method "apikey", did you mean "api_key"?"#;
    assert_eq!(found, [("authentication_method".to_owned(), message.to_owned())]);
}

#[test]
fn a_pasted_address_stands_for_the_tenant_in_it() {
    let tenant = |text: &str| {
        let given = object(json!({"tenant": text, "app_id": "a", "app_secret": "b"}));
        commerce7()
            .check_credentials("api_key", &given, false, &[])
            .map(|checked| checked.context["tenant"].clone())
    };
    for pasted in [
        "spectrawinery",
        "SpectraWinery.admin.platform.commerce7.com",
        "https://spectrawinery.admin.platform.commerce7.com",
        " https://spectrawinery.admin.platform.commerce7.com/store/order?page=2#top ",
        "http://SPECTRAWINERY.ADMIN.platform.commerce7.com:443/",
    ] {
        assert_eq!(tenant(pasted).unwrap(), "spectrawinery", "{pasted}");
    }
    for other in [
        "https://www.spectrawinery.com",
        "https://admin.platform.commerce7.com",
        "https://a.b.admin.platform.commerce7.com",
        "https://evil.example/.admin.platform.commerce7.com",
        "https://xadmin.platform.commerce7.com",
    ] {
        let problems = tenant(other).unwrap_err();
        assert_eq!(problems[0].message, "Tenant may hold letters, digits and hyphens only", "{other}");
    }
}

#[test]
fn what_the_environment_provides_need_not_be_given() {
    let provided = ["app_id", "app_secret"].map(str::to_owned);
    let check = |given| commerce7().check_credentials("api_key", &object(given), false, &provided);
    let checked = check(json!({"tenant": "a"})).unwrap();
    assert_eq!(Value::Object(checked.context), json!({"tenant": "a"}));
    // It may be, and is then the account's own.
    let own = check(json!({"tenant": "a", "app_secret": "b"})).unwrap();
    assert_eq!(own.secrets.expose(), &json!({"app_secret": "b"}));
    assert_eq!(check(json!({})).unwrap_err()[0].field, "tenant");
    assert_eq!(check(json!({"tenant": "a", "app_id": ""})).unwrap_err()[0].message, "App ID is required");
}
