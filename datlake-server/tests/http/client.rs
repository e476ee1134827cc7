//! Rust's own client, against a server: every method of it.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, SystemTime};

use datlake::ErrorKind;
use datlake_client::{
    ChangeType, Client, ClientOptions, CommonPrefix, DataflowFinish, LinkedArtifact, LinkedItem, ListOptions,
    ListedItem, PathType, Repository, init, repository,
};
use datlake_server::ServerSettings;
use serde_json::json;

use crate::clients::make_bucket;
use crate::support::{Bucket, ROOT, Served};

fn options(served: &Served) -> ClientOptions {
    ClientOptions::new().endpoint(&served.url).access_key_id(ROOT.0).secret_access_key(ROOT.1)
}

fn sales(served: &Served) -> Repository {
    Client::new(options(served)).repository("sales").get_or_create("lake://sales", None, false).unwrap()
}

fn paths(list: impl Iterator<Item = datlake::Result<ListedItem>>) -> Vec<String> {
    list.map(|item| item.unwrap().path().to_owned()).collect()
}

#[test]
fn the_client_runs_jobs_and_dataflows() {
    let served = Served::new();
    let client = Client::new(options(&served));
    let run = client.start_run("daily/users", json!({"source": "s3"})).unwrap();
    assert_eq!((run.job(), &*run.heartbeat().unwrap()), ("daily/users", "running"));
    run.add_inputs(vec![LinkedItem::uri("s3://raw/a")]).unwrap();
    run.add_outputs(vec![LinkedItem::uri("s3://out/a")]).unwrap();
    assert_eq!(client.latest_snapshot("users").unwrap_err().kind(), ErrorKind::NotFound);
    let made = run.register_snapshot("users", "s3://users/1", "parquet", Some(json!({"id": "long"}))).unwrap();
    assert_eq!((made.schema_version, made.run_id.as_deref()), (Some(1), Some(run.id())));
    assert_eq!(run.latest_snapshot("users").unwrap(), made);
    run.log_event("stats", json!({"rows": 3})).unwrap();
    let report = LinkedArtifact { r#type: "report".into(), uri: "s3://reports/1".into() };
    run.add_artifacts(vec![report.clone()]).unwrap();
    let end = || run.complete(true, vec![], json!({"rows": 3}));
    let ended = end().unwrap();
    assert_eq!((&*ended.state, &ended.artifacts, ended.inputs.len()), ("succeeded", &vec![report], 2));
    assert_eq!((ended.outputs.len(), &ended.metadata["rows"], end().unwrap()), (2, &json!(3), run.details().unwrap()));
    assert_eq!(run.complete(false, vec![], json!({})).unwrap_err().kind(), ErrorKind::Conflict);
    let none = client.run_of("daily/users", "00000000-0000-7000-8000-000000000000");
    assert_eq!(none.details().unwrap_err().kind(), ErrorKind::NotFound);
    let (raw, clean) = (
        client.create_dataflow("zone", "raw", "", "").unwrap(),
        client.create_dataflow("zone", "clean", "", "").unwrap(),
    );
    assert_eq!(client.create_dataflow("zone", "raw", "", "").unwrap().id(), raw.id());
    clean.add_source(raw.id(), false).unwrap();
    assert_eq!(raw.add_source(clean.id(), false).unwrap_err().kind(), ErrorKind::Conflict);
    let started = raw.start(json!({})).unwrap();
    assert_eq!((started.queue.len(), clean.ready().unwrap().len()), (0, 0));
    let said = DataflowFinish { record_count: Some(7), ..DataflowFinish::default() };
    assert_eq!(raw.finish(started.run.id(), true, said.clone()).unwrap().state, "succeeded");
    assert_eq!(clean.ready().unwrap()[0].record_count, Some(7));
    // The same, asynchronously.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let taken = clean.start_async(json!({})).await.unwrap();
        assert_eq!(taken.queue[0].source_run_id, started.run.id());
        assert_eq!(
            clean.finish_async(taken.run.id(), true, DataflowFinish::default()).await.unwrap().state,
            "succeeded"
        );
        assert_eq!(clean.ready_async().await.unwrap(), []);
        let run = client.start_run_async("nightly", json!({})).await.unwrap();
        run.log_event_async("stats", json!({})).await.unwrap();
        assert_eq!(run.complete_async(false, vec![], json!({})).await.unwrap().state, "failed");
    });
}

