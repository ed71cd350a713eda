//! The API keeps to its description: what it answers, and how it says what went wrong.

use crate::{
    runs::chain,
    served::{Browser, Served, until},
    web::shop,
};
use serde_json::{Value, json};

/// Whether a value is as a schema says; if not, where and why.
fn valid(value: &Value, schema: &Value, all: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").ok_or_else(|| format!("{at}: {name}"))?;
        return valid(value, all.get(name).ok_or_else(|| format!("{at}: no schema {name}"))?, all, at);
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(of) = schema[word].as_array() {
            let wrong: Vec<String> = of.iter().filter_map(|one| valid(value, one, all, at).err()).collect();
            if wrong.len() == of.len() {
                return Err(wrong.join(" and "));
            }
        }
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => vec![],
        one => vec![one.clone()],
    };
    let is = |word: &Value| match word.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{at}: a type {other}"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        return Err(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(least) = schema["minimum"].as_i64()
        && value.as_i64().is_some_and(|value| value < least)
    {
        return Err(format!("{at}: {value} is less than {least}"));
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        let of = schema["prefixItems"].get(i).or_else(|| schema.get("items"));
        if let Some(of) = of.filter(|of| of.is_object()) {
            valid(item, of, all, &format!("{at}/{i}"))?;
        }
    }
    let Some(fields) = value.as_object() else { return Ok(()) };
    let named = schema["properties"].as_object();
    for (name, field) in fields {
        match named.and_then(|named| named.get(name)) {
            Some(of) => valid(field, of, all, &format!("{at}/{name}"))?,
            None if schema["additionalProperties"].is_object() => {
                valid(field, &schema["additionalProperties"], all, &format!("{at}/{name}"))?;
            }
            // Stricter than JSON Schema: what is answered is described.
            None if named.is_some() => return Err(format!("{at}: `{name}` is not described")),
            None => {}
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            return Err(format!("{at}: no {name}"));
        }
    }
    Ok(())
}

fn schema_of<'a>(described: &'a Value, verb: &str, path: &str) -> &'a Value {
    let schema = &described["paths"][path][verb]["responses"]["2XX"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{verb} {path} describes no answer");
    schema
}

#[track_caller]
fn is_as_described(described: &Value, verb: &str, path: &str, value: &Value) {
    let schema = schema_of(described, verb, path);
    if let Err(wrong) = valid(value, schema, &described["components"]["schemas"], "") {
        panic!("{verb} {path}: {wrong}\n{value:#}");
    }
}

/// A machine with that role.
fn machine(admin: &mut Browser, name: &str, role: &str) -> Browser {
    let made = admin.send("/keys", &[("name", name), ("role", role)]).text;
    let key = made.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    Browser { cookie: String::new(), key, ..admin.clone() }
}

#[test]
fn answers_are_as_they_are_described() {
    let (_test, _served, mut admin) = shop();
    let mut ci = machine(&mut admin, "ci", "operator");
    let described = ci.get("/api/v1/openapi.json").json();
    let run = ci.get("/api/v1/runs").json()["runs"][0]["id"].as_str().unwrap().to_owned();
    let job = ci.post("/api/v1/runs", &json!({ "select": ["mart_average_check"] }).to_string(), &[]);
    is_as_described(&described, "post", "/api/v1/runs", &job.json());
    let job = job.json()["job"].to_string();
    until("it is done", || (ci.get(&format!("/api/v1/jobs/{job}")).json()["state"] == "succeeded").then_some(()));
    let mut asked = 0;
    for path in described["paths"].as_object().unwrap().keys() {
        let described_get = &described["paths"][path]["get"]["responses"]["2XX"]["content"];
        if described_get.is_null() {
            continue;
        }
        for (name, id) in [("mart_average_check", &run), ("replica.orders", &run), ("new_users", &run)] {
            let id = if path.contains("jobs") { &job } else { id };
            let real = path.replace("{name}", name).replace("{id}", id);
            let api = real.starts_with("/api/");
            let real = if api {
                real
            } else if real == "/" {
                "/index.json".to_owned()
            } else {
                format!("{real}.json")
            };
            let answer = if path == "/login" { admin.clone_signed_out().get(&real) } else { admin.get(&real) };
            assert_eq!(answer.status, 200, "{real}: {}", answer.text);
            is_as_described(&described, "get", path, &answer.json());
            asked += 1;
        }
    }
    for tab in ["data", "sql", "lineage", "snapshot", "runs"] {
        let view = admin.get(&format!("/models/mart_average_check.json?tab={tab}")).json();
        is_as_described(&described, "get", "/models/{name}", &view);
    }
    assert!(asked > 50, "{asked}");
    for (path, real, body) in [
        ("/api/v1/schedules/{name}/pause", "/api/v1/schedules/marts/pause", ""),
        ("/api/v1/schedules/{name}/resume", "/api/v1/schedules/marts/resume", ""),
        (
            "/api/v1/schedules/{name}/backfill",
            "/api/v1/schedules/marts/backfill",
            "{\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"}",
        ),
    ] {
        is_as_described(&described, "post", path, &ci.post(real, body, &[]).json());
    }
    // The same view, whoever asks.
    for (page, api) in [
        ("/models.json", "/api/v1/nodes"),
        ("/schedules.json", "/api/v1/schedules"),
        ("/checks.json", "/api/v1/checks"),
        (&*format!("/runs/{run}.json"), &*format!("/api/v1/runs/{run}")),
    ] {
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&admin.get(page).json()), fields(&ci.get(api).json()), "{page}");
    }
}

