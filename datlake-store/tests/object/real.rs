//! Real servers: a Ceph object gateway, moto, Azurite.

use datlake_core::{Created, Digest, Error, ErrorKind, Location, Prefix, Store, Uid, WHOLE};

use crate::servers::{SECRET, Server, open, s3_at};

/// As a user of tokio would: inside somebody else's runtime.
fn inside_tokio(checking: datlake_conformance::Checking<'_>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(checking);
}

/// From a thread of a rayon pool.
fn on_a_pool(checking: datlake_conformance::Checking<'_>) {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| pollster::block_on(checking));
}

#[test]
fn rgw_holds_a_lake() {
    let Some(server) = Server::rgw("rgw_holds_a_lake") else { return };
    datlake_conformance::check(&*server.store());
}

#[test]
fn rgw_holds_a_lake_from_within_a_runtime_and_from_a_pool() {
    let Some(server) = Server::rgw("rgw_holds_a_lake_from_within_a_runtime_and_from_a_pool") else { return };
    datlake_conformance::check_by(&*server.store(), &inside_tokio);
    datlake_conformance::check_by(&*server.store(), &on_a_pool);
}

#[test]
fn rgw_answers_in_pages() {
    let Some(server) = Server::rgw("rgw_answers_in_pages") else { return };
    datlake_conformance::check_pages(&*server.store(), &datlake_conformance::plain, 1100);
}

/// Everything but races: of several creators moto may let two win, so it is evidence of nothing there.
#[test]
fn moto_holds_a_lake() {
    let Some(server) = Server::moto("moto_holds_a_lake") else { return };
    datlake_conformance::check_without_races(&*server.store(), &datlake_conformance::plain);
    datlake_conformance::check_pages(&*server.store(), &datlake_conformance::plain, 1100);
}

#[test]
fn azurite_holds_a_lake() {
    let Some(server) = Server::azurite("azurite_holds_a_lake") else { return };
    datlake_conformance::check(&*server.store());
}

/// Many machines, each with a client of its own, begin to create one object at the same moment.
#[test]
fn of_many_machines_one_creates() {
    let Some(server) = Server::rgw("of_many_machines_one_creates") else { return };
    const MACHINES: usize = 16;
    for round in 0..20 {
        let at = Location::Name(Uid::chosen(&format!("race/{round}")).unwrap());
        let start = std::sync::Barrier::new(MACHINES);
        let created: Vec<_> = std::thread::scope(|scope| {
            let machines: Vec<_> = (0..MACHINES)
                .map(|machine| {
                    let (store, at, start) = (server.store(), &at, &start);
                    scope.spawn(move || {
                        // It has found out what the server can do, and has connections.
                        pollster::block_on(store.create(&Location::Tombstone(format!("{round}-{machine}")), b""))
                            .unwrap();
                        start.wait();
                        let bytes = format!("machine {machine}");
                        (pollster::block_on(store.create(at, bytes.as_bytes())).unwrap(), bytes)
                    })
                })
                .collect();
            machines.into_iter().map(|machine| machine.join().unwrap()).collect()
        });
        let won: Vec<_> = created.iter().filter(|(created, _)| *created == Created::New).collect();
        assert_eq!(won.len(), 1, "round {round}");
        let there = pollster::block_on(server.store().get(&at)).unwrap().unwrap();
        assert_eq!(there, won[0].1.as_bytes(), "round {round}");
    }
}

/// Every operation on a store fails alike: the kind, what it says, and never a secret.
fn check_fails(store: &dyn Store, kind: ErrorKind, says: &[&str]) {
    let at = Location::Blob(Digest::of(b"x"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let errors: [(&str, Option<Error>); 5] = pollster::block_on(async {
        [
            ("get", store.get(&at).await.err()),
            ("fetch", store.fetch(&at, WHOLE, &mut Vec::new()).await.err()),
            ("create", store.create(&at, b"x").await.err()),
            ("create_from", store.create_from(&at, file.path()).await.err()),
            ("list", store.list(&Prefix::Blobs, &mut |_| std::ops::ControlFlow::Continue(())).await.err()),
        ]
    });
    for (operation, error) in errors {
        let error = error.unwrap_or_else(|| panic!("{operation} works"));
        let text = format!("{error} {error:?} {store:?} {}", store.describe());
        assert_eq!(error.kind(), kind, "{operation}: {text}");
        for word in says {
            assert!(text.contains(word), "{operation}: {text}");
        }
        for secret in [SECRET, "hunter2", "Signature="] {
            assert!(!text.contains(secret), "{operation}: {text}");
        }
    }
}

#[test]
fn wrong_keys_are_refused() {
    let Some(server) = Server::rgw("wrong_keys_are_refused") else { return };
    let wrong = server.with("AWS_SECRET_ACCESS_KEY", "hunter2");
    check_fails(
        &*wrong.store(),
        ErrorKind::Denied,
        &["403", "SignatureDoesNotMatch", "s3://datlake/", "check the credentials"],
    );
    let unknown = server.with("AWS_ACCESS_KEY_ID", "NOBODY");
    check_fails(&*unknown.store(), ErrorKind::Denied, &["403", "InvalidAccessKeyId", "check the credentials"]);
}

#[test]
fn a_missing_bucket_is_named() {
    for server in
        [Server::rgw("a_missing_bucket_is_named"), Server::moto("a_missing_bucket_is_named")].into_iter().flatten()
    {
        let store = open("s3://no-such-bucket/lake", server.variables);
        check_fails(&*store, ErrorKind::Config, &["no such bucket", "s3://no-such-bucket/lake"]);
    }
    if let Some(server) = Server::azurite("a_missing_bucket_is_named") {
        let store = open("az://no-such-container/lake", server.variables);
        check_fails(&*store, ErrorKind::Config, &["no such bucket", "az://no-such-container/lake"]);
    }
}

#[test]
fn nobody_at_the_endpoint_is_told_soon() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = open("s3://bucket/lake", s3_at(&format!("http://127.0.0.1:{port}")));
    check_fails(&*closed, ErrorKind::Unavailable, &["s3://bucket/lake", "nobody answers there"]);
    let unknown = open("s3://bucket/lake", s3_at("http://no-such-host.invalid"));
    check_fails(&*unknown, ErrorKind::Unavailable, &["s3://bucket/lake", "name is unknown"]);
}
