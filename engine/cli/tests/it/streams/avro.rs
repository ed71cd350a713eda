//! Streams of topics in Avro.

use super::{place::Place, registry::Registry};
use serde_json::json;

#[test]
fn a_topic_in_avro_is_made_read_and_written() {
    let place = Place::new(1);
    let registry = Registry::new();
    let sources = place.test.read("project/sources.toml");
    let avro = sources.replace(".tables.users]\n", ".tables.users]\nidentifier = \"made\"\nformat = \"avro\"\n");
    place.test.write("project/sources.toml", &avro);
    place.test.run(&["check"]).code(1).says("`events.users`: it is in Avro, and the connection has no `registry`");
    let sources =
        avro.replace("[connections.events]\n", &format!("[connections.events]\nregistry = \"{}\"\n", registry.url));
    let told = "[sources.events.tables.told]\nformat = \"avro\"\n\
                columns = { email = \"text\", n = \"bigint\" }\ncreate = { partitions = 1 }\n\
                [sinks.topics]\nconnection = \"events\"\n";
    place.test.write("project/sources.toml", &format!("{sources}{told}"));
    let generators = "[ups]\ninto = \"events.users\"\nrows = 50\nfaults = { corrupt = 0.1 }\n[ups.columns]\n\
                      email = { fake = \"email\", unique = true }\nn = { type = \"bigint\", sequence = 100 }\nstatus = { value = \"Gold\" }\n";
    place.test.write("project/generators.toml", generators);
    let model = "{{ config(materialized = \"incremental\", sink = \"topics\", key = [\"email\"], strategy = \"append\") }}\n\
                 select email, n + 10 as n from {{ ref(\"users\") }}";
    place.test.write("project/models/told.sql", model);
    place.test.run(&["run"]).code(0).says("Generated ups").says("Streamed users").says("Succeeded told");
    let rows: usize = place.ask("select count(*)::text from {}.users").parse().unwrap();
    let letters = place.letters("reason");
    assert_eq!((rows + letters.len(), place.messages_count("told")), (50, rows), "{letters:?}");
    assert!(!letters.is_empty() && letters.iter().all(|reason| reason.starts_with("not Avro as")), "{letters:?}");
    let (_, schema) = registry.newest(&format!("{}.made-value", place.schema));
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let kinds = schema["fields"].as_array().unwrap().iter().map(|field| field["type"][1].clone());
    assert_eq!(kinds.collect::<Vec<_>>(), [json!("string"), json!("long"), json!("string")]);
    let shown = place.test.run(&["show", "events.told", "--limit", "100", "--output", "csv"]).code(0).stdout;
    assert_eq!(shown.lines().count(), rows + 1, "{shown}");
    place.test.run(&["run"]).code(0).says("no new events");
    place.test.run(&["doctor"]).code(0).says(&format!("schemas at {}", registry.url));
    registry.answer_instead(Some((503, json!({ "error_code": 50003, "message": "no leader" }))));
    place.test.run(&["doctor"]).code(1).says("no leader");
    place.test.run(&["run", "users", "--from", "earliest"]).code(1).says("no leader");
}
