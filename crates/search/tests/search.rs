//! What a shop's search box finds, over a small catalog.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use search::{Candidates, ItemTexts, SearchIndex, Synonyms};

/// Title, category and other texts of each item; its place is its index.
const CATALOG: &[&[&str]] = &[
    &["Čaj zelený sypaný", "Tea"],
    &["Hello Kitty teapot", "Kitchen", "porcelain"],
    &["Green tea", "Tea", "Loose leaves from Japan"],
    &["Green tea with mint and lemon, in bags", "Tea"],
    &["Team jersey green", "Sport"],
    &["Hammer drill ABC-123.4", "Tools"],
    &["Drill bits for ABC-123.5, 4 pieces", "Tools"],
    &["Hello, world! A first book of programs", "Books", "O'Reilly & Søns"],
    &["Running shoes", "Shoes", "red", "blue"],
    &["Sneakers", "Shoes", "red"],
    &["Chocolate with hazelnuts", "Sweets"],
    &["Dark chocolate chocolate chocolate", "Sweets"],
    &["Łódź city map", "Maps"],
    &["Wi-Fi router", "Electronics", "802.11ax"],
    &["Hotel bell", "Gifts", "says hell-o"],
    &["Red wool hat", "Hats"],
    &["Mandarin orange box", "Fruit"],
    &["Short trousers", "Clothes"],
];

/// Every item, and nobody has done anything.
const ANY: Candidates<'_> = Candidates { allows: &|_| true, popularity: &|_| 0.0 };

fn texts_of(item: u32) -> ItemTexts {
    texts(CATALOG[item as usize])
}

fn texts(texts: &[&str]) -> ItemTexts {
    Vec::from_iter(texts.iter().map(|&text| text.to_owned())).into()
}

fn catalog() -> SearchIndex {
    let index = SearchIndex::new();
    index.update((0..CATALOG.len() as u32).map(|item| (item, texts_of(item))));
    index
}

fn synonyms(pairs: &[(&str, &str, bool)]) -> Synonyms {
    Synonyms::new(
        pairs
            .iter()
            .map(|&(term, synonym, one_way)| (term.to_owned(), synonym.to_owned(), one_way)),
    )
}

fn find(index: &SearchIndex, query: &str, synonyms: &Synonyms) -> Vec<u32> {
    items(&index.search(query, synonyms, 100, &ANY))
}

fn items(found: &[(u32, f32)]) -> Vec<u32> {
    found.iter().map(|&(item, _)| item).collect()
}

/// A line for each query and, below, a line for each item that it finds.
fn table(index: &SearchIndex, queries: &[&str], synonyms: &Synonyms) -> String {
    let mut table = String::new();
    for query in queries {
        table += &format!("{query}\n");
        for (item, score) in index.search(query, synonyms, 100, &ANY) {
            table += &format!("    {score:.2} {item:>2} {}\n", CATALOG[item as usize].join(" | "));
        }
    }
    table
}

#[test]
fn a_search_box_finds_what_is_typed() {
    let queries = [
        "caj",
        "ČAJ",
        "lodz",
        "soens",
        "sons",
        "hell",
        "h",
        "hello",
        "helo",
        "hlelo",
        "ello",
        "tea",
        "green tea",
        "tea green",
        "grene tae",
        "shoe",
        "chocolate",
        "choclate",
        "chcola",
        "chocoltae",
        "chcoltae",
        "ABC-123.4",
        "abc1234",
        "abc-123",
        "123",
        "4",
        "abc 124",
        "wifi",
        "wi-fi",
        "802.11",
        "red shoes",
        "red hat sdhskldf",
        "sdhskldf",
        "sdhskldf qwrtzu",
        "running shoes",
        "tea tea tea",
        "\"green tea\" -tea title:green AND (",
    ];
    insta::assert_snapshot!(table(&catalog(), &queries, &Synonyms::default()));
}

#[test]
fn synonyms_find_what_they_stand_for() {
    let synonyms = synonyms(&[
        ("sneakers", "running shoes", false),
        ("Citrus", "mandarin orange", true),
        ("book", "map", true),
        ("headgear", "hat", true),
        ("pot", "Tea-pot", false),
        ("", "nothing", false),
        ("hat", "HAT", false),
    ]);
    let queries = [
        "sneakers",
        "sneaker",
        "red sneakers",
        "running shoes",
        "shoes running",
        "red running shoes",
        "headgear",
        "hat",
        "wool headgear",
        "pot",
        "citrus",
        "book",
        "map",
        "nothing",
    ];
    insta::assert_snapshot!(table(&catalog(), &queries, &synonyms));
}

