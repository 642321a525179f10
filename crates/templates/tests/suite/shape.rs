//! The tree of a piece of HTML, as a parser of the standard sees it.

use html2text::{Element, Handle};

/// Elements with the names of their attributes, indented by depth, without texts and comments.
pub(crate) fn shape(html: &str) -> String {
    let dom = html2text::config::plain().parse_html(html.as_bytes()).unwrap();
    let mut shape = String::new();
    describe(&dom.document, 0, &mut shape, &mut |_, _| {});
    shape
}

/// Calls `see` with the name and the value of every attribute.
pub(crate) fn attributes(html: &str, see: &mut dyn FnMut(&str, &str)) {
    let dom = html2text::config::plain().parse_html(html.as_bytes()).unwrap();
    describe(&dom.document, 0, &mut String::new(), see);
}

fn describe(node: &Handle, depth: usize, shape: &mut String, see: &mut dyn FnMut(&str, &str)) {
    let mut inner = depth;
    if let Element { name, attrs, .. } = &node.data {
        shape.push_str(&" ".repeat(depth));
        shape.push_str(&name.local);
        for attribute in attrs.borrow().iter() {
            shape.push(' ');
            shape.push_str(&attribute.name.local);
            see(&attribute.name.local, &attribute.value);
        }
        shape.push('\n');
        inner += 1;
    }
    for child in node.children.borrow().iter() {
        describe(child, inner, shape, see);
    }
}
