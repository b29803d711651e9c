//! What README.md and docs/ say is true: their commands are run, and every setting is listed.

use std::path::Path;

use serde_json::Value;

use crate::demo::{Demo, shell, steady};
use crate::program::{decant, stdout};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap()
}

/// The fenced blocks of a page: language and text.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("\n```").unwrap();
        blocks.push((language, text));
        rest = after;
    }
    blocks
}

/// Whether an answer holds everything that a page shows of it. An item of a list stands for the one at its place.
fn holds(answer: &Value, shown: &Value) -> bool {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            shown.iter().all(|(name, shown)| answer.get(name).is_some_and(|answer| holds(answer, shown)))
        }
        (Value::Array(answer), Value::Array(shown)) => {
            shown.len() <= answer.len()
                && shown.iter().zip(answer).all(|(shown, answer)| holds(answer, shown))
        }
        (answer, shown) => answer == shown,
    }
}

#[test]
fn the_tour_of_the_readme_answers_as_it_says() {
    let readme = read("README.md");
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &[]);
    let shown = steady(&demo.printed);
    let (first, tour) = readme.split_once("## A tour in five minutes").unwrap();
    let text = blocks(first).into_iter().find(|(language, _)| *language == "text").unwrap().1;
    assert!(shown.starts_with(text), "the README shows\n{text}\nand the demo\n{shown}");

    let (tour, _) = tour.split_once("\n## ").unwrap();
    let mut blocks = blocks(tour).into_iter();
    let (_, prelude) = blocks.next().unwrap();
    let blocks: Vec<_> = blocks.collect();
    for pair in blocks.chunks(2) {
        let [("sh", command), ("json", shown)] = pair else {
            panic!("a command without its answer: {pair:?}")
        };
        let expected: Value = serde_json::from_str(shown).unwrap();
        let script = format!("{prelude}\n{command}");
        // The log is written a moment after the call that it tells of.
        let answer = loop {
            let [answer] = shell(folder.path(), &script).try_into().unwrap();
            if !command.contains("/log?") || answer["result"][0].is_object() {
                break answer;
            }
        };
        assert!(holds(&answer, &expected), "{command}\nanswers {answer:#}\nand not {expected:#}");
    }
    demo.interrupt();
}

#[test]
fn overrides_work_as_the_page_says() {
    let page = read("docs/integrations.md");
    let commands: Vec<&str> =
        blocks(&page).into_iter().filter(|(language, _)| *language == "sh").map(|(_, text)| text).collect();
    let command = commands.join("\n");
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &["--orders", "0", "--customers", "5", "--products", "0"]);
    let script = format!(". ./demo.env\n{command}");
    let changed = shell(folder.path(), &script);
    let [environment, account] = changed.try_into().unwrap();
    assert_eq!(environment["config"]["fields"]["vineyard"]["from"], "metaData.vineyard", "{environment}");
    assert!(account["unified_model_override"]["ecommerce"].is_object(), "{account}");
    let meta = "curl -s -H \"Authorization: Bearer $DECANT_API_TOKEN\" \
                \"$DECANT_URL/unified/ecommerce/customers/meta/list?integrated_account_id=$DECANT_ACCOUNT_ID\"";
    let [meta] = shell(folder.path(), &format!(". ./demo.env\n{meta}")).try_into().unwrap();
    assert_eq!(meta["origins"]["fields"]["vineyard"], "environment", "{meta}");
    assert!(meta["response_mapping"].get("birth_date").is_none(), "{meta}");
    demo.interrupt();
}

#[test]
fn a_write_happens_once_as_the_page_says() {
    answers_as_it_says("docs/writes.md", 2);
}

#[test]
fn limits_stand_as_the_page_says() {
    answers_as_it_says("docs/limits.md", 2);
}

#[test]
fn accounts_are_connected_as_the_page_says() {
    answers_as_it_says("docs/link.md", 5);
}

#[test]
fn unified_writes_answer_as_the_page_says() {
    answers_as_it_says("docs/unified-writes.md", 4);
}

