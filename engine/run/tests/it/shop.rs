//! The shop's own tests, as `engine test` runs them. `INSTA_UPDATE=always` records its snapshots.

use engine_language::{
    load::{LoadOptions, load},
    template::RunInfo,
    world::MemoryWorld,
};
use engine_run::test::{TestOptions, output, snapshot::Update, test};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

fn read(root: &Path, folder: &Path, world: &mut MemoryWorld) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            read(root, &path, world);
        } else {
            world.files.insert(path, fs::read_to_string(entry.path()).unwrap().into());
        }
    }
}

#[tokio::test]
async fn the_shop_passes_its_tests() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut world = MemoryWorld::default();
    read(&root, Path::new("project"), &mut world);
    let options =
        LoadOptions { target: None, vars: BTreeMap::default(), run: RunInfo::NONE, discovered: BTreeMap::default() };
    let (project, problems) = load(&world, &options);
    assert!(problems.is_empty(), "{problems:?}");
    let project = Arc::new(project);
    let all: BTreeSet<_> = project.graph.nodes.keys().cloned().collect();
    let update = if env::var("INSTA_UPDATE").as_deref() == Ok("always") { Update::Always } else { Update::No };
    let report = test(project.clone(), &root, &all, TestOptions { update }).await.unwrap();
    assert!(report.passed() && report.unreferenced.is_empty(), "{:#}", output::json(&report, &project.files));
    let kinds = |word: &str| report.results.iter().filter(|result| result.kind.word() == word).count();
    assert_eq!((kinds("unit test"), kinds("check"), kinds("test"), kinds("snapshot")), (6, 14, 4, 4));
}
