//! What is left of an upload by servers that die at each step, expiry, and several servers that share it.

use std::path::Path;

use sqlx::AssertSqlSafe;

use super::*;

const DAY: i64 = 24 * 3600 * 1_000_000;
const OF: UploadOf<'_> = UploadOf { account: "ada", repository: "sales", key: "main/a" };

struct World {
    folder: tempfile::TempDir,
    servers: [Parts; 2],
    place: BranchPlace,
}

impl World {
    /// Two servers that share a remote and a database.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let remote = format!("file://{}", folder.path().join("remote").display());
        let database = Database::open(None, folder.path()).await.unwrap();
        let server = |name: &str| {
            let lake = Lake::builder().home(folder.path().join(name)).remote(&remote).open().unwrap();
            Parts::new(&lake, &database)
        };
        let servers = [server("one"), server("other")];
        let lake = servers[0].lake.clone();
        let begin = move || lake.new_repository("sales").create()?.default_branch().place();
        let place = tokio::task::spawn_blocking(begin).await.unwrap().unwrap();
        Self { servers, place, folder }
    }

    async fn begin(&self) -> String {
        self.servers[0].begin(OF, &self.place, &UploadNotes::default()).await.unwrap()
    }

    /// How many parts are in the store, and how many are known.
    async fn there(&self) -> (usize, i64) {
        let sql = "SELECT COUNT(*) FROM upload_parts";
        let known = sqlx::query_as::<_, (i64,)>(sql).fetch_one(self.servers[0].database.pool()).await.unwrap();
        (files(&self.folder.path().join("remote/parts")), known.0)
    }

    /// So much time has passed.
    async fn pass(&self, micros: i64) {
        for (table, times) in [("uploads", "begun_at ended_at"), ("upload_parts", "begun_at kept_at")] {
            for time in times.split(' ') {
                let sql = format!("UPDATE {table} SET {time} = {time} - {micros}");
                sqlx::query(AssertSqlSafe(sql)).execute(self.servers[0].database.pool()).await.unwrap();
            }
        }
    }

    async fn received(&self, content: &'static [u8]) -> datlake::ReceivedPart {
        let id = Digest::from_bytes(random::<32>().unwrap());
        self.servers[1].lake.receive_part(id, content).await.unwrap()
    }
}

fn files(folder: &Path) -> usize {
    let Ok(found) = std::fs::read_dir(folder) else { return 0 };
    found.map(|found| found.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

fn body(content: &'static [u8]) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::iter([Ok(Bytes::from_static(content))])
}

#[tokio::test]
async fn a_server_that_dies_at_any_step_leaves_nothing_for_longer_than_a_day() {
    let world = World::new().await;
    let [one, other] = &world.servers;
    let upload = world.begin().await;
    other.put(&upload, 1, body(b"counted")).await.unwrap();
    // One died before the part was kept, another before it was counted.
    let parts = [world.received(b"known").await, world.received(b"kept").await];
    for (number, received) in (2..).zip(parts) {
        let part = received.part();
        other.expect(&upload, number, &part).await.unwrap();
        if number == 3 {
            received.keep(&other.lake).await.unwrap();
        }
    }
    assert_eq!(world.there().await, (2, 3));
    assert_eq!(one.listed(&upload).await.unwrap().len(), 1);
    one.abort(&upload).await.unwrap();
    one.clear(&upload).await.unwrap();
    // These may be on their way.
    assert_eq!(world.there().await, (1, 2));
    assert_eq!(other.end_expired().await.unwrap(), 0);
    assert_eq!(world.there().await, (1, 2));
    world.pass(DAY + 1).await;
    assert_eq!(other.end_expired().await.unwrap(), 0);
    assert_eq!(world.there().await, (0, 0));
    // And the upload itself is forgotten.
    world.pass(7 * DAY).await;
    one.end_expired().await.unwrap();
    let left =
        sqlx::query_as::<_, (i64,)>("SELECT COUNT(*) FROM uploads").fetch_one(one.database.pool()).await.unwrap();
    assert_eq!(left.0, 0);
}

#[tokio::test]
async fn a_part_that_comes_too_late_is_refused_and_removed() {
    let world = World::new().await;
    let [one, other] = &world.servers;
    let upload = world.begin().await;
    one.abort(&upload).await.unwrap();
    let refused = other.put(&upload, 1, body(b"late")).await.err().unwrap();
    assert_eq!(*refused.code(), S3ErrorCode::NoSuchUpload);
    assert_eq!(world.there().await, (0, 0));
    assert_eq!(*other.find(&upload, OF).await.err().unwrap().code(), S3ErrorCode::NoSuchUpload);
}

#[tokio::test]
async fn an_upload_expires_a_week_after_it_began_however_much_came_since() {
    let world = World::new().await;
    let [one, other] = &world.servers;
    let upload = world.begin().await;
    one.put(&upload, 1, body(b"first")).await.unwrap();
    world.pass(7 * DAY - 60_000_000).await;
    other.put(&upload, 2, body(b"second")).await.unwrap();
    assert_eq!(one.end_expired().await.unwrap(), 0);
    assert!(one.find(&upload, OF).await.is_ok());
    world.pass(61_000_000).await;
    // Also before a server has looked.
    assert!(one.find(&upload, OF).await.is_err());
    assert_eq!(other.end_expired().await.unwrap(), 1);
    assert_eq!(world.there().await, (0, 0));
}

#[tokio::test]
async fn parts_are_selected_by_number_and_content_and_read_by_any_server() {
    let world = World::new().await;
    let [one, other] = &world.servers;
    let upload = world.begin().await;
    let mut tags = Vec::new();
    for (number, content) in [(1, &b"a"[..]), (2, b""), (10_000, b"c"), (1, b"A")] {
        let part = one.put(&upload, number, body(content)).await.unwrap().part;
        tags.push((number, format!("{}-1", part.content)));
    }
    let listed: Vec<(i32, u64)> =
        other.listed(&upload).await.unwrap().iter().map(|part| (part.number, part.part.size)).collect();
    assert_eq!(listed, [(1, 1), (2, 0), (10_000, 1)]);
    assert_eq!(other.listed(&upload).await.unwrap()[0].part.content, Digest::of(b"A"));
    let selected = other.selected(&upload, &tags[..3], 2).await.unwrap();
    let mut reader = other.lake.read_parts(selected);
    let mut whole = Vec::new();
    while let Some(piece) = reader.next().await {
        whole.extend(piece.unwrap());
    }
    assert_eq!(whole, b"ac");
    let code =
        async |named: &[(i32, String)], most| other.selected(&upload, named, most).await.unwrap_err().code().clone();
    assert_eq!(code(&tags[..3], 1).await, S3ErrorCode::EntityTooLarge);
    assert_eq!(code(&[tags[2].clone(), tags[0].clone()], 9).await, S3ErrorCode::InvalidPartOrder);
    assert_eq!(code(&[(2, tags[0].1.clone())], 9).await, S3ErrorCode::InvalidPart);
    // The first who is about to put it says since when, for all.
    let later = world.place.to_string().replace(":0", ":7").parse().unwrap();
    assert_eq!(one.putting(&upload, &world.place).await.unwrap(), world.place);
    assert_eq!(other.putting(&upload, &later).await.unwrap(), world.place);
    one.end(&upload, "etag").await.unwrap();
    assert_eq!(other.find(&upload, OF).await.unwrap().etag.as_deref(), Some("etag"));
    other.abort(&upload).await.unwrap();
    assert_eq!(one.find(&upload, OF).await.unwrap().etag.as_deref(), Some("etag"));
}
