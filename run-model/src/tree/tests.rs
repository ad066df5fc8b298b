//! The tree: its lines, windows, searches and values.

use alloc::format;
use alloc::vec;

use super::*;
use crate::readable::NoteKind;

fn tree(text: &str) -> Tree {
    Tree::new(text.to_owned(), Vec::new())
}

fn lines(tree: &mut Tree, query: &TreeQuery) -> Vec<String> {
    let page = tree.page(query);
    let line = |row: &TreeRow| {
        let mark = match (row.can_open, row.is_open) {
            (false, _) => ' ',
            (true, true) => '-',
            (true, false) => '+',
        };
        format!("{}{mark}{} {}", row.depth, row.key, row.text)
    };
    page.rows.iter().map(line).collect()
}

fn window(first: usize, count: usize, toggled: &[u32]) -> TreeQuery {
    TreeQuery {
        first,
        count,
        toggled: toggled.to_vec(),
        ..TreeQuery::default()
    }
}

const SMALL: &str = r#"{"a":{"b":[1,{"c":"x"}],"d~/":{}},"e":null}"#;

#[test]
fn a_small_text_is_open_and_a_click_closes() {
    let mut tree = tree(SMALL);
    let all = [
        "0-a ",
        "1-b ",
        "2 0 1",
        "2-1 ",
        "3 c \"x\"",
        "1 d~/ ",
        "0 e null",
    ];
    assert_eq!(lines(&mut tree, &window(0, 99, &[])), all);
    assert_eq!(lines(&mut tree, &window(2, 3, &[])), all[2..5]);
    let a = tree.page(&window(0, 1, &[])).rows[0].id;
    assert_eq!(lines(&mut tree, &window(0, 99, &[a])), ["0+a ", "0 e null"]);
    assert_eq!(lines(&mut tree, &window(7, 9, &[])), [""; 0]);
}

#[test]
fn values_have_a_pointer_and_a_copy() {
    let mut tree = tree(SMALL);
    let rows = tree.page(&window(0, 99, &[])).rows;
    let pointers: Vec<_> = rows.iter().map(|row| tree.pointer(row.id)).collect();
    assert_eq!(
        pointers,
        [
            "/a", "/a/b", "/a/b/0", "/a/b/1", "/a/b/1/c", "/a/d~0~1", "/e"
        ]
    );
    let values: Vec<_> = rows.iter().skip(3).map(|row| tree.value(row.id)).collect();
    assert_eq!(values, ["{\n  \"c\": \"x\"\n}", "x", "{}", "null"]);
    assert_eq!(rows[1].members, Some(2));
    assert_eq!(tree.pointer(u32::MAX), "");
    assert_eq!(tree.value(u32::MAX), "");
}

#[test]
fn a_search_opens_the_way_to_its_hit() {
    let mut tree = tree(SMALL);
    let a = tree.page(&window(0, 1, &[])).rows[0].id;
    let query = TreeQuery {
        search: "C".into(),
        hit: Some(0),
        ..window(0, 99, &[a])
    };
    let page = tree.page(&query);
    assert_eq!(page.hits, 1);
    let (id, row) = page.found.expect("it is there");
    assert_eq!((page.rows[row].id, page.rows[row].key.as_str()), (id, "c"));
    let nothing = TreeQuery {
        search: "zzz".into(),
        hit: Some(0),
        ..window(0, 99, &[])
    };
    let page = tree.page(&nothing);
    assert_eq!((page.hits, page.found), (0, None));
}

/// A long string is read in windows that add up to it, and its line is short.
#[test]
fn a_long_string_is_read_in_windows() {
    let long = "line\\n\u{1F389}\\ud83d\\ude00\u{202e}".repeat(40_000);
    let mut tree = tree(&format!("{{\"a\":\"{long}\"}}"));
    let page = tree.page(&window(0, 9, &[]));
    let [row] = &page.rows[..] else {
        panic!("one line")
    };
    assert!(row.text.len() < 2 * TREE_PREVIEW_BYTES_MAX && row.bytes as usize > long.len());
    let (mut from, mut joined) = (0, String::new());
    loop {
        let (part, end, total) = tree.text(row.id, from, 100_003);
        assert!(part.len() <= 100_020 && total == long.len());
        if end == from {
            break;
        }
        joined.push_str(&part);
        from = end;
    }
    assert!(joined == unescaped(&long));
}

/// D-25: a list of many members opens, and their lines are read in windows of bounded size.
#[test]
fn a_long_list_is_closed_at_first_and_opens() {
    let items = vec!["{\"k\":1}"; 90_000].join(",");
    let mut tree = tree(&format!("{{\"list\":[{items}],\"x\":1}}"));
    let page = tree.page(&window(0, 9, &[]));
    assert_eq!(page.total, 90_002, "its members are shown, each closed");
    let item = page.rows[2].id;
    let page = tree.page(&window(0, 9, &[item]));
    assert_eq!((page.total, page.rows[3].key.as_str()), (90_003, "k"));
    let page = tree.page(&window(90_000, 99, &[item]));
    assert_eq!(page.rows.len(), 3);
    assert_eq!(tree.pointer(page.rows[1].id), "/list/89999");
    let list = page.rows[2].id;
    assert_eq!(tree.pointer(list), "/x");
}

#[test]
fn notes_stand_at_their_values() {
    let text = "{\"id\":\"0001\"}".to_owned();
    let note = Note {
        at: 6,
        kind: NoteKind::Uuid,
        value: 16,
    };
    let mut tree = Tree::new(text, vec![note]);
    assert_eq!(tree.page(&window(0, 1, &[])).rows[0].note, Some(note));
}

#[test]
fn a_text_without_members_is_no_trouble() {
    for text in ["", "7", "[]", "{}", "  {}"] {
        let page = tree(text).page(&window(0, 9, &[]));
        assert_eq!((page.total, page.rows.len()), (0, 0), "{text}");
    }
}