#[test]
fn a_wrong_answer_is_found() {
    let all =
        json!({ "A": { "type": "object", "properties": { "a": { "type": ["integer", "null"] } }, "required": ["a"] } });
    let list = json!({ "type": "array", "items": { "$ref": "#/components/schemas/A" } });
    assert_eq!(valid(&json!([{ "a": 1 }, { "a": null }]), &list, &all, ""), Ok(()));
    for wrong in [json!([{ "a": "x" }]), json!([{}]), json!([{ "a": 1, "b": 2 }]), json!({}), json!([1])] {
        assert!(valid(&wrong, &list, &all, "").is_err(), "{wrong}");
    }
}

/// Every way in which the API says no is its own JSON.
#[test]
fn errors_are_always_json() {
    let test = chain().file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n");
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    let (mut viewer, mut operator) = (machine(&mut admin, "v", "viewer"), machine(&mut admin, "o", "operator"));
    let mut nobody = Browser { key: "engine_0000".to_owned(), cookie: String::new(), ..admin.clone() };
    let described = admin.get("/api/v1/openapi.json").json();
    let mut seen = std::collections::BTreeMap::<u16, usize>::new();
    let mut is_error = |answer: &crate::served::Answer, status: &[u16], what: &str| {
        assert!(status.contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
        assert_eq!(answer.header("content-type"), "application/json", "{what}: {}", answer.text);
        let value = answer.json();
        assert!(value["error"].as_str().is_some_and(|said| !said.is_empty()), "{what}: {value}");
        let schema = &described["components"]["schemas"]["Error"];
        assert_eq!(valid(&value, schema, &described["components"]["schemas"], ""), Ok(()), "{what}");
        *seen.entry(answer.status).or_default() += 1;
    };
    let paths: Vec<String> =
        described["paths"].as_object().unwrap().keys().filter(|path| path.starts_with("/api/")).cloned().collect();
    for path in &paths {
        let operations = described["paths"][path].as_object().unwrap();
        let real = path.replace("{name}", "nothing like that").replace(' ', "%20").replace("{id}", "987654");
        for verb in ["PUT", "DELETE", "PATCH"] {
            is_error(&operator.ask(verb, &real), &[405], &format!("{verb} {path}"));
        }
        if operations.contains_key("get") {
            is_error(&nobody.get(&real), &[401], path);
            if path.contains('{') {
                is_error(&operator.get(&real), &[404], path);
                is_error(&operator.get(&real.replace("987654", "%FF%FE")), &[400, 404], path);
            }
        } else {
            is_error(&operator.get(&real), &[405], &format!("GET {path}"));
        }
        if operations.contains_key("post") {
            is_error(&nobody.post(&real, "", &[]), &[401], path);
            is_error(&viewer.post(&real, "", &[]), &[403], path);
            is_error(&operator.post(&real, "", &[("origin", "http://evil.example")]), &[403], path);
            is_error(&operator.post(&real, &format!("{{\"x\":\"{}\"}}", "x".repeat(100_000)), &[]), &[413], path);
            if operations["post"]["requestBody"].is_object() {
                for body in ["{", "{\"no such field\":1}", "[]", "\u{7f}", "{\"from\":\"yesterday\"}"] {
                    is_error(&operator.post(&real, body, &[]), &[400], &format!("{path} {body}"));
                }
            } else {
                is_error(&operator.post(&real, "", &[]), &[404, 409], path);
            }
        } else {
            is_error(&operator.post(&real, "", &[]), &[405], &format!("POST {path}"));
        }
    }
    for path in ["/api/v1/nothing", "/api/v2/runs", "/api/", "/api/v1/runs/1/2/3", "/nothing.json"] {
        is_error(&operator.get(path), &[404], path);
    }
    for path in ["/api/v1/runs?limit=x", "/api/v1/jobs/x", "/api/v1/runs/01ZZ/log?after=x", "/audit.json?before=x"] {
        is_error(&admin.get(path), &[400], path);
    }
    for i in 0..6 {
        let answer = served.stranger().send("/login.json", &[("name", "anna"), ("password", "wrong")]);
        is_error(&answer, if i < 5 { &[401] } else { &[429] }, "/login.json");
    }
    for status in [400, 401, 403, 404, 405, 409, 413, 429] {
        assert!(seen.contains_key(&status), "{status} was not seen: {seen:?}");
    }
}

/// What fails in us is told in the same way.
#[test]
fn our_own_failures_are_json() {
    let test = chain().file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n");
    let served = Served::start_with(&test, &[], &[("ENGINE_PANIC_AT", "web::view")]);
    let mut admin = served.admin();
    for path in ["/api/v1/nodes", "/api/v1/runs", "/runs.json"] {
        let answer = admin.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (500, "application/json"),
            "{path}: {}",
            answer.text
        );
        assert_eq!(answer.json()["error"], "engine itself failed");
    }
    let page = admin.get("/runs");
    assert!(page.status == 500 && page.text.contains("engine itself failed"), "{}", page.text);
}
