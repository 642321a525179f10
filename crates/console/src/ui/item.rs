//! An item of the catalog as a card.

use maud::{Markup, Render, html};

/// A picture with title, and what belongs to it on this page.
pub struct ItemCard<'a> {
    /// The id, shown where there is no title.
    pub id: &'a str,
    /// The title.
    pub title: Option<&'a str>,
    /// A line below the title: artist, brand, price.
    pub detail: Option<&'a str>,
    /// The address of the picture.
    pub picture: Option<&'a str>,
    /// The address of the item's page.
    pub href: &'a str,
    /// Rank, explanation or badges below.
    pub more: Option<Markup>,
}

/// How many colours pictures of items without a picture have.
const HUES: u32 = 6;

impl Render for ItemCard<'_> {
    fn render(&self) -> Markup {
        let title = self.title.unwrap_or(self.id);
        html! {
            article class="item-card" {
                (picture(self.id, title, self.picture))
                div class="item-body" {
                    h3 class="item-title" { a href=(self.href) { (title) } }
                    @if let Some(detail) = self.detail { p class="item-detail" { (detail) } }
                    @if let Some(more) = &self.more { (more) }
                }
            }
        }
    }
}

/// The picture of an item, square, or its first letter in a colour that follows from the id. Its
/// room is kept until it is loaded.
pub fn picture(id: &str, title: &str, address: Option<&str>) -> Markup {
    let letter = title.chars().find(|letter| letter.is_alphanumeric()).unwrap_or('?');
    let hue =
        id.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % HUES;
    html! {
        span class={ "picture hue-" (hue) } {
            // The title stands beside it.
            @if let Some(address) = address {
                img src=(address) alt="" width="96" height="96" loading="lazy" decoding="async";
            } @else {
                span aria-hidden="true" { (letter.to_uppercase()) }
            }
        }
    }
}

/// The address of a picture that stands in the address itself. Pictures of other hosts are not
/// loaded by pages.
pub fn own_picture(address: Option<&str>) -> Option<&str> {
    address.filter(|address| address.starts_with("data:image/"))
}
