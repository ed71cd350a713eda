//! Who may do what, and what is said when it may not.

use super::{Place, connect};
use crate::contract::subject::{keyed_definition, pairs, pairs_definition, target};
use engine_connect::hub::{
    error::{Blame, Error, Retry},
    publication::{Commit, Mode, PublishRequest},
    source::{ReadRequest, TableRequest},
};

async fn refused(keys: &str) -> Error {
    connect("public", keys).ping().await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_apart() {
    let error = refused("password = \"wrong\"").await;
    assert_eq!((error.blame, error.retry), (Blame::User, Retry::Never), "{error}");
    assert!(error.hint.as_ref().unwrap().contains("check `user`, `password`"), "{error:?}");
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    let error = refused("user = \"nobody_such\"").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    let error = refused("database = \"no_such_database\"").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.hint.unwrap().contains("check `database`"));
    let error = refused("port = 1").await;
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    assert!(error.hint.unwrap().contains("is PostgreSQL running at"));
    let error = refused("host = \"no-such-host.invalid\"\nsslmode = \"disable\"").await;
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    assert!(error.hint.unwrap().contains("check `host` and `port`"));
    let error = refused("password_file = \"/no/such/file\"").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    let place = Place::with("").await;
    let error = place.open(&["words"]).await.err().unwrap();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("there is no table `words`"), "{error}");
    let error = connect("no_such_schema", "").tables().await.unwrap_err();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("there is no schema `no_such_schema`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_may_stand_in_a_file() {
    let url = super::url();
    let password = url.split_once("://").unwrap().1.split_once(':').unwrap().1.split_once('@').unwrap().0;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{password}\r\n")).unwrap();
    let keys = format!("password = \"wrong\"\npassword_file = \"{}\"", file.display());
    connect("public", &keys).ping().await.unwrap();
    std::fs::write(&file, "wrong").unwrap();
    assert_eq!(refused(&keys).await.blame, Blame::User);
}

/// What the roles of a source and of a sink are given, as the documentation says. The administrator has made `{schema}`.
const SOURCE: &str =
    "grant usage on schema {schema} to {role}; grant select on all tables in schema {schema} to {role}";
const SINK: &str = "grant usage, create on schema {schema} to {role}";

/// The keys of a role that has just these rights.
async fn role(place: &Place, name: &str, rights: &str) -> String {
    let role = place.schema.replace("it_", &format!("{name}_"));
    place.run(&format!("create role {role} login password 'secret'")).await;
    place.run(&rights.replace("{schema}", &place.schema).replace("{role}", &role)).await;
    format!("user = \"{role}\"\npassword = \"secret\"")
}

#[test]
fn the_documentation_names_these_rights() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/databases.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (rights, schema, role) in [(SOURCE, "shop", "engine_source"), (SINK, "marts", "engine_sink")] {
        for right in rights.replace("{schema}", schema).replace("{role}", role).split("; ") {
            assert!(page.contains(&format!("\n{right};\n")), "{right}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn least_rights_are_enough() {
    let place = Place::with(
        "create table old (id bigint primary key, word text); insert into old values (1, 'a');
         create table cut (id int) partition by range (id); create table cut1 partition of cut default;
         create view seen as select * from old; insert into cut values (1)",
    )
    .await;
    let source = place.again(&role(&place, "src", SOURCE).await).connection;
    for table in ["old", "cut", "seen"] {
        let request = ReadRequest { tables: vec![TableRequest::all(table)] };
        let reading = source.readable().unwrap().open(request).await.unwrap();
        let rows = crate::contract::subject::query(reading.tables[0].provider.clone(), "select count(*) from t").await;
        assert_eq!(super::shown(&rows), "1", "{table}");
        source.readable().unwrap().version(&TableRequest::all(table), None).await.unwrap().unwrap();
    }
    let words = target("words", &pairs_definition(), Mode::Replace);
    let publication = PublishRequest { run: "run".into(), tables: vec![words], pipeline: None };
    let error = source.writable().unwrap().begin(publication).await.err().unwrap();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.hint.unwrap().contains("grant the right"));
    let error = source.writable().unwrap().check_privileges(&[]).await.unwrap_err();
    assert!(error.hint.unwrap().starts_with("let an administrator run `grant usage, create on schema"));

    let sink = place.again(&role(&place, "snk", SINK).await);
    sink.connection.writable().unwrap().check_privileges(&["words".into()]).await.unwrap();
    let key = || vec!["id".to_owned()];
    for mode in [
        Mode::Replace,
        Mode::Append,
        Mode::Replace,
        Mode::DeleteInsert { key: key() },
        Mode::Replace,
        Mode::Merge { key: key() },
    ] {
        let words = target("words", &keyed_definition(), mode.clone());
        let rows = if mode == Mode::Append { pairs(&[(2, "b")]) } else { pairs(&[(1, "a")]) };
        sink.publish(words, rows).await.unwrap_or_else(|error| panic!("{mode:?}: {error}"));
    }
    assert_eq!(sink.connection.writable().unwrap().recover().await.unwrap(), 0);
    assert_eq!(place.words().await, "a");
    sink.connection.writable().unwrap().check_privileges(&["words".into(), "new".into()]).await.unwrap();
    assert_eq!(place.value("select to_regclass('engine_trial') is null").await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_told_with_what_to_do() {
    let place =
        Place::with("create table old (id bigint primary key, word text); insert into old values (1, 'a')").await;
    let user = |keys: &str| keys.split('"').nth(1).unwrap().to_owned();
    let nobody = role(&place, "nbd", "").await;
    let error = place.again(&nobody).fails("old").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.hint.unwrap().contains("grant the right"));
    let usage = role(&place, "use", "grant usage on schema {schema} to {role}").await;
    let error = place.again(&usage).fails("old").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("permission denied for table old"), "{error}");
    // Somebody else's table cannot be replaced.
    let sink = role(&place, "snk", SINK).await;
    let error = place.again(&sink).connection.writable().unwrap().check_privileges(&["old".into()]).await.unwrap_err();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("`old` belongs to `engine`, and only its owner may replace it"), "{error}");
    assert!(error.hint.unwrap().contains(&format!("owner to \"{}\"", user(&sink))));
    let error =
        place.again(&sink).publish(target("old", &keyed_definition(), Mode::Replace), pairs(&[])).await.unwrap_err();
    assert_eq!(error.blame, Blame::User, "{error}");
    // A schema that is not there is made, where that may be.
    let elsewhere = super::schema();
    let error = connect(&elsewhere, &sink).writable().unwrap().check_privileges(&[]).await.unwrap_err();
    assert!(error.hint.unwrap().contains(&format!("create schema \"{elsewhere}\" authorization \"{}\"", user(&sink))));
    connect(&elsewhere, "").writable().unwrap().check_privileges(&[]).await.unwrap();
    assert_eq!(place.value(&format!("select to_regnamespace('{elsewhere}') is null")).await, "true");
    // What is left of a publication that was refused.
    place.recover().await;
    let publication = PublishRequest { run: "run".into(), tables: vec![], pipeline: None };
    place.connection.writable().unwrap().begin(publication).await.unwrap().commit(Commit::default()).await.unwrap();
}
