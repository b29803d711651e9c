//! What accounts can be connected to.

use serde_json::{Value, json};
use testkit::App;

use crate::support::{ours, says};

#[tokio::test]
async fn integrations_are_listed_and_found_by_name_and_id() {
    let app = App::sqlite().await;
    let listed = app.get("/integration").await.ok();
    let found = listed["result"].as_array().unwrap().iter().find(|row| row["name"] == "commerce7").unwrap();
    assert_eq!((&found["category"], &found["sharing"]), (&json!("ecommerce"), &json!("allow")));
    assert!(found["config"]["resources"]["order"].is_object());
    for key in ["commerce7", found["id"].as_str().unwrap()] {
        assert_eq!(app.get(&format!("/integration/{key}")).await.ok(), *found);
    }
    for (query, expected) in [
        ("name=commerce7", 1),
        ("name=other", 0),
        ("category=ecommerce&name=commerce7", 1),
        ("category=hr", 0),
    ] {
        let listed = app.get(&format!("/integration?{query}")).await.ok();
        assert_eq!(listed["result"].as_array().unwrap().len(), expected, "{query}");
        assert_eq!(listed["next_cursor"], Value::Null);
    }
    says(&ours(&app, &app.get("/integration/comerce7").await, 404), &["did you mean \"commerce7\""]);
    says(&ours(&app, &app.get("/integration?nme=x").await, 400), &["nme", "name"]);
    says(&ours(&app, &app.get("/integration?limit=0").await, 400), &["limit"]);
    app.shutdown().await;
}
