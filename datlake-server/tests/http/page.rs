//! The page over HTTP: who gets in, forms that others send, and what users wrote.

use datlake::ErrorKind;
use datlake_server::{Server, ServerSettings};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::json;

use crate::support::{ROOT, Served, client, json as answered};

/// A browser that is signed in, as far as the server sees one.
pub(crate) struct Browser<'s> {
    served: &'s Served,
    cookie: String,
    form_token: String,
}

fn text(response: Response, status: u16) -> String {
    let (found, text) = (response.status(), response.text().unwrap());
    assert_eq!(found.as_u16(), status, "{text}");
    text
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// What a form is sent with by a browser that shows our own page.
fn own(served: &Served, request: RequestBuilder) -> RequestBuilder {
    request.header("origin", &served.url).header("sec-fetch-site", "same-origin")
}

/// With a form as its body.
fn with_form(request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let spelled = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{}={}", spelled(name), spelled(value))).collect();
    request.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"))
}

fn sign_in(served: &Served, form: &[(&str, &str)]) -> Response {
    with_form(own(served, client().post(format!("{}/sign-in", served.url))), form).send().unwrap()
}

impl<'s> Browser<'s> {
    pub(crate) fn signed_in(served: &'s Served, form: &[(&str, &str)]) -> Self {
        let response = sign_in(served, form);
        assert_eq!(response.status(), 303, "{:?}", response.text());
        let cookie = header(&response, "set-cookie").split(';').next().unwrap().to_owned();
        let mut browser = Self { served, cookie, form_token: String::new() };
        let page = browser.page("/");
        let (_, rest) = page.split_once("name=\"form_token\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.clone_into(&mut browser.form_token);
        browser
    }

    pub(crate) fn root(served: &'s Served) -> Self {
        Self::signed_in(served, &[("access_key_id", ROOT.0), ("secret", ROOT.1)])
    }

    pub(crate) fn of(served: &'s Served, token: &str) -> Self {
        Self::signed_in(served, &[("secret", token)])
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        client().get(format!("{}{path}", self.served.url)).header("cookie", &self.cookie).send().unwrap()
    }

    pub(crate) fn page(&self, path: &str) -> String {
        text(self.get(path), 200)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.served.url)).header("cookie", &self.cookie)
    }

    /// Sends a form as the page does.
    pub(crate) fn send(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let form = [&[("form_token", &*self.form_token)], form].concat();
        with_form(own(self.served, self.request(Method::POST, path)), &form).send().unwrap()
    }
}

#[test]
fn the_link_signs_in_once_and_a_session_ends_with_what_it_was_begun_with() {
    let served = Served::new();
    let nobody = client().get(format!("{}/jobs?after=x", served.url)).send().unwrap();
    assert_eq!((nobody.status().as_u16(), header(&nobody, "location")), (303, "/sign-in?to=%2Fjobs%3Fafter%3Dx"));
    assert!(text(client().get(format!("{}/sign-in", served.url)).send().unwrap(), 200).contains("Access key id"));
    let (address, link) = served.link.split_once("/sign-in?link=").unwrap();
    assert_eq!(address, served.url);
    // What looks at a link does not use it up.
    for _ in 0..2 {
        assert!(text(client().get(&served.link).send().unwrap(), 200).contains("This link signs"));
    }
    let root = Browser::signed_in(&served, &[("link", link)]);
    assert!(root.page("/").contains("Nothing failed"));
    text(sign_in(&served, &[("link", link)]), 401);
    text(sign_in(&served, &[("access_key_id", ROOT.0), ("secret", "x")]), 401);
    text(sign_in(&served, &[("secret", "dlt_x_y")]), 401);
    // Behind a sign-in nobody is sent elsewhere.
    for (to, expected) in [("/jobs?after=x", "/jobs?after=x"), ("//evil.example", "/"), ("https://evil.example", "/")] {
        let form = [("access_key_id", ROOT.0), ("secret", ROOT.1), ("to", to)];
        let response = sign_in(&served, &form);
        assert_eq!(header(&response, "location"), expected);
        let cookie = header(&response, "set-cookie");
        assert!(cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains("Secure"), "{cookie}");
    }
    // Whoever speaks TLS to a proxy says so.
    let host = served.url.strip_prefix("http://").unwrap();
    let request = client().post(format!("{}/sign-in", served.url)).header("origin", format!("https://{host}"));
    let secure = with_form(request, &[("access_key_id", ROOT.0), ("secret", ROOT.1)]).send().unwrap();
    let cookie = header(&secure, "set-cookie");
    assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
    let token = served.token("ada", &[("reader", "job:*")]);
    let (ada, again) = (Browser::of(&served, &token), Browser::of(&served, &token));
    assert!(ada.page("/access").contains("reader"));
    assert_eq!(header(&again.send("/sign-out", &[]), "location"), "/sign-in");
    assert_eq!((again.get("/").status(), ada.get("/").status()), (303.try_into().unwrap(), 200.try_into().unwrap()));
    let id = served.accounts(async |accounts| accounts.tokens().await).pop().unwrap().id;
    served.accounts(async |accounts| accounts.revoke_token(&id).await);
    assert_eq!(ada.get("/").status(), 303);
    // Nor is a session good with a part of it.
    let cut = Browser { cookie: root.cookie[..root.cookie.len() - 1].to_owned(), ..Browser::root(&served) };
    assert_eq!(cut.get("/").status(), 303);
}

