//! An installation for tests of pages: an account of each role, and what a browser does.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, Request, Response, StatusCode, header};
use domain::{Grant, Role};
use engine::installation::{Actor, Change, PasswordHash, SecretHash};
use engine::{DataFolder, EngineOptions};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt;
use web::access::{Call, csrf_token};
use web::{App, Installation, Settings, Workspaces};

/// An installation without workspaces, with an account for each role.
pub(super) struct Office {
    pub(super) app: Arc<App>,
    router: Router,
    _folder: tempfile::TempDir,
}

fn email(role: Role) -> String {
    format!("{role}@example.com")
}

impl Office {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = Arc::new(DataFolder::open(folder.path()).unwrap());
        data.set_admin_token("admin").unwrap();
        let installation = Installation { data, options: EngineOptions::default() };
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let app = App::new(Settings::default(), Workspaces::new([]), installation, metrics);
        let app = Arc::new(app);
        let router = crate::routes(&app).with_state(Arc::clone(&app));
        let office = Self { router, app, _folder: folder };
        let password = PasswordHash::new("the same for all").unwrap();
        for role in Role::ALL {
            let (email, grant) = (email(role), Grant::everywhere(role));
            office.change(Change::AddAccount { email, grant, password: password.clone() });
        }
        office
    }

    fn change(&self, change: Change) {
        let Installation { data, options } = &self.app.installation;
        data.installation().change(options.clock.now(), &Actor::CommandLine, change).unwrap();
    }

    /// The cookie of a new session, and its CSRF token.
    pub(super) fn sign_in(&self, role: Role) -> (String, String) {
        let session = format!("session-{role}");
        let token = SecretHash::of(&session);
        self.change(Change::OpenSession { email: email(role), token });
        (format!("tastemaker_session={session}"), csrf_token(&session))
    }

    /// The answer to a call of which nothing but the path is right. The token stands where forms
    /// have it.
    pub(super) async fn send(
        &self,
        call: &Call,
        cookie: Option<&str>,
        csrf: Option<&str>,
        others: &[(HeaderName, &str)],
    ) -> Response<Body> {
        let path = call.path.replace("{workspace}", "shop");
        let words = path.split('/').map(|word| if word.starts_with('{') { "x" } else { word });
        let mut request =
            Request::builder().method(call.method).uri(words.collect::<Vec<_>>().join("/"));
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        for (name, value) in others {
            request = request.header(name, *value);
        }
        let form = csrf.map(|token| format!("x=1&csrf_token={token}")).unwrap_or_default();
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.router.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap()
    }
}

/// An account that has signed in, with its browser.
pub(super) struct Visitor<'o> {
    office: &'o Office,
    cookie: String,
    csrf: String,
}

/// What a browser got.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: String,
    pub(super) text: String,
}

impl Office {
    pub(super) fn visitor(&self, role: Role) -> Visitor<'_> {
        let (cookie, csrf) = self.sign_in(role);
        Visitor { office: self, cookie, csrf }
    }

    /// The same with a workspace that has a source, three items and a scenario.
    pub(super) async fn with_shop() -> Self {
        let office = Self::new();
        let owner = office.visitor(Role::Owner);
        owner.post("/console/-/workspaces", "id=shop&name=Shop").await.led("/console/shop");
        owner.post("/console/shop/settings", "name=web").await.led("/console/-/shown-once/");
        let items = "item_id,title,price\na,Lamp,10\nb,Chair,20\nc,Table,30\n";
        let draft = owner.upload("items.csv", items).await.location;
        let job = owner.post(&draft, "").await.location;
        owner.ended(&job).await;
        office
    }
}

impl<'o> Visitor<'o> {
    /// Somebody whose session has ended.
    pub(super) fn stranger(office: &'o Office) -> Self {
        Self { office, cookie: "tastemaker_session=ended".to_owned(), csrf: "x".to_owned() }
    }

    pub(super) async fn get(&self, address: &str) -> Answer {
        self.request(Request::get(address), Body::empty()).await
    }

    pub(super) async fn post(&self, address: &str, form: &str) -> Answer {
        let request = Request::post(address)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.request(request, Body::from(format!("{form}&csrf_token={}", self.csrf))).await
    }

    /// Sends a file of items as the form for it does.
    pub(super) async fn upload(&self, name: &str, text: &str) -> Answer {
        let body = format!(
            "--x\r\ncontent-disposition: form-data; name=\"csrf_token\"\r\n\r\n{}\r\n\
             --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n\
             {text}\r\n--x--\r\n",
            self.csrf
        );
        let request = Request::post("/console/shop/catalog/import")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        self.request(request, Body::from(body)).await
    }

    /// Waits until a job has ended.
    pub(super) async fn ended(&self, job: &str) {
        loop {
            let page = self.get(job).await;
            assert_eq!(page.status, StatusCode::OK, "{job}: {}", page.text);
            if !page.text.contains(&format!("{job}/cancel")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn request(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let request = request.header(header::COOKIE, &self.cookie).body(body).unwrap();
        let response = self.office.router.clone().oneshot(request).await.unwrap();
        let location = response.headers().get(header::LOCATION);
        let location = location.map_or("", |to| to.to_str().unwrap()).to_owned();
        let status = response.status();
        let media_type = response.headers().get(header::CONTENT_TYPE).cloned();
        let is_stream = media_type.is_some_and(|own| own == "text/event-stream");
        let body = if is_stream { Body::empty() } else { response.into_body() };
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status, location, text: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

impl Answer {
    /// Checks that a form has led to an address that begins like this.
    pub(super) fn led(self, to: &str) -> Self {
        let Self { status, location, text } = &self;
        assert_eq!(*status, StatusCode::SEE_OTHER, "{text}");
        assert!(location.starts_with(to), "led to {location}");
        self
    }

    /// Checks that this is a page in its frame that says something.
    pub(super) fn says(self, status: u16, words: &str) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert!(self.text.starts_with("<!DOCTYPE html>"), "{}", self.text);
        assert!(self.text.contains("class=\"shell\""), "{}", self.text);
        assert!(self.text.contains(words), "{words} is not in {}", self.text);
        self
    }
}
