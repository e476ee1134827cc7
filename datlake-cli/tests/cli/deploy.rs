//! What `deploy/` has does what it says.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::serve::serving;

/// The folder `deploy`.
fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy")
}

/// What a process says that has to succeed.
fn done(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let [said, failed] = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(done.status.success(), "{command:?}: {said}{failed}");
    said
}

/// The user of the image, in its root file system, which cannot be written to but for its home: as a container runs it.
const IN_ROOT: &str = r#"
mount --bind "$1" "$1"
mount -t tmpfs -o size=64m,mode=750,uid=65532,gid=65532 home "$1/var/lib/datlake"
mount -o remount,bind,ro "$1"
cd "$1" && shift
exec chroot --userspec=65532:65532 . "$@"
"#;

fn in_root(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "sh", "-euc", IN_ROOT, "sh"]).arg(root).arg("/usr/bin/datlake").args(arguments);
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("DATLAKE_HOME", "/var/lib/datlake");
    command
}

/// Whether this machine lets us mount something that others do not see, and be somebody else.
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "sh", "-euc", "mount -t tmpfs home /mnt && chroot --userspec=65532:65532 / true"]);
    command.output().is_ok_and(|done| done.status.success())
}

#[test]
fn the_root_file_system_of_the_image_serves() {
    let folder = tempfile::tempdir().unwrap();
    let archives = ["one.tar", "other.tar"].map(|name| folder.path().join(name));
    for archive in &archives {
        done(Command::new(deploy().join("rootfs")).arg(env!("CARGO_BIN_EXE_datlake")).arg(archive));
    }
    let [one, other] = archives.each_ref().map(|archive| std::fs::read(archive).unwrap());
    assert!(one == other, "it is not the same when it is made twice");
    // There is nothing in it to get in by.
    let names = done(Command::new("tar").arg("-tf").arg(&archives[0]));
    let programs: Vec<&str> = names.lines().filter(|name| name.contains("bin/") && !name.ends_with('/')).collect();
    assert_eq!(programs, ["./usr/bin/datlake"]);
    eprintln!("the root file system, with the binary of tests: {} MiB", one.len() >> 20);
    if !may_mount() {
        eprintln!("LEFT OUT: nothing can be mounted here, or one is not root");
        return;
    }
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    done(Command::new("tar").arg("-xpf").arg(&archives[0]).arg("-C").arg(&root).arg("--numeric-owner"));
    assert_eq!(std::fs::metadata(root.join("var/lib/datlake")).unwrap().uid(), 65532);
    let mut command = in_root(&root, &["serve", "--listen", "127.0.0.1:0"]);
    command.env("DATLAKE_ROOT_ACCESS_KEY_ID", "ROOT").env("DATLAKE_ROOT_SECRET_ACCESS_KEY", "the-secret-of-root");
    let (mut child, address) = serving(command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    assert!(status.contains("Uid:\t65532\t65532\t65532\t65532"), "{status}");
    let ask = || in_root(&root, &["serve", "--check", "--listen", &address]).output().unwrap();
    let well = ask();
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stderr));
    objects_are_kept(&address);
    probes_are_answered(&address);
    a_full_disk_is_said_and_goes_by(&child, &address);
    done(Command::new("kill").args(["-TERM", &child.id().to_string()]));
    assert!(child.wait().unwrap().success());
    let gone = ask();
    assert!(gone.status.code() == Some(2) && String::from_utf8_lossy(&gone.stderr).contains("is not well: "));
}