#[test]
fn split_and_joined_words_find_each_other() {
    let index = SearchIndex::new();
    let catalog: [&[&str]; 7] = [
        &["Porcelain teacup"],
        &["Tea cup with roses"],
        &["Tea-cup rack"],
        &["Lunch bag red"],
        &["LUNCHBAG spaceboy"],
        &["Paper bag for lunch"],
        &["Tea towel", "Goes with every cup. ".repeat(6).leak()],
    ];
    index.update((0..).zip(catalog.iter().map(|item| texts(item))));
    let none = Synonyms::default();
    let found = |query: &str| {
        let mut found = find(&index, query, &none);
        found.sort_unstable();
        found
    };
    assert_eq!(found("teacup"), [0, 1, 2]);
    assert_eq!(found("TEA CUP"), [0, 1, 2, 6]);
    assert_eq!(found("lunchbag"), [3, 4]);
    assert_eq!(found("lunch bag"), [3, 4, 5]);
    // While it is typed.
    assert_eq!(found("lunchba"), [3, 4]);
    assert_eq!(found("lunch ba"), [3, 4, 5]);
    // As it was typed comes first.
    assert_eq!(find(&index, "lunchbag", &none)[0], 4);
    assert_eq!(find(&index, "teacup roses", &none), [1]);
}

#[test]
fn codes_are_found_whole_with_any_separators() {
    let index = SearchIndex::new();
    let item = |text: &str, codes: &[&str]| ItemTexts {
        codes: codes.iter().map(|&code| code.to_owned()).collect(),
        ..texts(&[text])
    };
    index.update([
        (0, item("Hanging heart", &["85123A"])),
        (1, item("Hanging heart small", &["HG-85123/b", "4006381333931"])),
        (2, item("85123A spare parts", &["x"])),
        (3, ItemTexts { codes: vec!["urn:item:7".to_owned()], ..Default::default() }),
        (4, ItemTexts { codes: vec!["--".to_owned()], ..Default::default() }),
    ]);
    let none = Synonyms::default();
    assert_eq!(index.n_items(), 4, "a code without letters and digits finds nothing");
    assert_eq!(find(&index, "85123a", &none), [0, 2], "the code before the word");
    assert_eq!(find(&index, "heart 85123A", &none), [0]);
    for query in ["hg-85123/B", "HG85123b", "hg 85123 b", "4006381333931"] {
        assert_eq!(find(&index, query, &none), [1], "{query}");
    }
    assert_eq!(find(&index, "urn:item:7", &none), [3]);
    assert_eq!(find(&index, "400638", &none), [0u32; 0], "a part of a code is none");
    index.update([(3, texts(&[]))]);
    assert_eq!(find(&index, "urn:item:7", &none), [0u32; 0]);
}

#[test]
fn of_titles_that_fit_alike_the_best_seller_comes_first() {
    let index = SearchIndex::new();
    let long = "Sofa of oak. ".repeat(30) + "Shown with a lamp.";
    let catalog: [&[&str]; 7] = [
        &["Desk lamp black"],
        &["Retro desk lamp, white"],
        &["Floor lamp brass"],
        &["Lampshade"],
        &["Lanp of glass"],
        &["Sofa", &long],
        &["Brass floor lamp, hidden"],
    ];
    index.update((0..).zip(catalog.iter().map(|item| texts(item))));
    let popularity = |item: u32| [1.0, 40.0, 9.0, 1e6, 1e6, 90.0, 1e9][item as usize];
    let search = |query: &str, popularity: &dyn Fn(u32) -> f32| {
        let candidates = Candidates { allows: &|item| item != 6, popularity };
        items(&index.search(query, &Synonyms::default(), 100, &candidates))
    };
    // Neither a beginning, nor a typo, nor a sofa whose description mentions a lamp comes before
    // lamps, whatever sells.
    assert_eq!(search("lamp", &popularity)[..], [1, 2, 0, 5, 3, 4]);
    assert_eq!(search("desk lamp", &popularity), [1, 0]);
    // What nobody may find does not make all others look alike.
    assert_eq!(search("brass lamp", &popularity), [2]);
    // Without popularity the text alone decides.
    assert_eq!(search("lamp", &|_| 0.0), [0, 2, 1, 5, 3, 4]);
}

#[test]
fn a_filter_leaves_the_best_allowed_items() {
    let index = SearchIndex::new();
    index.update(
        (0..1000)
            .map(|item| (item, vec![format!("lamp {}", "x ".repeat(item as usize % 7))].into())),
    );
    index.update([(1000, texts(&["lamp shade"]))]);
    let none = Synonyms::default();

    let search = |query: &str, n: usize, allows: &dyn Fn(u32) -> bool| {
        items(&index.search(query, &none, n, &Candidates { allows, ..ANY }))
    };
    assert_eq!(search("lamp", 9, &|item| item % 400 == 199), [199, 599, 999]);
    assert_eq!(search("lamp", 2, &|item| item >= 500), [504, 511]);
    // The only item with both words is not allowed: those with one of them are what there is.
    assert_eq!(search("lamp shade", 1, &|item| item < 7), [0]);
    assert_eq!(search("lamp", 0, &|_| true), [0u32; 0]);
    assert_eq!(search("lamp", usize::MAX, &|_| true).len(), 1001);
    assert_eq!(search("lamp", 9, &|_| false), [0u32; 0]);
}