#[test]
fn a_session_opens_pages_and_the_stream_and_nothing_else() {
    let served = Served::new();
    let root = Browser::root(&served);
    for path in ["/api/v1/user", "/api/v1/jobs", "/api/v1/repositories", "/api/v1/events", "/api/v1/admin/audit"] {
        assert_eq!(root.get(path).status(), 401, "{path}");
    }
    let body = json!({"name": "sales"});
    let post = root.request(Method::POST, "/api/v1/repositories").json(&body).send().unwrap();
    assert_eq!(post.status(), 401);
    let stream = |site: &str| root.request(Method::GET, "/api/v1/events/stream").header("sec-fetch-site", site).send();
    assert_eq!(stream("same-origin").unwrap().status(), 200);
    for other in ["same-site", "cross-site"] {
        assert_eq!(stream(other).unwrap().status(), 401);
    }
    // A token opens no page: what a browser sends by itself is the cookie alone.
    assert_eq!(served.root().request(Method::GET, "/jobs").send().unwrap().status(), 303);
}

#[test]
fn forms_that_others_send_do_nothing_and_nobody_frames_a_page() {
    let served = Served::new();
    served.token("ada", &[]);
    let id = served.accounts(async |accounts| accounts.tokens().await).pop().unwrap().id;
    let (root, other) = (Browser::root(&served), Browser::root(&served));
    let post = |origin: Option<&str>, site: Option<&str>, token: Option<&str>| {
        let mut request = root.request(Method::POST, "/access/tokens/revoke");
        request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        request = site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site));
        let token = token.map(|token| ("form_token", token));
        let form: Vec<_> = [("id", &*id)].into_iter().chain(token).collect();
        with_form(request, &form).send().unwrap().status().as_u16()
    };
    let (good, url) = (Some(&*root.form_token), Some(&*served.url));
    let refused = [
        (url, Some("same-origin"), None),
        (url, Some("same-origin"), Some("")),
        (url, Some("same-origin"), Some(&*other.form_token)),
        (url, Some("cross-site"), good),
        (url, Some("same-site"), good),
        (Some("http://evil.example"), None, good),
        (Some("http://evil.example"), Some("same-origin"), good),
        (Some("null"), None, good),
        (None, None, good),
    ];
    for (origin, site, token) in refused {
        assert_eq!(post(origin, site, token), 403, "{origin:?} {site:?} {}", token.is_some());
    }
    let state = || served.accounts(async |accounts| accounts.tokens().await).pop().unwrap().revoked_at;
    assert_eq!(state(), None);
    // Nor may somebody sign others in.
    let foreign = client().post(format!("{}/sign-in", served.url)).header("origin", "http://evil.example");
    let form = [("access_key_id", ROOT.0), ("secret", ROOT.1)];
    assert_eq!(with_form(foreign, &form).send().unwrap().status(), 403);
    for path in ["/", "/jobs", "/access", "/sign-in", "/jobs/none"] {
        let response = root.get(path);
        let policy = header(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(header(&response, "x-frame-options"), "DENY");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_eq!(header(&response, "referrer-policy"), "same-origin");
    }
    assert_eq!(post(url, Some("same-origin"), good), 303);
    assert!(state().is_some());
    let audited = served.root().json("/admin/audit?amount=1");
    assert_eq!(audited["results"][0]["path"], "/access/tokens/revoke", "{audited}");
}

