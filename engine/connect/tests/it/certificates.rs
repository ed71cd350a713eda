//! An authority of a test's own, and what it has signed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Certificates and keys in a folder: `NAME.crt` and `NAME.key`, of the authority too.
pub struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// An authority named `ca`.
    pub fn new() -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap() };
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(it.folder.path(), open).unwrap();
        it.authority("ca");
        it
    }

    /// One more authority, which nobody knows.
    pub fn authority(&self, name: &str) {
        let subject = format!("/CN=authority {name}");
        openssl(&[
            "req",
            "-x509",
            "-days",
            "2",
            "-subj",
            &subject,
            "-keyout",
            &self.key(name),
            "-out",
            &self.crt(name),
        ]);
    }

    /// A certificate signed by `ca`, for `subject` and other names such as `DNS:localhost`.
    pub fn sign(&self, name: &str, subject: &str, others: &str) {
        let [request, more] = ["csr", "ext"].map(|ending| self.path(&format!("{name}.{ending}")));
        fs::write(&more, format!("subjectAltName = {others}\n")).unwrap();
        let (subject, request, more) = (format!("/CN={subject}"), shown(&request), shown(&more));
        openssl(&["req", "-subj", &subject, "-keyout", &self.key(name), "-out", &request]);
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "2", "-in", &request, "-extfile", &more, "-out", &self.crt(name)]);
        run(sign.args(["-CA", &self.crt("ca"), "-CAkey", &self.key("ca"), "-CAcreateserial"]));
    }

    /// The path of a certificate.
    pub fn crt(&self, name: &str) -> String {
        shown(&self.path(&format!("{name}.crt")))
    }

    /// The path of a key.
    pub fn key(&self, name: &str) -> String {
        shown(&self.path(&format!("{name}.key")))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

/// Makes a key and asks for, or gives, a certificate.
fn openssl(args: &[&str]) {
    let mut openssl = Command::new("openssl");
    run(openssl.args(args).args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]));
    // Servers run as others.
    let key = args[args.iter().position(|arg| *arg == "-keyout").unwrap() + 1];
    fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