/// What is put into a branch is there.
fn objects_are_kept(address: &str) {
    let curl = |arguments: &[&str], path: &str| {
        let mut command = Command::new("curl");
        command.args(["-sSf", "--noproxy", "*", "-u", "ROOT:the-secret-of-root"]).args(arguments);
        done(command.arg(format!("http://{address}/api/v1/repositories{path}")))
    };
    let named = r#"{"name": "sales", "storage_namespace": "lake://sales"}"#;
    curl(&["--json", named], "");
    let object = "/sales/branches/main/objects?path=a.csv";
    curl(&["-X", "POST", "--data-binary", "x,1"], object);
    curl(&["--json", r#"{"message": "January"}"#], "/sales/branches/main/commits");
    assert_eq!(curl(&[], "/sales/refs/main/objects?path=a.csv"), "x,1");
}

/// What a server answers whose disk is full, and once there is room again. That disk is its home's.
fn a_full_disk_is_said_and_goes_by(child: &Child, address: &str) {
    let asked = |path: &str, body: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sS", "--noproxy", "*", "-u", "ROOT:the-secret-of-root", "-w", "%{http_code}"]).args(body);
        done(command.arg(format!("http://{address}{path}")))
    };
    let run = || asked("/api/v1/jobs/nightly/runs", &["--json", "{}"]);
    assert!(run().ends_with("201"));
    let fill = PathBuf::from(format!("/proc/{}/root/var/lib/datlake/fill", child.id()));
    let mut file = std::fs::File::create(&fill).unwrap();
    let block = vec![1; 1 << 20];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
    // Pages of the database that are free already may take some.
    let refused = (0..50).map(|_| run()).find(|said| !said.ends_with("201")).unwrap();
    assert!(refused.contains("the disk of the server's database is full") && refused.ends_with("503"), "{refused}");
    let refused = asked("/api/v1/repositories/sales/branches/main/objects?path=b", &["--data-binary", "x,2"]);
    assert!(refused.contains("the disk of the server is full") && refused.ends_with("503"), "{refused}");
    std::fs::remove_file(&fill).unwrap();
    drop(file);
    // It is as it was, whichever connection is used.
    for _ in 0..10 {
        let said = run();
        assert!(said.ends_with("201"), "{said}");
    }
    assert!(asked("/api/v1/admin/health", &[]).ends_with("200"));
}

/// What the manifests have Kubernetes ask, the server answers.
fn probes_are_answered(address: &str) {
    let server = std::fs::read_to_string(deploy().join("kubernetes/base/server.yaml")).unwrap();
    let paths: Vec<&str> =
        server.split("httpGet: { path: ").skip(1).filter_map(|rest| rest.split(',').next()).collect();
    assert_eq!(paths.len(), 3);
    for path in paths {
        done(Command::new("curl").args(["-sSf", "--noproxy", "*"]).arg(format!("http://{address}{path}")));
    }
}

/// kubectl and readers of what is deployed, where `./test` has them.
fn readers() -> Option<PathBuf> {
    let readers = std::env::var_os("DATLAKE_TEST_DEPLOYMENTS").map(PathBuf::from);
    if readers.is_none() {
        eprintln!(
            "LEFT OUT: manifests and compose files are read by others' programs; ./test installs them where it can"
        );
    }
    readers
}

/// What `deploy/check` says of these, and whether it is content.
fn checked(readers: &Path, arguments: &[&Path]) -> (bool, String) {
    let done = Command::new(readers.join("python")).arg(deploy().join("check")).args(arguments).output().unwrap();
    (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn manifests_are_what_their_overlays_make_and_what_they_have_to_be() {
    let Some(readers) = readers() else { return };
    let kubernetes = deploy().join("kubernetes");
    let check = |folder: &Path| {
        let render = folder.join("render");
        Command::new(render).arg("--check").env("KUBECTL", readers.join("kubectl")).output().unwrap()
    };
    let current = check(&kubernetes);
    assert!(current.status.success(), "{}", String::from_utf8_lossy(&current.stderr));
    let rendered = ["production", "trial"].map(|name| kubernetes.join(format!("rendered/{name}.yaml")));
    assert_eq!(checked(&readers, &rendered.each_ref().map(PathBuf::as_path)), (true, String::new()));
    // Each of these is noticed.
    let text = std::fs::read_to_string(&rendered[0]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (from, to, says) in [
        ("startupProbe", "startUpProbe", "'startUpProbe' was unexpected"),
        ("replicas: 2", "replicas: two", "is not of type 'integer'"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "it can change itself"),
        ("runAsNonRoot: true", "runAsNonRoot: false", "it may run as root"),
        ("terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 40", "before it has answered"),
        ("path: /api/v1/healthcheck", "path: /health", "its livenessProbe asks /health"),
        ("datlake:0.1.0", "datlake:latest", "nobody knows which"),
        ("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", "PodDisruptionBudgets"),
    ] {
        assert!(text.contains(from), "{from}");
        let broken = folder.path().join("broken.yaml");
        std::fs::write(&broken, text.replace(from, to)).unwrap();
        let (is_content, said) = checked(&readers, &[&broken]);
        assert!(!is_content && said.contains(says), "{to}: {said}");
    }
    // So is an overlay that was changed and not rendered.
    let copy = folder.path().join("kubernetes");
    done(Command::new("cp").arg("-r").arg(&kubernetes).arg(&copy));
    let overlay = copy.join("overlays/trial/kustomization.yaml");
    std::fs::write(&overlay, std::fs::read_to_string(&overlay).unwrap().replace("count: 1", "count: 3")).unwrap();
    let stale = check(&copy);
    assert!(!stale.status.success() && String::from_utf8_lossy(&stale.stderr).contains("rendered/trial.yaml is not"));
}

#[test]
fn the_compose_file_has_no_passwords_and_waits_until_all_is_well() {
    let Some(readers) = readers() else { return };
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets");
    let make = || done(Command::new(deploy().join("make-secrets")).arg(&secrets));
    let read = |name: &str| std::fs::read_to_string(secrets.join(name)).unwrap();
    make();
    let (password, url) = (read("database_password"), read("database_url"));
    assert!(password.trim().len() == 64 && url.contains(&format!(":{}@", password.trim())));
    assert_ne!(password, read("secret_key"));
    // Those that are there are kept.
    make();
    assert_eq!(password, read("database_password"));
    let check = |file: &Path| checked(&readers, &[Path::new("--compose"), file, Path::new("--secrets"), &secrets]);
    let compose = deploy().join("compose.yaml");
    assert_eq!(check(&compose), (true, String::new()));
    let text = std::fs::read_to_string(&compose).unwrap();
    for (from, to, says) in [
        ("POSTGRES_PASSWORD_FILE: /run/secrets/database_password", "POSTGRES_PASSWORD: datlake", "stands in it"),
        ("LOG_FORMAT: json", "LOG_FORMAT: ${LOG_FORMAT:-json}", "depends on the environment"),
        ("condition: service_healthy", "condition: service_well", "compose.yaml: "),
        ("cap_drop: [ALL]", "cap_dropped: [ALL]", "cap_dropped"),
        ("./secrets/root_token", "./secrets/rooted", "nothing makes the secret root_token"),
    ] {
        assert!(text.contains(from), "{from}");
        let broken = folder.path().join("compose.yaml");
        std::fs::write(&broken, text.replace(from, to)).unwrap();
        let (is_content, said) = check(&broken);
        assert!(!is_content && said.contains(says), "{to}: {said}");
    }
}

/// What containers are started with is what the command has.
#[test]
fn arguments_of_containers_are_understood() {
    let mut seen = 0;
    for file in ["base/server.yaml", "workers/worker.yaml"] {
        let text = std::fs::read_to_string(deploy().join("kubernetes").join(file)).unwrap();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("args: [")?.strip_suffix(']')) {
            let arguments = line.split(", ").map(|argument| argument.trim_matches('"'));
            done(Command::new(env!("CARGO_BIN_EXE_datlake")).args(arguments).arg("--help"));
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}