/// Runs the commands of a page that are followed by an answer, after its first block.
fn answers_as_it_says(page: &str, count: usize) {
    let page = read(page);
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &[]);
    let blocks = blocks(&page);
    let (prelude, rest) = blocks.split_first().unwrap();
    let pairs = rest.windows(2).filter(|pair| pair[0].0 == "sh" && pair[1].0 == "json");
    let mut run = 0;
    for (command, shown) in pairs.map(|pair| (pair[0].1, pair[1].1)) {
        let expected: Value = serde_json::from_str(shown).unwrap();
        let [answer] = shell(folder.path(), &format!("{}\n{command}", prelude.1)).try_into().unwrap();
        assert!(holds(&answer, &expected), "{command}\nanswers {answer:#}\nand not {expected:#}");
        run += 1;
    }
    assert_eq!(run, count);
    demo.interrupt();
}

#[test]
fn the_sandbox_answers_as_the_page_says() {
    let page = read("docs/sandbox.md");
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &[]);
    let blocks = blocks(&page);
    let mut answers = Vec::new();
    for (index, (_, command)) in blocks.iter().enumerate().filter(|(_, (language, _))| *language == "sh") {
        let command = command.replace("localhost:8700", "${DECANT_SANDBOX_URL%/v1}");
        let [answer] = shell(folder.path(), &format!(". ./demo.env\n{command}")).try_into().unwrap();
        if let Some(("json", shown)) = blocks.get(index + 1) {
            let shown: Value = serde_json::from_str(shown).unwrap();
            assert_eq!(fields(&answer), fields(&shown), "{command}");
        }
        answers.push(answer);
    }
    let [limit, fault, event] = answers.as_slice() else { panic!("{answers:#?}") };
    assert_eq!((&limit["amount"], &limit["window_ms"]), (&Value::from(100), &Value::from(60_000)));
    assert_eq!(fault["id"], 1);
    assert_eq!(event["event"], "refund");
    demo.interrupt();
}

/// The names of an object's fields, and of those in the first row of its lists.
fn fields(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| {
                let below = fields(value).into_iter().map(|below| format!("{name}.{below}")).collect();
                [vec![name.clone()], below].concat()
            })
            .collect(),
        Value::Array(rows) => rows.first().map(fields).unwrap_or_default(),
        _ => Vec::new(),
    }
}

#[test]
fn maps_are_tried_out_as_the_page_says() {
    let page = read("docs/integrations.md");
    let (_, section) = page.split_once("### Trying one out").unwrap();
    let blocks = blocks(section);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("override.json", blocks[0].1);
    write("customer.json", r#"{"id": "c1", "metaData": {"vineyard": "North"}}"#);
    write("body.json", r#"{"vineyard": "South"}"#);
    let mut printed = blocks[1].1.lines().map(|line| {
        let arguments = line.strip_prefix("decant ").unwrap().split_whitespace();
        serde_json::from_str::<Value>(&stdout(&mut decant(folder.path(), arguments))).unwrap()
    });
    let record = printed.next().unwrap();
    assert_eq!((&record["id"], &record["vineyard"]), (&Value::from("c1"), &Value::from("North")));
    assert_eq!(printed.next().unwrap()["body"]["metaData"]["vineyard"], "South");
}

#[test]
fn every_setting_is_listed() {
    let page = read("docs/configuration.md");
    let folder = tempfile::tempdir().unwrap();
    let help = stdout(&mut decant(folder.path(), ["serve", "--help"]));
    let named = help.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    let settings: Vec<&str> =
        named.filter(|name| name.starts_with("DECANT_") || *name == "DATABASE_URL").collect();
    assert!(settings.len() >= 10, "{settings:?}");
    for setting in settings {
        assert!(page.contains(&format!("`{setting}`")), "{setting} is missing in docs/configuration.md");
    }
    let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
    for option in options.filter(|option| !["--help", "--version"].contains(option)) {
        assert!(page.contains(&format!("`{option}`")), "{option} is missing in docs/configuration.md");
    }
}