#[test]
fn updates_are_visible_when_they_return() {
    let (index, none) = (catalog(), Synonyms::default());
    assert_eq!(index.n_items(), CATALOG.len());

    index.update([(15, texts(&["Blue silk scarf"])), (99, texts(&["Umbrella"]))]);
    assert!(find(&index, "hat", &none).is_empty());
    assert_eq!(find(&index, "scarf", &none), [15]);
    assert_eq!(find(&index, "umbrella", &none), [99]);
    assert_eq!(index.n_items(), CATALOG.len() + 1);

    index.update([(99, texts(&[])), (15, texts(&["?!", ""])), (7777, texts(&[]))]);
    assert!(find(&index, "umbrella scarf", &none).is_empty());
    assert_eq!(index.n_items(), CATALOG.len() - 1);

    // The last of two updates counts, within a call too.
    index.update([(1, texts(&["one"])), (1, texts(&["two"]))]);
    assert_eq!(find(&index, "one two", &none), [1]);
    assert!(find(&index, "one", &none).is_empty());

    index.update([]);
    let seen_while_rebuilt = |item: u32| {
        assert_eq!(find(&index, "two", &none), [1]);
        (item, texts_of(item))
    };
    index.rebuild([3].into_iter().map(seen_while_rebuilt));
    assert_eq!(find(&index, "tea", &none), [3]);
    assert!(find(&index, "two", &none).is_empty());
    index.rebuild([]);
    assert_eq!(index.n_items(), 0);
    index.update([(3, texts_of(3))]);
    assert_eq!(find(&index, "tea", &none), [3]);
}

#[test]
fn scores_do_not_depend_on_the_history_of_updates() {
    let synonyms = synonyms(&[("sneakers", "running shoes", false)]);
    let queries = ["green tea", "h", "choclate", "red sneakers", "abc-123.4 drill", "red lodz"];
    let expected = table(&catalog(), &queries, &synonyms);

    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..10 {
        let index = SearchIndex::new();
        let mut order: Vec<u32> = (0..CATALOG.len() as u32).collect();
        order.shuffle(&mut random);
        // Other texts come first and are replaced, some items come and go, in updates of several
        // sizes.
        index.update(order.iter().map(|&item| (item, texts(&["green tea red hat"]))));
        index.update((0..40).map(|item| (100 + item, texts(&["tea shoes"]))));
        for some in order.chunks(random.random_range(1..6)) {
            index.update(some.iter().map(|&item| (item, texts_of(item))));
        }
        index.update((0..40).map(|item| (100 + item, texts(&[]))));
        assert_eq!(table(&index, &queries, &synonyms), expected);
    }
}

#[test]
fn hostile_queries_are_only_text() {
    let (index, synonyms) = (catalog(), synonyms(&[("a", "b", false)]));
    for nothing in ["", " ", "\0", "?", "-- ++ && ||", "\"\"", "*", "🙂", "\u{301}", "((((", "^~"]
    {
        assert!(find(&index, nothing, &synonyms).is_empty(), "{nothing:?}");
    }
    let plain = find(&index, "green tea title", &synonyms);
    assert_eq!(find(&index, "+\"green\" /tea/ title:*", &synonyms), plain);
    let long_ones = [
        "a ".repeat(100_000),
        "a".repeat(1_000_000),
        "a-".repeat(1_000_000),
        "chocolate ".repeat(10_000),
        "é".repeat(5000),
        "\u{301}".repeat(100_000),
        "中文".repeat(5000),
        "\u{10ffff}".repeat(50),
    ];
    for long in long_ones {
        find(&index, &long, &synonyms);
    }
    assert!(!find(&index, &"chocolate ".repeat(10_000), &synonyms).is_empty());

    // Items are bounded too.
    index.update([(0, texts(&[&"word ".repeat(100_000), &"b".repeat(100_000), "lost"]))]);
    assert!(find(&index, "lost", &synonyms).is_empty());
    assert_eq!(find(&index, "word", &synonyms)[0], 0);
}

#[test]
fn many_threads_search_while_items_change() {
    let (index, none) = (catalog(), Synonyms::default());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..200).for_each(|_| assert_eq!(find(&index, "lodz", &none), [12])));
        }
        (0..20).for_each(|_| index.update([(12, texts_of(12)), (2, texts_of(2))]));
    });
}

/// A merge in the background removes files of the index while its state is taken down.
#[test]
fn many_small_changes_are_all_taken_in_beside_merges() {
    const ITEMS: u32 = 40;
    const CHANGES: u32 = 600;
    let index = SearchIndex::new();
    for n in 0..CHANGES {
        index.update([(n % ITEMS, texts(&[&format!("word{n} all")]))]);
    }
    assert_eq!(index.n_items(), ITEMS as usize);
}
