//! Lists the shop project's files, so that `engine init` can write them, and compiles what glibc's allocator is told.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    allocator();
    let crate_folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets this"));
    let root = crate_folder.join("../..").canonicalize()?;
    let mut files = vec![];
    for top in ["project", "snapshots", ".env.example"] {
        println!("cargo::rerun-if-changed={}", root.join(top).display());
        collect(&root.join(top), &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root).expect("it lies below the root").to_string_lossy().replace('\\', "/");
        writeln!(list, "    ({name:?}, include_str!({:?})),", file.display().to_string()).expect("a string takes all");
    }
    list.push_str("]\n");
    fs::write(PathBuf::from(env::var("OUT_DIR").expect("cargo sets this")).join("shop.rs"), list)
}

/// Other C libraries do as they do.
fn allocator() {
    println!("cargo::rerun-if-changed=src/malloc.c");
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|library| library == "gnu") {
        // Nothing refers to it, so the linker has to be told to take it.
        cc::Build::new().file("src/malloc.c").link_lib_modifier("+whole-archive").compile("engine_malloc");
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.starts_with('.') && !name.ends_with(".snap.new") {
                collect(&path, files)?;
            }
        }
    }
    Ok(())
}
