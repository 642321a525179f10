//! Finds circles among the modules of a crate: modules that cannot be understood one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates whose modules form no circle.
const WITHOUT_CIRCLES: [&str; 3] = ["state", "serving", "engine"];
/// Unit tests, at the end of a file or in files of their own, may use what builds on their module.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

/// The modules of a crate, each with those that its code names.
type Uses = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn check(root: &Path, sources: &[PathBuf], faults: &mut Vec<String>) {
    for name in WITHOUT_CIRCLES {
        let folder = Path::new("crates").join(name).join("src");
        let is_code =
            |path: &&PathBuf| !path.iter().any(|part| part == "tests" || part == "tests.rs");
        let files = sources.iter().filter(is_code).filter_map(|path| {
            let module = path.strip_prefix(&folder).ok()?.iter().next()?.to_str()?;
            let text = fs_err::read_to_string(root.join(path)).unwrap_or_default();
            Some((module.trim_end_matches(".rs").to_owned(), text))
        });
        let circle = find_circle(find_uses(files.collect()));
        if !circle.is_empty() {
            let modules = circle.into_iter().collect::<Vec<_>>().join(", ");
            faults.push(format!("crate {name}: modules form a circle: {modules}"));
        }
    }
}

/// Follows `crate::` in files, by the module that each belongs to. An item that the root exports
/// counts as its module.
fn find_uses(files: Vec<(String, String)>) -> Uses {
    let exports: BTreeMap<String, String> = files
        .iter()
        .filter(|(module, _)| module == "lib")
        .flat_map(|(_, text)| text.split("pub use ").skip(1))
        .filter_map(|export| export.split(';').next()?.split_once("::"))
        .flat_map(|(module, items)| words(items).map(move |item| (item, module.to_owned())))
        .collect();
    let mut uses: Uses = files
        .iter()
        .filter(|(module, _)| module != "lib")
        .map(|(module, _)| (module.clone(), BTreeSet::new()))
        .collect();
    let modules: BTreeSet<String> = uses.keys().cloned().collect();
    for (module, text) in &files {
        let Some(used) = uses.get_mut(module) else { continue };
        let code = text.split(TESTS).next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        let named = code.split("crate::").skip(1).flat_map(|path| match path.starts_with('{') {
            true => words(path.split(';').next().unwrap_or_default()).collect::<Vec<_>>(),
            false => words(path).take(1).collect(),
        });
        used.extend(named.filter_map(|name| match modules.contains(&name) {
            true => Some(name),
            false => exports.get(&name).cloned(),
        }));
        used.remove(module);
    }
    uses
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|char: char| !char.is_alphanumeric() && char != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned)
}

/// The modules that use each other in a circle, and those between two circles; none where there is
/// no circle.
fn find_circle(mut uses: Uses) -> BTreeSet<String> {
    loop {
        let used: BTreeSet<String> = uses.values().flatten().cloned().collect();
        let n_before = uses.len();
        uses.retain(|module, others| !others.is_empty() && used.contains(module));
        let left: BTreeSet<String> = uses.keys().cloned().collect();
        uses.values_mut().for_each(|others| others.retain(|other| left.contains(other)));
        if uses.len() == n_before {
            return left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(files: &[(&str, &str)]) -> String {
        let files = files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned()));
        find_circle(find_uses(files.collect())).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn modules_that_use_each_other_are_found_also_by_what_the_root_exports() {
        let root = ("lib", "mod a;\npub use a::{\n    First, Second,\n};\npub use c::third;");
        let direct = [root, ("a", "use crate::b::Any;"), ("b", "fn f(_: crate::a::Any) {}")];
        assert_eq!(circle(&direct), "a b");
        let exported = [
            root,
            ("a", "use crate::{\n    b::Any,\n    third,\n};"),
            ("b", ""),
            ("c", "use crate::d::Any;"),
            ("d", "use crate::Second;"),
            ("e", "use crate::{First, third};"),
        ];
        assert_eq!(circle(&exported), "a c d");
    }

    #[test]
    fn comments_tests_and_parts_of_a_module_make_no_circle() {
        let root = ("lib", "pub use a::First;");
        let tests =
            format!("/// [`crate::c::Any`]\nuse crate::a::Any;\n{TESTS}\nuse crate::c::Any;");
        let files = [root, ("a", "use crate::First;"), ("b", &tests), ("c", "use crate::b::Any;")];
        assert_eq!(circle(&files), "");
    }
}