#[test]
fn the_client_reads_and_changes_objects() {
    let served = Served::new();
    let sales = sales(&served);
    let main = sales.branch("main");
    let put = main.upload("x,1\ny,2\n", "raw/ä b.csv").unwrap();
    assert_eq!((put.path(), put.size_bytes(), put.checksum().len()), ("raw/ä b.csv", 8, 64));
    assert!(put.modified_time() > SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    assert!(put.physical_address().starts_with("lake://"));
    assert_eq!(main.download("raw/ä b.csv").unwrap(), b"x,1\ny,2\n");
    main.upload_reader(&mut &b"from a reader"[..], "raw/reader").unwrap();
    let mut writer = main.create_object("raw/noted", None).unwrap().content_type("text/plain").metadata("rows", "2");
    write!(writer, "one, ").unwrap();
    write!(writer, "two").unwrap();
    assert!(!main.exists("raw/noted").unwrap());
    assert_eq!(writer.close().unwrap().content_type(), Some("text/plain"));
    assert!(writer.write(b"three").unwrap_err().to_string().contains("takes nothing more"));
    assert_eq!(writer.close().unwrap_err().kind(), ErrorKind::Context);
    let stat = main.stat_object("raw/noted").unwrap();
    assert_eq!((stat.content_type(), stat.metadata()), (Some("text/plain"), [("rows".into(), "2".into())].into()));
    // What was dropped is not there.
    main.create_object("raw/dropped", Some(false)).unwrap().write_all(b"x").unwrap();
    assert!(!main.exists("raw/dropped").unwrap());
    let mut reader = main.open("raw/noted", None).unwrap();
    let mut text = String::new();
    assert_eq!(reader.read_to_string(&mut text).unwrap(), 8);
    assert_eq!((&*text, reader.seek(SeekFrom::End(-3)).unwrap()), ("one, two", 5));
    let mut part = [0; 2];
    reader.read_exact(&mut part).unwrap();
    assert_eq!((&part, reader.stream_position().unwrap(), reader.size()), (b"tw", 7, 8));
    reader.seek(SeekFrom::Start(100)).unwrap();
    assert_eq!(reader.read(&mut part).unwrap(), 0);
    main.upload("something else", "raw/noted").unwrap();
    reader.rewind().unwrap();
    assert!(reader.read(&mut part).unwrap_err().to_string().contains("was replaced"));
    // A store in a folder gives out no URLs.
    assert_eq!(main.open("raw/noted", Some(true)).unwrap_err().kind(), ErrorKind::InvalidInput);
    main.copy_object("main", "raw/noted", "copy").unwrap();
    assert_eq!(main.download("copy").unwrap(), b"something else");
    assert_eq!(paths(main.list_objects(ListOptions::prefix("raw/"))), ["raw/noted", "raw/reader", "raw/ä b.csv"]);
    assert_eq!(paths(main.list_objects(ListOptions::default().delimiter("/"))), ["copy", "raw/"]);
    assert_eq!(paths(main.list_objects(ListOptions::prefix("raw/").after("raw/noted").max_amount(1))), ["raw/reader"]);
    assert!(CommonPrefix::new(&main, "raw/").exists().unwrap() && !CommonPrefix::new(&main, "old/").exists().unwrap());
    stat.delete().unwrap();
    main.delete_objects(&["raw/reader", "raw/none"]).unwrap();
    assert_eq!(paths(main.list_objects(ListOptions::default())), ["copy", "raw/ä b.csv"]);
    let missing = main.download("none").unwrap_err();
    assert_eq!((missing.kind(), missing.message().contains("there is no `none`")), (ErrorKind::NotFound, true));
    // More than a page.
    let many: Vec<String> = (0..7).map(|n| format!("many/{n}")).collect();
    many.iter().for_each(|path| drop(main.upload(path, path).unwrap()));
    assert_eq!(paths(main.list_objects(ListOptions::prefix("many/").max_amount(5))), many[..5]);
}

/// By presigned URLs, where the store gives them out: what is written, read and sought in never comes through the server.
#[test]
fn the_client_reads_and_writes_at_the_store() {
    for bucket in Bucket::all().iter().filter(|bucket| make_bucket(bucket)) {
        let served = Served::on(Some(bucket), |settings| settings);
        let main = sales(&served).branch("main");
        let large: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut writer = main.create_object("raw/a b", None).unwrap().content_type("text/csv").metadata("rows", "1");
        writer.write_all(&large).unwrap();
        let put = writer.close().unwrap();
        assert_eq!((put.size_bytes(), put.content_type()), (large.len() as u64, Some("text/csv")));
        assert_eq!(put.metadata()["rows"], "1");
        let mut reader = main.open("raw/a b", None).unwrap();
        assert!(!format!("{reader:?}").contains("http"));
        let mut part = vec![0; 1000];
        reader.seek(SeekFrom::Start(1_000_000)).unwrap();
        reader.read_exact(&mut part).unwrap();
        assert!(part == large[1_000_000..1_001_000]);
        assert!(main.download("raw/a b").unwrap() == large);
        let mut empty = main.create_object("empty", Some(true)).unwrap();
        assert_eq!(empty.close().unwrap().size_bytes(), 0);
        let mut through = main.create_object("raw/a b", Some(false)).unwrap();
        through.write_all(b"other").unwrap();
        through.close().unwrap();
        // A URL is of content, which stays what it was.
        reader.rewind().unwrap();
        reader.read_exact(&mut part).unwrap();
        assert!(part == large[..1000]);
        assert_eq!(main.open("raw/a b", Some(true)).unwrap().size(), 5);
    }
}

#[test]
fn the_client_commits_merges_and_tags() {
    let served = Served::new();
    let sales = sales(&served);
    let again = sales.get_or_create("lake://other", None, false).unwrap();
    assert_eq!(again.properties().unwrap(), sales.properties().unwrap());
    assert_eq!(sales.create("lake://other", None, false).unwrap_err().kind(), ErrorKind::Conflict);
    assert!(sales.metadata().unwrap().is_empty());
    let (main, noted) = (sales.branch("main"), BTreeMap::from([("k".to_owned(), "v".to_owned())]));
    main.upload("1", "a").unwrap();
    let first = main.commit_changes("first", &noted).unwrap();
    assert_eq!((first.message.as_str(), &first.metadata, &*first.committer), ("first", &noted, "root"));
    assert_eq!(main.commit_changes("nothing", &noted).unwrap_err().kind(), ErrorKind::Unchanged);
    assert_eq!((main.head().unwrap().id(), main.commit_message().unwrap()), (&*first.id, "first".to_owned()));
    assert_eq!(
        (sales.commit(&first.id[..10]).metadata().unwrap(), sales.reference("main~1").commit_message().is_ok()),
        (noted, true)
    );
    let dev = sales.branch("dev").create("main").unwrap();
    assert_eq!(dev.create("main").unwrap_err().kind(), ErrorKind::Conflict);
    dev.upload("22", "a").unwrap();
    dev.upload("1", "raw/b").unwrap();
    let uncommitted = dev.list_uncommitted(ListOptions::default()).collect::<Result<Vec<_>, _>>().unwrap();
    let shown = |changes: &[datlake_client::Change]| -> Vec<_> {
        changes.iter().map(|of| (of.r#type, of.path.clone(), of.path_type, of.size_bytes)).collect()
    };
    let both = [
        (ChangeType::Changed, "a".to_owned(), PathType::Object, Some(2)),
        (ChangeType::Added, "raw/b".to_owned(), PathType::Object, Some(1)),
    ];
    assert_eq!(shown(&uncommitted), both);
    let second = dev.commit_changes("second", &BTreeMap::new()).unwrap();
    let changes = main.diff("dev", ListOptions::default()).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(shown(&changes), both);
    let prefixed = main.diff("dev", ListOptions::prefix("r").delimiter("/")).next().unwrap().unwrap();
    assert_eq!((prefixed.r#type, prefixed.path_type), (ChangeType::PrefixChanged, PathType::CommonPrefix));
    let merged = dev.merge_into("main").unwrap();
    assert_eq!(main.commit_info().unwrap().id, merged);
    assert_eq!(dev.merge_into("main").unwrap_err().kind(), ErrorKind::Unchanged);
    let log: Vec<_> = main.log(Some(3)).map(|commit| commit.unwrap().id).collect();
    assert_eq!(log, [&*merged, &*second.id, &*first.id]);
    main.revert(&merged).unwrap();
    assert_eq!(main.download("a").unwrap(), b"1");
    assert_eq!(main.cherry_pick(&second.id).unwrap().message, "second");
    main.upload("x", "raw/c").unwrap();
    main.upload("x", "d").unwrap();
    main.reset(Some("raw/")).unwrap();
    main.reset(Some("none")).unwrap();
    assert_eq!(main.list_uncommitted(ListOptions::default()).count(), 1);
    main.reset(None).unwrap();
    assert_eq!(main.list_uncommitted(ListOptions::default()).count(), 0);
    let tag = sales.tag("v1").create(&first.id).unwrap();
    assert_eq!((tag.download("a").unwrap(), tag.commit_info().unwrap().id), (b"1".to_vec(), first.id));
    let names = |list: Vec<String>| list;
    assert_eq!(
        names(sales.list_tags(ListOptions::default()).map(|tag| tag.unwrap().id().to_owned()).collect()),
        ["v1"]
    );
    assert_eq!(
        names(sales.list_branches(ListOptions::default()).map(|of| of.unwrap().id().to_owned()).collect()),
        ["dev", "main"]
    );
    tag.delete().unwrap();
    assert_eq!(tag.commit_info().unwrap_err().kind(), ErrorKind::NotFound);
    dev.delete().unwrap();
    sales.delete().unwrap();
    assert_eq!(sales.properties().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_client_has_transactions() {
    let served = Served::new();
    let sales = sales(&served);
    let main = sales.branch("main");
    main.upload("22", "a").unwrap();
    main.commit_changes("first", &BTreeMap::new()).unwrap();
    let changed = main.transaction("all of it", |tx| {
        tx.upload("3", "a")?;
        assert_eq!(main.download("a")?, b"22");
        tx.upload("1", "e")
    });
    assert_eq!(
        (changed.unwrap().path(), main.download("a").unwrap(), main.commit_message().unwrap()),
        ("e", b"3".to_vec(), "all of it".to_owned())
    );
    let failed = main.transaction("never", |tx| {
        tx.upload("4", "a")?;
        tx.download("none")
    });
    let failed = failed.unwrap_err().to_string();
    let kept = failed.split('`').find(|word| word.starts_with("tx-")).unwrap();
    assert_eq!(
        (sales.branch(kept).download("a").unwrap(), main.download("a").unwrap()),
        (b"4".to_vec(), b"3".to_vec())
    );
    assert!(main.begin_transaction("empty").unwrap().commit().unwrap().is_none());
}

#[test]
fn the_client_imports() {
    let served =
        Served::with(|settings| ServerSettings { import_from: vec!["lake://exports/".to_owned()], ..settings });
    served.lake.add_bytes("exports/jan.csv", "1").unwrap();
    served.lake.add_bytes("exports/feb.csv", "22").unwrap();
    let (main, quick) = (sales(&served).branch("main"), Some(Duration::from_millis(20)));
    let mut import = main.import_from("lake://exports/", "raw/", "The exports").object("lake://exports/jan.csv", "jan");
    assert_eq!(import.status().unwrap_err().kind(), ErrorKind::Context);
    import.start().unwrap();
    let done = import.wait(quick).unwrap();
    assert_eq!((done.ingested_objects, &*done.commit.message), (3, "The exports"));
    assert_eq!((import.status().unwrap().completed, main.download("jan").unwrap()), (true, b"1".to_vec()));
    assert_eq!(import.cancel().unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(import.start().unwrap_err().kind(), ErrorKind::Context);
    let failed = main.import_from("lake://none/", "", "m").run(quick).unwrap_err();
    assert!(failed.to_string().contains("no file of the lake"), "{failed}");
    assert_eq!(main.import_from("file:///etc/", "", "m").run(quick).unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn the_client_says_who_asks() {
    let served = Served::new();
    // The default client is what was said last, and is asked for at the first call.
    init(ClientOptions::new().endpoint("http://127.0.0.1:9").jwt_token("t"));
    let nowhere = repository("sales").properties().unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::Unavailable);
    let token = served.accounts(async |accounts| {
        accounts.create("ada", datlake_server::AccountKind::Person).await?;
        accounts.grant("ada", "reader".parse()?, &"repo:sales".parse()?).await?;
        Ok(accounts.create_token("ada", None).await?.token)
    });
    let sales = sales(&served);
    init(ClientOptions::new().endpoint(format!("{}/api/v1/", served.url)).jwt_token(&token));
    let theirs = repository("sales");
    assert_eq!(theirs.properties().unwrap().default_branch, "main");
    let seen: Vec<_> =
        datlake_client::repositories(ListOptions::default()).map(|of| of.unwrap().id().to_owned()).collect();
    assert_eq!(seen, ["sales"]);
    let refused = theirs.branch("main").upload("1", "a").unwrap_err();
    assert_eq!((refused.kind(), refused.message().contains("lacks the role `writer`")), (ErrorKind::Denied, true));
    let wrong = Client::new(options(&served).secret_access_key("wrong"));
    assert_eq!(wrong.repository("sales").properties().unwrap_err().kind(), ErrorKind::Denied);
    assert!(!format!("{wrong:?}{theirs:?}{sales:?}").contains(&token));
    let configuration = Client::new(options(&served)).configuration().unwrap();
    let storage = configuration.storage_config();
    assert_eq!(
        (storage.blockstore_type(), storage.pre_sign_support(), storage.import_support()),
        ("lake", false, true)
    );
    assert_eq!(configuration.version(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_client_works_without_blocking() {
    let served = Served::new();
    let client = Client::new(options(&served));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let read = runtime.block_on(async {
        let sales = client.repository("sales").create_async("lake://sales", Some("trunk"), false).await?;
        let trunk = sales.branch("trunk");
        trunk.upload_async("0123456789", "a").await?;
        trunk.commit_changes_async("first", &BTreeMap::new()).await?;
        let tx = trunk.begin_transaction_async("second").await?;
        tx.upload_async("x", "b").await?;
        tx.commit_async().await?;
        assert_eq!(trunk.list_objects_async(ListOptions::default()).await?.len(), 2);
        assert_eq!(trunk.log_async(None).await?.len(), 4);
        let (_, part) = trunk.open_async("a", None).await?.read_at_async(3, 4).await?;
        Ok::<_, datlake::Error>(part)
    });
    assert_eq!(read.unwrap(), b"3456");
}

/// A server that gives these answers, one to each connection: its address, and the first lines of what it was asked.
fn scripted(answers: impl FnOnce(&str) -> Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers(&url);
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                connection.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let range = head.lines().find(|line| line.to_lowercase().starts_with("range:")).map(str::to_lowercase);
            asked.push(format!("{} {}", head.split(' ').nth(1).unwrap(), range.unwrap_or_default()));
            connection.write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    (url, serving)
}

#[test]
fn the_client_goes_on_where_reading_broke_off_and_asks_for_another_url_where_one_has_ended() {
    let answer = |status: &str, length: usize, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    let (url, serving) = scripted(|url| {
        let stat = |at: &str| {
            let stat = format!(
                concat!(
                    "{{\"path\":\"a\",\"path_type\":\"object\",\"physical_address\":\"{}/{}\",",
                    "\"physical_address_expiry\":2000000000,\"checksum\":\"c\",\"size_bytes\":10,\"mtime\":1}}"
                ),
                url, at
            );
            answer("200 OK", stat.len(), &stat)
        };
        vec![
            answer("503 Service Unavailable", 0, ""),
            stat("first"),
            answer("200 OK", 10, "01234"),
            answer("403 Forbidden", 0, ""),
            stat("second"),
            answer("206 Partial Content", 5, "56789"),
        ]
    });
    let sales = Client::new(ClientOptions::new().endpoint(&url).jwt_token("t")).repository("sales");
    let mut text = String::new();
    sales.branch("main").open("a", Some(true)).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "0123456789");
    let asked = serving.join().unwrap();
    let urls: Vec<&str> = asked.iter().filter(|asked| !asked.contains("/stat?")).map(String::as_str).collect();
    assert_eq!((asked.len(), urls), (6, vec!["/first ", "/first range: bytes=5-", "/second range: bytes=5-"]));
}
