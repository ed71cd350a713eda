//! What becomes of the rows that are there.

use super::subject::{Subject, appended, keyed_definition, pairs, pairs_definition, shown_provider, target};
use engine_connect::hub::{
    error::Blame,
    publication::{Mode, PublishRequest, Writers},
};

fn by_id() -> Vec<String> {
    vec!["id".into()]
}

/// That a mode which is not among the abilities is refused, as the user's doing.
async fn is_refused(it: &Subject, mode: Mode) {
    let refused = it.publish(target("words", &pairs_definition(), mode), pairs(&[(1, "a")])).await.unwrap_err();
    assert_eq!(refused.blame, Blame::User, "{refused}");
}

pub async fn append(it: Subject) {
    it.publish(appended("words"), pairs(&[(1, "a")])).await.unwrap();
    let written = it.publish(appended("words"), pairs(&[(2, "b"), (1, "a")])).await.unwrap();
    assert_eq!((written[0].table.as_str(), written[0].rows), ("words", 2));
    assert_eq!(it.rows("words").await, "1 a, 1 a, 2 b");
}

pub async fn replace(it: Subject) {
    if !it.connection.abilities().replace {
        return is_refused(&it, Mode::Replace).await;
    }
    for words in [[(1, "a"), (2, "b")], [(3, "c"), (4, "d")]] {
        it.publish(target("words", &keyed_definition(), Mode::Replace), pairs(&words)).await.unwrap();
    }
    assert_eq!(it.rows("words").await, "3 c, 4 d");
}

pub async fn merge_keeps_the_last(it: Subject) {
    let mode = Mode::Merge { key: by_id() };
    if !it.connection.abilities().merge {
        return is_refused(&it, mode).await;
    }
    let merged = target("words", &keyed_definition(), mode);
    it.publish(merged.clone(), pairs(&[(1, "a"), (2, "b")])).await.unwrap();
    it.publish(merged, pairs(&[(2, "first"), (3, "c"), (2, "last")])).await.unwrap();
    assert_eq!(it.rows("words").await, "1 a, 2 last, 3 c");
}

pub async fn delete_insert(it: Subject) {
    let mode = Mode::DeleteInsert { key: by_id() };
    if !it.connection.abilities().merge {
        return is_refused(&it, mode).await;
    }
    it.publish(appended("words"), pairs(&[(1, "a"), (1, "b"), (2, "c")])).await.unwrap();
    let written = target("words", &pairs_definition(), mode);
    it.publish(written, pairs(&[(1, "x"), (3, "y"), (3, "z")])).await.unwrap();
    assert_eq!(it.rows("words").await, "1 x, 2 c, 3 y, 3 z");
}

pub async fn keys_without_value(it: Subject) {
    if !it.connection.abilities().merge {
        return;
    }
    it.publish(appended("words"), pairs(&[(1, "a")])).await.unwrap();
    for mode in [Mode::Merge { key: vec!["word".into()] }, Mode::DeleteInsert { key: vec!["word".into()] }] {
        let schema = engine_connect::arrow::types::schema(&pairs_definition());
        let rows = datafusion::arrow::array::new_null_array(schema.field(1).data_type(), 1);
        let id = pairs(&[(2, "b")]).column(0).clone();
        let batch = datafusion::arrow::array::RecordBatch::try_new(schema, vec![id, rows]).unwrap();
        let error = it.publish(target("words", &pairs_definition(), mode), batch).await.unwrap_err();
        assert_eq!(error.blame, Blame::Data, "{error}");
        assert!(error.to_string().contains("`words`"), "{error}");
        assert_eq!(it.rows("words").await, "1 a");
    }
}

pub async fn preview_is_what_comes(it: Subject) {
    if !it.connection.abilities().replace {
        return;
    }
    for (mode, expected) in [
        (Mode::Append, "1 a, 2 b, 2 new"),
        (Mode::Replace, "2 new"),
        (Mode::DeleteInsert { key: by_id() }, "1 a, 2 new"),
    ] {
        if matches!(mode, Mode::DeleteInsert { .. }) && !it.connection.abilities().merge {
            continue;
        }
        it.publish(target("words", &pairs_definition(), Mode::Replace), pairs(&[(1, "a"), (2, "b")])).await.unwrap();
        let changed = target("words", &pairs_definition(), mode);
        let publication = PublishRequest { run: "two".into(), tables: vec![changed], pipeline: None };
        let publisher = it.connection.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
        writer.write(pairs(&[(2, "new")])).await.unwrap();
        writer.finish().await.unwrap();
        if let Some(written) = publisher.written(&"words".into()).await.unwrap() {
            assert_eq!(shown_provider(written).await, expected);
        }
        let preview = publisher.preview(&"words".into()).await.unwrap().rows;
        assert_eq!(shown_provider(preview).await, expected);
        assert_eq!(it.rows("words").await, "1 a, 2 b", "readers do not see it yet");
        publisher.commit(engine_connect::hub::publication::Commit::default()).await.unwrap();
        assert_eq!(it.rows("words").await, expected);
    }
}

pub async fn rows_that_are_not_kept_go(it: Subject) {
    if !it.connection.abilities().merge {
        return;
    }
    for looked_at in [false, true] {
        let old = pairs(&[(1, "a"), (2, "b"), (3, "c")]);
        it.publish(target("words", &keyed_definition(), Mode::Replace), old).await.unwrap();
        let merged = target("words", &keyed_definition(), Mode::Merge { key: by_id() });
        let publication = PublishRequest { run: "two".into(), tables: vec![merged], pipeline: None };
        let publisher = it.connection.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
        writer.write(pairs(&[(1, "A")])).await.unwrap();
        writer.finish().await.unwrap();
        if looked_at {
            let preview = publisher.preview(&"words".into()).await.unwrap().rows;
            assert_eq!(shown_provider(preview).await, "1 A, 2 b, 3 c");
        }
        let Some(sweep) = publisher.key_sweep() else {
            assert!(!matches!(it.connection.kind(), "postgres" | "mysql"), "servers sweep what is not kept");
            return;
        };
        let mut keeper = sweep.keys(&"words".into()).await.unwrap();
        keeper.write(pairs(&[(1, ""), (3, "")]).project(&[0]).unwrap()).await.unwrap();
        assert_eq!(keeper.finish().await.unwrap(), 2);
        let preview = publisher.preview(&"words".into()).await.unwrap().rows;
        assert_eq!(shown_provider(preview).await, "1 A, 3 c");
        assert_eq!(it.rows("words").await, "1 a, 2 b, 3 c", "readers do not see it yet");
        publisher.commit(engine_connect::hub::publication::Commit::default()).await.unwrap();
        assert_eq!(it.rows("words").await, "1 A, 3 c");
    }
}
