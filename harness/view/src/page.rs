//! The page: one HTML file with its data, its style and its script in it.

use std::fmt::Write;

use minijinja::{AutoEscape, Environment, context, value::Value};

use crate::View;

/// The parts of the page, each in a file of its own.
const TEMPLATE: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/style.css");
/// The scripts, lower floors first.
const SCRIPTS: [&str; 7] = [
    include_str!("../assets/model.js"),
    include_str!("../assets/axis.js"),
    include_str!("../assets/layout.js"),
    include_str!("../assets/lanes.js"),
    include_str!("../assets/history.js"),
    include_str!("../assets/detail.js"),
    include_str!("../assets/main.js"),
];

/// Returns the page that draws a view. It needs no other file, and no network.
///
/// # Panics
///
/// Never: the template is part of this crate, and a test renders it.
pub(crate) fn page(view: &View) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let values = context! {
        title => view.title.as_str(),
        style => safe(STYLE),
        script => safe(&SCRIPTS.join("\n")),
        data => Value::from_safe_string(for_script(&view.to_json())),
    };
    environment
        .render_str(TEMPLATE, values)
        .expect("the template of this crate renders")
}

/// Returns JSON that may stand in a `<script>`: no character of it can end the element, open a
/// comment, or end a line of JavaScript. Its value stays the same.
fn for_script(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(safe, "\\u{:04x}", u32::from(letter));
            }
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::{Kind, Lane, LaneKind, Moment, Role, Thing, World};

    #[test]
    fn data_cannot_end_the_script_that_holds_it() {
        let words = "</script><!-- & \u{2028}\u{2029} \"'`${}";
        let mut world = World::new(words, Role::Passed);
        let lane = world.lane(Lane::new(LaneKind::Run, words));
        let mut thing = Thing::new(Kind::Event, lane, Moment::default(), words);
        thing.body = Some(words.into());
        world.thing(thing);
        let view = View::new(words, vec![world]);

        let page = page(&view);
        let (_, rest) = page.split_once("id=\"data\">").expect("the data");
        let (data, _) = rest.split_once("</script>").expect("the end of the data");
        let read: View = serde_json::from_str(data).expect("JSON");
        assert_eq!(read, view);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("</script><!--"));
    }

    #[test]
    fn the_page_needs_no_other_file_and_no_network() {
        let page = page(&View::new("t", vec![World::new("w", Role::Passed)]));
        for outside in ["src=", "@import", "fetch(", "<link", "XMLHttpRequest"] {
            assert!(!page.contains(outside), "{outside}");
        }
        // Places within the page are no addresses.
        assert_eq!(page.matches("url(").count(), page.matches("url(#").count());
        assert!(page.contains("default-src 'none'"));
    }
}