/// What the pages of a server ask its database, whichever that is.
pub(crate) fn everything(served: &Served) {
    let root = Browser::root(served);
    let token = served.token("page-reader", &[("reader", "job:*")]);
    let id = served.accounts(async |accounts| accounts.tokens().await);
    let id = id.into_iter().find(|one| one.account == "page-reader").unwrap().id;
    let reader = Browser::of(served, &token);
    for path in
        ["/", "/runs", "/runs?state=running", "/runs?state=unlucky", "/jobs", "/tables", "/dataflows", "/events"]
    {
        reader.page(path);
        root.page(path);
    }
    for path in ["/access", "/access/accounts", "/access/tokens", "/access/keys"] {
        root.page(path);
    }
    assert!(!root.page(&format!("/access/tokens?after={id}")).contains(&id));
    assert_eq!(root.send("/access/tokens/revoke", &[("id", &id)]).status(), 303);
    assert_eq!(reader.get("/").status(), 303);
    assert_eq!(root.send("/sign-out", &[]).status(), 303);
    assert_eq!(root.get("/").status(), 303);
    served.accounts(async |accounts| accounts.delete("page-reader").await);
}

/// What one may not know is not there, and what one may not end stays.
#[test]
fn pages_show_what_the_api_shows() {
    let served = Served::new();
    let root = served.root();
    answered(root.post("/jobs/mine/runs", &json!({})), 201.try_into().unwrap());
    answered(root.post("/jobs/theirs/runs", &json!({})), 201.try_into().unwrap());
    let token = served.token("ada", &[("reader", "job:mine")]);
    served.token("bob", &[]);
    let ada = Browser::of(&served, &token);
    for path in ["/", "/jobs", "/runs"] {
        let page = ada.page(path);
        assert!(page.contains("mine") && !page.contains("theirs"), "{path}");
    }
    assert!(ada.page("/jobs/mine").contains("running"));
    assert!(text(ada.get("/jobs/theirs"), 404).contains("there is no job"));
    text(ada.get("/jobs/mine/runs/none"), 404);
    text(ada.get("/access/accounts"), 403);
    assert!(
        !ada.page("/access/tokens").contains("bob") && Browser::root(&served).page("/access/tokens").contains("bob")
    );
    let bobs = served.accounts(async |accounts| accounts.tokens().await).into_iter().find(|one| one.account == "bob");
    let bobs = bobs.unwrap().id;
    text(ada.send("/access/tokens/revoke", &[("id", &bobs)]), 404);
    let grant = [("account", "bob"), ("role", "reader"), ("pattern", "*")];
    text(ada.send("/access/grants/revoke", &grant), 403);
    let state = |of: &str| {
        let all = served.accounts(async |accounts| accounts.tokens().await);
        all.into_iter().find(|one| one.account == of).unwrap().revoked_at
    };
    assert_eq!(state("bob"), None);
    let own = served.accounts(async |accounts| accounts.create_token("ada", None).await).id;
    assert_eq!(ada.send("/access/tokens/revoke", &[("id", &own)]).status(), 303);
}

/// Whoever may see little finds it behind what they may not know of, which stands in no link either.
#[test]
fn names_that_are_not_theirs_stand_nowhere() {
    let served = Served::new();
    for n in 0..110 {
        served.lake.add_bytes(&format!("apart-{n:03}/a.csv"), "1").unwrap();
    }
    for n in 0..110 {
        served.lake.add_bytes(&format!("own/{n:03}.csv"), "1").unwrap();
    }
    let ada = Browser::of(&served, &served.token("ada", &[("reader", "dataset:own/*")]));
    let page = ada.page("/files");
    assert!(page.contains("prefix=own") && !page.contains("apart-"), "{page}");
    let page = ada.page("/files?prefix=own");
    assert!(page.contains("099.csv") && !page.contains("100.csv"), "{page}");
    let (_, rest) = page.split_once("after=").unwrap();
    let after = rest.split_once('"').unwrap().0;
    let next = ada.page(&format!("/files?prefix=own&after={after}"));
    assert!(next.contains("109.csv") && !next.contains("after="), "{next}");
    assert!(Browser::root(&served).page("/files").contains("apart-000"));
}

