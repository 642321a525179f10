//! Addresses of the pages of people and accounts. Ids may hold any characters.

use domain::WorkspaceId;

use crate::page::{Area, encode};

/// The page of a person by the name `type:id`, and one below it. An id alone may be `..`, which
/// browsers take for a step in the path, encoded or not.
pub(in crate::pages) fn person(workspace: &WorkspaceId, name: &str, part: &str) -> String {
    let slash = if part.is_empty() { "" } else { "/" };
    format!("{}/{}{slash}{part}", Area::People.path(workspace), encode(name))
}

/// The page of an account by the name `group_id:id`.
pub(in crate::pages) fn account(workspace: &WorkspaceId, name: &str) -> String {
    format!("/console/{workspace}/accounts/{}", encode(name))
}

/// The playground with a person filled in.
pub(in crate::pages) fn try_it(workspace: &WorkspaceId, id: &str) -> String {
    format!("{}?user={}", Area::TryIt.path(workspace), encode(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_is_one_part_of_a_path_that_leads_back_to_it() {
        let shop = WorkspaceId::new("shop").unwrap();
        for id in ["a/b", "..", "?q=1", "#x", "%2F", "\n", "\u{202e}gnp", "a b+c", "\"'<>", "ü:@"]
        {
            let path = person(&shop, &format!("user_id:{id}"), "timeline");
            let part = path.strip_prefix("/console/shop/people/").unwrap();
            let part = part.strip_suffix("/timeline").unwrap();
            assert!(!part.contains(['/', '?', '#', '<', '"', '\'', '\n', ' ', '+']), "{part}");
            let decoded = percent_encoding::percent_decode_str(part).decode_utf8().unwrap();
            assert_eq!(decoded, format!("user_id:{id}"));
        }
    }
}
