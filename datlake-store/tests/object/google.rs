//! Signed URLs of Google Cloud Storage, for which there is no server here: `openssl` checks the signature.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use datlake_core::{Digest, Location};
use datlake_store::{LocalView, Options, Reach, RemoteOptions};

fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new("openssl");
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{arguments:?}");
    Some(done.stdout)
}

/// Whether the service account's key has signed the URL, by Google's rules for V4 signatures.
fn check_signature(folder: &Path, url: &str) {
    let (place, query) = url.strip_prefix("https://storage.googleapis.com").unwrap().split_once('?').unwrap();
    let (mut signed, signature): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|pair| !pair.starts_with("X-Goog-Signature="));
    signed.sort_unstable();
    let value = |name: &str| signed.iter().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap();
    let request = format!("GET\n{place}\n{}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD", signed.join("&"));
    let hash = openssl(&["dgst", "-sha256", "-r"], request.as_bytes()).unwrap();
    let hash = std::str::from_utf8(&hash).unwrap().split(' ').next().unwrap();
    let scope = value("X-Goog-Credential").split_once("%2F").unwrap().1.replace("%2F", "/");
    let text = format!("GOOG4-RSA-SHA256\n{}\n{scope}\n{hash}", value("X-Goog-Date"));
    let hex = signature[0].split_once('=').unwrap().1;
    let bytes: Vec<u8> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let (public, signature) = (folder.join("public.pem"), folder.join("signature"));
    std::fs::write(&signature, bytes).unwrap();
    let arguments = ["dgst", "-sha256", "-verify", public.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
    assert_eq!(openssl(&arguments, text.as_bytes()).unwrap(), b"Verified OK\n");
}

#[test]
fn urls_of_google_are_signed_with_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let Some(key) = openssl(&["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"")
    else {
        return eprintln!("LEFT OUT: urls_of_google_are_signed_with_the_name needs openssl");
    };
    std::fs::write(folder.path().join("public.pem"), openssl(&["pkey", "-pubout"], &key).unwrap()).unwrap();
    let key = String::from_utf8(key).unwrap();
    let account = serde_json::json!({
        "private_key": key, "private_key_id": "one", "client_email": "reader@project.example",
    });
    let mut options = Options::default();
    let variables = vec![("GOOGLE_SERVICE_ACCOUNT_KEY".to_owned(), account.to_string())];
    options.remote = RemoteOptions { variables: Some(variables), ..RemoteOptions::default() };
    let local_view =
        LocalView::open(&folder.path().join("home"), Reach::Remote("gs://bucket/two words"), &options).unwrap();
    let at = Location::Blob(Digest::of(b"x"));
    let sign = |hours: u64| {
        pollster::block_on(local_view.remote().unwrap().sign(&at, "naïve €.txt", Duration::from_secs(hours * 3600)))
    };
    let signed = sign(1).unwrap();
    assert!(signed.url.contains("/bucket/two%20words/blobs/") && signed.url.contains("X-Goog-Expires=3600"));
    let header = "response-content-disposition=attachment%3B%20filename%3D%22na_ve%20_.txt%22%3B%20filename%2A%3DUTF-8%27%27na%25C3%25AFve";
    assert!(signed.url.contains(header), "{}", signed.url);
    check_signature(folder.path(), &signed.url);
    assert!(!format!("{signed:?} {local_view:?}").contains("PRIVATE") && !format!("{signed:?}").contains("googleapis"));
    assert!(sign(7 * 24 + 1).unwrap_err().to_string().contains("7 days"));
}
