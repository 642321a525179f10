//! Every component on pages with made-up data: `cargo run -p console --example gallery`. The tests
//! of `tests/console` look at these pages in a browser; `/console/-/pages` lists them.

mod catalog;
mod components;
mod data;
mod hostile;
mod models;

use std::error::Error;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use axum::{Json, Router, middleware};
use console::page::{Account, Frame, PageRights};
use console::theme::Theme;
use domain::{Role, WorkspaceId};
use maud::Markup;
use tokio::net::TcpListener;

type Render = fn(&Frame) -> Markup;

/// The pages, in the order in which they are looked at.
const PAGES: [(&str, Render); 4] = [
    ("/console/music/catalog", catalog::list),
    ("/console/music/models", models::page),
    ("/console/music/components", components::page),
    ("/console/music/hostile", hostile::page),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "127.0.0.1:8090".to_owned(),
        (Some("--listen"), Some(address)) => address,
        _ => return Err("usage: gallery [--listen ADDRESS]".into()),
    };
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/console/music", listener.local_addr()?);
    axum::serve(listener, routes()).await?;
    Ok(())
}

fn routes() -> Router {
    let mut router = Router::new()
        .route("/console/", get(|| async { Redirect::to("/console/music/components") }))
        .route("/console/-/pages", get(|| async { Json(PAGES.map(|(path, _)| path)) }))
        .route("/console/-/pictures/{name}", get(picture))
        .route("/console/music/models/stream", get(models::stream))
        .merge(console::assets::routes());
    for (path, render) in PAGES {
        let answer = move |theme: Theme| async move { render(&frame(theme)) };
        // A form that is sent shows its page again, as one with a mistake would.
        router = router.route(path, get(answer).post(answer));
    }
    router.layer(middleware::from_fn(console::headers::set))
}

fn frame(theme: Theme) -> Frame {
    Frame {
        workspace: Some(workspace("music")),
        workspaces: ["music", "music-staging", "bookshop"].map(workspace).to_vec(),
        account: Account { name: "Imke Sanders".to_owned(), role: Role::Editor },
        csrf: "made-up-token".to_owned(),
        theme,
        rights: PageRights(|_, _| true),
    }
}

fn workspace(id: &str) -> WorkspaceId {
    WorkspaceId::new(id).expect("the id is well-formed")
}

async fn picture(Path(name): Path<String>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], data::cover(&name))
}