/// The page of one person: the link leads in, as often as it is followed; nothing is changed, and nobody comes by another name.
#[test]
fn the_page_of_one_person_is_for_nobody_else() {
    let served = Served::with(|settings| ServerSettings { alone: true, ..settings });
    served.lake.add_bytes("raw/a.csv", "n\n1\n").unwrap();
    served.lake.new_repository("sales").create().unwrap();
    let mut browsers = Vec::new();
    for _ in 0..2 {
        let response = client().get(&served.link).send().unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, "/"));
        let cookie = header(&response, "set-cookie").split(';').next().unwrap().to_owned();
        browsers.push(Browser { served: &served, cookie, form_token: String::new() });
    }
    let ada = &browsers[0];
    for path in ["/", "/files", "/file?uid=raw%2Fa.csv", "/calls", "/lineage", "/repositories", "/repositories/sales"] {
        let page = ada.page(path);
        assert!(!page.contains("href=\"/jobs\"") && !page.contains("method=\"post\""), "{path}");
    }
    for path in ["/jobs", "/runs", "/tables", "/dataflows", "/events", "/access"] {
        assert!(text(ada.get(path), 404).contains("datlake serve"), "{path}");
    }
    let get = |path: &str| client().get(format!("{}{path}", served.url));
    assert_eq!(get("/files").send().unwrap().status(), 303);
    assert_eq!(get("/sign-in?link=dll_x_y").send().unwrap().status(), 401);
    // A page of somebody else may lead its own name here; it has no cookie, but is not to ask at all.
    let port = served.url.rsplit_once(':').unwrap().1;
    let hosts = [
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        (format!("evil.example:{port}"), 421),
        ("127.0.0.1:1".to_owned(), 421),
        ("localhost".to_owned(), 421),
    ];
    for (host, status) in hosts {
        let response = get("/files").header("cookie", &ada.cookie).header("host", &host).send().unwrap();
        assert_eq!(response.status(), status, "{host}");
    }
    // There is nothing else to ask, whoever one is.
    for path in ["/api/v1/user", "/api/v1/repositories", "/metrics", "/docs"] {
        assert_eq!(served.root().request(Method::GET, path).send().unwrap().status(), 404, "{path}");
    }
    for path in ["/sign-in", "/sign-out", "/access/tokens/revoke"] {
        assert!(ada.send(path, &[("id", "x")]).status().is_client_error(), "{path}");
    }
    let lake = served.lake.clone();
    let settings = ServerSettings { listen: ([0, 0, 0, 0], 0).into(), ..served.settings.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(Server::bind(&lake, &settings)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

/// What a page has no room for has a link, and nothing is left out or shown twice.
#[test]
fn lists_go_on_where_a_page_ends() {
    let served = Served::new();
    let root = served.root();
    let repository = served.lake.new_repository("sales").create().unwrap();
    for n in 0..102 {
        repository.branch(&format!("b{n:03}")).create("main").unwrap();
    }
    repository.tag("v1").create("main").unwrap();
    let create = |model: &str| {
        let body = json!({"zone": "z", "model_name": model});
        answered(root.post("/dataflows", &body), 201.try_into().unwrap())["dataflow_id"].as_str().unwrap().to_owned()
    };
    let (source, target) = (create("source"), create("target"));
    let body = json!({"source_dataflow_id": source});
    answered(root.post(&format!("/dataflows/{target}/sources"), &body), 204.try_into().unwrap());
    for n in 0..102 {
        let run = answered(root.post(&format!("/dataflows/{source}/runs"), &json!({})), 201.try_into().unwrap());
        let finish = format!("/dataflows/runs/{}/finish", run["run_id"].as_str().unwrap());
        let end = json!({"status": "success", "dataflow_partition_key": format!("p{n:03}")});
        answered(root.put(&finish, &end), 200.try_into().unwrap());
    }
    let browser = Browser::root(&served);
    let sessions: Vec<Browser<'_>> = (0..101).map(|_| Browser::root(&served)).collect();
    drop(sessions);
    let next = |page: &str, says: &str| {
        let (before, _) = page.split_once(&format!(">{says}</a>")).unwrap_or_else(|| panic!("no {says}: {page}"));
        before
            .rsplit_once("href=\"")
            .unwrap()
            .1
            .trim_end_matches(['"', '>'])
            .split('"')
            .next()
            .unwrap()
            .replace("&amp;", "&")
    };
    let first = browser.page("/repositories/sales");
    assert!(first.contains(">b000<") && first.contains(">b099<") && !first.contains(">b100<"));
    let second = browser.page(&next(&first, "More branches"));
    assert!(second.contains(">main<") && second.contains(">b100<") && !second.contains(">b099<"), "{second}");
    // The other list is where it was.
    assert!(second.contains(">v1<") && !second.contains("More "), "{second}");
    let first = browser.page(&format!("/dataflows/{target}"));
    assert!(first.contains(">p000<") && first.contains(">p099<") && !first.contains(">p100<"));
    let second = browser.page(&next(&first, "More of what is ready"));
    assert!(
        second.contains(">p100<")
            && second.contains(">p101<")
            && !second.contains(">p099<")
            && !second.contains("More of")
    );
    let first = browser.page("/access");
    let second = browser.page(&next(&first, "The next page"));
    let count = |page: &str| page.matches("action=\"/access/sessions/revoke\"").count();
    assert_eq!((count(&first), count(&second)), (100, 2));
    text(browser.get("/access?after=%00"), 400);
}
