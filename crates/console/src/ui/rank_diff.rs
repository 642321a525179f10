//! Two ranked lists side by side, with lines between the places of each item.

use maud::{Markup, Render, html};

use super::{Badge, Tone};

/// An item with its places, from 1; none where a list does not have it.
pub struct RankedItem<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its picture, in front of the title.
    pub picture: Option<Markup>,
    /// The address of its page.
    pub href: &'a str,
    /// Its place in the first list.
    pub before: Option<usize>,
    /// Its place in the second list.
    pub after: Option<usize>,
}

/// What moved between two lists.
pub struct RankDiff<'a> {
    /// The names of the two lists.
    pub labels: (&'a str, &'a str),
    /// The items of either list, in any order.
    pub items: &'a [RankedItem<'a>],
}

/// The height of a row in pixels, as the stylesheet has it.
const ROW_PX: usize = 44;

impl RankedItem<'_> {
    /// What became of the item: a word and its tone; nothing where it stayed.
    fn movement(&self) -> Option<(String, Tone)> {
        match (self.before?, self.after) {
            (_, None) => Some(("gone".to_owned(), Tone::Bad)),
            (before, Some(after)) if after < before => {
                Some((format!("{} up", before - after), Tone::Good))
            }
            (before, Some(after)) if after > before => {
                Some((format!("{} down", after - before), Tone::Warning))
            }
            _ => None,
        }
    }
}

impl RankDiff<'_> {
    /// One list in its order. The second one says what moved; the first what is gone.
    fn list(
        &self,
        label: &str,
        place: impl Fn(&RankedItem) -> Option<usize>,
        is_after: bool,
    ) -> Markup {
        let mut items: Vec<_> =
            self.items.iter().filter_map(|item| place(item).map(|place| (place, item))).collect();
        items.sort_by_key(|(place, _)| *place);
        html! {
            div class="ranks" {
                p class="ranks-label" { (label) }
                ol {
                    @for (place, item) in items {
                        @let movement = match (is_after, item.before) {
                            (true, None) => Some(("new".to_owned(), Tone::Accent)),
                            (true, _) => item.movement(),
                            (false, _) => item.movement().filter(|_| item.after.is_none()),
                        };
                        li {
                            span class="rank" { (place) }
                            @if let Some(picture) = &item.picture { (picture) }
                            a class="rank-title" href=(item.href) { (item.title) }
                            @if let Some((word, tone)) = movement { (Badge::of(tone, &word)) }
                        }
                    }
                }
            }
        }
    }
}

impl Render for RankDiff<'_> {
    fn render(&self) -> Markup {
        let n_rows = self.items.iter().filter_map(|item| item.before.max(item.after)).max();
        let height = n_rows.unwrap_or(0) * ROW_PX;
        let middle = |place: usize| (place * ROW_PX).saturating_sub(ROW_PX / 2);
        html! {
            div class="rank-diff" {
                (self.list(self.labels.0, |item| item.before, false))
                svg class="rank-lines" viewBox={ "0 0 100 " (height) } height=(height)
                    preserveAspectRatio="none" aria-hidden="true" {
                    @for item in self.items {
                        @if let (Some(before), Some(after)) = (item.before, item.after) {
                            @let tone = item.movement().map_or(Tone::Neutral, |(_, tone)| tone);
                            path class=(tone.class()) d={
                                "M0 " (middle(before)) "C50 " (middle(before)) " 50 " (middle(after))
                                " 100 " (middle(after))
                            } {}
                        }
                    }
                }
                (self.list(self.labels.1, |item| item.after, true))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_high_as_the_lines_think() {
        let styles = include_str!("../../assets/styles/lists.css");
        let rows = styles.split(".ranks li {").nth(1).unwrap();
        assert!(rows.split('}').next().unwrap().contains(&format!("height: {ROW_PX}px;")));
    }

    #[test]
    fn an_item_moves_up_down_in_out_or_stays() {
        let word = |before, after| {
            let item = RankedItem { title: "", picture: None, href: "", before, after };
            item.movement().map(|(word, _)| word)
        };
        assert_eq!(word(Some(5), Some(2)).as_deref(), Some("3 up"));
        assert_eq!(word(Some(1), Some(2)).as_deref(), Some("1 down"));
        assert_eq!(word(Some(1), None).as_deref(), Some("gone"));
        assert_eq!((word(Some(1), Some(1)), word(None, Some(1))), (None, None));
    }
}
